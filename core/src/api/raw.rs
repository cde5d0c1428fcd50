//! Calls that are not typed yet: any path, any verb, any body, with the answer as JSON, as bytes, or as a change
//! that is seen through.
//!
//! ```
//! use lxio_core::api::raw;
//!
//! let warnings = raw::get("/1.0/warnings").query("recursion", "1").json();
//! let zone = raw::put("/1.0").then("network-zones").name("example.net").body(&serde_json::json!({})).settle();
//! # let _ = (warnings, zone);
//! ```

use ::bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::call::{self, Call, CallError, ETag, Field, Request, Tagged, Target};
use crate::flow::{Download, Ended, Settle, Upload};
use crate::model::Answer;
use crate::wire::{Origin, Payload, Reply};

macro_rules! verbs {
    ($($verb:ident $method:ident),+) => {$(
        #[doc = concat!("`", stringify!($method), "` of this path, such as `/1.0/warnings`, with or without a query.")]
        #[must_use]
        pub fn $verb(path: &str) -> Raw {
            Raw { request: Request::new(Method::$method, Target::foreign(path)) }
        }
    )+};
}

verbs!(get GET, head HEAD, post POST, put PUT, patch PATCH, delete DELETE);

/// A call in the making.
#[derive(Debug, Clone)]
pub struct Raw {
    request: Request,
}

/// An answer as it came: for what is no envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RawReply {
    /// The HTTP status.
    pub status: StatusCode,
    /// The header fields. Names that are none are left out.
    pub fields: HeaderMap<Vec<u8>>,
    /// The body.
    pub body: Vec<u8>,
}

impl Raw {
    /// Goes on with a segment of the API, such as `instances`.
    #[must_use]
    pub fn then(mut self, segment: &str) -> Self {
        self.request.target = self.request.target.name("segment", segment);
        self
    }

    /// Goes on with a name, escaped into one segment; it may hold slashes, as aliases do.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.request.target = self.request.target.free_name("resource", name);
        self
    }

    /// Adds a query parameter. Path segments cannot follow.
    #[must_use]
    pub fn query(mut self, key: &str, value: &str) -> Self {
        self.request = self.request.query(key, Some(value));
        self
    }

    /// With this JSON as the body.
    #[must_use]
    pub fn body(mut self, body: &impl Serialize) -> Self {
        self.request = self.request.json(body);
        self
    }

    /// With these bytes as the body.
    #[must_use]
    pub fn octets(mut self, bytes: impl Into<Bytes>) -> Self {
        self.request = self.request.octets(Payload::Bytes(bytes.into()));
        self
    }

    /// With a header field.
    #[must_use]
    pub fn field(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.request = self.request.field(Field::Plain(name), value);
        self
    }

    /// With a header field of the daemon's own: `X-LXD-NAME` or `X-Incus-NAME`.
    #[must_use]
    pub fn own_field(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.request = self.request.field(Field::Own(name), value);
        self
    }

    /// Only if the object is still in the state that `etag` marks.
    #[must_use]
    pub fn if_match(mut self, etag: &ETag) -> Self {
        self.request = self.request.if_match(Some(etag));
        self
    }

    /// Only if the server has this API extension; refused before anything is sent otherwise.
    #[must_use]
    pub fn needs(mut self, extension: &'static str) -> Self {
        self.request = self.request.needs(extension);
        self
    }

    /// To another server than the session's, such as one of images. It is told nothing of the session, and the
    /// authorities of this machine say whether it is the right one.
    #[must_use]
    pub fn to(mut self, server: Origin) -> Self {
        self.request = self.request.to(server);
        self
    }

    /// With an answer of at most so many bytes, if that is less than the limit of the session. A streamed one has
    /// no limit.
    #[must_use]
    pub const fn at_most(mut self, bytes: usize) -> Self {
        self.request.most = Some(bytes);
        self
    }

    /// The content of a synchronous answer, as JSON, with its ETag.
    #[must_use]
    pub fn json(self) -> Call<Tagged<Value>> {
        self.request.answered(call::tagged)
    }

    /// The content of a synchronous answer, as a type of yours.
    #[must_use]
    pub fn value<T: DeserializeOwned>(self) -> Call<T> {
        self.request.answered(call::value)
    }

    /// The envelope, whichever it is: a refusal is a value here and no error.
    #[must_use]
    pub fn answer(self) -> Call<Answer<Value>> {
        self.request.answered(call::answer)
    }

    /// The answer as it came, of any status.
    #[must_use]
    pub fn reply(self) -> Call<RawReply> {
        self.request.answered(reply)
    }

    /// The change seen through: a synchronous answer's content, or the operation's metadata once it ended well.
    #[must_use]
    pub fn settle(self) -> Settle<Value> {
        Settle::new(self.request, content)
    }

    /// The change seen through, with a body of `length` bytes that the handle is given, or of as many as it is
    /// given if `None`.
    #[must_use]
    pub fn upload(self, length: Option<u64>) -> Upload<Value> {
        let payload = length.map_or(Payload::Chunked, Payload::Sized);
        Upload::new(Settle::new(self.request.octets(payload), content))
    }

    /// The answer's body streamed; JSON is refused, since that is an error or a list where bytes were expected.
    #[must_use]
    pub fn download(self) -> Download<RawReply> {
        Download::new(self.request, reply)
    }
}

fn content(ended: Ended) -> Result<Value, CallError> {
    Ok(match ended {
        Ended::AtOnce(content) => content,
        Ended::Operation(operation) => Value::Object((**operation.metadata()).clone()),
    })
}

fn reply(reply: &Reply<'_>) -> Result<RawReply, CallError> {
    let mut fields = HeaderMap::default();
    for (name, value) in reply.fields() {
        if let Ok(name) = http::HeaderName::try_from(name) {
            fields.append(name, value.to_vec());
        }
    }
    Ok(RawReply { status: reply.status(), fields, body: reply.body().to_vec() })
}
