use std::io;

use super::{Error, Session};
use crate::bytes::Chance;
use crate::call::{Call, CallError, Request};
use crate::flow::Fault;
use crate::wire::{Buffers, Exchange, Need, Reply, Reuse};

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
    warm: bool,
    broke: Option<io::Error>,
}

impl Attempt {
    /// Begins `request` on a connection; `warm` says that it came out of the pool, with `buffers`.
    ///
    /// # Errors
    /// What is wrong with the request; nothing was sent.
    pub fn begin(
        session: &Session,
        request: &Request,
        buffers: Buffers,
        warm: bool,
        chance: &mut Chance,
    ) -> Result<Self, CallError> {
        Ok(Self { exchange: session.begin(request, buffers, chance)?, warm, broke: None })
    }

    /// What is needed next.
    ///
    /// # Errors
    /// How the connection failed. It must be closed.
    pub fn need(&mut self) -> Result<Need<'_>, Fault> {
        let left = self.exchange.left();
        let broke = &mut self.broke;
        self.exchange.need().map_err(|error| match broke.take() {
            // No answer explains why writing failed, so that is what there is to say.
            Some(error) => Fault::Io { error, left },
            None => Fault::Wire { error, left },
        })
    }

    /// Says that the first `count` bytes of [`Need::Write`] left.
    pub fn wrote(&mut self, count: usize) {
        self.exchange.wrote(count);
    }

    /// Says that `count` bytes were read into [`Need::Read`]; 0 is the end of the stream.
    pub fn read(&mut self, count: usize) {
        self.exchange.read(count);
    }

    /// Says that the first `count` bytes of [`Need::Fill`] are filled; 0 ends the body.
    pub fn filled(&mut self, count: usize) {
        self.exchange.filled(count);
    }

    /// Says that the first `count` bytes of [`Need::Take`] were taken.
    pub fn took(&mut self, count: usize) {
        self.exchange.took(count);
    }

    /// Says that writing failed. A server that answers early stops reading, so its answer is looked for.
    pub fn write_failed(&mut self, error: io::Error) {
        self.broke.get_or_insert(error);
        self.exchange.write_failed();
    }

    /// The fault that a failure to read is.
    pub fn read_failed(&mut self, error: io::Error) -> Fault {
        Fault::Io { error: self.broke.take().unwrap_or(error), left: self.exchange.left() }
    }

    /// Whether `request`, which failed here, may be sent again on a new connection: this one came out of
    /// the pool, and the server cannot have acted on the request, or it does not matter if it did.
    #[must_use]
    pub fn may_repeat(&self, request: &Request) -> bool {
        self.warm && !self.exchange.answered() && (!self.exchange.left() || request.idempotent)
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

    /// Ends the attempt: the buffers for the next one, and whether the connection can carry it.
    #[must_use]
    pub fn finish(self) -> (Buffers, Reuse) {
        self.exchange.finish()
    }
}
