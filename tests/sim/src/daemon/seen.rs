use bytes::Bytes;

/// A request that came whole.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// Method and target, as they came.
    pub line: String,
    /// The body.
    pub body: Bytes,
}
