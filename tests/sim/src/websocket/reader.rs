use std::io::Cursor;

use bytes::{Buf, BytesMut};
use tungstenite::protocol::frame::FrameHeader;

use super::Kind;

/// What came in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A part of a binary message.
    Binary(BytesMut),
    /// A text message, whole.
    Text(BytesMut),
    Ping(BytesMut),
    Pong,
    /// A goodbye, with its payload.
    Close(BytesMut),
    /// What no client may send; the reason that the goodbye is to give.
    Wrong(&'static str),
}

/// Bytes of a client, taken apart as they come. A binary message is handed out in pieces, a text message
/// is kept until it is whole.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    bytes: BytesMut,
    frame: Option<Frame>,
    /// The kind of the message that is under way.
    message: Option<Kind>,
    text: BytesMut,
}

#[derive(Debug)]
struct Frame {
    kind: Kind,
    last: bool,
    left: u64,
    mask: [u8; 4],
    /// Where in the mask the next byte is.
    at: usize,
}

impl Reader {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn waiting(&self) -> usize {
        self.bytes.len()
    }

    /// The next thing that came.
    pub(crate) fn take(&mut self) -> Option<Heard> {
        loop {
            if self.frame.is_none() {
                match self.head()? {
                    Ok(frame) => self.frame = Some(frame),
                    Err(why) => return Some(Heard::Wrong(why)),
                }
            }
            let frame = self.frame.as_mut()?;
            let control = matches!(frame.kind, Kind::Close | Kind::Ping | Kind::Pong);
            if control && (self.bytes.len() as u64) < frame.left {
                return None;
            }
            if frame.left > 0 && self.bytes.is_empty() {
                return None;
            }
            let count = frame.left.min(self.bytes.len() as u64);
            frame.left -= count;
            let mut piece = self.bytes.split_to(usize::try_from(count).unwrap_or_default());
            for byte in piece.iter_mut() {
                *byte ^= frame.mask[frame.at % 4];
                frame.at += 1;
            }
            let (kind, over, last) = (frame.kind, frame.left == 0, frame.last);
            if over {
                self.frame = None;
            }
            match kind {
                Kind::Close => return Some(Heard::Close(piece)),
                Kind::Ping => return Some(Heard::Ping(piece)),
                Kind::Pong => return Some(Heard::Pong),
                Kind::Text | Kind::Binary | Kind::Continuation => {}
            }
            let message = self.message;
            if over && last {
                self.message = None;
            }
            match message {
                Some(Kind::Text) => {
                    self.text.extend_from_slice(&piece);
                    if over && last {
                        return Some(Heard::Text(std::mem::take(&mut self.text)));
                    }
                }
                _ if piece.is_empty() => {}
                _ => return Some(Heard::Binary(piece)),
            }
        }
    }

    fn head(&mut self) -> Option<Result<Frame, &'static str>> {
        if self.bytes.len() < 2 {
            return None;
        }
        let mut cursor = Cursor::new(&self.bytes[..]);
        let (header, left) = match FrameHeader::parse(&mut cursor) {
            Ok(parsed) => parsed?,
            Err(_) => return Some(Err("bad opcode")),
        };
        let size = usize::try_from(cursor.position()).unwrap_or_default();
        self.bytes.advance(size);
        let Some(kind) = Kind::of(header.opcode) else { return Some(Err("bad opcode")) };
        let Some(mask) = header.mask else { return Some(Err("bad MASK")) };
        match kind {
            Kind::Text | Kind::Binary if self.message.is_none() => self.message = Some(kind),
            Kind::Continuation if self.message.is_some() => {}
            Kind::Text | Kind::Binary | Kind::Continuation => return Some(Err("bad continuation")),
            Kind::Close | Kind::Ping | Kind::Pong => {
                if !header.is_final || left > 125 {
                    return Some(Err("bad control frame"));
                }
            }
        }
        Some(Ok(Frame { kind, last: header.is_final, left, mask, at: 0 }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(head: &[u8], payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let mut bytes = [head, &mask].concat();
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    #[test]
    fn data_comes_in_pieces_and_text_whole() {
        let mut bytes = masked(&[0x02, 0x85], b"hello");
        bytes.extend(masked(&[0x89, 0x82], b"hi"));
        bytes.extend(masked(&[0x80, 0x83], b"you"));
        bytes.extend(masked(&[0x01, 0x81], b"a"));
        bytes.extend(masked(&[0x80, 0x81], b"b"));
        bytes.extend(masked(&[0x81, 0x80], b""));
        bytes.extend(masked(&[0x88, 0x82], &1000_u16.to_be_bytes()));
        for cut in 1..bytes.len() {
            let (mut reader, mut data, mut other) = (Reader::default(), Vec::new(), Vec::new());
            for piece in bytes.chunks(cut) {
                reader.push(piece);
                while let Some(heard) = reader.take() {
                    match heard {
                        Heard::Binary(piece) => data.extend_from_slice(&piece),
                        heard => other.push(heard),
                    }
                }
            }
            assert_eq!(data, b"helloyou");
            let texts = [&b"ab"[..], b""].map(|it| Heard::Text(it.into()));
            let [ab, empty] = texts;
            let bye = Heard::Close(BytesMut::from(&1000_u16.to_be_bytes()[..]));
            assert_eq!(other, [Heard::Ping(b"hi"[..].into()), ab, empty, bye], "cut {cut}");
        }
    }

    #[test]
    fn frames_without_a_mask_are_wrong() {
        let mut reader = Reader::default();
        reader.push(&[0x82, 0x01, b'x']);
        assert_eq!(reader.take(), Some(Heard::Wrong("bad MASK")));
    }
}
