//! What is async-io's own: connections to the server, the pool of them that clones of a client share, time.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_io::Async;
use blocking::unblock;

use lxio_core::bytes::{Chance, Moment};
use lxio_core::flow::{Fault, Limit};
use lxio_core::session::{Dial, Error, Pool, Remote, Session, Way};
use lxio_core::wire::{Host, Line, Origin};
use lxio_host::transcript::Tape;
use lxio_host::{Clock, Destination, explain, seed, tune};

use crate::socket::{Dialler, Socket, Stream};

/// The first and the longest pause before a server whose queue of connections is full is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));
/// Longer than any wait: what is waited for until then is not waited for.
const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// How often bytes move in a row before other tasks get their turn.
const STRETCH: u32 = 64;

/// What clones of a client share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) session: Arc<Session>,
    pub(crate) there: Arc<There>,
    clock: Clock,
    pool: Mutex<Pool<Socket>>,
    chance: Mutex<Chance>,
}

/// How connections are made.
#[derive(Debug)]
pub(crate) struct There {
    pub(crate) destination: Destination,
    dialler: Option<Dialler>,
    tape: Option<Tape>,
    /// The seed of a client's masks and keys.
    pub(crate) seed: u64,
}

/// A new connection and its line.
pub(crate) type Dialled = Result<(Socket, Line), Fault>;

impl Shared {
    pub(crate) fn new(session: Session, there: Arc<There>, seed: u64) -> Self {
        let idle = there.destination.remote.idle;
        Self {
            session: Arc::new(session),
            there,
            clock: Clock::start(),
            pool: Mutex::new(Pool::new(idle)),
            chance: Mutex::new(Chance::seeded(seed)),
        }
    }

    pub(crate) fn now(&self) -> Moment {
        self.clock.now()
    }

    /// A stream of chance for one conversation.
    pub(crate) fn chance(&self) -> Chance {
        lock(&self.chance).fork()
    }

    /// The number of a conversation in the transcript; 0 if there is none.
    pub(crate) fn run(&self) -> u64 {
        self.there.tape.as_ref().map_or(0, Tape::run)
    }

    /// A connection out of the pool. Those that are of no use any more are dropped on the way.
    pub(crate) fn warm(&self) -> Option<(Socket, Line)> {
        let now = self.now();
        lock(&self.pool).take(now, |socket, _| socket.is_usable())
    }

    /// A new connection: to the server, or to another one.
    pub(crate) fn dial(&self, origin: Option<Origin>) -> impl Future<Output = Dialled> + Send + use<> {
        let there = Arc::clone(&self.there);
        async move {
            match origin {
                None => there.dial().await,
                Some(origin) => there.dial_to(&origin).await,
            }
        }
    }

    /// Back to the pool.
    pub(crate) fn rest(&self, mut socket: Socket, line: Line) {
        socket.rest();
        let now = self.now();
        lock(&self.pool).put(socket, line, now);
    }

    /// One connection of the pool was dead: the server closed them, so none is worth trying.
    pub(crate) fn forget(&self) {
        lock(&self.pool).clear();
    }
}

impl There {
    pub(crate) fn new(remote: Remote, dialler: Option<Dialler>) -> Result<Arc<Self>, Error> {
        let seed = remote.seed.unwrap_or_else(seed);
        let tape = Tape::of(&remote, seed, env!("CARGO_PKG_NAME"))?;
        let destination = Destination::of(remote)?;
        Ok(Arc::new(Self { destination, dialler, tape, seed }))
    }

    /// How the server's certificate is looked at.
    #[cfg(feature = "tls")]
    pub(crate) fn to_look_at(remote: Remote) -> Result<Arc<Self>, Error> {
        let seed = remote.seed.unwrap_or_else(seed);
        let destination = Destination::to_look_at(remote)?;
        Ok(Arc::new(Self { destination, dialler: None, tape: None, seed }))
    }

    /// A new connection to the server, by the first of its addresses that can be connected to, from the one in
    /// use on.
    async fn dial(&self) -> Dialled {
        let route = &self.destination.route;
        let first = route.current();
        let mut failed = None;
        for number in first..first + route.len() {
            let Some(way) = route.way(number) else { break };
            match self.dial_way(way, number).await {
                Ok(made) => {
                    route.works(number);
                    return Ok(made);
                }
                Err(fault) if fault.is_transport() => failed = Some(fault),
                Err(fault) => return Err(fault),
            }
        }
        Err(failed.unwrap_or_else(|| Fault::Dial(io::ErrorKind::AddrNotAvailable.into())))
    }

    async fn dial_to(&self, origin: &Origin) -> Dialled {
        let way =
            self.destination.way_to(origin).map_err(|error: Error| Fault::Dial(io::Error::other(error)))?;
        self.dial_way(&way, 0).await
    }

    /// A new connection on this way, which has this number.
    pub(crate) async fn dial_way(&self, way: &Way, number: usize) -> Dialled {
        let remote = &self.destination.remote;
        let line = way.line(&remote.limits)?;
        let made = async {
            match &self.dialler {
                Some(dialler) => dialler.dial().await,
                None => connect(&way.dial).await,
            }
        };
        let made = match remote.patience.connect {
            Some(limit) => {
                within(limit, made).await.ok_or(Fault::TimedOut { limit: Limit::Connect, left: false })?
            }
            None => made.await,
        };
        match made {
            Ok(stream) => {
                let socket = Socket::new(stream, number);
                Ok(match &self.tape {
                    Some(tape) => (socket, line.heard_by(tape.opened())),
                    None => (socket, line),
                })
            }
            Err(error) => {
                if let Some(tape) = &self.tape {
                    tape.refused(&error);
                }
                Err(Fault::Dial(explain(&way.dial, error)))
            }
        }
    }
}

async fn connect(dial: &Dial) -> io::Result<Stream> {
    match dial {
        Dial::Unix(path) => Stream::own(connect_unix(path).await?.into_inner()?),
        Dial::Tcp(Host::Address(address), port) => connect_tcp([(*address, *port).into()]).await,
        Dial::Tcp(Host::Name(name), port) => {
            let (name, port) = (name.clone(), *port);
            // The system's resolver blocks, so it has a thread of its own.
            connect_tcp(unblock(move || (name.as_str(), port).to_socket_addrs()).await?).await
        }
    }
}

/// Connects to the first of these addresses that can be connected to.
async fn connect_tcp(addresses: impl IntoIterator<Item = SocketAddr>) -> io::Result<Stream> {
    let mut failed = None;
    for address in addresses {
        match Async::<TcpStream>::connect(address).await {
            Ok(stream) => {
                tune(&stream);
                return Stream::own(stream.into_inner()?);
            }
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the host has no address")))
}

async fn connect_unix(path: &Path) -> io::Result<Async<UnixStream>> {
    let (mut pause, longest) = PAUSES;
    loop {
        match Async::<UnixStream>::connect(path).await {
            // The server's queue is full, and nothing tells when there is room. async-io takes that for a
            // connection on its way and finds none at its end.
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected) => {
                async_io::Timer::after(pause).await;
            }
            made => return made,
        }
        pause = longest.min(pause * 2);
    }
}

/// What comes of `made`, or `None` if this time passes before.
async fn within<T>(time: Duration, made: impl Future<Output = T>) -> Option<T> {
    let (mut made, mut timer) = (pin!(made), async_io::Timer::after(time));
    poll_fn(|cx| {
        if let Poll::Ready(made) = made.as_mut().poll(cx) {
            return Poll::Ready(Some(made));
        }
        Pin::new(&mut timer).poll(cx).map(|_| None)
    })
    .await
}

/// Nothing that is done under these locks can leave them half-done, so a poisoned one is as good.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts how often bytes moved in a row, so that a server that never pauses cannot keep the thread.
#[derive(Debug, Default)]
pub(crate) struct Stretch(u32);

impl Stretch {
    /// Bytes moved. Lets others have their turn when it is theirs.
    pub(crate) fn poll_moved(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0 += 1;
        if self.0 < STRETCH {
            return Poll::Ready(());
        }
        self.0 = 0;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The task waits.
    pub(crate) const fn end(&mut self) {
        self.0 = 0;
    }
}

/// A wait for a moment.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    timer: Option<async_io::Timer>,
    /// What it is set to.
    until: Option<Moment>,
}

impl Timer {
    /// Waits until `moment`.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, moment: Moment, shared: &Shared) -> Poll<()> {
        let instant = || Instant::now() + FAR.min(moment.since(shared.now()));
        let timer = match &mut self.timer {
            Some(timer) => {
                if self.until != Some(moment) {
                    timer.set_at(instant());
                }
                timer
            }
            none => none.insert(async_io::Timer::at(instant())),
        };
        self.until = Some(moment);
        ready!(Pin::new(timer).poll(cx));
        self.until = None;
        Poll::Ready(())
    }
}
