/// Bytes that are to leave, in order. One allocation that is reused.
#[derive(Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    sent: usize,
}

impl Outbox {
    /// An empty outbox; nothing is allocated until it is used.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), sent: 0 }
    }

    /// What has yet to leave.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    /// Whether all has left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sent == self.bytes.len()
    }

    /// Says that the first `count` bytes of [`data`](Outbox::data) left. More than are there counts as all.
    pub fn wrote(&mut self, count: usize) {
        self.sent = self.bytes.len().min(self.sent.saturating_add(count));
        if self.sent == self.bytes.len() {
            self.recycle();
        }
    }

    /// Drops everything, sent or not.
    pub fn recycle(&mut self) {
        self.bytes.clear();
        self.sent = 0;
        if self.bytes.capacity() > 512 << 10 {
            self.bytes = Vec::new();
        }
    }

    /// The buffer to append to. What is already in it must stay.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        // What left goes before more comes, once it is the larger part: moving the rest costs less than it saved.
        if self.sent > self.bytes.len() / 2 {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
        &mut self.bytes
    }
}

impl std::io::Write for Outbox {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.buffer().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outbox({} bytes)", self.data().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn partial_writes_keep_the_rest() {
        let mut outbox = Outbox::new();
        outbox.write_all(b"hello").unwrap();
        outbox.wrote(2);
        assert_eq!(outbox.data(), b"llo");
        outbox.wrote(9);
        assert!(outbox.is_empty());
    }
}
