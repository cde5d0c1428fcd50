use std::io;
use std::sync::Arc;

use lxio_core::bytes::Chance;
use lxio_core::call::Call;
use lxio_core::flow::{Fault, Flow, IntoFlow, Unattended};
use lxio_core::model::Server;
use lxio_core::session::{Attempt, Cause, Error, Remote, Session};
use lxio_core::wire::{Buffers, Need};
use lxio_host::transcript::Tape;
use lxio_host::{candidates, seed};

use crate::Live;
use crate::dial::{Shared, Socket, dial};

/// A connection to one server. Cheap to clone; clones share its warm connections and can be used from
/// several threads at once.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

impl Client {
    /// Finds the server, connects and greets it (`GET /1.0`).
    ///
    /// # Errors
    /// [`ErrorKind::Unreachable`](crate::ErrorKind::Unreachable) if no socket answers, with each that was
    /// tried; [`ErrorKind::Output`](crate::ErrorKind::Output) if the transcript cannot be begun that
    /// [`Remote::transcript`] asks for; otherwise as [`call`](Self::call).
    pub fn connect(remote: impl Into<Remote>) -> Result<Self, Error> {
        let mut remote = remote.into();
        let seed = remote.seed.unwrap_or_else(seed);
        let tape = Tape::of(&remote, seed, env!("CARGO_PKG_NAME"))?;
        let mut tried = Vec::new();
        for candidate in candidates(&remote) {
            match dial(&candidate.path, tape.as_ref()) {
                Ok(mut socket) => {
                    remote.project = remote.project.or(candidate.project);
                    let mut chance = Chance::seeded(seed);
                    let greeting = Session::greeting();
                    let stranger = Session::stranger(&remote);
                    let mut attempt =
                        Attempt::begin(&stranger, &greeting.request, Buffers::new(), false, &mut chance)?;
                    let failed = |fault| Session::failed(&greeting.request, fault);
                    exchange(&mut socket, &mut attempt).map_err(failed)?;
                    let session = Session::greeted(&remote, attempt.conclude(&greeting)?)?;
                    let shared = Shared::new(session, candidate.path, chance.draw(), remote.idle, tape);
                    let client = Self { shared: Arc::new(shared) };
                    client.give_back(socket, attempt);
                    return Ok(client);
                }
                Err(error) => tried.push((candidate.path, error)),
            }
        }
        Err(Error::new(Cause::NoDaemon { tried }))
    }

    /// What the server is and how it is spoken to.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.shared.session
    }

    /// What the server said of itself when it was greeted. It is not asked again: for that there is
    /// `client.call(server().get())`.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.shared.session.server
    }

    /// Makes one call.
    ///
    /// A call is sent a second time only if the connection was an old one that the server had closed, and if
    /// the server cannot have acted on the first, or the call is idempotent.
    ///
    /// # Errors
    /// [`Error`] with what the server answered instead, or how the connection failed.
    pub fn call<T>(&self, call: Call<T>) -> Result<T, Error> {
        let request = &call.request;
        self.shared.session.check(request).map_err(|error| Error::from(error).at(request))?;
        let mut chance = Chance::seeded(0);
        let mut warm = self.shared.warm();
        loop {
            let (mut socket, buffers, is_warm) = match warm.take() {
                Some((socket, buffers)) => (socket, buffers, true),
                None => {
                    let socket =
                        self.shared.dial().map_err(|error| Session::failed(request, Fault::Dial(error)))?;
                    (socket, Buffers::new(), false)
                }
            };
            socket.serves(None);
            let mut attempt = Attempt::begin(&self.shared.session, request, buffers, is_warm, &mut chance)
                .map_err(|error| Error::from(error).at(request))?;
            match exchange(&mut socket, &mut attempt) {
                Ok(()) => {
                    let result = attempt.conclude(&call);
                    self.give_back(socket, attempt);
                    return result;
                }
                Err(_) if attempt.may_repeat(request) => self.shared.forget(),
                Err(fault) => return Err(Session::failed(request, fault)),
            }
        }
    }

    /// Runs a conversation to its end: a change until it is settled, a command with all its output, an edit.
    ///
    /// # Errors
    /// [`Error`] with why it came to no good end and what is known of the state it left.
    pub fn run<C>(&self, conversation: C) -> Result<<C::Flow as Flow>::Output, Error>
    where
        C: IntoFlow,
        C::Flow: Unattended,
    {
        Live::new(conversation.into_flow(), &self.shared).finish()
    }

    /// Starts a conversation to take part in: a command to talk to, events to follow, a body to stream.
    ///
    /// Returns when it stands: sockets are open, a subscription is made, the head of a download has come.
    ///
    /// # Errors
    /// [`Error`] if it came to no good end before that.
    pub fn start<C: IntoFlow>(&self, conversation: C) -> Result<Live<C::Flow>, Error> {
        let mut flow = conversation.into_flow();
        flow.live();
        let mut live = Live::new(flow, &self.shared);
        live.stand()?;
        Ok(live)
    }

    fn give_back(&self, socket: Socket, attempt: Attempt) {
        if let (buffers, lxio_core::wire::Reuse::Yes) = attempt.finish() {
            self.shared.rest(socket, buffers);
        }
    }
}

/// Moves the bytes of one exchange.
fn exchange(socket: &mut Socket, attempt: &mut Attempt) -> Result<(), Fault> {
    loop {
        let moved = match attempt.need()? {
            Need::Write(bytes) => Moved::Out(socket.write(bytes)),
            Need::Read(space) => Moved::In(socket.read(space)),
            // A call has its body in memory and collects its answer.
            Need::Fill(_) => Moved::Filled,
            Need::Take(bytes) => Moved::Taken(bytes.len()),
            Need::Done => return Ok(()),
        };
        match moved {
            Moved::Out(Ok(count)) if count > 0 => attempt.wrote(count),
            Moved::Out(Ok(_)) => attempt.write_failed(io::ErrorKind::WriteZero.into()),
            Moved::In(Ok(count)) => attempt.read(count),
            Moved::Out(Err(error)) | Moved::In(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Moved::Out(Err(error)) => attempt.write_failed(error),
            Moved::In(Err(error)) => return Err(attempt.read_failed(error)),
            Moved::Filled => attempt.filled(0),
            Moved::Taken(count) => attempt.took(count),
        }
    }
}

enum Moved {
    Out(io::Result<usize>),
    In(io::Result<usize>),
    Filled,
    Taken(usize),
}
