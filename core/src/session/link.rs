use http::StatusCode;

use super::Attempt;
use crate::call::Request;
use crate::flow::{Event, Fault, Message};
use crate::wire::{Guard, Incoming, Line, Need, Plain, Reuse, Websocket};

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
    pub(super) port: Port,
    pub(super) guard: Guard,
    /// Something was written and has not left.
    unsent: bool,
    /// It is over; only the goodbye has yet to leave.
    over: bool,
}

/// The websocket as bytes.
pub(super) struct Port {
    socket: Websocket,
    /// It has understood all that came.
    hungry: bool,
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
        if self.attempt.may_repeat(&self.request, &fault) {
            return News::Again(Box::new(self.request.clone()));
        }
        tell(Event::Failed(fault));
        News::Over
    }

    /// The line, if it can carry another exchange with the server of the session.
    pub(super) fn into_reusable(self) -> Option<Line> {
        match self.attempt.finish() {
            (line, Reuse::Yes) if self.request.origin.is_none() => Some(line),
            _ => None,
        }
    }
}

impl Open {
    pub(super) const fn new(socket: Websocket, guard: Guard) -> Self {
        Self { port: Port { socket, hungry: false }, guard, unsent: false, over: false }
    }

    pub(super) fn send(&mut self, message: &Message) {
        self.unsent = true;
        if self.guard.is_deaf() {
            return;
        }
        match message {
            Message::Text(text) => self.port.socket.send_text(text),
            Message::Binary(bytes) => self.port.socket.send_binary(bytes),
        };
    }

    pub(super) fn outgoing(&mut self) -> Option<&[u8]> {
        self.guard.outgoing(&mut self.port)
    }

    pub(super) fn incoming(&mut self) -> Option<&mut [u8]> {
        if self.over {
            return None;
        }
        self.guard.incoming(&mut self.port)
    }

    /// Whether all that was written has left, or never will.
    fn has_sent(&mut self) -> bool {
        self.guard.is_deaf() || (self.port.outgoing().is_none() && self.guard.is_drained())
    }

    /// Looks for what arrived and tells the flow by `tell`.
    pub(super) fn advance(&mut self, mut tell: impl FnMut(Event<'_>)) -> News {
        self.guard.pass(&mut self.port);
        if self.over {
            return if self.has_sent() { News::Over } else { News::None };
        }
        if self.unsent && self.has_sent() {
            self.unsent = false;
            tell(Event::Drained);
            return News::Told;
        }
        loop {
            let heard = self.port.socket.heard();
            match self.port.socket.next() {
                Ok(None) => {}
                Ok(Some(Incoming::Binary { piece, .. })) => {
                    tell(Event::Binary(piece));
                    return News::Told;
                }
                Ok(Some(Incoming::Text(text))) => {
                    tell(Event::Text(text));
                    return News::Told;
                }
                Ok(Some(Incoming::Closing { .. })) => {
                    tell(Event::Ended);
                    self.over = true;
                    return News::Told;
                }
                Ok(Some(Incoming::End)) => {
                    tell(Event::Ended);
                    return News::Over;
                }
                Err(error) => {
                    tell(Event::Failed(Fault::Websocket(error)));
                    self.over = true;
                    return News::Told;
                }
            }
            self.port.hungry = true;
            self.guard.pass(&mut self.port);
            if !self.port.hungry {
                continue;
            }
            if let Some(error) = self.guard.failed() {
                tell(Event::Failed(Fault::Filter { error: error.clone(), left: true }));
                return News::Over;
            }
            if heard {
                tell(Event::Heard);
                return News::Told;
            }
            return News::None;
        }
    }
}

impl Plain for Port {
    fn outgoing(&mut self) -> Option<&[u8]> {
        Some(self.socket.outgoing()).filter(|bytes| !bytes.is_empty())
    }

    fn wrote(&mut self, count: usize) {
        self.socket.wrote(count);
    }

    fn incoming(&mut self) -> Option<&mut [u8]> {
        self.hungry.then(|| self.socket.space())
    }

    fn read(&mut self, count: usize) {
        self.hungry = false;
        self.socket.read(count);
    }

    fn cut(&mut self) {
        // The servers themselves end a websocket in this way.
        self.read(0);
    }
}
