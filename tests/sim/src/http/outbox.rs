use std::collections::VecDeque;

use bytes::{Buf, Bytes};

/// Bytes that wait to leave, in pieces that are shared with whoever they came from.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pieces: VecDeque<Bytes>,
    length: usize,
}

impl Outbox {
    pub(crate) fn push(&mut self, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        if !bytes.is_empty() {
            self.length += bytes.len();
            self.pieces.push_back(bytes);
        }
    }

    /// What can leave next.
    pub(crate) fn front(&self) -> &[u8] {
        self.pieces.front().map(AsRef::as_ref).unwrap_or_default()
    }

    /// The first `count` bytes of [`front`](Self::front) have left.
    pub(crate) fn sent(&mut self, count: usize) {
        let Some(first) = self.pieces.front_mut() else { return };
        let count = count.min(first.len());
        first.advance(count);
        self.length -= count;
        if first.is_empty() {
            self.pieces.pop_front();
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
