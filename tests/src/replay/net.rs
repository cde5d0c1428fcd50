use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use lxio_core::bytes::{Chance, Moment};

use super::tape::{Delivery, Tape, Told};

/// More turns than any conversation of a transcript takes, also byte by byte.
const MOST: usize = 2_000_000;

/// In which order the server's bytes come.
#[derive(Clone, Debug)]
pub enum Order {
    /// As recorded. What the client sends must be what was recorded, byte for byte.
    Recorded,
    /// As chance wants, in these pieces; only what the server answers comes after what it answers to.
    Any(Chance, Pieces),
}

/// How large the pieces are in which bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pieces {
    /// One byte.
    Single,
    /// Some.
    Some,
    /// All that the server had to say.
    All,
}

/// The server of a tape, and the connections to it.
pub struct Net {
    tape: Arc<Tape>,
    order: Order,
    /// Which of the tape's connections were made.
    bound: Vec<bool>,
    /// In recorded order: how many of the tape's deliveries were made.
    played: usize,
    sockets: Vec<Socket>,
    now: Moment,
    turns: usize,
    cut: Option<(usize, usize)>,
    gave_up: bool,
    fault: Option<String>,
}

/// The client's end of a connection.
#[derive(Default)]
struct Socket {
    /// Which of the tape's connections it is; known when the first bytes are sent.
    conn: Option<usize>,
    sent: Vec<u8>,
    inbox: VecDeque<u8>,
    /// The next delivery, and how many of its bytes came.
    next: usize,
    part: usize,
    /// The server ended it, perhaps by a reset.
    ended: Option<Option<i32>>,
    closed: bool,
}

impl Net {
    /// The server that a tape recorded.
    #[must_use]
    pub fn new(tape: Arc<Tape>, order: Order) -> Self {
        let bound = vec![false; tape.conns.len()];
        Self {
            tape,
            order,
            bound,
            played: 0,
            sockets: Vec::new(),
            now: Moment::default(),
            turns: 0,
            cut: None,
            gave_up: false,
            fault: None,
        }
    }

    /// Ends the connection after so many bytes from the server.
    #[must_use]
    pub const fn cut(mut self, conn: usize, after: usize) -> Self {
        self.cut = Some((conn, after));
        self
    }

    /// The time on it.
    #[must_use]
    pub const fn now(&self) -> Moment {
        self.now
    }

    /// What the client did that was not recorded, or that it never stopped.
    #[must_use]
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// What the client sent on each of the tape's connections.
    #[must_use]
    pub fn sent(&self) -> Vec<Vec<u8>> {
        let mut sent = vec![Vec::new(); self.tape.conns.len()];
        for socket in &self.sockets {
            if let Some(conn) = socket.conn {
                sent[conn].clone_from(&socket.sent);
            }
        }
        sent
    }

    /// A new connection.
    pub(super) fn dial(&mut self) -> usize {
        self.sockets.push(Socket::default());
        self.sockets.len() - 1
    }

    pub(super) fn close(&mut self, socket: usize) {
        self.sockets[socket].closed = true;
    }

    /// Whether nothing has come on a connection at rest.
    pub(super) fn is_silent(&self, socket: usize) -> bool {
        let socket = &self.sockets[socket];
        socket.inbox.is_empty() && socket.ended.is_none()
    }

    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) -> io::Result<usize> {
        self.turns += 1;
        let recorded = matches!(self.order, Order::Recorded);
        let count = match &mut self.order {
            Order::Any(chance, Pieces::Some) if self.sockets[at].conn.is_some() => {
                1 + usize::try_from(chance.draw()).unwrap_or(0) % bytes.len()
            }
            _ => bytes.len(),
        };
        let bytes = &bytes[..count];
        let Some(conn) = self.sockets[at].conn.or_else(|| self.bind(bytes)) else {
            if recorded {
                self.blame(format!("nobody sent this: {}", bytes.escape_ascii()));
            }
            self.sockets[at].ended = Some(None);
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let (socket, tape) = (&mut self.sockets[at], &self.tape.conns[conn]);
        socket.conn = Some(conn);
        if tape.refused || matches!(socket.ended, Some(Some(_))) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        socket.sent.extend_from_slice(bytes);
        if recorded && let Some(same) = tape.differs(0, &socket.sent) {
            let (new, old) = (&socket.sent[same..], &tape.sent[same.min(tape.sent.len())..]);
            let why = format!(
                "connection {conn} differs from byte {same}: sent {}, recorded {}",
                new.escape_ascii(),
                old.escape_ascii()
            );
            self.blame(why);
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(count)
    }

    /// The first connection of the tape that nobody made yet and that began with these bytes.
    fn bind(&mut self, bytes: &[u8]) -> Option<usize> {
        let free = |conn: &usize| !self.bound[*conn];
        let begins = |conn: &usize| self.tape.conns[*conn].begins(bytes);
        let all = 0..self.tape.conns.len();
        let found = all.clone().filter(free).find(begins);
        let found = found.or_else(|| all.filter(free).find(|conn| self.tape.conns[*conn].refused))?;
        self.bound[found] = true;
        Some(found)
    }

    /// Reads what has come; `None` if nothing has.
    pub(super) fn read(&mut self, at: usize, space: &mut [u8]) -> Option<io::Result<usize>> {
        self.turns += 1;
        let socket = &mut self.sockets[at];
        if socket.inbox.is_empty() {
            return match socket.ended {
                Some(None) => Some(Ok(0)),
                Some(Some(errno)) => Some(Err(io::Error::from_raw_os_error(errno))),
                // Where the server let nobody in.
                None if socket.conn.is_some_and(|conn| self.tape.conns[conn].refused) => Some(Ok(0)),
                None => None,
            };
        }
        let count = space.len().min(socket.inbox.len());
        for (byte, from) in space.iter_mut().zip(socket.inbox.drain(..count)) {
            *byte = from;
        }
        Some(Ok(count))
    }

    /// Lets the server say something, or time pass until then; `false` if neither helps.
    pub(super) fn advance(&mut self, until: Option<Moment>) -> bool {
        self.turns += 1;
        if self.turns > MOST {
            self.blame("the conversation goes on for ever".into());
            return false;
        }
        if self.fault.is_some() {
            return false;
        }
        let delivered = match &self.order {
            Order::Recorded => self.play(until),
            Order::Any(..) => self.shuffle(),
        };
        if delivered {
            return true;
        }
        if let Some(until) = until {
            self.now = self.now.max(until);
            return true;
        }
        if matches!(self.order, Order::Recorded) {
            self.blame("the client waits for what never came".into());
            return false;
        }
        // A server that has nothing more to say leaves.
        !std::mem::replace(&mut self.gave_up, true) && self.leave()
    }

    fn leave(&mut self) -> bool {
        for socket in &mut self.sockets {
            socket.ended.get_or_insert(None);
        }
        true
    }

    /// The next delivery of the recording whose request was sent.
    fn play(&mut self, until: Option<Moment>) -> bool {
        let tape = Arc::clone(&self.tape);
        while let Some((conn, number)) = tape.order.get(self.played) {
            let delivery = &tape.conns[*conn].deliveries[*number];
            let at = Moment::at(delivery.at);
            if until.is_some_and(|until| until < at) {
                return false;
            }
            let found = self.sockets.iter_mut().find(|socket| socket.conn == Some(*conn));
            let Some(socket) = found.filter(|socket| socket.sent.len() >= delivery.needs) else {
                return false;
            };
            self.played += 1;
            self.now = self.now.max(at);
            match &delivery.told {
                Told::Bytes(range) => socket.inbox.extend(&tape.conns[*conn].received[range.clone()]),
                Told::End => socket.ended = Some(None),
                Told::Reset(errno) => socket.ended = Some(Some(*errno)),
            }
            if !socket.closed {
                return true;
            }
        }
        false
    }

    /// A piece of what the server may say now, of a connection that chance chooses.
    fn shuffle(&mut self) -> bool {
        let tape = Arc::clone(&self.tape);
        let cut = self.cut;
        let next = |socket: &Socket| -> Option<Delivery> {
            let conn = socket.conn?;
            if socket.closed || socket.ended.is_some() {
                return None;
            }
            let delivery = tape.conns[conn].deliveries.get(socket.next)?;
            let come = match &delivery.told {
                Told::Bytes(range) => range.start + socket.part,
                _ => usize::MAX,
            };
            if cut.is_some_and(|(cut, after)| cut == conn && come >= after) {
                return Some(Delivery { told: Told::End, ..delivery.clone() });
            }
            (socket.sent.len() >= delivery.needs).then(|| delivery.clone())
        };
        let ready: Vec<_> =
            self.sockets.iter().enumerate().filter_map(|(at, socket)| Some((at, next(socket)?))).collect();
        let Order::Any(chance, pieces) = &mut self.order else { return false };
        if ready.is_empty() {
            return false;
        }
        let (at, delivery) = &ready[usize::try_from(chance.draw()).unwrap_or(0) % ready.len()];
        let socket = &mut self.sockets[*at];
        let conn = socket.conn.unwrap_or_default();
        match &delivery.told {
            Told::Bytes(range) => {
                let from = range.start + socket.part;
                let end = match cut {
                    Some((cut, after)) if cut == conn => range.end.min(after),
                    _ => range.end,
                };
                let count = match pieces {
                    Pieces::Single => 1,
                    Pieces::Some => 1 + usize::try_from(chance.draw()).unwrap_or(0) % (end - from),
                    Pieces::All => end - from,
                };
                socket.inbox.extend(&tape.conns[conn].received[from..from + count]);
                socket.part += count;
                if from + count == range.end {
                    (socket.next, socket.part) = (socket.next + 1, 0);
                }
                // What follows without a word of the client may come in the same piece.
                while *pieces == Pieces::All
                    && let Some(Delivery { told: Told::Bytes(range), needs, .. }) =
                        tape.conns[conn].deliveries.get(socket.next)
                    && *needs <= socket.sent.len()
                    && cut.is_none_or(|(cut, _)| cut != conn)
                {
                    socket.inbox.extend(&tape.conns[conn].received[range.clone()]);
                    socket.next += 1;
                }
            }
            Told::End => socket.ended = Some(None),
            Told::Reset(errno) => socket.ended = Some(Some(*errno)),
        }
        true
    }

    fn blame(&mut self, why: String) {
        self.fault.get_or_insert(why);
    }
}
