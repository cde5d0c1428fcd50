use std::fmt;
use std::ops::{Deref, DerefMut};

/// The server's mark of one state of an object. It goes back verbatim in `If-Match`.
///
/// Two objects of the same content have the same mark, and some objects have none on some servers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ETag(Vec<u8>);

impl ETag {
    /// The mark as the server spelt it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for ETag {
    fn from(value: &[u8]) -> Self {
        Self(value.into())
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// A value and the [`ETag`] that it came with. Reads like the value itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged<T> {
    /// The value.
    pub value: T,
    /// Its mark, if the server gave one.
    pub etag: Option<ETag>,
}

impl<T> Deref for Tagged<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Tagged<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}
