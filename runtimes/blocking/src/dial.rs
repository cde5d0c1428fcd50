//! Sockets to the server, and the pool of them that clones of a client share.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lxio_core::bytes::{Chance, Moment};
use lxio_core::session::{Pool, Session};
use lxio_core::wire::Buffers;
use lxio_host::{Clock, explain};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

/// What clones of a client share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) session: Arc<Session>,
    pub(crate) path: PathBuf,
    pub(crate) clock: Clock,
    pool: Mutex<Pool<UnixStream>>,
    chance: Mutex<Chance>,
}

impl Shared {
    pub(crate) fn new(session: Session, path: PathBuf, seed: u64, idle: Option<usize>) -> Self {
        Self {
            session: Arc::new(session),
            path,
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

    /// A connection out of the pool. Those that are of no use any more are dropped on the way.
    pub(crate) fn warm(&self) -> Option<(UnixStream, Buffers)> {
        let now = self.now();
        lock(&self.pool)
            .take(now, |socket, rested| rested < Pool::<UnixStream>::JUST_NOW || is_silent(socket))
    }

    /// A new connection.
    pub(crate) fn dial(&self) -> io::Result<UnixStream> {
        UnixStream::connect(&self.path).map_err(|error| explain(&self.path, error))
    }

    /// Back to the pool.
    pub(crate) fn rest(&self, socket: UnixStream, buffers: Buffers) {
        let now = self.now();
        lock(&self.pool).put(socket, buffers, now);
    }

    /// One connection of the pool was dead: the server closed them, so none is worth trying.
    pub(crate) fn forget(&self) {
        lock(&self.pool).clear();
    }
}

/// Whether nothing has come that nobody asked for, be it the end.
fn is_silent(socket: &UnixStream) -> bool {
    matches!(recv(socket, &mut [0], RecvFlags::PEEK | RecvFlags::DONTWAIT), Err(Errno::AGAIN))
}

/// Nothing that is done under these locks can leave them half-done, so a poisoned one is as good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
