use std::time::Duration;

use http::Method;

use super::{Call, CallError, ETag, Flavour, Target};
use crate::bytes::push_query;
use crate::wire::{Origin, Payload, Reply, Want};

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
    /// The server that it goes to, if that is not the session's: an identity provider, a server of images.
    /// It is told nothing of the session: no project, no credential, no field of the daemons' own.
    pub origin: Option<Origin>,
    /// Most bytes of a collected answer, if that is less than [`Limits::body`](crate::bytes::Limits::body).
    pub most: Option<usize>,
    /// How long the server may say nothing because it was asked to: so much longer it is waited for.
    pub long_poll: Option<Duration>,
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
            origin: None,
            most: None,
            long_poll: None,
        }
    }

    /// The server may say nothing for this time; `None` is for ever.
    #[must_use]
    pub fn long_poll(mut self, time: Option<Duration>) -> Self {
        self.long_poll = Some(time.unwrap_or(Duration::MAX));
        self
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

    /// With these names and values as the body, as a form of the web has it.
    #[must_use]
    pub fn form(mut self, pairs: &[(&str, &str)]) -> Self {
        let mut text = String::new();
        for (name, value) in pairs {
            if !text.is_empty() {
                text.push('&');
            }
            push_query(&mut text, name.as_bytes());
            text.push('=');
            push_query(&mut text, value.as_bytes());
        }
        self.payload = Payload::Bytes(text.into());
        self.field(Field::Plain("Content-Type"), b"application/x-www-form-urlencoded")
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

    /// To this server, and not to the session's.
    #[must_use]
    pub fn to(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    /// With an answer of at most so many bytes.
    #[must_use]
    pub const fn at_most(mut self, bytes: usize) -> Self {
        self.most = Some(bytes);
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

    /// Method and path, with the server before it if it is another, without the query, which may hold a secret.
    #[must_use]
    pub fn line(&self) -> String {
        let method = &self.method;
        let origin = self.origin.as_ref().map(Origin::to_string).unwrap_or_default();
        let path = self.target.path();
        match self.target.text() {
            Ok(_) => format!("{method} {origin}{path}"),
            // Refused, perhaps because it would end a line.
            Err(_) => format!("{method} {origin}{}", path.escape_debug()),
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
        let form = Request::post(Target::at("/token")).form(&[("refresh_token", "hunter2")]);
        let form = form.to(Origin::parse("idp.example", 443).unwrap());
        assert!(!format!("{form:?}").contains("hunter2"), "{form:?}");
        assert_eq!(form.line(), "POST https://idp.example:443/token");
    }

    #[test]
    fn a_form_keeps_its_pairs_apart() {
        let pairs =
            [("a", "b c"), ("d&e", "f=g&h%i+j"), ("url", "https://k/l?m"), ("n", ""), ("o", "\r\n\u{e9}")];
        let Payload::Bytes(body) = Request::post(Target::at("/x")).form(&pairs).payload else { panic!() };
        let expected = "a=b%20c&d%26e=f%3Dg%26h%25i%2Bj&url=https://k/l%3Fm&n=&o=%0D%0A%C3%A9";
        assert_eq!(std::str::from_utf8(&body), Ok(expected));
    }
}
