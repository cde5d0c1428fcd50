//! The streamed body of a request: a block that the caller fills, framed here, then written.

use super::{Payload, WireError};

/// Bytes lent at once.
pub(super) const BLOCK: usize = 128 << 10;
/// Room in front of a chunk for its size line, `%08x\r\n`, and behind it for its line end.
const FRONT: usize = 10;
const BACK: usize = 2;

/// What is still to come of a streamed body, and the block of it that is on its way.
pub(super) struct Upload {
    rest: Rest,
    block: Vec<u8>,
    from: usize,
    to: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Sized(u64),
    Chunked,
    Over,
}

impl Upload {
    pub(super) const fn new(payload: &Payload) -> Self {
        let rest = match payload {
            Payload::Sized(length) if *length > 0 => Rest::Sized(*length),
            Payload::Chunked => Rest::Chunked,
            _ => Rest::Over,
        };
        Self { rest, block: Vec::new(), from: 0, to: 0 }
    }

    /// Whether all of it has left.
    pub(super) fn is_over(&self) -> bool {
        self.rest == Rest::Over && self.framed().is_empty()
    }

    /// Bytes that are to be written before more is filled.
    pub(super) fn framed(&self) -> &[u8] {
        &self.block[self.from..self.to]
    }

    /// Says that the first `count` bytes of [`framed`](Self::framed) left.
    pub(super) fn wrote(&mut self, count: usize) {
        self.from = self.to.min(self.from.saturating_add(count));
        if self.is_over() {
            (self.from, self.to) = (0, 0);
            self.block = Vec::new();
        }
    }

    /// Space for the next part of the body.
    pub(super) fn space(&mut self) -> &mut [u8] {
        if self.block.is_empty() {
            self.block.resize(BLOCK, 0);
        }
        match self.rest {
            Rest::Sized(left) => &mut self.block[..usize::try_from(left).unwrap_or(usize::MAX).min(BLOCK)],
            Rest::Chunked => &mut self.block[FRONT..BLOCK - BACK],
            Rest::Over => &mut [],
        }
    }

    /// Says that the first `count` bytes of [`space`](Self::space) are filled; 0 ends the body.
    pub(super) fn filled(&mut self, count: usize) -> Result<(), WireError> {
        let count = count.min(self.space().len());
        match &mut self.rest {
            Rest::Sized(left) if count == 0 => return Err(WireError::ShortUpload { missing: *left }),
            Rest::Sized(left) => {
                *left -= count as u64;
                (self.from, self.to) = (0, count);
                if *left == 0 {
                    self.rest = Rest::Over;
                }
            }
            Rest::Chunked if count == 0 => {
                self.block[..5].copy_from_slice(b"0\r\n\r\n");
                (self.from, self.to) = (0, 5);
                self.rest = Rest::Over;
            }
            Rest::Chunked => {
                self.block[..FRONT].copy_from_slice(&size_line(count));
                self.block[FRONT + count..][..BACK].copy_from_slice(b"\r\n");
                (self.from, self.to) = (0, FRONT + count + BACK);
            }
            Rest::Over => {}
        }
        Ok(())
    }
}

/// `%08x\r\n`
fn size_line(count: usize) -> [u8; FRONT] {
    let mut line = *b"00000000\r\n";
    for (place, digit) in line[..8].iter_mut().rev().enumerate() {
        *digit = b"0123456789abcdef"[(count >> (4 * place)) & 15];
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(upload: &mut Upload, body: &[u8]) -> Vec<u8> {
        upload.space()[..body.len()].copy_from_slice(body);
        upload.filled(body.len()).unwrap();
        let sent = upload.framed().to_vec();
        upload.wrote(sent.len());
        sent
    }

    #[test]
    fn chunks_have_their_size_in_front() {
        let mut upload = Upload::new(&Payload::Chunked);
        assert_eq!(send(&mut upload, b"hello"), b"00000005\r\nhello\r\n");
        assert!(!upload.is_over());
        assert_eq!(send(&mut upload, b""), b"0\r\n\r\n");
        assert!(upload.is_over());
        assert_eq!(size_line(0x1_f0a2), *b"0001f0a2\r\n");
    }

    #[test]
    fn a_length_that_was_announced_is_kept() {
        let mut upload = Upload::new(&Payload::Sized(7));
        assert_eq!(upload.space().len(), 7);
        assert_eq!(send(&mut upload, b"hello"), b"hello");
        assert_eq!(upload.space().len(), 2);
        assert_eq!(upload.filled(0), Err(WireError::ShortUpload { missing: 2 }));
        assert_eq!(send(&mut upload, b"!!"), b"!!");
        assert!(upload.is_over());
        assert!(Upload::new(&Payload::Sized(0)).is_over());
    }

    #[test]
    fn partial_writes_keep_the_rest() {
        let mut upload = Upload::new(&Payload::Sized(3));
        upload.space().copy_from_slice(b"abc");
        upload.filled(3).unwrap();
        upload.wrote(1);
        assert_eq!(upload.framed(), b"bc");
        assert!(!upload.is_over());
        upload.wrote(usize::MAX);
        assert!(upload.is_over());
    }
}
