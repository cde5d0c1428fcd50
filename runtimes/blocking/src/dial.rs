//! Sockets to the server, and the pool of them that clones of a client share.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lxio_core::bytes::{Chance, Moment};
use lxio_core::session::{Pool, Session};
use lxio_core::wire::Buffers;
use lxio_host::transcript::{Part, Tap, Tape};
use lxio_host::{Clock, explain};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

/// What clones of a client share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) session: Arc<Session>,
    path: PathBuf,
    clock: Clock,
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
            clock: Clock::start(),
            pool: Mutex::new(Pool::new(idle)),
            chance: Mutex::new(Chance::seeded(seed)),
            tape,
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
        self.tape.as_ref().map_or(0, Tape::run)
    }

    /// A connection out of the pool. Those that are of no use any more are dropped on the way.
    pub(crate) fn warm(&self) -> Option<(Socket, Buffers)> {
        let now = self.now();
        lock(&self.pool).take(now, |socket, rested| rested < Pool::<Socket>::JUST_NOW || socket.is_silent())
    }

    /// A new connection.
    pub(crate) fn dial(&self) -> io::Result<Socket> {
        dial(&self.path, self.tape.as_ref())
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

/// Connects to the socket at `path`.
pub(crate) fn dial(path: &Path, tape: Option<&Tape>) -> io::Result<Socket> {
    match UnixStream::connect(path) {
        Ok(stream) => Ok(Socket { stream, tap: tape.map(Tape::opened).unwrap_or_default() }),
        Err(error) => {
            if let Some(tape) = tape {
                tape.refused(&error);
            }
            Err(explain(path, error))
        }
    }
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) stream: UnixStream,
    tap: Tap,
}

impl Socket {
    /// What it is used for from here on: a call, or a part of a conversation.
    pub(crate) fn serves(&mut self, part: Option<Part>) {
        self.tap.serves(part);
    }

    /// Waits until it can write.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let done = self.stream.write(bytes);
        self.tap.wrote(bytes, &done);
        done
    }

    /// Waits until it can read.
    pub(crate) fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let done = self.stream.read(space);
        self.tap.read(space, &done);
        done
    }

    /// Writes what can be written now.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let done = send(&self.stream, bytes, flags).map_err(io::Error::from);
        self.tap.wrote(bytes, &done);
        done
    }

    /// Reads what can be read now, or waits for it.
    pub(crate) fn recv(&mut self, space: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
        let done = recv(&self.stream, &mut *space, flags).map(|(count, _)| count).map_err(io::Error::from);
        self.tap.read(space, &done);
        done
    }

    /// Whether nothing has come that nobody asked for, be it the end.
    fn is_silent(&self) -> bool {
        matches!(recv(&self.stream, &mut [0], RecvFlags::PEEK | RecvFlags::DONTWAIT), Err(Errno::AGAIN))
    }
}

/// Nothing that is done under these locks can leave them half-done, so a poisoned one is as good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
