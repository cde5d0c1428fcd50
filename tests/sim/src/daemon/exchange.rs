use bytes::Bytes;
use lxio_core::bytes::Moment;

use super::connection::{Connection, Phase, Role};
use super::{Close, Conn, Daemon};
use crate::http::Outbox;
use crate::websocket::{self, Heard, Kind};
use crate::world::{Channel, Message};

impl Daemon {
    /// Moves what there is between a connection and the channel at its other end; whether anything moved.
    pub(super) fn exchange(&mut self, conn: Conn) -> bool {
        let now = self.world.now;
        let Some(connection) = self.connections.get_mut(&conn) else { return false };
        if connection.close.is_some() {
            return false;
        }
        match &connection.phase {
            Phase::Socket { role: Role::Channel(operation, fd), .. } => {
                let operation = self.world.operations.get_mut(operation);
                let channel = operation.and_then(|it| it.channels.get_mut(fd));
                match channel {
                    Some(channel) => converse(connection, channel, now),
                    // Its operation is forgotten.
                    None => end(connection),
                }
            }
            Phase::Socket { .. } => listen(connection, now),
            Phase::Stream(session) => match self.world.state.transfers.get_mut(session) {
                Some(session) => stream(connection, &mut session.channel),
                None => end(connection),
            },
            Phase::Requests | Phase::Waiting { .. } | Phase::Deaf | Phase::Scripted(_) => false,
        }
    }
}

fn end(connection: &mut Connection) -> bool {
    connection.close = Some(Close::End);
    true
}

/// A websocket whose client says nothing that anybody wants to hear; whatever it says ends it.
fn listen(connection: &mut Connection, now: Moment) -> bool {
    let Phase::Socket { reader, heard, .. } = &mut connection.phase else { return false };
    let mut moved = false;
    while let Some(said) = reader.take() {
        (moved, *heard) = (true, now);
        if answered(said, &mut connection.out).is_some() {
            connection.close = Some(Close::End);
        }
    }
    if connection.ended { end(connection) } else { moved }
}

/// A websocket and its channel.
fn converse(connection: &mut Connection, channel: &mut Channel, now: Moment) -> bool {
    let mut moved = hear(connection, channel, now);
    // While there is no room, something may wait to be heard.
    moved |= left(connection.ended && channel.has_room(), channel);
    while let Some(message) = channel.tell.pop_front() {
        moved = true;
        match message {
            Message::Binary(bytes) => websocket::push(Kind::Binary, bytes, &mut connection.out),
            Message::Text(bytes) => websocket::push(Kind::Text, bytes, &mut connection.out),
            Message::Close(code) => websocket::close(code, "", &mut connection.out),
        }
    }
    channel.unsent = connection.out.len();
    if channel.over {
        connection.unread = channel.reset;
        return end(connection);
    }
    moved
}

/// Hands the channel what the client said, as far as it has room.
fn hear(connection: &mut Connection, channel: &mut Channel, now: Moment) -> bool {
    let Connection { phase: Phase::Socket { reader, heard, .. }, out, close, .. } = connection else {
        return false;
    };
    let mut moved = false;
    while channel.has_room() {
        let Some(said) = reader.take() else { break };
        (moved, *heard) = (true, now);
        channel.ponged |= said == Heard::Pong;
        if matches!(said, Heard::Wrong(_)) {
            *close = Some(Close::End);
        }
        if let Some(message) = answered(said, out) {
            channel.hear(message);
        }
    }
    moved
}

/// Answers what the protocol itself answers; what is left is a message.
fn answered(said: Heard, out: &mut Outbox) -> Option<Message> {
    match said {
        Heard::Pong => None,
        Heard::Ping(payload) => {
            websocket::push(Kind::Pong, payload, out);
            None
        }
        Heard::Binary(piece) => Some(Message::Binary(piece.freeze())),
        Heard::Text(text) => Some(Message::Text(text.freeze())),
        Heard::Close(payload) => {
            let code = payload.get(..2).map_or(1005, |it| u16::from_be_bytes([it[0], it[1]]));
            websocket::push(Kind::Close, payload, out);
            Some(Message::Close(code))
        }
        Heard::Wrong(why) => {
            websocket::close(1002, why, out);
            Some(Message::Close(1002))
        }
    }
}

/// Bytes without frames, and their channel.
fn stream(connection: &mut Connection, channel: &mut Channel) -> bool {
    let bytes = if channel.has_room() { connection.intake.drain() } else { Bytes::new() };
    let mut moved = !bytes.is_empty();
    if moved {
        channel.hear(Message::Binary(bytes));
    }
    moved |= left(connection.ended && connection.intake.waiting() == 0, channel);
    while let Some(message) = channel.tell.pop_front() {
        if let Message::Binary(bytes) = message {
            connection.out.push(bytes);
            moved = true;
        }
    }
    channel.unsent = connection.out.len();
    moved
}

/// Tells the channel that nothing more comes; whether that is new.
const fn left(ended: bool, channel: &mut Channel) -> bool {
    let news = ended && !channel.ended;
    channel.ended |= ended;
    news
}
