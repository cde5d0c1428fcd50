use super::head::Field;
use crate::bytes::{Inbox, Outbox};

/// The memory of one connection, reused by every exchange on it.
#[derive(Default)]
pub struct Buffers {
    pub(super) inbox: Inbox,
    pub(super) outbox: Outbox,
    pub(super) head: Vec<u8>,
    pub(super) fields: Vec<Field>,
}

impl Buffers {
    /// Empty buffers; nothing is allocated until they are used.
    #[must_use]
    pub const fn new() -> Self {
        Self { inbox: Inbox::new(), outbox: Outbox::new(), head: Vec::new(), fields: Vec::new() }
    }

    /// What came after the head of a 101: the first bytes of the other protocol.
    #[must_use]
    pub fn into_rest(self) -> Inbox {
        self.inbox
    }

    pub(super) fn begin(&mut self) {
        self.inbox.recycle();
        self.outbox.recycle();
        self.head.clear();
        self.fields.clear();
    }
}

/// Shows how much there is, not what.
impl std::fmt::Debug for Buffers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Buffers")
            .field("inbox", &self.inbox)
            .field("outbox", &self.outbox)
            .finish_non_exhaustive()
    }
}
