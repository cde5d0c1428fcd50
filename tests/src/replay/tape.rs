use std::ops::Range;
use std::time::Duration;

use crate::recorder::Direction;
use crate::transcript::{Transcript, What};

/// What a transcript says about each of its connections.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    /// By the number of the connection.
    pub conns: Vec<Conn>,
    /// What the server did, in its order: the connection, and which of its deliveries.
    pub order: Vec<(usize, usize)>,
    /// For each of these: how much the client had sent before, by connection, without pongs.
    pub before: Vec<Vec<usize>>,
}

/// One connection.
#[derive(Clone, Debug, Default)]
pub struct Conn {
    /// What the client sent; hidden bytes are `x`.
    pub sent: Vec<u8>,
    /// Which of it is hidden, in order.
    pub hidden: Vec<Range<usize>>,
    /// What the server sent.
    pub received: Vec<u8>,
    /// Where in `sent` the websocket begins, if it became one.
    pub upgrade: Option<usize>,
    /// The server let nobody in.
    pub refused: bool,
    /// What the server did.
    pub deliveries: Vec<Delivery>,
}

/// One thing that the server did on a connection.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// When, from the start.
    pub at: Duration,
    /// How many bytes the client must have sent before.
    pub needs: usize,
    /// What.
    pub told: Told,
}

/// What came from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// These of its bytes.
    Bytes(Range<usize>),
    /// The end.
    End,
    /// A reset, as this error number.
    Reset(i32),
}

impl Tape {
    /// Takes a transcript apart.
    #[must_use]
    pub fn new(transcript: &Transcript) -> Self {
        let count = transcript.connections().last().map_or(0, |last| usize::try_from(*last).unwrap_or(0) + 1);
        let mut tape = Self { conns: vec![Conn::default(); count], order: Vec::new(), before: Vec::new() };
        // How much was sent so far, by connection, without pongs.
        let mut weights = vec![0; count];
        for entry in &transcript.entries {
            let number = usize::try_from(entry.conn).unwrap_or(0);
            let conn = &mut tape.conns[number];
            let told = match &entry.what {
                What::Data(Direction::ToServer, bytes) => {
                    conn.sent.extend_from_slice(bytes);
                    weights[number] = weight(&conn.sent);
                    continue;
                }
                What::Blank(Direction::ToServer, count) => {
                    let from = conn.sent.len();
                    conn.sent.resize(from + count, b'x');
                    conn.hidden.push(from..conn.sent.len());
                    weights[number] = weight(&conn.sent);
                    continue;
                }
                What::Data(Direction::ToClient, bytes) => {
                    let from = conn.received.len();
                    conn.received.extend_from_slice(bytes);
                    Told::Bytes(from..conn.received.len())
                }
                What::Blank(Direction::ToClient, count) => {
                    let from = conn.received.len();
                    conn.received.resize(from + count, b'x');
                    Told::Bytes(from..conn.received.len())
                }
                What::Eof(Direction::ToClient) => Told::End,
                What::Reset(Direction::ToClient, errno) => Told::Reset(*errno),
                What::ConnectFailed(_) => {
                    conn.refused = true;
                    continue;
                }
                _ => continue,
            };
            tape.order.push((number, conn.deliveries.len()));
            conn.deliveries.push(Delivery { at: entry.at, needs: conn.sent.len(), told });
            tape.before.push(weights.clone());
        }
        for conn in &mut tape.conns {
            conn.upgrade = upgrade(&conn.sent);
            // Pongs come when they come: of a websocket no more is needed than that it was asked for.
            let most = conn.upgrade.unwrap_or(usize::MAX);
            for delivery in &mut conn.deliveries {
                delivery.needs = delivery.needs.min(most);
            }
        }
        tape
    }

    /// The same with other bytes from the server.
    #[must_use]
    pub fn with(&self, conn: usize, change: impl FnOnce(&mut [u8])) -> Self {
        let mut tape = self.clone();
        change(&mut tape.conns[conn].received);
        tape
    }
}

impl Conn {
    /// Where these bytes differ first from what the client sent from there on; hidden bytes are any. More
    /// than was sent differs from it.
    #[must_use]
    pub fn differs(&self, from: usize, bytes: &[u8]) -> Option<usize> {
        (from..)
            .zip(bytes)
            .find(|(at, byte)| self.sent.get(*at) != Some(byte) && !self.is_hidden(*at))
            .map(|(at, _)| at)
    }

    /// Whether this byte of what the client sent is hidden.
    #[must_use]
    pub fn is_hidden(&self, at: usize) -> bool {
        let next = self.hidden.partition_point(|range| range.end <= at);
        self.hidden.get(next).is_some_and(|range| range.start <= at)
    }

    /// Whether what the client sent begins with these bytes, or they with it.
    #[must_use]
    pub fn begins(&self, bytes: &[u8]) -> bool {
        !self.sent.is_empty() && self.differs(0, &bytes[..bytes.len().min(self.sent.len())]).is_none()
    }

    /// Where the answers that the client waited for end: it said something more behind each of them.
    #[must_use]
    pub fn answers(&self) -> Vec<usize> {
        let mut ends = vec![0];
        let (mut needs, mut end) = (0, 0);
        for delivery in &self.deliveries {
            if delivery.needs > needs {
                ends.push(end);
                needs = delivery.needs;
            }
            if let Told::Bytes(range) = &delivery.told {
                end = range.end;
            }
        }
        ends.push(end);
        ends
    }

    /// Where the mark of the end of an output stands, if this is the websocket of one: behind its last byte.
    #[must_use]
    pub fn mark(&self) -> Option<usize> {
        self.upgrade?;
        let head = b"Upgrade: websocket";
        let switched = self.received.windows(head.len()).position(|part| part.eq_ignore_ascii_case(head))?;
        let mut at =
            switched + self.received[switched..].windows(4).position(|part| part == b"\r\n\r\n")? + 4;
        while let [kind, length, rest @ ..] = &self.received[at..] {
            let (size, length) = match (*length, rest) {
                (126, [a, b, ..]) => (4, usize::from(*a) << 8 | usize::from(*b)),
                (127, [long @ .., _]) if long.len() >= 8 => {
                    (10, rest[..8].iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
                }
                (short, _) => (2, usize::from(short)),
            };
            at += size + length;
            if (*kind, length) == (0x81, 0) {
                return Some(at);
            }
        }
        None
    }
}

/// Where the head that asks for a websocket ends.
fn upgrade(sent: &[u8]) -> Option<usize> {
    let ask = b"Upgrade: websocket\r\n";
    let at = sent.windows(ask.len()).position(|part| part == ask)?;
    sent[at..].windows(4).position(|part| part == b"\r\n\r\n").map(|end| at + end + 4)
}

/// How much of what was sent was not pongs.
pub(super) fn weight(sent: &[u8]) -> usize {
    units(sent).iter().map(Vec::len).sum()
}

/// What a client sent on a connection, as far as it was for it to choose: requests as they are, then the
/// frames of a websocket without their masks, and without pongs, which come when they come.
#[must_use]
pub fn units(sent: &[u8]) -> Vec<Vec<u8>> {
    let (http, mut frames) = sent.split_at(upgrade(sent).unwrap_or(sent.len()));
    let mut units = vec![http.to_vec()];
    while let [kind, length, rest @ ..] = frames {
        let (size, length) = match (*length & 0x7f, rest) {
            (126, [a, b, ..]) => (4, usize::from(*a) << 8 | usize::from(*b)),
            (short, _) => (2, usize::from(short)),
        };
        let Some(frame) = frames.get(..size + 4 + length) else { break };
        let (mask, payload) = frame[size..].split_at(4);
        let plain = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        if *kind != 0x8a {
            units.push(std::iter::once(*kind).chain(plain).collect());
        }
        frames = &frames[size + 4 + length..];
    }
    units
}
