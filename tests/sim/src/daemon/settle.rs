use std::time::Duration;

use bytes::Bytes;
use lxio_core::bytes::Moment;

use super::connection::{Manner, Phase, Role};
use super::serve::PING;
use super::{Close, Conn, Daemon, changes};
use crate::api;
use crate::http::{Answer, Method, Refusal, late_chunk};
use crate::websocket::{self, Heard, Kind};
use crate::world::{Message, Status};

/// A listener that is silent for longer is cut off.
const SILENCE: Duration = Duration::from_secs(30);
/// A listener that leaves more unread is cut off.
const UNREAD: usize = 1 << 20;

impl Daemon {
    /// Lets everything that has happened reach whom it concerns, until nothing moves.
    pub(super) fn settle(&mut self) {
        loop {
            let mut moved = api::step(&mut self.world);
            let sockets: Vec<_> = self.sockets.iter().copied().collect();
            for conn in sockets {
                moved |= self.exchange(conn);
            }
            for event in std::mem::take(&mut self.world.told) {
                moved = true;
                self.spread(event.kind, event.project.as_deref(), &event.text);
            }
            let ended = std::mem::take(&mut self.world.ended);
            if !ended.is_empty() && !self.waiting.is_empty() {
                moved = true;
                for conn in self.waiting.iter().copied().collect::<Vec<_>>() {
                    self.told(conn);
                }
            }
            if std::mem::take(&mut self.world.crashed) {
                self.kill();
            }
            if !moved {
                return;
            }
        }
    }

    /// Answers a wait whose operation has ended.
    pub(super) fn told(&mut self, conn: Conn) {
        let Some(connection) = self.connections.get(&conn) else { return };
        let Phase::Waiting { operation, manner, .. } = &connection.phase else { return };
        let change = matches!(manner, Manner::Change(_));
        match self.world.operations.get(operation) {
            Some(it) if !it.status.is_final() => {}
            Some(it) if (change || !self.world.is_lxd()) && it.status == Status::Failure => {
                let refusal = Refusal::new(it.err_code, it.err.clone());
                self.answer_wait(conn, Err(refusal));
            }
            Some(it) => {
                let value = it.value();
                self.answer_wait(conn, Ok(value));
            }
            None => self.answer_wait(conn, Err(Refusal::new(404, "Operation not found"))),
        }
    }

    fn answer_wait(&mut self, conn: Conn, said: Result<serde_json::Value, Refusal>) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let Phase::Waiting { manner, close, .. } = std::mem::take(&mut connection.phase) else { return };
        self.waiting.remove(&conn);
        match manner {
            Manner::Wait { headed: true } => {
                late_chunk(said.as_ref(), &mut connection.out);
                if close {
                    connection.close = Some(Close::End);
                }
                self.rest(conn);
            }
            Manner::Wait { headed: false } => {
                let answer =
                    said.map_or_else(Answer::Refused, |metadata| Answer::Sync { metadata, etag: None });
                self.write(conn, answer, close, Method::Get);
            }
            Manner::Change(location) => {
                let done = || location.map_or_else(changes::done, Answer::Created);
                self.write(conn, said.map_or_else(Answer::Refused, |_| done()), close, Method::Get);
            }
        }
        self.serve(conn);
    }

    /// Tells an event to those who listen to such.
    fn spread(&mut self, kind: &str, project: Option<&str>, text: &str) {
        let payload = Bytes::copy_from_slice(text.as_bytes());
        for conn in &self.sockets {
            let Some(connection) = self.connections.get_mut(conn) else { continue };
            let Phase::Socket { role: Role::Events { kinds, project: wanted }, .. } = &connection.phase
            else {
                continue;
            };
            let of_kind = kinds.iter().any(|it| it == kind);
            let of_project = project.is_none() || wanted.is_none() || wanted.as_deref() == project;
            if of_kind && of_project && connection.close.is_none() {
                if connection.out.len() > UNREAD {
                    connection.close = Some(Close::End);
                    connection.out.clear();
                } else {
                    websocket::push(Kind::Text, payload.clone(), &mut connection.out);
                }
            }
        }
    }

    /// Moves what there is between a socket and its channel; whether anything moved.
    fn exchange(&mut self, conn: Conn) -> bool {
        let now = self.world.now;
        let Some(connection) = self.connections.get_mut(&conn) else { return false };
        if connection.close.is_some() {
            return false;
        }
        let mut moved = false;
        match &mut connection.phase {
            Phase::Socket { reader, role, heard } => {
                let mut channel = match role {
                    Role::Channel(operation, fd) => {
                        self.world.operations.get_mut(operation).and_then(|it| it.channels.get_mut(fd))
                    }
                    Role::Events { .. } | Role::Orphan => None,
                };
                while channel.as_ref().is_none_or(|it| it.has_room()) {
                    let Some(said) = reader.take() else { break };
                    moved = true;
                    *heard = now;
                    let message = match said {
                        Heard::Ping(payload) => {
                            websocket::push(Kind::Pong, payload, &mut connection.out);
                            continue;
                        }
                        Heard::Pong => {
                            channel.iter_mut().for_each(|it| it.ponged = true);
                            continue;
                        }
                        Heard::Binary(piece) => Message::Binary(piece.freeze()),
                        Heard::Text(text) => Message::Text(text.freeze()),
                        Heard::Close(payload) => {
                            let code = payload.get(..2).map_or(1005, |it| u16::from_be_bytes([it[0], it[1]]));
                            websocket::push(Kind::Close, payload, &mut connection.out);
                            Message::Close(code)
                        }
                        Heard::Wrong(why) => {
                            websocket::close(1002, why, &mut connection.out);
                            connection.close = Some(Close::End);
                            Message::Close(1002)
                        }
                    };
                    match (&mut channel, message) {
                        (Some(channel), message) => channel.hear(message),
                        // A listener is to listen: whatever it says ends the connection.
                        (None, _) => connection.close = Some(Close::End),
                    }
                }
                if let Some(channel) = channel {
                    if connection.ended && !channel.gone {
                        channel.gone = true;
                        moved = true;
                    }
                    while let Some(message) = channel.tell.pop_front() {
                        moved = true;
                        match message {
                            Message::Binary(bytes) => {
                                websocket::push(Kind::Binary, bytes, &mut connection.out)
                            }
                            Message::Text(bytes) => websocket::push(Kind::Text, bytes, &mut connection.out),
                            Message::Close(code) => websocket::close(code, "", &mut connection.out),
                        }
                    }
                    channel.unsent = connection.out.len();
                    if channel.over {
                        connection.close = Some(Close::End);
                        connection.unread = channel.reset;
                        moved = true;
                    }
                } else if connection.ended {
                    connection.close = Some(Close::End);
                    moved = true;
                } else if matches!(role, Role::Channel(..)) {
                    // Its operation is forgotten.
                    connection.close = Some(Close::End);
                    moved = true;
                }
            }
            Phase::Stream(session) => {
                let session = self.world.state.transfers.get_mut(session);
                let Some(channel) = session.map(|it| &mut it.channel) else {
                    connection.close = Some(Close::End);
                    return true;
                };
                let bytes = if channel.has_room() { connection.intake.drain() } else { Bytes::new() };
                if !bytes.is_empty() {
                    channel.hear(Message::Binary(bytes));
                    moved = true;
                }
                if connection.ended && connection.intake.waiting() == 0 && !channel.gone {
                    channel.gone = true;
                    moved = true;
                }
                while let Some(message) = channel.tell.pop_front() {
                    if let Message::Binary(bytes) = message {
                        connection.out.push(bytes);
                        moved = true;
                    }
                }
                channel.unsent = connection.out.len();
            }
            Phase::Requests | Phase::Waiting { .. } | Phase::Deaf | Phase::Scripted(_) => {}
        }
        moved
    }

    /// Bytes have left a socket: there may be room for more.
    pub(super) fn refill(&mut self, conn: Conn) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        if matches!(connection.phase, Phase::Scripted(_)) {
            if let Phase::Scripted(playing) = std::mem::take(&mut connection.phase) {
                self.play(conn, playing);
            }
        } else {
            self.exchange(conn);
            self.settle();
        }
    }

    /// Looks at the connections whose moment has come.
    pub(super) fn wake(&mut self, now: Moment) {
        while let Some((_, conn)) = self.wakes.first().copied().filter(|(moment, _)| *moment <= now) {
            self.wake_at(conn, None);
            let Some(connection) = self.connections.get_mut(&conn) else { continue };
            match &connection.phase {
                Phase::Requests if connection.intake.is_amid() || connection.out.len() > 0 => {}
                Phase::Requests => connection.close = Some(Close::End),
                Phase::Deaf => connection.close = Some(Close::Reset),
                Phase::Waiting { operation, .. } => {
                    let late = if self.world.is_lxd() {
                        let value = self.world.operations.get(operation).map(crate::world::Operation::value);
                        value.ok_or_else(|| Refusal::new(404, "Operation not found"))
                    } else {
                        Err(Refusal::new(500, "context deadline exceeded"))
                    };
                    self.answer_wait(conn, late);
                }
                Phase::Socket { role, heard, .. } => {
                    if matches!(role, Role::Events { .. }) && now.since(*heard) >= SILENCE {
                        connection.close = Some(Close::End);
                    } else {
                        websocket::push(Kind::Ping, &b"keepalive"[..], &mut connection.out);
                        self.wake_at(conn, Some(now.plus(PING)));
                    }
                }
                Phase::Stream(..) => {}
                Phase::Scripted(_) => self.refill(conn),
            }
        }
    }
}
