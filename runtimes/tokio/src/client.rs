use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use lxio_core::bytes::Chance;
use lxio_core::call::Call;
use lxio_core::flow::{Fault, Flow, IntoFlow, Unattended};
use lxio_core::model::Server;
use lxio_core::session::{Attempt, Error, Remote, Session};
use lxio_core::wire::{Need, Reuse};
use lxio_host::Destination;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::Live;
use crate::dial::{Shared, There};
use crate::socket::{Dialler, Socket};

/// A connection to one server. Cheap to clone; clones share its warm connections and can be used from
/// several tasks at once.
///
/// Any of its futures can be dropped at any time: nothing goes on behind your back, a connection in use is
/// closed, and the next call works. Whether the server has acted on what was dropped is another question.
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
    pub async fn connect(remote: impl Into<Remote>) -> Result<Self, Error> {
        Self::greet(There::new(remote.into(), None)?).await
    }

    /// Greets a server on connections that the caller makes: a tunnel, a vsock, a pipe to another process.
    /// `dial` is asked for each connection; a conversation may need several at once.
    ///
    /// What is spoken on them is what the remote says: TLS for [`Remote::https`], and nothing around the plain
    /// bytes otherwise.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_with<D, F, S>(remote: impl Into<Remote>, dial: D) -> Result<Self, Error>
    where
        D: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        Self::greet(There::new(remote.into(), Some(Dialler::new(dial)))?).await
    }

    /// Greets the same server anew: what it says of itself and of this client may have changed, as it does when
    /// the client joins it. The new client shares no connection with this one.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn reconnect(&self) -> Result<Self, Error> {
        Self::greet(Arc::clone(&self.shared.there)).await
    }

    pub(crate) async fn greet(there: Arc<There>) -> Result<Self, Error> {
        let Destination { remote, route, .. } = &there.destination;
        let greeting = Session::greeting();
        let request = &greeting.request;
        let stranger = Shared::new(Session::stranger(remote), Arc::clone(&there), there.seed);
        let mut tried = Vec::new();
        for number in 0..route.len() {
            let Some(way) = route.way(number) else { break };
            let fault = match there.dial_way(way, number).await {
                Ok((mut socket, line)) => {
                    let mut chance = Chance::seeded(there.seed);
                    let mut attempt = Attempt::begin(&stranger.session, request, line, false, &mut chance)?;
                    match poll_fn(|cx| poll_exchange(cx, &mut socket, &mut attempt, &stranger)).await {
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
    pub async fn call<T>(&self, call: Call<T>) -> Result<T, Error> {
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
                    let dialled = shared.dial(request.origin.clone()).await;
                    let (socket, line) = dialled.map_err(|fault| Session::failed(request, fault))?;
                    (socket, line, false)
                }
            };
            line.serves(None);
            let again = is_warm || tries > 0;
            let mut attempt = Attempt::begin(&shared.session, request, line, again, &mut chance)
                .map_err(|error| Error::from(error).at(request))?;
            match poll_fn(|cx| poll_exchange(cx, &mut socket, &mut attempt, shared)).await {
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
    pub async fn run<C>(&self, conversation: C) -> Result<<C::Flow as Flow>::Output, Error>
    where
        C: IntoFlow,
        C::Flow: Unattended,
    {
        Live::new(conversation.into_flow(), &self.shared).finish().await
    }

    /// Starts a conversation to take part in: a command to talk to, events to follow, a body to stream.
    ///
    /// Returns when it stands: sockets are open, a subscription is made, the head of a download has come.
    ///
    /// # Errors
    /// [`Error`] if it came to no good end before that.
    pub async fn start<C: IntoFlow>(&self, conversation: C) -> Result<Live<C::Flow>, Error> {
        let mut flow = conversation.into_flow();
        flow.live();
        let mut live = Live::new(flow, &self.shared);
        poll_fn(|cx| live.poll_stand(cx)).await?;
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

/// Moves the bytes of one exchange. It may be dropped half-way, and then socket and attempt with it.
fn poll_exchange(
    cx: &mut Context<'_>,
    socket: &mut Socket,
    attempt: &mut Attempt,
    shared: &Shared,
) -> Poll<Result<(), Fault>> {
    loop {
        let moved = match attempt.need() {
            Ok(Need::Write(bytes)) => match socket.poll_write(cx, bytes) {
                Poll::Ready(done) => Poll::Ready(Moved::Out(done)),
                Poll::Pending => match attempt.incoming() {
                    Some(space) => socket.poll_read(cx, space).map(Moved::In),
                    None => Poll::Pending,
                },
            },
            Ok(Need::Read(space)) => socket.poll_read(cx, space).map(Moved::In),
            // A call has its body in memory and collects its answer.
            Ok(Need::Fill(_)) => Poll::Ready(Moved::Filled),
            Ok(Need::Take(bytes)) => Poll::Ready(Moved::Taken(bytes.len())),
            Ok(Need::Done) => return Poll::Ready(Ok(())),
            Err(fault) => return Poll::Ready(Err(fault)),
        };
        let Poll::Ready(moved) = moved else {
            let Some(end) = attempt.until(shared.now()) else { return Poll::Pending };
            ready!(socket.poll_until(cx, end, shared));
            return Poll::Ready(Err(attempt.expired()));
        };
        match moved {
            Moved::Out(Ok(0)) => attempt.write_failed(io::ErrorKind::WriteZero.into()),
            Moved::Out(Ok(count)) => attempt.wrote(count),
            Moved::In(Ok(count)) => attempt.read(count),
            Moved::Out(Err(error)) | Moved::In(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Moved::Out(Err(error)) => attempt.write_failed(error),
            Moved::In(Err(error)) => return Poll::Ready(Err(attempt.read_failed(error))),
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
