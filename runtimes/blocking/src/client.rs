use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use lxio_core::bytes::Chance;
use lxio_core::call::Call;
use lxio_core::flow::{Fault, Flow, IntoFlow, Unattended};
use lxio_core::model::Server;
use lxio_core::session::{Attempt, Error, Remote, Session};
use lxio_core::wire::{Need, Reuse};
use lxio_host::Destination;
use rustix::net::RecvFlags;

use crate::Live;
use crate::dial::{Shared, There};
use crate::socket::{Dialler, Socket};

/// A connection to one server. Cheap to clone; clones share its warm connections and can be used from
/// several threads at once.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
}

impl Client {
    /// Finds the server, connects and greets it (`GET /1.0`).
    ///
    /// A server of the network that does not trust this client answers, too, and shows little:
    /// [`Server::is_trusted`] tells.
    ///
    /// # Errors
    /// [`ErrorKind::Unreachable`](crate::ErrorKind::Unreachable) if none of its sockets or addresses answers,
    /// with each that was tried; [`ErrorKind::UnverifiedServer`](crate::ErrorKind::UnverifiedServer) if it is
    /// not the right one; [`ErrorKind::Output`](crate::ErrorKind::Output) if the transcript cannot be begun
    /// that [`Remote::transcript`] asks for; otherwise as [`call`](Self::call).
    pub fn connect(remote: impl Into<Remote>) -> Result<Self, Error> {
        Self::greet(There::new(remote.into(), None)?)
    }

    /// Greets a server on connections that the caller makes: a tunnel, a vsock, a pair of sockets
    /// with another process at its end. They are stream sockets that block.
    /// `dial` is asked for each connection; a conversation may need several at once.
    ///
    /// What is spoken on them is what the remote says: TLS for [`Remote::https`], and nothing around the plain
    /// bytes otherwise.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub fn connect_with<S: Into<OwnedFd>>(
        remote: impl Into<Remote>,
        dial: impl Fn() -> io::Result<S> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        Self::greet(There::new(remote.into(), Some(Dialler::new(dial)))?)
    }

    /// Greets the same server anew: what it says of itself and of this client may have changed, as it does when
    /// the client joins it. The new client shares no connection with this one.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub fn reconnect(&self) -> Result<Self, Error> {
        Self::greet(Arc::clone(&self.shared.there))
    }

    pub(crate) fn greet(there: Arc<There>) -> Result<Self, Error> {
        let Destination { remote, route, .. } = &there.destination;
        let greeting = Session::greeting();
        let request = &greeting.request;
        let stranger = Shared::new(Session::stranger(remote), Arc::clone(&there), there.seed);
        let mut tried = Vec::new();
        for number in 0..route.len() {
            let Some(way) = route.way(number) else { break };
            let fault = match there.dial_way(way, number) {
                Ok((mut socket, line)) => {
                    let mut chance = Chance::seeded(there.seed);
                    let mut attempt = Attempt::begin(&stranger.session, request, line, false, &mut chance)?;
                    match exchange(&mut socket, &mut attempt, &stranger) {
                        Ok(()) => {
                            let mut session = Session::greeted(remote, attempt.conclude(&greeting)?)?;
                            session.project = session.project.or_else(|| way.project.clone());
                            route.works(number);
                            let shared = Shared::new(session, Arc::clone(&there), chance.draw());
                            let client = Self { shared: Arc::new(shared) };
                            client.give_back(socket, attempt, true);
                            return Ok(client);
                        }
                        // What a socket of this machine says is final.
                        Err(fault) if way.origin.is_none() => return Err(Session::failed(request, fault)),
                        Err(fault) => fault,
                    }
                }
                Err(fault) => fault,
            };
            if !fault.is_transport() {
                return Err(Session::failed(request, fault));
            }
            tried.push(fault);
        }
        Err(there.destination.unreached(tried))
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
        let (request, shared) = (&call.request, &self.shared);
        shared.session.check(request).map_err(|error| Error::from(error).at(request))?;
        let mut chance = Chance::seeded(0);
        let route = &shared.there.destination.route;
        let home = request.origin.is_none();
        let mut warm = if home { shared.warm() } else { None };
        let mut tries = if home { route.len() } else { 1 };
        loop {
            let (mut socket, mut line, is_warm) = match warm.take() {
                Some((socket, line)) => (socket, line, true),
                None => {
                    tries = tries.saturating_sub(1);
                    let dialled = shared.dial(request.origin.as_ref());
                    let (socket, line) = dialled.map_err(|fault| Session::failed(request, fault))?;
                    (socket, line, false)
                }
            };
            line.serves(None);
            let again = is_warm || tries > 0;
            let mut attempt = Attempt::begin(&shared.session, request, line, again, &mut chance)
                .map_err(|error| Error::from(error).at(request))?;
            match exchange(&mut socket, &mut attempt, shared) {
                Ok(()) => {
                    let result = attempt.conclude(&call);
                    self.give_back(socket, attempt, home);
                    return result;
                }
                Err(fault) if attempt.may_repeat(request, &fault) => {
                    shared.forget();
                    if !is_warm {
                        route.fails(socket.way);
                    }
                }
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

    fn give_back(&self, socket: Socket, attempt: Attempt, home: bool) {
        if let (line, Reuse::Yes) = attempt.finish()
            && home
        {
            self.shared.rest(socket, line);
        }
    }
}

/// Moves the bytes of one exchange.
fn exchange(socket: &mut Socket, attempt: &mut Attempt, shared: &Shared) -> Result<(), Fault> {
    loop {
        if !socket.have_patience(attempt, shared).map_err(|error| attempt.read_failed(error))? {
            return Err(attempt.expired());
        }
        let moved = match attempt.need()? {
            Need::Write(bytes) => match socket.send(bytes) {
                Err(error) if is_pause(&error) => match attempt.incoming() {
                    Some(space) if socket.is_readable_first() => {
                        Moved::In(socket.recv(space, RecvFlags::DONTWAIT))
                    }
                    _ => continue,
                },
                done => Moved::Out(done),
            },
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
            Moved::Out(Err(error)) | Moved::In(Err(error)) if is_pause(&error) => {}
            Moved::Out(Err(error)) => attempt.write_failed(error),
            Moved::In(Err(error)) => return Err(attempt.read_failed(error)),
            Moved::Filled => attempt.filled(0),
            Moved::Taken(count) => attempt.took(count),
        }
    }
}

/// Whether it only means that nothing moved.
fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}

enum Moved {
    Out(io::Result<usize>),
    In(io::Result<usize>),
    Filled,
    Taken(usize),
}
