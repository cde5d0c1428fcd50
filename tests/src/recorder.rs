//! A proxy in front of a daemon that shows every byte to observers: between Unix sockets or TCP ports.
//!
//! ```text
//! client ──► listen ──► Recorder ──► upstream (connected anew for every client)
//!                          │
//!                          └──► Observer: open, data, eof, reset, write-failed, closed
//! ```
//!
//! One connection has two threads, one per direction, so that neither waits for the other. What was read
//! is shown first and passed on then: an observer has seen a request before the daemon can answer it.
//! A half-close is passed on as such. A reset is recorded, and the other side sees an end: on a Unix socket it
//! cannot be made at will. The same side learns one write later than it would that nobody reads any
//! more. A client whose daemon is gone sees a connection that ends at once where it would have seen a
//! refusal.
//!
//! [`transcript::Writer`](crate::transcript::Writer) observes and writes a file;
//! [`Coverage`](crate::coverage::Coverage) observes and counts.

mod ends;

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ends::Listener;

pub use ends::End;
pub use lxio_host::transcript::Direction;

/// One thing that happened on a connection. The direction of an end is that of the bytes that it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen<'a> {
    /// A client connected, and so did the recorder to the daemon.
    Open,
    /// Bytes that were read at once, before they are passed on.
    Data(Direction, &'a [u8]),
    /// That side closed its writing end.
    Eof(Direction),
    /// Reading from that side failed; the error number.
    Reset(Direction, i32),
    /// The last bytes in that direction could not be delivered; the error number.
    WriteFailed(Direction, i32),
    /// A client connected, but the daemon did not let the recorder in; the error number.
    ConnectFailed(i32),
    /// Nothing more comes from this connection.
    Closed,
}

/// Somebody who is shown what passes. Both directions of a connection may call at the same time.
pub trait Observer: Send + Sync {
    /// Shows one thing on connection `conn`; connections are numbered from 0 in order of accept.
    fn seen(&self, conn: u64, what: Seen<'_>);
}

impl<F: Fn(u64, Seen<'_>) + Send + Sync> Observer for F {
    fn seen(&self, conn: u64, what: Seen<'_>) {
        self(conn, what);
    }
}

/// A running proxy. Dropped, it cuts what is open; see [`stop`](Recorder::stop) for a gentler end.
pub struct Recorder {
    listen: End,
    shared: Arc<Shared>,
    accept: Option<(JoinHandle<()>, UnixStream)>,
}

struct Shared {
    upstream: End,
    observers: Vec<Arc<dyn Observer>>,
    stopping: AtomicBool,
    live: Mutex<Live>,
    fewer: Condvar,
}

#[derive(Default)]
struct Live {
    /// Accepted and not yet done, also those that are still connecting.
    count: usize,
    pairs: HashMap<u64, Arc<Pair>>,
    cut: bool,
}

/// Both ends of one connection.
struct Pair {
    client: UnixStream,
    server: UnixStream,
    /// The recorder itself ended it: how it ends is no news.
    cut: AtomicBool,
}

impl Pair {
    /// Ends both sides.
    fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}

impl Recorder {
    /// Listens on `listen` and connects every client to `upstream`. A socket file that is in the way is
    /// replaced; anything else there is an error.
    ///
    /// # Errors
    /// When nothing can be bound there or the thread cannot be started.
    pub fn start(
        listen: impl Into<End>,
        upstream: impl Into<End>,
        observers: Vec<Arc<dyn Observer>>,
    ) -> io::Result<Self> {
        let listen = listen.into();
        let listener = listen.listen()?;
        let (listen, wake) = (listener.end(listen)?, listener.wake()?);
        let shared = Arc::new(Shared {
            upstream: upstream.into(),
            observers,
            stopping: AtomicBool::new(false),
            live: Mutex::default(),
            fewer: Condvar::new(),
        });
        let accept = {
            let shared = Arc::clone(&shared);
            thread::Builder::new().name("recorder".into()).spawn(move || shared.accept(&listener))?
        };
        Ok(Self { listen, shared, accept: Some((accept, wake)) })
    }

    /// Where it listens.
    #[must_use]
    pub const fn listens_on(&self) -> &End {
        &self.listen
    }

    /// Takes no more clients, gives the open connections a second to end by themselves, cuts the rest.
    /// Afterwards every observer has seen everything.
    pub fn stop(self) {
        self.stop_within(Duration::from_secs(1));
    }

    /// As [`stop`](Recorder::stop), with another time for the open connections.
    pub fn stop_within(mut self, grace: Duration) {
        self.end(grace);
    }

    fn end(&mut self, grace: Duration) {
        let Some((accept, wake)) = self.accept.take() else { return };
        self.shared.stopping.store(true, Ordering::SeqCst);
        let _ = wake.shutdown(Shutdown::Both);
        let _ = accept.join();
        self.listen.remove();

        let until = Instant::now() + grace;
        let mut live = self.shared.live();
        while live.count > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            live = self.shared.fewer.wait_timeout(live, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        live.cut = true;
        for pair in live.pairs.values() {
            pair.cut();
        }
        while live.count > 0 {
            live = self.shared.fewer.wait(live).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("listen", &self.listen)
            .field("upstream", &self.shared.upstream)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, conn: u64, what: Seen<'_>) {
        for observer in &self.observers {
            observer.seen(conn, what);
        }
    }

    fn accept(self: &Arc<Self>, listener: &Listener) {
        let mut next = 0;
        loop {
            let client = listener.accept();
            if self.stopping.load(Ordering::SeqCst) {
                return;
            }
            let Ok(client) = client else {
                // Out of file descriptors: some connection has to end first.
                thread::sleep(Duration::from_millis(10));
                continue;
            };
            let conn = next;
            next += 1;
            self.live().count += 1;
            let shared = Arc::clone(self);
            let work = move || {
                let _done = Done { shared: &shared, conn };
                shared.connection(conn, client);
            };
            if thread::Builder::new().name(format!("recorder {conn}")).spawn(work).is_err() {
                self.live().count -= 1;
            }
        }
    }

    fn connection(&self, conn: u64, client: UnixStream) {
        let server = match self.upstream.connect() {
            Ok(server) => server,
            Err(e) => return self.show(conn, Seen::ConnectFailed(number(&e))),
        };
        let pair = Arc::new(Pair { client, server, cut: AtomicBool::new(false) });
        {
            let mut live = self.live();
            if live.cut {
                return;
            }
            live.pairs.insert(conn, Arc::clone(&pair));
        }
        self.show(conn, Seen::Open);
        thread::scope(|scope| {
            let back = thread::Builder::new()
                .name(format!("recorder {conn} back"))
                .spawn_scoped(scope, || self.pump(conn, Direction::ToClient, &pair));
            if back.is_err() {
                pair.cut();
            }
            self.pump(conn, Direction::ToServer, &pair);
        });
    }

    fn pump(&self, conn: u64, direction: Direction, pair: &Pair) {
        let (mut from, mut to) = match direction {
            Direction::ToServer => (&pair.client, &pair.server),
            Direction::ToClient => (&pair.server, &pair.client),
        };
        let news = || !pair.cut.load(Ordering::SeqCst);
        let mut buffer = vec![0; 1 << 16];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => {
                    if news() {
                        self.show(conn, Seen::Eof(direction));
                    }
                    let _ = to.shutdown(Shutdown::Write);
                    return;
                }
                Ok(n) => {
                    self.show(conn, Seen::Data(direction, &buffer[..n]));
                    if let Err(e) = to.write_all(&buffer[..n]) {
                        if news() {
                            self.show(conn, Seen::WriteFailed(direction, number(&e)));
                        }
                        // The sender must notice too, and the other direction may still bring an answer.
                        let _ = from.shutdown(Shutdown::Read);
                        return;
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    if news() {
                        self.show(conn, Seen::Reset(direction, number(&e)));
                    }
                    // As at an end: what the other side does next is its own doing, and is recorded.
                    let _ = to.shutdown(Shutdown::Write);
                    return;
                }
            }
        }
    }
}

/// Takes a connection off the list when its thread ends, however it ends.
struct Done<'a> {
    shared: &'a Shared,
    conn: u64,
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.shared.show(self.conn, Seen::Closed);
        let mut live = self.shared.live();
        live.count -= 1;
        live.pairs.remove(&self.conn);
        self.shared.fewer.notify_all();
    }
}

fn number(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(0)
}
