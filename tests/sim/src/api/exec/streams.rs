use bytes::Bytes;

use crate::machine::process::{CommandId, Machine, Stream};
use crate::world::{Channel, Message};

/// A command, and the machine that it runs on.
pub(super) struct Running<'a> {
    pub(super) machine: &'a mut Machine,
    pub(super) command: CommandId,
}

/// What the client has said of its end of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Input {
    #[default]
    Open,
    /// A text message, or the end of the connection's direction: there is no more.
    Ended,
    /// A goodbye.
    Left,
}

impl Running<'_> {
    /// Gives to the command what came on a socket, as much as it takes. Whether anything moved.
    pub(super) fn feed(&mut self, channel: &mut Channel, input: &mut Input) -> bool {
        let mut moved = false;
        while *input == Input::Open {
            match channel.next() {
                Some(Message::Binary(bytes)) => {
                    let taken = self.machine.push(self.command, &bytes);
                    moved |= taken > 0;
                    if taken < bytes.len() {
                        channel.unread(bytes.slice(taken..));
                        return moved;
                    }
                }
                Some(Message::Text(_)) => *input = Input::Ended,
                Some(Message::Close(_)) => *input = Input::Left,
                None if channel.is_ended() => *input = Input::Ended,
                None => return moved,
            }
            moved = true;
        }
        moved
    }

    /// Tells a client what the command has written, as much as there is room for. Whether anything moved.
    pub(super) fn drain(&mut self, channel: &mut Channel, stream: Stream, piece: usize) -> bool {
        let mut moved = false;
        while channel.space() > 0 {
            let bytes = self.machine.take(self.command, stream, piece);
            if bytes.is_empty() {
                break;
            }
            channel.tell(Message::Binary(bytes));
            moved = true;
        }
        moved
    }

    /// Takes what the command has written. Whether there was anything.
    pub(super) fn collect(&mut self, stream: Stream, mut keep: impl FnMut(Bytes)) -> bool {
        let mut moved = false;
        loop {
            let bytes = self.machine.take(self.command, stream, usize::MAX);
            if bytes.is_empty() {
                return moved;
            }
            keep(bytes);
            moved = true;
        }
    }

    pub(super) fn is_ended(&self, stream: Stream) -> bool {
        self.machine.is_ended(self.command, stream)
    }
}

/// Looks whether the client has ended its input or left; nobody takes what it says.
pub(super) fn look(channel: &mut Channel, input: &mut Input) -> bool {
    let before = *input;
    while *input != Input::Left {
        match channel.next() {
            Some(Message::Binary(_)) => {}
            Some(Message::Text(_)) => *input = Input::Ended,
            Some(Message::Close(_)) => *input = Input::Left,
            None => {
                if channel.is_ended() {
                    *input = Input::Ended;
                }
                break;
            }
        }
    }
    *input != before
}

/// Tells a client that there is no more.
pub(super) fn mark(channel: &mut Channel) {
    channel.tell(Message::Text(Bytes::new()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_looked_at_once() {
        let mut channel = Channel::new("secret".into());
        channel.hear(Message::Binary(Bytes::from_static(b"nobody takes this")));
        channel.ended = true;
        let mut input = Input::Open;
        assert!(look(&mut channel, &mut input));
        assert_eq!(input, Input::Ended);
        assert!(!look(&mut channel, &mut input));
    }
}
