//! A client made by hand, for conversations that a good client does not have.

use std::time::Duration;

use lxio_core::bytes::Moment;
use lxio_core::call::Flavour;
use serde_json::{Value, json};

use crate::{Close, Conn, Daemon, Peer, Setup};

/// A daemon with an instance `c1` that runs, and one `s1` that was never started.
pub(super) struct Probe {
    pub(super) daemon: Daemon,
    now: Moment,
    /// Who connects from now on.
    pub(super) peer: Peer,
}

/// What came on a websocket.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Binary(Vec<u8>),
    Text(Vec<u8>),
    Close(u16),
    /// The connection has ended.
    End,
    /// It was reset.
    Reset,
}

/// Both flavours.
pub(super) fn each(test: impl Fn(Probe, bool)) {
    for flavour in [Flavour::Lxd, Flavour::Incus] {
        test(Probe::new(flavour), flavour == Flavour::Lxd);
    }
}

impl Probe {
    fn new(flavour: Flavour) -> Self {
        let mut it = Self {
            daemon: Daemon::new(Setup::of(flavour).seed(5)),
            now: Moment::default(),
            peer: Peer::Local,
        };
        for name in ["c1", "s1"] {
            let body = json!({ "name": name, "source": { "type": "image", "alias": "busybox" } });
            it.seen_through("POST", "/1.0/instances", &body);
        }
        it.seen_through("PUT", "/1.0/instances/c1/state", &json!({ "action": "start" }));
        it
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, milliseconds: u64) {
        self.now = self.now.plus(Duration::from_millis(milliseconds));
        self.daemon.advance(self.now);
    }

    pub(super) fn connect(&mut self) -> Conn {
        self.daemon.connect_as(self.peer.clone(), self.now).unwrap()
    }

    pub(super) fn send(&mut self, conn: Conn, bytes: &[u8]) {
        self.daemon.receive(conn, bytes, self.now);
    }

    /// The client says no more.
    pub(super) fn end(&mut self, conn: Conn) {
        self.daemon.ended(conn, self.now);
    }

    /// The client is gone.
    pub(super) fn leave(&mut self, conn: Conn) {
        self.daemon.reset(conn, self.now);
    }

    /// What has come on a connection.
    pub(super) fn take(&mut self, conn: Conn) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let piece = self.daemon.outgoing(conn).to_vec();
            if piece.is_empty() {
                return all;
            }
            self.daemon.sent(conn, piece.len());
            all.extend(piece);
        }
    }

    /// A request with a body, and the bytes of its answer.
    pub(super) fn raw(&mut self, head: &str, body: &[u8]) -> Vec<u8> {
        let conn = self.connect();
        let head = format!("{head} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
        self.send(conn, &[head.as_bytes(), body].concat());
        self.take(conn)
    }

    /// A request, the status of its answer, and its JSON.
    pub(super) fn ask(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.raw(&format!("{method} {path}"), body.as_bytes());
        let text = String::from_utf8(answer).unwrap();
        let json = text.find("\r\n\r\n").and_then(|at| text[at..].find('{').map(|from| &text[at + from..]));
        let mut json = serde_json::Deserializer::from_str(json.unwrap_or("null")).into_iter();
        (text[9..12].parse().unwrap(), json.next().unwrap().unwrap())
    }

    pub(super) fn get(&mut self, path: &str) -> Value {
        self.ask("GET", path, &Value::Null).1
    }

    /// Begins an operation: its object.
    pub(super) fn begin(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(method, path, body);
        assert_eq!(status, 202, "{answer}");
        answer["metadata"].clone()
    }

    fn seen_through(&mut self, method: &str, path: &str, body: &Value) {
        let operation = self.begin(method, path, body);
        self.pass(2000);
        assert_eq!(self.operation(&operation)["status"], "Success");
    }

    /// How an operation is now.
    pub(super) fn operation(&mut self, it: &Value) -> Value {
        let path = format!("/1.0/operations/{}", it["id"].as_str().unwrap());
        self.get(&path)["metadata"].clone()
    }

    /// Connects to a websocket of an operation.
    pub(super) fn socket(&mut self, it: &Value, fd: &str) -> Conn {
        let (id, secret) = (it["id"].as_str().unwrap(), it["metadata"]["fds"][fd].as_str().unwrap());
        let conn = self.connect();
        let head = format!(
            "GET /1.0/operations/{id}/websocket?secret={secret} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        self.send(conn, head.as_bytes());
        let piece = self.daemon.outgoing(conn).to_vec();
        assert!(piece.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&piece));
        self.daemon.sent(conn, piece.len());
        conn
    }

    /// Says something on a websocket.
    pub(super) fn say(&mut self, conn: Conn, code: u8, payload: &[u8]) {
        let mut frame = vec![0x80 | code, 0x80 | payload.len() as u8, 0, 0, 0, 0];
        frame.extend(payload);
        self.send(conn, &frame);
    }

    /// What has come on a websocket, without pings; binary messages in one.
    pub(super) fn frames(&mut self, conn: Conn) -> Vec<Frame> {
        let bytes = self.take(conn);
        let (mut rest, mut frames) = (&bytes[..], Vec::new());
        while let [head, length, tail @ ..] = rest {
            let (length, tail) = match length {
                126 => (usize::from(u16::from_be_bytes([tail[0], tail[1]])), &tail[2..]),
                127 => (u64::from_be_bytes(tail[..8].try_into().unwrap()) as usize, &tail[8..]),
                length => (usize::from(*length), tail),
            };
            let (payload, tail) = tail.split_at(length);
            rest = tail;
            match (head & 15, frames.last_mut()) {
                (2, Some(Frame::Binary(before))) => before.extend(payload),
                (2, _) => frames.push(Frame::Binary(payload.to_vec())),
                (1, _) => frames.push(Frame::Text(payload.to_vec())),
                (8, _) => frames.push(Frame::Close(u16::from_be_bytes([payload[0], payload[1]]))),
                _ => {}
            }
        }
        match self.daemon.closing(conn) {
            Some(Close::End) => frames.push(Frame::End),
            Some(Close::Reset) => frames.push(Frame::Reset),
            None => {}
        }
        frames
    }
}
