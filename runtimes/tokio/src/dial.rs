//! What is tokio's own: connections to the server, the pool of them that clones of a client share, time.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lxio_core::bytes::{Chance, Moment};
use lxio_core::flow::{Fault, Limit};
use lxio_core::session::{Dial, Error, Pool, Remote, Session, Way};
use lxio_core::wire::{Host, Line, Origin};
use lxio_host::transcript::Tape;
use lxio_host::{Destination, explain, seed, tune};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};

use crate::socket::{Dialler, Socket, Stream};

/// The first and the longest pause before a server whose queue of connections is full is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));
/// Longer than any wait: what is waited for until then is not waited for.
const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// What clones of a client share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) session: Arc<Session>,
    pub(crate) there: Arc<There>,
    /// By tokio's clock, so that a test that pauses it pauses us.
    start: Instant,
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
            start: Instant::now(),
            pool: Mutex::new(Pool::new(idle)),
            chance: Mutex::new(Chance::seeded(seed)),
        }
    }

    pub(crate) fn now(&self) -> Moment {
        Moment::at(self.start.elapsed())
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
        lock(&self.pool).take(now, Socket::is_usable)
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
    pub(crate) fn rest(&self, socket: Socket, line: Line) {
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
            Some(limit) => timeout(limit, made)
                .await
                .map_err(|_| Fault::TimedOut { limit: Limit::Connect, left: false })?,
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
        Dial::Unix(path) => connect_unix(path).await.map(Stream::Unix),
        Dial::Tcp(Host::Address(address), port) => connect_tcp([(*address, *port).into()]).await,
        Dial::Tcp(Host::Name(name), port) => connect_tcp(lookup_host((name.as_str(), *port)).await?).await,
    }
}

/// Connects to the first of these addresses that can be connected to.
async fn connect_tcp(addresses: impl IntoIterator<Item = std::net::SocketAddr>) -> io::Result<Stream> {
    let mut failed = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                tune(&stream);
                return Ok(Stream::Tcp(stream));
            }
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the host has no address")))
}

async fn connect_unix(path: &Path) -> io::Result<UnixStream> {
    let (mut pause, longest) = PAUSES;
    loop {
        match UnixStream::connect(path).await {
            // The server's queue is full, and nothing tells when there is room.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(pause).await,
            made => return made,
        }
        pause = longest.min(pause * 2);
    }
}

/// Nothing that is done under these locks can leave them half-done, so a poisoned one is as good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A wait for a moment.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    /// What it is set to.
    until: Option<Moment>,
}

impl Timer {
    /// Waits until `moment`.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, moment: Moment, shared: &Shared) -> Poll<()> {
        let instant = || shared.start + FAR.min(moment.since(Moment::default()));
        let sleep = match &mut self.sleep {
            Some(sleep) => {
                if self.until != Some(moment) {
                    sleep.as_mut().reset(instant());
                }
                sleep
            }
            none => none.insert(Box::pin(sleep_until(instant()))),
        };
        self.until = Some(moment);
        ready!(sleep.as_mut().poll(cx));
        self.until = None;
        Poll::Ready(())
    }
}
