use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::Body;

/// A longer text is no message of these daemons.
const LONGEST: usize = 4 << 20;

/// What a server said on a socket after its 101.
#[derive(Clone, Debug, Default)]
pub struct Socket {
    /// All binary messages in one: where they are cut is chance.
    pub binary: Body,
    /// The text messages.
    pub texts: Vec<String>,
    /// The code of its close frame, if there was one; 0 when that had none. How a connection ends without
    /// one, and which side ends it first, is chance.
    pub closed: Option<u16>,
    /// When the empty text came that marks the end of an output, in the collector's own count of what
    /// happened.
    pub marked: Option<u64>,
    /// When the client left, if it did before the server.
    pub left: Option<u64>,
    reader: Reader,
}

#[derive(Clone, Debug, Default)]
enum Reader {
    /// In a head, of which these bytes have come.
    #[default]
    Start,
    Head(Vec<u8>),
    Payload(OpCode, u64, Vec<u8>),
    /// Not a websocket, or not any more: bytes as they are.
    Raw,
}

impl Socket {
    /// A stream of bytes of another protocol.
    #[must_use]
    pub fn raw() -> Self {
        Self { reader: Reader::Raw, ..Self::default() }
    }

    /// These bytes came from the server at this time.
    pub fn push(&mut self, bytes: &[u8], now: u64) {
        self.read(bytes);
        if self.texts.iter().any(String::is_empty) {
            self.marked.get_or_insert(now);
        }
    }

    fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match &mut self.reader {
                Reader::Raw => return self.binary.push(bytes),
                Reader::Start => self.reader = Reader::Head(Vec::new()),
                Reader::Head(head) => {
                    head.push(bytes[0]);
                    bytes = &bytes[1..];
                    match FrameHeader::parse(&mut Cursor::new(&*head)) {
                        Ok(None) => {}
                        Ok(Some((header, length))) => {
                            self.reader = Reader::Payload(header.opcode, length, Vec::new());
                            self.whole();
                        }
                        Err(_) => self.reader = Reader::Raw,
                    }
                }
                Reader::Payload(opcode, left, kept) => {
                    let n = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    let (now, rest) = bytes.split_at(n);
                    bytes = rest;
                    *left -= n as u64;
                    if *opcode == OpCode::Data(Data::Binary) {
                        self.binary.push(now);
                    } else if kept.len() < LONGEST {
                        kept.extend_from_slice(now);
                    }
                    self.whole();
                }
            }
        }
    }

    /// Takes the message if it is whole. The servers never cut a message into frames.
    fn whole(&mut self) {
        let Reader::Payload(opcode, 0, payload) = &mut self.reader else { return };
        let payload = std::mem::take(payload);
        match opcode {
            OpCode::Data(Data::Text) => self.texts.push(String::from_utf8_lossy(&payload).into_owned()),
            OpCode::Control(Control::Close) => {
                self.closed = Some(match payload.as_slice() {
                    [high, low, ..] => u16::from_be_bytes([*high, *low]),
                    _ => 0,
                });
            }
            _ => {}
        }
        self.reader = Reader::Start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_cut_is_the_same() {
        let said = b"\x89\x09keepalive\x82\x03one\x82\x7e\x00\x03two\x81\x02{}\x81\x00\x88\x02\x03\xe8";
        for size in 1..said.len() {
            let mut socket = Socket::default();
            for (now, bytes) in (0..).zip(said.chunks(size)) {
                socket.push(bytes, now);
            }
            assert_eq!(socket.binary.bytes(), Some(&b"onetwo"[..]), "in pieces of {size}");
            assert_eq!((socket.texts, socket.closed), (vec!["{}".to_owned(), String::new()], Some(1000)));
            assert_eq!(socket.marked, Some(((said.len() - 5) / size) as u64), "in pieces of {size}");
        }
    }
}
