use std::time::Duration;

use bytes::Bytes;
use lxio_core::bytes::Moment;

use super::connection::{Manner, Phase, Role};
use super::serve::PING;
use super::{Close, Conn, Daemon, changes};
use crate::api;
use crate::http::{Answer, Method, Refusal, late_chunk};
use crate::websocket::{self, Kind};
use crate::world::Status;

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

    /// Bytes have left a socket: there may be room for more.
    pub(super) fn refill(&mut self, conn: Conn) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        if matches!(connection.phase, Phase::Scripted(_)) {
            if let Phase::Scripted(playing) = std::mem::take(&mut connection.phase) {
                self.play(conn, playing);
                self.serve(conn);
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
