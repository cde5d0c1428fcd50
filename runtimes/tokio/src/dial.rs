//! What is tokio's own: sockets to the server, the pool of them that clones of a client share, time.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lxio_core::bytes::{Chance, Moment};
use lxio_core::session::{Pool, Session};
use lxio_core::wire::Buffers;
use lxio_host::explain;
use lxio_host::transcript::{Part, Tap, Tape};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::runtime::{Handle, Id};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// The first and the longest pause before a server whose queue of connections is full is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));
/// Longer than any wait: what is waited for until then is not waited for.
const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// What clones of a client share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) session: Arc<Session>,
    path: PathBuf,
    /// By tokio's clock, so that a test that pauses it pauses us.
    start: Instant,
    pool: Mutex<Pool<Socket>>,
    chance: Mutex<Chance>,
    tape: Option<Tape>,
}

impl Shared {
    pub(crate) fn new(
        session: Session,
        path: PathBuf,
        seed: u64,
        idle: Option<usize>,
        tape: Option<Tape>,
    ) -> Self {
        Self {
            session: Arc::new(session),
            path,
            start: Instant::now(),
            pool: Mutex::new(Pool::new(idle)),
            chance: Mutex::new(Chance::seeded(seed)),
            tape,
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
        self.tape.as_ref().map_or(0, Tape::run)
    }

    /// A connection out of the pool. Those that are of no use any more are dropped on the way.
    pub(crate) fn warm(&self) -> Option<(Socket, Buffers)> {
        let now = self.now();
        lock(&self.pool).take(now, Socket::is_usable)
    }

    /// A new connection.
    pub(crate) fn dial(&self) -> impl Future<Output = io::Result<Socket>> + Send + Sync + use<> {
        dial(self.path.clone(), self.tape.clone())
    }

    /// Back to the pool.
    pub(crate) fn rest(&self, socket: Socket, buffers: Buffers) {
        let now = self.now();
        lock(&self.pool).put(socket, buffers, now);
    }

    /// One connection of the pool was dead: the server closed them, so none is worth trying.
    pub(crate) fn forget(&self) {
        lock(&self.pool).clear();
    }
}

/// Nothing that is done under these locks can leave them half-done, so a poisoned one is as good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Connects to the socket at `path`.
pub(crate) async fn dial(path: PathBuf, tape: Option<Tape>) -> io::Result<Socket> {
    let (mut pause, longest) = PAUSES;
    loop {
        match UnixStream::connect(&path).await {
            Ok(stream) => {
                let tap = tape.as_ref().map(Tape::opened).unwrap_or_default();
                return Ok(Socket { stream, runtime: runtime(), tap });
            }
            // The server's queue is full, and nothing tells when there is room.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(pause).await,
            Err(error) => {
                if let Some(tape) = &tape {
                    tape.refused(&error);
                }
                return Err(explain(&path, error));
            }
        }
        pause = longest.min(pause * 2);
    }
}

/// Which runtime this is.
fn runtime() -> Option<Id> {
    Handle::try_current().ok().map(|handle| handle.id())
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: UnixStream,
    /// The runtime that made it, the only one that says when it is ready.
    runtime: Option<Id>,
    tap: Tap,
}

impl Socket {
    /// What it is used for from here on: a call, or a part of a conversation.
    pub(crate) fn serves(&mut self, part: Option<Part>) {
        self.tap.serves(part);
    }

    /// Writes what can be written now.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let done = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        self.tap.wrote(bytes, &done);
        Poll::Ready(done)
    }

    /// Reads what can be read now.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, space: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(space);
        let done = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
        let done = done.map(|()| buffer.filled().len());
        self.tap.read(space, &done);
        Poll::Ready(done)
    }

    /// Whether a request can be sent: it is this runtime's, and nothing has come that nobody asked for, be it
    /// the end. The runtime may not have heard of it yet, so the system is asked.
    fn is_usable(&self, rested: Duration) -> bool {
        let silent = || {
            matches!(recv(&self.stream, &mut [0], RecvFlags::PEEK | RecvFlags::DONTWAIT), Err(Errno::AGAIN))
        };
        self.runtime == runtime() && (rested < Pool::<Self>::JUST_NOW || silent())
    }
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
