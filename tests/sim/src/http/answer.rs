use bytes::Bytes;
use serde_json::Value;

use crate::world::OperationId;

/// What a request is answered with.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A sync envelope.
    Sync {
        metadata: Value,
        /// The digits of the ETag.
        etag: Option<String>,
    },
    /// A sync envelope with status 201 and a `Location`.
    Created(String),
    /// An async envelope with the operation.
    Async(OperationId),
    /// An envelope of type error; its status is its code.
    Refused(Refusal),
    /// Bytes of their own kind.
    Bytes(Body),
    /// Told when the operation ends, or when its time is up; see the wait endpoint.
    Wait {
        operation: OperationId,
        /// Seconds; none is for ever.
        timeout: Option<u64>,
    },
    /// The connection changes its protocol.
    Upgrade(Upgrade),
    /// A text after which the connection closes, without length: what the web server itself says.
    Plain(u16, &'static str),
    /// None: whoever was to answer has failed, and the connection ends.
    Nothing,
    /// A failed upgrade: a text, and what follows it.
    NoUpgrade(Option<Refusal>),
}

/// A body of bytes, and the fields that go with it.
#[derive(Debug, Default)]
pub(crate) struct Body {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) pieces: Vec<Bytes>,
    /// The length is not told.
    pub(crate) chunked: bool,
    /// Answers HEAD: the head alone, with the length of the pieces or without any.
    pub(crate) head_only: Option<Option<u64>>,
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) text: String,
}

/// What a connection becomes.
#[derive(Debug)]
pub(crate) enum Upgrade {
    /// A websocket of an operation.
    Operation { operation: OperationId, fd: String },
    /// A stream of events.
    Events { kinds: Vec<String>, project: Option<String> },
    /// A file transfer session of an instance: project and name.
    Sftp(String, String),
}

/// What handlers return.
pub(crate) type Answered = Result<Answer, Refusal>;

impl Refusal {
    pub(crate) fn new(code: u16, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// No such path.
    pub(crate) fn no_path() -> Self {
        Self::new(404, "not found")
    }

    /// The path is there, but not for this method.
    pub(crate) fn no_method() -> Self {
        Self::new(501, "not implemented")
    }
}

impl Answer {
    /// A value without an ETag.
    pub(crate) fn value(metadata: impl Into<Value>) -> Answered {
        Ok(Self::Sync { metadata: metadata.into(), etag: None })
    }

    /// A value, and the ETag that covers `covered`.
    pub(crate) fn tagged(metadata: Value, covered: &Value) -> Answered {
        Ok(Self::Sync { metadata, etag: Some(etag(covered)) })
    }

    /// Done, with nothing to say.
    pub(crate) fn empty() -> Answered {
        Ok(Self::Sync { metadata: Value::Object(serde_json::Map::new()), etag: None })
    }
}

/// The ETag that stands for a value: digits that are different for different values.
pub(crate) fn etag(covered: &Value) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(covered.to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares what `If-Match` says, if anything, with the ETag of `covered`.
pub(crate) fn check_match(given: Option<&[u8]>, covered: &Value) -> Result<(), Refusal> {
    let Some(given) = given.filter(|it| !it.is_empty()) else { return Ok(()) };
    let given = String::from_utf8_lossy(given);
    let have = etag(covered);
    if given.trim_matches('"') == have {
        return Ok(());
    }
    Err(Refusal::new(412, format!("ETag doesn't match: {have} vs {}", given.trim_matches('"'))))
}
