use std::io::Write;

use crate::live::data::Hash;

/// As much of a body is kept; of what is longer, the length and the hash remain.
const KEPT: usize = 4 << 20;

/// The bytes of a body or of a socket, however many.
#[derive(Clone, Debug, Default)]
pub struct Body {
    kept: Vec<u8>,
    hash: Hash,
}

impl Body {
    /// These came next.
    pub fn push(&mut self, bytes: &[u8]) {
        let room = KEPT - self.kept.len();
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        // It counts and hashes, and cannot fail.
        let _ = self.hash.write_all(bytes);
    }

    /// How many came.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.hash.count
    }

    /// The SHA-256 of all that came.
    #[must_use]
    pub fn hash(&self) -> String {
        self.hash.hex()
    }

    /// All that came, unless it was too much to be kept.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        (self.kept.len() as u64 == self.length()).then_some(&self.kept)
    }
}

impl From<&[u8]> for Body {
    fn from(bytes: &[u8]) -> Self {
        let mut body = Self::default();
        body.push(bytes);
        body
    }
}
