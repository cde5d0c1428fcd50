use http::StatusCode;

use super::Attempt;
use crate::call::Request;
use crate::flow::{Event, Fault, Message};
use crate::wire::{Buffers, Incoming, Need, Reuse, Websocket};

/// What a slot of a flow holds.
pub(super) enum Link {
    /// Nothing.
    Empty,
    /// A request that waits for a connection.
    Dial(Box<Request>),
    /// A request and its answer.
    Exchange(Box<Running>),
    /// A websocket.
    Socket(Box<Open>),
}

/// An exchange on its way.
pub(super) struct Running {
    pub(super) attempt: Attempt,
    pub(super) request: Request,
    /// The flow was told of the head of a streamed answer.
    pub(super) headed: bool,
}

/// A websocket that stands.
pub(super) struct Open {
    pub(super) socket: Websocket,
    /// Something was written and has not left.
    pub(super) unsent: bool,
    /// Writing failed. What had arrived before is still read.
    pub(super) deaf: bool,
    /// It is over; only the goodbye has yet to leave.
    pub(super) over: bool,
}

/// What has become of a link.
pub(super) enum News {
    /// Nothing.
    None,
    /// The flow was told something; the link goes on.
    Told,
    /// The link is over.
    Over,
    /// The connection speaks websocket now.
    Upgraded,
    /// The connection out of the pool was dead; the request needs a new one.
    Again(Box<Request>),
}

impl Running {
    /// Looks at the exchange and tells the flow by `tell` what became of it.
    pub(super) fn advance(&mut self, mut tell: impl FnMut(Event<'_>)) -> News {
        let done = match self.attempt.need() {
            Ok(Need::Done) => true,
            Ok(_) => false,
            Err(fault) => return self.fail(fault, tell),
        };
        if self.attempt.streams() && !self.headed {
            self.headed = true;
            if let Some(reply) = self.attempt.reply() {
                tell(Event::Head(reply));
            }
            return News::Told;
        }
        if !done {
            return News::None;
        }
        match self.attempt.reply() {
            Some(reply) if reply.status() == StatusCode::SWITCHING_PROTOCOLS => return News::Upgraded,
            Some(reply) => tell(Event::Reply(reply)),
            None => {}
        }
        News::Over
    }

    pub(super) fn fail(&self, fault: Fault, mut tell: impl FnMut(Event<'_>)) -> News {
        if self.attempt.may_repeat(&self.request) {
            return News::Again(Box::new(self.request.clone()));
        }
        tell(Event::Failed(fault));
        News::Over
    }

    /// The buffers, if the connection can carry another exchange.
    pub(super) fn into_reusable(self) -> Option<Buffers> {
        match self.attempt.finish() {
            (buffers, Reuse::Yes) => Some(buffers),
            _ => None,
        }
    }
}

impl Open {
    pub(super) const fn new(socket: Websocket) -> Self {
        Self { socket, unsent: false, deaf: false, over: false }
    }

    pub(super) fn send(&mut self, message: &Message) {
        self.unsent = true;
        if self.deaf {
            return;
        }
        match message {
            Message::Text(text) => self.socket.send_text(text),
            Message::Binary(bytes) => self.socket.send_binary(bytes),
        };
    }

    /// Looks for what arrived and tells the flow by `tell`.
    pub(super) fn advance(&mut self, mut tell: impl FnMut(Event<'_>)) -> News {
        let sent = self.deaf || self.socket.outgoing().is_empty();
        if self.over {
            return if sent { News::Over } else { News::None };
        }
        if self.unsent && sent {
            self.unsent = false;
            tell(Event::Drained);
            return News::Told;
        }
        let heard = self.socket.heard();
        match self.socket.next() {
            Ok(None) if heard => tell(Event::Heard),
            Ok(None) => return News::None,
            Ok(Some(Incoming::Binary { piece, .. })) => tell(Event::Binary(piece)),
            Ok(Some(Incoming::Text(text))) => tell(Event::Text(text)),
            Ok(Some(Incoming::Closing { .. })) => {
                tell(Event::Ended);
                self.over = true;
            }
            Ok(Some(Incoming::End)) => {
                tell(Event::Ended);
                return News::Over;
            }
            Err(error) => {
                tell(Event::Failed(Fault::Websocket(error)));
                self.over = true;
            }
        }
        News::Told
    }
}
