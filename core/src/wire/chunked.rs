//! The chunked coding of a body: tells data from framing, and moves no byte itself.

use super::WireError;

/// Most bytes of a chunk's size line (size, extensions, line end).
const LONGEST_LINE: usize = 4096;

/// What stands at the front of the bytes that were not decoded yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// So many bytes of framing, to be dropped.
    Framing(usize),
    /// At least one byte of data, and at most so many before the next framing.
    Data(u64),
    /// More bytes are needed.
    More,
    /// The body and its trailers are over.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    Data(u64),
    DataEnd,
    Trailers,
    End,
}

/// Where in the coding the bytes stand.
#[derive(Debug, Clone)]
pub(super) struct Chunked {
    state: State,
    trailers: usize,
}

impl Chunked {
    pub(super) const fn new() -> Self {
        Self { state: State::Size, trailers: 0 }
    }

    /// Looks at the bytes that were not decoded yet. `Framing` counts as dropped when it is returned; data
    /// counts as decoded by [`took`](Chunked::took). Trailers are read over, up to `most` bytes of them.
    pub(super) fn look(&mut self, data: &[u8], most: usize) -> Result<Piece, WireError> {
        match self.state {
            // httparse takes no digits at all for the size 0.
            State::Size if data.first().is_some_and(|byte| !byte.is_ascii_hexdigit()) => {
                Err(WireError::BadChunk { what: "its size is no number" })
            }
            State::Size => match httparse::parse_chunk_size(&data[..data.len().min(LONGEST_LINE)]) {
                Ok(httparse::Status::Complete((line, size))) => {
                    self.state = if size == 0 { State::Trailers } else { State::Data(size) };
                    Ok(Piece::Framing(line))
                }
                Ok(httparse::Status::Partial) if data.len() < LONGEST_LINE => Ok(Piece::More),
                Ok(httparse::Status::Partial) => {
                    Err(WireError::BadChunk { what: "its size line is too long" })
                }
                Err(_) => Err(WireError::BadChunk { what: "its size is no number" }),
            },
            State::Data(_) if data.is_empty() => Ok(Piece::More),
            State::Data(left) => Ok(Piece::Data(left)),
            State::DataEnd => match data {
                [b'\r', b'\n', ..] => {
                    self.state = State::Size;
                    Ok(Piece::Framing(2))
                }
                [] | [b'\r'] => Ok(Piece::More),
                _ => Err(WireError::BadChunk { what: "it is longer than its size" }),
            },
            State::Trailers => {
                let Some(end) = memchr::memchr(b'\n', data) else {
                    return if self.trailers + data.len() > most {
                        Err(WireError::BadChunk { what: "its trailers are too long" })
                    } else {
                        Ok(Piece::More)
                    };
                };
                self.trailers += end + 1;
                if self.trailers > most {
                    return Err(WireError::BadChunk { what: "its trailers are too long" });
                }
                let line = &data[..end];
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                if line.is_empty() {
                    self.state = State::End;
                } else if !line.contains(&b':') {
                    return Err(WireError::BadChunk { what: "a trailer is malformed" });
                }
                Ok(Piece::Framing(end + 1))
            }
            State::End => Ok(Piece::End),
        }
    }

    /// Says that `count` bytes of data were decoded.
    pub(super) const fn took(&mut self, count: u64) {
        if let State::Data(left) = self.state {
            self.state = match left.saturating_sub(count) {
                0 => State::DataEnd,
                left => State::Data(left),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(mut bytes: &[u8]) -> Result<Vec<u8>, WireError> {
        let (mut chunked, mut out) = (Chunked::new(), Vec::new());
        loop {
            match chunked.look(bytes, 64)? {
                Piece::Framing(count) => bytes = &bytes[count..],
                Piece::Data(most) => {
                    let count = bytes.len().min(usize::try_from(most).unwrap());
                    out.extend_from_slice(&bytes[..count]);
                    chunked.took(count as u64);
                    bytes = &bytes[count..];
                }
                Piece::More => return Ok([b"more after ", out.as_slice()].concat()),
                Piece::End => return Ok(out),
            }
        }
    }

    #[test]
    fn chunks_extensions_and_trailers() {
        assert_eq!(decode(b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nA: b\r\n\r\n").unwrap(), b"hello world");
        assert_eq!(decode(b"5\r\nhel").unwrap(), b"more after hel");
        assert_eq!(decode(b"0\r\n\r\n").unwrap(), b"");
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for bad in [
            &b"zz\r\nhello"[..],
            b"5\r\nhelloX\r\n0\r\n\r\n",
            b"\r\n",
            b"ffffffffffffffffff\r\n",
            b"0\r\nno field\r\n\r\n",
            b"-1\r\n",
        ] {
            assert!(matches!(decode(bad), Err(WireError::BadChunk { .. })), "{bad:?}");
        }
        assert!(decode(&[b"5;".as_slice(), &[b'x'; 5000]].concat()).is_err());
        assert!(decode(&[b"0\r\n".as_slice(), &[b'x'; 65]].concat()).is_err());
    }
}
