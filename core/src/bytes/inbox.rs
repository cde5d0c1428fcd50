/// Bytes that arrived and were not yet understood.
///
/// One allocation that is reused: [`space`](Inbox::space) lends room for the next read,
/// [`filled`](Inbox::filled) says how much of it was used, [`data`](Inbox::data) is what is there,
/// [`consume`](Inbox::consume) drops what was understood. Room is cleared once, when it is allocated, not
/// before every read.
#[derive(Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Inbox {
    /// Room that [`space`](Inbox::space) aims at when nothing else is asked: large enough for most answers
    /// in one read, small enough to stay in cache.
    pub const ROOM: usize = 16 << 10;

    /// An empty inbox; nothing is allocated until it is used.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), start: 0, end: 0 }
    }

    /// The bytes that are there.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// The bytes that are there, to be moved about in place.
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    /// How many bytes are there.
    #[must_use]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether nothing is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Lends room for at least `want` more bytes; what is there is moved to the front or the allocation
    /// grown only if it does not fit.
    pub fn space(&mut self, want: usize) -> &mut [u8] {
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        }
        if self.bytes.len() - self.end < want {
            if self.start > 0 {
                self.bytes.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            let need = self.end + want;
            if self.bytes.len() < need {
                self.bytes.resize(need.max(self.bytes.len().saturating_mul(2)).max(Self::ROOM), 0);
            }
        }
        &mut self.bytes[self.end..]
    }

    /// Says that the first `count` bytes of the space lent last now hold data. More than was lent counts
    /// as all of it.
    pub fn filled(&mut self, count: usize) {
        self.end = self.bytes.len().min(self.end.saturating_add(count));
    }

    /// Drops the first `count` bytes. More than are there counts as all of them.
    pub fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start.saturating_add(count));
    }

    /// Removes `range` of the data and closes the gap.
    pub(crate) fn cut(&mut self, range: std::ops::Range<usize>) {
        let (from, to) = (self.start + range.start, self.start + range.end);
        self.bytes.copy_within(to..self.end, from);
        self.end -= to - from;
    }

    /// Appends `bytes`; for what arrived by another way, such as the rest after an upgrade.
    pub fn push(&mut self, bytes: &[u8]) {
        self.space(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        self.filled(bytes.len());
    }

    /// Empties the inbox and gives back memory that one large answer needed and the next will not.
    pub fn recycle(&mut self) {
        (self.start, self.end) = (0, 0);
        if self.bytes.len() > 16 * Self::ROOM {
            self.bytes = Vec::new();
        }
    }
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inbox({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_reused_before_it_grows() {
        let mut inbox = Inbox::new();
        inbox.push(b"hello world");
        inbox.consume(6);
        assert_eq!(inbox.data(), b"world");
        let held = inbox.bytes.len();
        let room = inbox.space(held - 5).len();
        assert!(room >= held - 5);
        assert_eq!(inbox.bytes.len(), held);
        assert_eq!(inbox.data(), b"world");
    }

    #[test]
    fn a_cut_closes_the_gap() {
        let mut inbox = Inbox::new();
        inbox.push(b"ab--cd");
        inbox.cut(2..4);
        assert_eq!(inbox.data(), b"abcd");
    }

    #[test]
    fn counts_past_the_end_are_bounded() {
        let mut inbox = Inbox::new();
        inbox.push(b"ab");
        inbox.consume(usize::MAX);
        assert!(inbox.is_empty());
        inbox.filled(usize::MAX);
        assert!(inbox.len() <= inbox.bytes.len());
    }
}
