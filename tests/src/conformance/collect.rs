use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Body, Socket};
use crate::recorder::{Direction, Observer, Seen};
use crate::traffic::{Piece, Traffic};

/// A request, its answer, and what became of the connection when it was upgraded.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    /// The request's method.
    pub method: String,
    /// Its target, as sent.
    pub target: String,
    /// Its header fields; their names in lower case.
    pub fields: Vec<(String, String)>,
    /// Its body.
    pub body: Body,
    /// Whether the body was sent to its end.
    pub whole: bool,
    /// The answer, if its head came.
    pub answer: Option<Answer>,
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its header fields; their names in lower case.
    pub fields: Vec<(String, String)>,
    /// Its body.
    pub body: Body,
    /// Whether the body came to its end before the client went away.
    pub whole: bool,
    /// What came after a 101.
    pub socket: Option<Socket>,
}

impl Answer {
    /// Whether the body lasts until the connection ends.
    fn lasts(&self) -> bool {
        !self.fields.iter().any(|(name, _)| name == "content-length" || name == "transfer-encoding")
    }
}

/// Observes one recorder and keeps every exchange that passes it, in the order of the requests.
#[derive(Debug, Default)]
pub struct Collector {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How many things have happened.
    now: u64,
    exchanges: Vec<Exchange>,
    connections: HashMap<u64, Connection>,
}

/// Indices into the exchanges.
#[derive(Debug, Default)]
struct Connection {
    traffic: Traffic,
    /// Whose body is being sent.
    sending: Option<usize>,
    /// Who has no answer yet.
    pending: VecDeque<usize>,
    /// Whose answer is coming, or came last.
    receiving: Option<usize>,
    client_ended: bool,
    server_ended: bool,
}

impl Collector {
    /// All exchanges so far.
    pub fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.state()).exchanges
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Collector {
    fn seen(&self, conn: u64, what: Seen<'_>) {
        let mut state = self.state();
        let State { now, exchanges, connections } = &mut *state;
        *now += 1;
        let connection = connections.entry(conn).or_default();
        match what {
            Seen::Data(direction, bytes) => connection.data(direction, bytes, *now, exchanges),
            Seen::Eof(Direction::ToServer) | Seen::Reset(Direction::ToServer, _) => {
                connection.client_ended = true;
                let receiving = connection.receiving.and_then(|at| exchanges[at].answer.as_mut());
                if let Some(socket) = receiving.and_then(|it| it.socket.as_mut())
                    && !connection.server_ended
                {
                    socket.left.get_or_insert(*now);
                }
            }
            Seen::Eof(Direction::ToClient) | Seen::Reset(Direction::ToClient, _) => {
                let receiving = connection.receiving.and_then(|at| exchanges[at].answer.as_mut());
                connection.server_ended = true;
                if let Some(answer) = receiving {
                    answer.whole |= answer.lasts() && !connection.client_ended;
                }
            }
            Seen::Closed => {
                connections.remove(&conn);
            }
            Seen::Open | Seen::WriteFailed(..) | Seen::ConnectFailed(_) => {}
        }
    }
}

impl Connection {
    fn data(&mut self, direction: Direction, bytes: &[u8], now: u64, exchanges: &mut Vec<Exchange>) {
        let Self { traffic, sending, pending, receiving, client_ended, .. } = self;
        traffic.read(direction, bytes, |piece| match piece {
            Piece::Request { method, target, fields } => {
                *sending = Some(exchanges.len());
                pending.push_back(exchanges.len());
                exchanges.push(Exchange {
                    method: method.to_owned(),
                    target: target.to_owned(),
                    fields: named(fields),
                    ..Exchange::default()
                });
            }
            Piece::Answer { status, fields, .. } => {
                *receiving = pending.pop_front();
                let Some(at) = *receiving else { return };
                let fields = named(fields);
                let websocket = fields
                    .iter()
                    .any(|(name, value)| name == "upgrade" && value.eq_ignore_ascii_case("websocket"));
                let socket =
                    (status == 101).then(|| if websocket { Socket::default() } else { Socket::raw() });
                let body = Body::default();
                exchanges[at].answer = Some(Answer { status, fields, body, whole: false, socket });
            }
            Piece::Body(bytes) if direction == Direction::ToServer => {
                if let Some(at) = *sending {
                    exchanges[at].body.push(bytes);
                }
            }
            Piece::Upgraded(_) if direction == Direction::ToServer => {}
            Piece::End if direction == Direction::ToServer => {
                if let Some(at) = sending.take() {
                    exchanges[at].whole = true;
                }
            }
            Piece::Body(_) | Piece::Upgraded(_) | Piece::End => {
                let Some(answer) = receiving.and_then(|at| exchanges[at].answer.as_mut()) else { return };
                match (piece, &mut answer.socket) {
                    (Piece::Upgraded(bytes), Some(socket)) => socket.push(bytes, now),
                    (Piece::Body(bytes), _) => answer.body.push(bytes),
                    _ => answer.whole = !*client_ended,
                }
            }
        });
    }
}

fn named(fields: &[httparse::Header<'_>]) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    fields.iter().map(|field| (field.name.to_ascii_lowercase(), text(field.value))).collect()
}
