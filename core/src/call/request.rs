use http::Method;

use super::{Call, CallError, ETag, Flavour, Target};
use crate::wire::{Payload, Reply, Want};

/// The name of a header field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The same for both daemons.
    Plain(&'static str),
    /// Of the daemon's own: sent as `X-LXD-NAME` or `X-Incus-NAME`.
    Own(&'static str),
}

/// What is sent, before it is known to which daemon.
///
/// Set its public members freely: a request is a value. [`super::Call`] adds the type of the answer.
#[derive(Clone)]
#[non_exhaustive]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: Target,
    /// Header fields beyond those of HTTP itself.
    pub fields: Vec<(Field, Vec<u8>)>,
    /// What is uploaded.
    pub payload: Payload,
    /// What is done with the answer's body.
    pub want: Want,
    /// Whether sending it twice is the same as sending it once. By default only for GET, HEAD and OPTIONS:
    /// a second PUT could undo what somebody else did in between.
    pub idempotent: bool,
    /// API extensions without which it is not sent.
    pub needs: Vec<&'static str>,
    /// The only daemon that has it.
    pub only: Option<Flavour>,
}

impl Request {
    /// A request without a body.
    #[must_use]
    pub fn new(method: Method, target: Target) -> Self {
        let idempotent = method.is_safe();
        Self {
            method,
            target,
            fields: Vec::new(),
            payload: Payload::Empty,
            want: Want::Collect,
            idempotent,
            needs: Vec::new(),
            only: None,
        }
    }

    /// GET.
    #[must_use]
    pub fn get(target: Target) -> Self {
        Self::new(Method::GET, target)
    }

    /// HEAD.
    #[must_use]
    pub fn head(target: Target) -> Self {
        Self::new(Method::HEAD, target)
    }

    /// POST.
    #[must_use]
    pub fn post(target: Target) -> Self {
        Self::new(Method::POST, target)
    }

    /// PUT.
    #[must_use]
    pub fn put(target: Target) -> Self {
        Self::new(Method::PUT, target)
    }

    /// PATCH.
    #[must_use]
    pub fn patch(target: Target) -> Self {
        Self::new(Method::PATCH, target)
    }

    /// DELETE.
    #[must_use]
    pub fn delete(target: Target) -> Self {
        Self::new(Method::DELETE, target)
    }

    /// With `body` as JSON.
    #[must_use]
    pub fn json(mut self, body: &impl serde::Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => {
                self.payload = Payload::Bytes(bytes.into());
                self.field(Field::Plain("Content-Type"), b"application/json")
            }
            Err(error) => {
                self.target.refuse(CallError::BadArgument { what: format!("the body is no JSON: {error}") });
                self
            }
        }
    }

    /// With these bytes, or this stream, as the body.
    #[must_use]
    pub fn octets(mut self, payload: Payload) -> Self {
        self.payload = payload;
        self.field(Field::Plain("Content-Type"), b"application/octet-stream")
    }

    /// With a header field.
    #[must_use]
    pub fn field(mut self, name: Field, value: impl AsRef<[u8]>) -> Self {
        self.fields.push((name, value.as_ref().to_vec()));
        self
    }

    /// Only if the object is still in the state that `etag` marks; the server answers 412 otherwise.
    #[must_use]
    pub fn if_match(self, etag: Option<&ETag>) -> Self {
        match etag {
            Some(etag) => self.field(Field::Plain("If-Match"), etag.as_bytes()),
            None => self,
        }
    }

    /// With a query parameter, if there is a value for it.
    #[must_use]
    pub fn query(mut self, key: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.target.push_query(key, value.as_bytes());
        }
        self
    }

    /// Only if the server has `extension`.
    #[must_use]
    pub fn needs(mut self, extension: &'static str) -> Self {
        self.needs.push(extension);
        self
    }

    /// Hands the answer's body out as it comes.
    #[must_use]
    pub fn streamed(mut self) -> Self {
        self.want = Want::Stream;
        self
    }

    /// The call that decodes its answer by `decode`.
    #[must_use]
    pub const fn answered<T>(self, decode: fn(&Reply<'_>) -> Result<T, CallError>) -> Call<T> {
        Call::new(self, decode)
    }

    /// Method and path, without the query, which may hold a secret.
    #[must_use]
    pub fn line(&self) -> String {
        let path = self.target.path();
        match self.target.text() {
            Ok(_) => format!("{} {path}", self.method),
            // Refused, perhaps because it would end a line.
            Err(_) => format!("{} {}", self.method, path.escape_debug()),
        }
    }
}

/// Shows no query, no body and no value of a field: each may hold a secret.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<Field> = self.fields.iter().map(|(name, _)| *name).collect();
        f.debug_struct("Request")
            .field("line", &self.line())
            .field("fields", &names)
            .field("payload", &self.payload)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_that_may_be_secret() {
        let target = Target::at("/1.0/operations/x/websocket").query("secret", "hunter2");
        let request = Request::post(target).json(&"hunter2").field(Field::Own("secret"), "hunter2");
        let shown =
            format!("{request:?} {:?} {:?}", request.target, request.clone().answered(crate::call::nothing));
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("POST /1.0/operations/x/websocket"), "{shown}");
    }
}
