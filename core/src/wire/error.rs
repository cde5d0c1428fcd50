use std::fmt;

/// What went wrong in one HTTP exchange. After it the connection is of no more use.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireError {
    /// The request target holds a character that would end the request line. Ours to mend, nothing was sent.
    BadTarget,
    /// A header field holds CR, LF, NUL or another character that no field may. Ours to mend, nothing was sent.
    BadField {
        /// The field's name.
        name: String,
    },
    /// The body to upload ended before as much was sent as announced.
    ShortUpload {
        /// Bytes that were announced and never came.
        missing: u64,
    },
    /// The peer does not speak HTTP/1.
    NotHttp {
        /// The start of what it said, with everything unprintable escaped.
        start: String,
    },
    /// The response head is malformed.
    BadHead {
        /// What about it.
        what: &'static str,
    },
    /// The response head is larger than [`Limits::head`](crate::bytes::Limits::head).
    HeadTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// More 1xx responses than [`Limits::interim`](crate::bytes::Limits::interim).
    TooManyInterim {
        /// The limit.
        limit: usize,
    },
    /// Two lengths are given for one body, and they are not the same.
    ConflictingLengths,
    /// `Content-Length` is no number.
    BadLength,
    /// A `Transfer-Encoding` other than `chunked`.
    UnknownCoding,
    /// A chunk of the body, or its trailer, is malformed.
    BadChunk {
        /// What about it.
        what: &'static str,
    },
    /// The body is larger than [`Limits::body`](crate::bytes::Limits::body).
    BodyTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The peer switched protocols though nobody asked, or to another than was asked for.
    BadUpgrade {
        /// What about it.
        what: &'static str,
    },
    /// The connection ended before a byte of the response came.
    Closed,
    /// The connection ended inside the response head.
    CutHead,
    /// The connection ended inside the response body.
    CutBody {
        /// Bytes of the body that came.
        got: u64,
        /// Bytes that were announced, if the length was.
        expected: Option<u64>,
    },
}

impl WireError {
    /// Whether the request itself was at fault, so that nothing of it was sent.
    #[must_use]
    pub const fn is_misuse(&self) -> bool {
        matches!(self, Self::BadTarget | Self::BadField { .. })
    }

    /// Whether the connection ended early, as opposed to saying something wrong.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        matches!(self, Self::Closed | Self::CutHead | Self::CutBody { .. })
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadTarget => f.write_str("the request target holds a character that no target may"),
            Self::BadField { name } => {
                write!(f, "the value of header field {name} holds a character that no field may")
            }
            Self::ShortUpload { missing } => {
                write!(f, "the body to upload ended {missing} bytes before its announced length")
            }
            Self::NotHttp { start } => write!(f, "the peer does not speak HTTP: it said \"{start}\""),
            Self::BadHead { what } => write!(f, "the response head is malformed: {what}"),
            Self::HeadTooLong { limit } => write!(f, "the response head is longer than {limit} bytes"),
            Self::TooManyInterim { limit } => write!(f, "more than {limit} interim responses"),
            Self::ConflictingLengths => f.write_str("the response gives two different lengths for its body"),
            Self::BadLength => f.write_str("the Content-Length of the response is no number"),
            Self::UnknownCoding => f.write_str("the Transfer-Encoding of the response is not chunked"),
            Self::BadChunk { what } => write!(f, "the chunked response body is malformed: {what}"),
            Self::BodyTooLong { limit } => write!(f, "the response body is longer than {limit} bytes"),
            Self::BadUpgrade { what } => write!(f, "the switch of protocols failed: {what}"),
            Self::Closed => f.write_str("the connection was closed before a response came"),
            Self::CutHead => f.write_str("the connection ended inside the response head"),
            Self::CutBody { got, expected: Some(expected) } => {
                write!(f, "the connection ended after {got} of {expected} bytes of the response body")
            }
            Self::CutBody { got, expected: None } => {
                write!(f, "the connection ended inside the response body, after {got} bytes")
            }
        }
    }
}

impl std::error::Error for WireError {}
