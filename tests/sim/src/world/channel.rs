use std::collections::VecDeque;

use bytes::Bytes;

/// A message on a websocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    Binary(Bytes),
    /// A text; an empty one is the end of a stream.
    Text(Bytes),
    /// A goodbye with this code.
    Close(u16),
}

/// More is not taken in until some of it is used.
const ROOM: usize = 64 << 10;

/// One websocket of an operation, seen from its other end: who waits for it to be connected, reads from it
/// and writes to it. The daemon's connection moves the messages.
#[derive(Debug, Default)]
pub(crate) struct Channel {
    /// What names it: only who knows it may connect.
    pub(crate) secret: String,
    pub(crate) connected: bool,
    /// What the client said, not looked at yet.
    pub(crate) said: VecDeque<Message>,
    /// What is to be told to the client.
    pub(crate) tell: VecDeque<Message>,
    /// The client says no more, though it may still listen.
    pub(crate) ended: bool,
    /// The client is gone.
    pub(crate) gone: bool,
    /// Nothing more will be told: the connection ends when what is to be told has left.
    pub(crate) over: bool,
    /// It has answered a ping.
    pub(crate) ponged: bool,
    /// When it is over, the connection is reset: something was not read.
    pub(crate) reset: bool,
    /// Bytes in `tell` and on their way out, as the connection last said.
    pub(crate) unsent: usize,
    said_bytes: usize,
}

impl Channel {
    pub(crate) fn new(secret: String) -> Self {
        Self { secret, ..Self::default() }
    }

    /// The client said this.
    pub(crate) fn hear(&mut self, message: Message) {
        if let Message::Binary(bytes) | Message::Text(bytes) = &message {
            self.said_bytes += bytes.len();
        }
        self.said.push_back(message);
    }

    /// The next thing that the client said.
    pub(crate) fn next(&mut self) -> Option<Message> {
        let message = self.said.pop_front()?;
        if let Message::Binary(bytes) | Message::Text(bytes) = &message {
            self.said_bytes -= bytes.len();
        }
        Some(message)
    }

    /// Puts back what could not be used yet.
    pub(crate) fn unread(&mut self, bytes: Bytes) {
        self.said_bytes += bytes.len();
        self.said.push_front(Message::Binary(bytes));
    }

    /// Nothing more will be heard.
    pub(crate) const fn is_ended(&self) -> bool {
        self.ended || self.gone
    }

    /// Whether more may be heard.
    pub(crate) const fn has_room(&self) -> bool {
        self.said_bytes < ROOM
    }

    /// Tells the client something.
    pub(crate) fn tell(&mut self, message: Message) {
        if let Message::Binary(bytes) | Message::Text(bytes) = &message {
            self.unsent += bytes.len();
        }
        self.tell.push_back(message);
    }

    /// How many more bytes may be told now.
    pub(crate) const fn space(&self) -> usize {
        ROOM.saturating_sub(self.unsent)
    }
}
