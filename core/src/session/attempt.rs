use std::io;

use super::watch::Watch;
use super::{Error, Session};
use crate::bytes::{Chance, Moment};
use crate::call::{Call, CallError, Request};
use crate::flow::Fault;
use crate::wire::{Buffers, Exchange, Guard, Line, Need, Reply, Reuse};

/// One try at a request on one connection: the exchange, and how the connection failed if it did.
///
/// The driver's loop over [`need`](Self::need) is all there is to a call:
///
/// ```text
/// loop {
///     match attempt.need()? {
///         Need::Write(bytes) => match socket.write(bytes) { Ok(n) => attempt.wrote(n), Err(e) => attempt.write_failed(e)? },
///         Need::Read(space)  => match socket.read(space)  { Ok(n) => attempt.read(n),  Err(e) => return Err(attempt.read_failed(e)) },
///         Need::Fill(_)      => attempt.filled(0),
///         Need::Take(bytes)  => { let n = bytes.len(); attempt.took(n) }
///         Need::Done         => break,
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Attempt {
    exchange: Exchange,
    guard: Guard,
    /// Whether another connection may do if this one fails.
    again: bool,
    broke: Option<io::Error>,
    patience: Watch,
    /// Something of the request may have reached the server.
    left: bool,
}

impl Attempt {
    /// Begins `request` on a connection; `again` says that another may do if this one fails: it came out of
    /// the pool, or there are other addresses.
    ///
    /// # Errors
    /// What is wrong with the request; nothing was sent.
    pub fn begin(
        session: &Session,
        request: &Request,
        line: impl Into<Line>,
        again: bool,
        chance: &mut Chance,
    ) -> Result<Self, CallError> {
        let (buffers, guard) = line.into().into_parts();
        Ok(Self {
            exchange: session.begin(request, buffers, chance)?,
            guard,
            again,
            broke: None,
            patience: Watch::new(session.patience, request.long_poll),
            left: false,
        })
    }

    /// What is needed next.
    ///
    /// # Errors
    /// How the connection failed. It must be closed.
    pub fn need(&mut self) -> Result<Need<'_>, Fault> {
        if self.guard.is_filtered() {
            self.guard.pass(&mut self.exchange);
            if let Some(error) = self.guard.failed() {
                let error = error.clone();
                return Err(match self.broke.take() {
                    // No answer explains why writing failed, so that is what there is to say.
                    Some(broke) if error.is_silent() => Fault::Io { error: broke, left: self.left },
                    _ => Fault::Filter { error, left: self.left },
                });
            }
            // What the exchange has said leaves before it is given more to say, or listens.
            let (moves, fills) = match self.exchange.need() {
                Ok(Need::Write(_) | Need::Read(_)) => (true, false),
                Ok(Need::Fill(_)) => (false, true),
                _ => (false, false),
            };
            if (moves || fills) && !self.guard.is_drained() {
                return Ok(self.guard.outgoing(&mut self.exchange).map_or(Need::Done, Need::Write));
            }
            if moves {
                return Ok(self.guard.space().map_or(Need::Done, Need::Read));
            }
        }
        let left = self.left;
        let broke = &mut self.broke;
        self.exchange.need().map_err(|error| match broke.take() {
            // No answer explains why writing failed, so that is what there is to say.
            Some(error) => Fault::Io { error, left },
            None => Fault::Wire { error, left },
        })
    }

    /// Where to read into, if there is anything to read: for [`Need::Read`], and while [`Need::Write`] waits for
    /// the connection. See [`Exchange::incoming`].
    pub fn incoming(&mut self) -> Option<&mut [u8]> {
        if !self.guard.is_filtered() {
            return self.exchange.incoming();
        }
        match self.need() {
            Ok(Need::Write(_) | Need::Read(_)) => self.guard.space(),
            _ => None,
        }
    }

    /// Says that the first `count` bytes of [`Need::Write`] left.
    pub fn wrote(&mut self, count: usize) {
        self.patience.moved();
        self.left |= count > 0 && (self.exchange.left() || !self.guard.is_filtered());
        self.guard.wrote(&mut self.exchange, count);
    }

    /// Says that `count` bytes were read into [`Need::Read`]; 0 is the end of the stream.
    pub fn read(&mut self, count: usize) {
        self.patience.moved();
        self.guard.read(&mut self.exchange, count);
    }

    /// Says that the first `count` bytes of [`Need::Fill`] are filled; 0 ends the body.
    pub fn filled(&mut self, count: usize) {
        self.patience.moved();
        self.exchange.filled(count);
    }

    /// Says that the first `count` bytes of [`Need::Take`] were taken.
    pub fn took(&mut self, count: usize) {
        self.patience.moved();
        self.exchange.took(count);
    }

    /// Says that writing failed. A server that answers early stops reading, so its answer is looked for.
    pub fn write_failed(&mut self, error: io::Error) {
        self.guard.write_failed(&error);
        self.broke.get_or_insert(error);
        self.exchange.write_failed();
    }

    /// The fault that a failure to read is.
    pub fn read_failed(&mut self, error: io::Error) -> Fault {
        self.guard.read_failed(&error);
        Fault::Io { error: self.broke.take().unwrap_or(error), left: self.left }
    }

    /// Until when the driver may wait for the socket, now that it has to; `None` for ever. When that moment
    /// has come and nothing moved, the call has failed: [`expired`](Self::expired).
    pub fn until(&mut self, now: Moment) -> Option<Moment> {
        if self.exchange.waits_for_caller() && self.guard.is_drained() {
            self.patience.pause(now);
            return None;
        }
        self.patience.until(self.guard.stands(), now)
    }

    /// The fault that waiting too long is.
    pub fn expired(&mut self) -> Fault {
        let error: io::Error = io::ErrorKind::TimedOut.into();
        self.guard.read_failed(&error);
        Fault::TimedOut { limit: self.patience.limit(), left: self.left }
    }

    /// Whether `request`, which failed here by `fault`, may be sent again on a new connection: another one may
    /// do, and the server cannot have acted on the request, or it does not matter if it did.
    #[must_use]
    pub fn may_repeat(&self, request: &Request, fault: &Fault) -> bool {
        let elsewhere = self.again && fault.is_transport();
        elsewhere && !self.exchange.answered() && (!self.left || request.idempotent)
    }

    /// The answer; see [`Exchange::reply`].
    #[must_use]
    pub fn reply(&self) -> Option<Reply<'_>> {
        self.exchange.reply()
    }

    /// Whether the answer's body is handed out by [`Need::Take`].
    #[must_use]
    pub const fn streams(&self) -> bool {
        self.exchange.streams()
    }

    /// The result of `call`, whose exchange is done.
    ///
    /// # Errors
    /// What the server answered instead of a `T`.
    pub fn conclude<T>(&self, call: &Call<T>) -> Result<T, Error> {
        let incomplete = CallError::Malformed { status: 0, why: "it is not complete".into() };
        let reply = self.reply().ok_or(incomplete);
        reply.and_then(|reply| call.decode(&reply)).map_err(|error| Error::from(error).at(&call.request))
    }

    /// Ends the attempt: the line for the next one, and whether it can carry it.
    #[must_use]
    pub fn finish(self) -> (Line, Reuse) {
        let (buffers, reuse) = self.exchange.finish();
        (Line::of(buffers, self.guard), reuse)
    }

    /// The parts of the line, for the protocol that follows on it.
    pub(super) fn into_parts(self) -> (Buffers, Guard) {
        (self.exchange.finish().0, self.guard)
    }
}
