//! Connections to the server, and the pool of them that clones of a client share.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lxio_core::bytes::{Chance, Moment};
use lxio_core::flow::{Fault, Limit};
use lxio_core::session::{Dial, Error, Pool, Remote, Session, Way};
use lxio_core::wire::{Host, Line, Origin};
use lxio_host::transcript::Tape;
use lxio_host::{Clock, Destination, explain, seed, tune};

use crate::socket::{Dialler, Socket};

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
        lock(&self.pool).take(now, |socket, rested| rested < Pool::<Socket>::JUST_NOW || socket.is_silent())
    }

    /// A new connection: to the server, or to another one.
    pub(crate) fn dial(&self, origin: Option<&Origin>) -> Dialled {
        match origin {
            None => self.there.dial(),
            Some(origin) => self.there.dial_to(origin),
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
    fn dial(&self) -> Dialled {
        let route = &self.destination.route;
        let first = route.current();
        let mut failed = None;
        for number in first..first + route.len() {
            let Some(way) = route.way(number) else { break };
            match self.dial_way(way, number) {
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

    fn dial_to(&self, origin: &Origin) -> Dialled {
        let way = self.destination.way_to(origin).map_err(|error| Fault::Dial(io::Error::other(error)))?;
        self.dial_way(&way, 0)
    }

    /// A new connection on this way, which has this number.
    pub(crate) fn dial_way(&self, way: &Way, number: usize) -> Dialled {
        let remote = &self.destination.remote;
        let line = way.line(&remote.limits)?;
        let made = match &self.dialler {
            Some(dialler) => dialler.dial(),
            None => connect(&way.dial, remote.patience.connect),
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
                Err(match error.kind() {
                    io::ErrorKind::TimedOut => Fault::TimedOut { limit: Limit::Connect, left: false },
                    _ => Fault::Dial(explain(&way.dial, error)),
                })
            }
        }
    }
}

fn connect(dial: &Dial, patience: Option<Duration>) -> io::Result<OwnedFd> {
    match dial {
        Dial::Unix(path) => Ok(UnixStream::connect(path)?.into()),
        Dial::Tcp(Host::Address(address), port) => connect_tcp([(*address, *port).into()], patience),
        Dial::Tcp(Host::Name(name), port) => connect_tcp((name.as_str(), *port).to_socket_addrs()?, patience),
    }
}

/// Connects to the first of these addresses that can be connected to.
fn connect_tcp(
    addresses: impl IntoIterator<Item = SocketAddr>,
    patience: Option<Duration>,
) -> io::Result<OwnedFd> {
    let mut failed = None;
    for address in addresses {
        let made = match patience {
            Some(patience) => TcpStream::connect_timeout(&address, patience),
            None => TcpStream::connect(address),
        };
        match made {
            Ok(stream) => {
                tune(&stream);
                return Ok(stream.into());
            }
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the host has no address")))
}

/// Nothing that is done under these locks can leave them half-done, so a poisoned one is as good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
