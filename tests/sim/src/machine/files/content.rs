use bytes::Bytes;

/// Pieces smaller than this are gathered before they become a piece of their own.
const PIECE: usize = 64 << 10;
static ZEROS: [u8; PIECE] = [0; PIECE];

/// The bytes of a file: pieces that are shared by all copies, and a short tail that still grows.
///
/// Appending takes time in proportion to what is appended; a clone copies no piece.
#[derive(Clone, Default)]
pub(crate) struct Content {
    /// Each with the offset of its end.
    pieces: Vec<(u64, Bytes)>,
    tail: Vec<u8>,
}

impl Content {
    pub(crate) fn len(&self) -> u64 {
        self.whole() + self.tail.len() as u64
    }

    /// The length without the tail.
    fn whole(&self) -> u64 {
        self.pieces.last().map_or(0, |(end, _)| *end)
    }

    /// Bytes from `offset` on: at most `max`, never across pieces, none at the end only.
    pub(crate) fn read(&self, offset: u64, max: usize) -> Bytes {
        let at = self.pieces.partition_point(|(end, _)| *end <= offset);
        if let Some((end, piece)) = self.pieces.get(at) {
            // It ends behind `offset`, so the rest fits into the piece.
            let from = piece.len() - (end - offset) as usize;
            return piece.slice(from..piece.len().min(from.saturating_add(max)));
        }
        let from =
            usize::try_from(offset - self.whole()).map_or(self.tail.len(), |it| it.min(self.tail.len()));
        Bytes::copy_from_slice(&self.tail[from..self.tail.len().min(from.saturating_add(max))])
    }

    pub(crate) fn append(&mut self, bytes: Bytes) {
        if bytes.len() < PIECE / 2 {
            self.tail.extend_from_slice(&bytes);
            if self.tail.len() >= PIECE {
                self.freeze();
            }
        } else {
            self.freeze();
            self.pieces.push((self.whole() + bytes.len() as u64, bytes));
        }
    }

    fn freeze(&mut self) {
        if !self.tail.is_empty() {
            let piece = Bytes::from(std::mem::take(&mut self.tail));
            self.pieces.push((self.whole() + piece.len() as u64, piece));
        }
    }

    /// Cuts it, or makes it longer by zeros.
    pub(crate) fn truncate(&mut self, length: u64) {
        if length >= self.whole() {
            // The tail is short: only what is missing is made.
            let mut missing = length.saturating_sub(self.len());
            self.tail.truncate((length - self.whole()).min(PIECE as u64 * 2) as usize);
            while missing > 0 {
                let now = missing.min(PIECE as u64);
                self.append(Bytes::from_static(&ZEROS[..now as usize]));
                missing -= now;
            }
            return;
        }
        self.tail.clear();
        let keep = self.pieces.partition_point(|(end, _)| *end <= length);
        self.pieces.truncate(keep + 1);
        if let Some((end, piece)) = self.pieces.last_mut() {
            piece.truncate(piece.len() - (*end - length) as usize);
            *end = length;
        }
        if self.pieces.last().is_some_and(|(_, piece)| piece.is_empty()) {
            self.pieces.pop();
        }
    }

    /// Puts bytes at `offset`, over what is there; a gap before it is zeros.
    pub(crate) fn write(&mut self, offset: u64, bytes: Bytes) {
        if offset >= self.len() {
            self.truncate(offset);
            return self.append(bytes);
        }
        let mut rest = offset + bytes.len() as u64;
        let old = self.clone();
        self.truncate(offset);
        self.append(bytes);
        loop {
            let piece = old.read(rest, PIECE);
            if piece.is_empty() {
                return;
            }
            rest += piece.len() as u64;
            self.append(piece);
        }
    }

    /// Everything in pieces.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Bytes> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let piece = self.read(at, usize::MAX);
            at += piece.len() as u64;
            (!piece.is_empty()).then_some(piece)
        })
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        let mut content = Self::default();
        content.append(bytes);
        content
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any order of writes and cuts gives what a plain vector gives.
    #[test]
    fn as_a_vector() {
        let mut seed = 7_u64;
        let mut number = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        let (mut content, mut plain) = (Content::default(), Vec::new());
        for round in 0..400_u64 {
            let length = if number(3) == 0 { number(150_000) } else { number(300) } as usize;
            let bytes = vec![round as u8 | 1; length];
            match number(5) {
                0 => {
                    let at = number(plain.len() as u64 * 5 / 4 + 1) as usize;
                    if plain.len() < at + length {
                        plain.resize(at + length, 0);
                    }
                    plain[at..at + length].copy_from_slice(&bytes);
                    content.write(at as u64, bytes.into());
                }
                1 => {
                    let at = number(plain.len() as u64 * 9 / 8 + 1) as usize;
                    plain.resize(at, 0);
                    content.truncate(at as u64);
                }
                _ => {
                    plain.extend_from_slice(&bytes);
                    content.append(bytes.into());
                }
            }
            assert_eq!(content.len(), plain.len() as u64);
        }
        assert!(content.pieces().flatten().collect::<Vec<_>>() == plain);
        assert!(content.read(plain.len() as u64 + 9, 5).is_empty());
    }

    #[test]
    fn small_appends_are_gathered() {
        let mut content = Content::default();
        for _ in 0..100_000 {
            content.append(Bytes::from_static(b"a line\n"));
        }
        assert_eq!(content.len(), 700_000);
        assert!(content.pieces().count() < 12);
    }
}
