//! What is async-io's own: sockets to the server, the pool of them that clones of a client share, time.

use std::future::Future;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::{Duration, Instant};

use async_io::Async;
use lxio_core::bytes::{Chance, Moment};
use lxio_core::session::{Pool, Session};
use lxio_core::wire::Buffers;
use lxio_host::transcript::{Part, Tap, Tape};
use lxio_host::{Clock, explain};

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
        lock(&self.pool).take(now, |socket, _| socket.is_usable())
    }

    /// A new connection.
    pub(crate) fn dial(&self) -> impl Future<Output = io::Result<Socket>> + Send + Sync + use<> {
        dial(self.path.clone(), self.tape.clone())
    }

    /// Back to the pool.
    pub(crate) fn rest(&self, mut socket: Socket, buffers: Buffers) {
        socket.rest();
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
        match Async::<UnixStream>::connect(&path).await {
            Ok(stream) => return Ok(Socket::new(stream, tape.as_ref())),
            // The server's queue is full, and nothing tells when there is room. async-io takes that for a
            // connection on its way and finds none at its end.
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected) => {
                async_io::Timer::after(pause).await;
            }
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

/// A connection.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: Async<UnixStream>,
    /// Reading may give something without waiting.
    ready: bool,
    /// The bell will ring when something comes.
    armed: bool,
    bell: Arc<Bell>,
    waker: Waker,
    tap: Tap,
}

impl Socket {
    fn new(stream: Async<UnixStream>, tape: Option<&Tape>) -> Self {
        let bell = Arc::new(Bell::default());
        let (waker, tap) = (Waker::from(Arc::clone(&bell)), tape.map(Tape::opened).unwrap_or_default());
        Self { stream, ready: false, armed: false, bell, waker, tap }
    }

    /// What it is used for from here on: a call, or a part of a conversation.
    pub(crate) fn serves(&mut self, part: Option<Part>) {
        self.tap.serves(part);
    }

    /// Writes what can be written now.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.stream.get_ref().write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => {
                    self.tap.wrote(bytes, &done);
                    return Poll::Ready(done);
                }
            }
            ready!(self.stream.poll_writable(cx))?;
        }
    }

    /// Reads what can be read now. Costs no system call while nothing has come, however often it is asked.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, space: &mut [u8]) -> Poll<io::Result<usize>> {
        self.bell.tell(cx.waker());
        loop {
            if !self.ready {
                let rung = self.bell.rung();
                if self.armed && !rung {
                    return Poll::Pending;
                }
                let mut cx = Context::from_waker(&self.waker);
                self.armed = self.stream.poll_readable(&mut cx)?.is_pending();
                // That it is pending does not mean that nothing came: the reactor takes no event for new
                // that it began to wait for before it was asked. The bell knows.
                if self.armed && !rung {
                    return Poll::Pending;
                }
            }
            let read = self.stream.get_ref().read(space);
            // A short read took all there was; only a full one may have left something.
            self.ready = matches!(read, Ok(count) if count == space.len());
            match read {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => {
                    self.tap.read(space, &done);
                    return Poll::Ready(done);
                }
            }
        }
    }

    /// Lets go of the task, and has the bell ring if something comes that nobody asked for. The next answer
    /// needs it armed anyway.
    fn rest(&mut self) {
        self.bell.forget();
        self.bell.rung();
        self.ready = false;
        let mut cx = Context::from_waker(&self.waker);
        // The reactor may first remember an event that was dealt with.
        self.armed = (0..2).any(|_| self.stream.poll_readable(&mut cx).is_pending());
    }

    /// Whether a request can be sent: nothing is known to have come at rest, be it the end. Costs no system call.
    fn is_usable(&self) -> bool {
        self.armed && !self.bell.rung.load(Ordering::Acquire)
    }
}

/// Wakes the task, and remembers that it did, so that a task with many sockets knows which to read.
#[derive(Debug, Default)]
struct Bell {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Bell {
    /// Wakes this task from now on.
    fn tell(&self, waker: &Waker) {
        let mut task = lock(&self.task);
        if !task.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *task = Some(waker.clone());
        }
    }

    /// Wakes nobody from now on.
    fn forget(&self) {
        lock(&self.task).take();
    }

    /// Whether it rang since this was asked last.
    fn rung(&self) -> bool {
        self.rung.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        let task = lock(&self.task).take();
        if let Some(waker) = task {
            waker.wake();
        }
    }
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
