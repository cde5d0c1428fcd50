use std::time::Duration;

use lxio_core::bytes::Moment;
use serde_json::Value;

use super::connection::{Manner, Phase, Role};
use super::script::Playing;
use super::{Close, Conn, Daemon, Seen, changes};
use crate::api;
use crate::http::{Answer, Method, Refusal, Request, Taken, Upgrade, encode, late_head};
use crate::websocket::{self, Reader, accept};
use crate::world::OperationId;

/// A body that is longer is not thrown away to keep the connection.
const DRAINED: u64 = 256 << 10;
/// How long the daemon listens on after an answer to half a request.
const LINGER: Duration = Duration::from_millis(500);
/// How long Incus keeps a connection without a request.
const IDLE: Duration = Duration::from_secs(30);
/// How often websockets are pinged.
pub(super) const PING: Duration = Duration::from_secs(10);

impl Daemon {
    /// Takes requests as long as there are any and the connection is free for them.
    pub(super) fn serve(&mut self, conn: Conn) {
        while let Some(connection) = self.connections.get_mut(&conn)
            && matches!(connection.phase, Phase::Requests)
            && connection.close.is_none()
        {
            match connection.intake.take() {
                Taken::Nothing => {
                    if connection.ended {
                        connection.close = Some(Close::End);
                    }
                    return;
                }
                Taken::Head(mut request) => {
                    request.peer = connection.peer.clone();
                    self.greet(conn, &request);
                }
                Taken::Whole(mut request) => {
                    request.peer = connection.peer.clone();
                    self.answer(conn, *request);
                }
                Taken::Refused(status, text) => {
                    encode(Answer::Plain(status, text), &Value::Null, "", true, &mut connection.out);
                    connection.close = Some(Close::End);
                }
            }
        }
    }

    /// A head has come whose body is still to come: perhaps nobody wants it.
    fn greet(&mut self, conn: Conn, request: &Request) {
        let refusal = if self.scripts.is_empty() { api::early(&mut self.world, request) } else { None };
        let now = self.world.now;
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let expects = request.field_text("expect").is_some_and(|it| it.eq_ignore_ascii_case("100-continue"));
        let length = request.field_text("content-length").and_then(|it| it.trim().parse::<u64>().ok());
        match refusal {
            // The rest is short: it is read, and the connection goes on.
            Some(_) if !expects && length.is_some_and(|it| it <= DRAINED) => {}
            Some(refusal) => {
                let keep = connection.intake.skip();
                self.requests += 1;
                let date = self.date.text(self.world.time_of_day());
                encode(Answer::Refused(refusal), &Value::Null, date, !keep, &mut connection.out);
                if !keep {
                    connection.phase = Phase::Deaf;
                    self.wake_at(conn, Some(now.plus(LINGER)));
                }
            }
            None if expects => connection.out.push(&b"HTTP/1.1 100 Continue\r\n\r\n"[..]),
            None => {}
        }
    }

    fn answer(&mut self, conn: Conn, request: Request) {
        self.requests += 1;
        if let Some(journal) = &mut self.journal {
            journal.push(Seen { line: request.line.clone(), body: request.body.clone() });
        }
        if let Some(script) = self.scripts.pop_front() {
            return self.play(conn, Playing::begin(script.answering(&request), self.world.now));
        }
        let says = |word: &str| {
            let text = request.field_text("connection").unwrap_or_default();
            text.split(',').any(|it| it.trim().eq_ignore_ascii_case(word))
        };
        let close = says("close") || (request.old && !says("keep-alive"));
        let answer = api::answer(&mut self.world, &request).unwrap_or_else(Answer::Refused);
        let answer = changes::by_operation(&mut self.world, &request, answer);
        match answer {
            Answer::Async(operation) if changes::is_at_once(&self.world, &request, &operation) => {
                let manner = Manner::Change(changes::location(&request));
                self.wait(conn, operation, None, manner, close);
            }
            Answer::Upgrade(upgrade) => self.upgrade(conn, &request, upgrade),
            Answer::Wait { operation, timeout } => {
                let headed = !self.world.is_lxd();
                let date = self.date.text(self.world.time_of_day());
                if let Some(connection) = self.connections.get_mut(&conn).filter(|_| headed) {
                    late_head(date, &mut connection.out);
                }
                self.wait(conn, operation, timeout, Manner::Wait { headed }, close);
            }
            answer => self.write(conn, answer, close, request.method),
        }
    }

    fn wait(
        &mut self,
        conn: Conn,
        operation: OperationId,
        timeout: Option<u64>,
        manner: Manner,
        close: bool,
    ) {
        let until = self.world.until(timeout);
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        connection.phase = Phase::Waiting { operation, manner, close };
        self.waiting.insert(conn);
        self.wake_at(conn, until);
        self.told(conn);
    }

    /// Writes an answer that is there whole.
    pub(super) fn write(&mut self, conn: Conn, answer: Answer, close: bool, method: Method) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let operation = match &answer {
            Answer::Async(id) => self.world.operations.get(id).map(crate::world::Operation::value),
            _ => None,
        };
        let date = self.date.text(self.world.time_of_day());
        let answer = match (method, answer) {
            // A head has no body, also when it refuses.
            (Method::Head, Answer::Refused(refusal)) => refused_head(&refusal),
            (_, answer) => answer,
        };
        let close = close || matches!(answer, Answer::Plain(..) | Answer::Nothing);
        encode(answer, &operation.unwrap_or_default(), date, close, &mut connection.out);
        connection.phase = Phase::Requests;
        if close {
            connection.close = Some(Close::End);
        }
        self.rest(conn);
    }

    fn upgrade(&mut self, conn: Conn, request: &Request, upgrade: Upgrade) {
        let now = self.world.now;
        let head = match &upgrade {
            Upgrade::Sftp(..) => Some(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: sftp\r\nConnection: Upgrade\r\n\r\n".to_vec(),
            ),
            Upgrade::Operation { .. } | Upgrade::Events { .. } => accept(request),
        };
        let Some(head) = head else {
            let reason = "websocket: the client is not using the websocket protocol: 'upgrade' token not found in 'Connection' header";
            let after = matches!(upgrade, Upgrade::Operation { .. }).then(|| Refusal::new(500, reason));
            return self.write(conn, Answer::NoUpgrade(after), false, request.method);
        };
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        connection.out.push(head);
        let mut reader = Reader::default();
        let (role, pings) = match upgrade {
            Upgrade::Operation { operation, fd } => {
                let it = self.world.operations.get_mut(&operation);
                let channel = it.and_then(|it| it.channels.get_mut(&fd)).filter(|it| !it.connected);
                match channel {
                    Some(channel) => {
                        channel.connected = true;
                        let pings = api::pings(&self.world, &operation);
                        (Role::Channel(operation, fd), pings)
                    }
                    None => (Role::Orphan, false),
                }
            }
            Upgrade::Events { kinds, project } => {
                self.world.listeners += 1;
                (Role::Events { kinds, project }, true)
            }
            Upgrade::Sftp(project, name) => {
                // The bytes that came with the head are lost.
                drop(connection.intake.drain());
                connection.phase = Phase::Stream(api::sftp(&mut self.world, &project, &name));
                self.sockets.insert(conn);
                return self.wake_at(conn, None);
            }
        };
        reader.push(&connection.intake.drain());
        if pings {
            websocket::push(websocket::Kind::Ping, &b"keepalive"[..], &mut connection.out);
        }
        connection.phase = Phase::Socket { reader, role, heard: now };
        self.sockets.insert(conn);
        self.wake_at(conn, pings.then(|| now.plus(PING)));
    }

    pub(super) fn play(&mut self, conn: Conn, mut playing: Playing) {
        let now = self.world.now;
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let due = playing.play(connection, now);
        if playing.is_over() {
            connection.phase = Phase::Requests;
            self.sockets.remove(&conn);
            // Who says that this was a whole answer? The next request, if one comes.
            return self.wake_at(conn, None);
        }
        connection.phase = Phase::Scripted(playing);
        self.sockets.insert(conn);
        self.wake_at(conn, due);
    }

    /// The connection has nothing to do: Incus closes it after a while.
    pub(super) fn rest(&mut self, conn: Conn) {
        let until = (!self.world.is_lxd()).then(|| self.world.now.plus(IDLE));
        self.wake_at(conn, until);
    }

    /// Looks at the connection again at this moment.
    pub(super) fn wake_at(&mut self, conn: Conn, at: Option<Moment>) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        if let Some(old) = std::mem::replace(&mut connection.wake, at) {
            self.wakes.remove(&(old, conn));
        }
        if let Some(at) = at {
            self.wakes.insert((at, conn));
        }
    }

    /// The connection is gone.
    pub(super) fn gone(&mut self, conn: Conn) {
        self.wake_at(conn, None);
        let Some(connection) = self.connections.remove(&conn) else { return };
        self.waiting.remove(&conn);
        self.sockets.remove(&conn);
        match connection.phase {
            Phase::Stream(session) => {
                let session = self.world.state.transfers.get_mut(&session);
                session.into_iter().for_each(|it| it.channel.gone = true);
            }
            Phase::Socket { role: Role::Channel(operation, fd), .. } => {
                let operation = self.world.operations.get_mut(&operation);
                if let Some(channel) = operation.and_then(|it| it.channels.get_mut(&fd)) {
                    channel.gone = true;
                }
            }
            Phase::Socket { role: Role::Events { .. }, .. } => {
                self.world.listeners = self.world.listeners.saturating_sub(1);
            }
            _ => {}
        }
    }
}

/// What a refusal is without its body: its length is told all the same.
fn refused_head(refusal: &Refusal) -> Answer {
    let body = crate::http::Body {
        status: refusal.code,
        kind: "application/json".into(),
        fields: vec![("X-Content-Type-Options".into(), b"nosniff".to_vec())],
        head_only: Some(Some(crate::http::length(refusal))),
        ..crate::http::Body::default()
    };
    Answer::Bytes(body)
}
