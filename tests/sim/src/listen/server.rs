use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};

use super::tls::Terms;
use super::turn::Turn;
use super::wire::{Listener, Place, loopback};
use crate::certificate::Certificate;
use crate::{Daemon, Scripted, Setup};

/// A simulated daemon that listens on a real socket, in a thread of its own and in real time.
///
/// ```
/// use lxio_sim::{Server, Setup};
///
/// # fn main() -> std::io::Result<()> {
/// let server = Server::temporary(Setup::incus())?;
/// println!("INCUS_SOCKET={}", server.path().unwrap().display());
/// # Ok(())
/// # }
/// ```
///
/// Dropped, it closes all connections and removes its socket.
#[derive(Debug)]
pub struct Server {
    place: Place,
    https: Option<SocketAddr>,
    /// A directory that was made for the socket.
    room: Option<PathBuf>,
    shared: Arc<Shared>,
    /// A byte to it wakes the thread.
    wake: UnixStream,
    thread: Option<JoinHandle<()>>,
}

/// What the server and its thread share.
#[derive(Debug)]
pub(super) struct Shared {
    daemon: Mutex<Daemon>,
    /// What listens and the thread does not know of yet.
    opened: Mutex<Vec<(Place, Listener)>>,
    pub(super) stop: AtomicBool,
    /// Whether all of them listen, as the thread last saw to it.
    pub(super) listens: AtomicBool,
}

impl Shared {
    pub(super) fn daemon(&self) -> MutexGuard<'_, Daemon> {
        self.daemon.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn opened(&self) -> MutexGuard<'_, Vec<(Place, Listener)>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// Listens on a Unix socket at `path`. A socket file that nobody listens to is replaced.
    ///
    /// # Errors
    /// If the path cannot be bound, or somebody listens there.
    pub fn unix(setup: Setup, path: impl Into<PathBuf>) -> io::Result<Self> {
        Self::start(setup, Place::Unix(path.into()), None)
    }

    /// Listens on a Unix socket in a new directory, which goes with the server.
    ///
    /// # Errors
    /// If the directory cannot be made.
    pub fn temporary(setup: Setup) -> io::Result<Self> {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let room = std::env::temp_dir().join(format!("lxio-sim-{}-{count}", std::process::id()));
        fs::create_dir(&room)?;
        let place = Place::Unix(room.join("unix.socket"));
        Self::start(setup, place, Some(room))
    }

    /// Listens on 127.0.0.1, without TLS; port 0 lets the system choose.
    ///
    /// # Errors
    /// If the port cannot be bound.
    pub fn loopback(setup: Setup, port: u16) -> io::Result<Self> {
        Self::start(setup, Place::Loopback(loopback(port)), None)
    }

    /// Listens on 127.0.0.1 by HTTPS as well, as a daemon whose `core.https_address` is set; port 0 lets the system
    /// choose. The certificate is that of the [setup](Setup::certificate), or a new one.
    ///
    /// A client there is who it shows to be, and may do nothing until its certificate is trusted. Only HTTP/1.1 is
    /// spoken, also with those who would like HTTP/2.
    ///
    /// # Errors
    /// If the port cannot be bound, or there is something wrong with certificate or key.
    pub fn https(mut self, port: u16) -> io::Result<Self> {
        let certificate = self.with(|daemon| Certificate::of(daemon.setup()))?;
        let place = Place::Https(loopback(port), Arc::new(Terms::new(&certificate)?));
        let listener = Listener::bind(&place)?;
        let place = listener.place(&place)?;
        if let Place::Https(address, _) = &place {
            self.https = Some(*address);
            self.with(|daemon| daemon.serve_network(&address.to_string(), certificate));
        }
        self.shared.opened().push((place, listener));
        self.wake();
        Ok(self)
    }

    fn start(mut setup: Setup, place: Place, room: Option<PathBuf>) -> io::Result<Self> {
        // A daemon's socket is in the directory that it keeps its data in.
        if let (None, Place::Unix(path)) = (&setup.directory, &place) {
            setup.directory = path.parent().map(|it| it.to_string_lossy().into_owned());
        }
        let listener = Listener::bind(&place)?;
        let place = listener.place(&place)?;
        let daemon = Daemon::new(setup.epoch(time_of_day()));
        let shared = Arc::new(Shared {
            daemon: Mutex::new(daemon),
            opened: Mutex::new(vec![(place.clone(), listener)]),
            stop: AtomicBool::new(false),
            listens: AtomicBool::new(true),
        });
        let (wake, woken) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        woken.set_nonblocking(true)?;
        let turn = Turn::new(Arc::clone(&shared), woken);
        let thread = thread::Builder::new().name("lxio-sim".into()).spawn(move || turn.run())?;
        Ok(Self { place, https: None, room, shared, wake, thread: Some(thread) })
    }

    /// The Unix socket that it listens on.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::Unix(path) => Some(path),
            Place::Loopback(_) | Place::Https(..) => None,
        }
    }

    /// The address that it listens on without TLS.
    #[must_use]
    pub const fn address(&self) -> Option<SocketAddr> {
        match &self.place {
            Place::Unix(_) | Place::Https(..) => None,
            Place::Loopback(address) => Some(*address),
        }
    }

    /// The address that it listens on [by HTTPS](Self::https).
    #[must_use]
    pub const fn https_address(&self) -> Option<SocketAddr> {
        self.https
    }

    /// Looks at the daemon, or does something to it.
    pub fn with<T>(&self, look: impl FnOnce(&mut Daemon) -> T) -> T {
        let done = look(&mut self.shared.daemon());
        self.wake();
        done
    }

    /// Puts an answer in place of the daemon's own; see [`Daemon::next_reply`].
    pub fn next_reply(&self, reply: Scripted) {
        self.with(|daemon| daemon.next_reply(reply));
    }

    /// Ends the daemon as SIGKILL does; its socket file stays and refuses. Returns when it is so.
    pub fn kill(&self) {
        self.with(Daemon::kill);
        self.until_listens(false);
    }

    /// Starts it again. Returns when it listens.
    pub fn restart(&self) {
        self.with(Daemon::start);
        self.until_listens(true);
    }

    fn until_listens(&self, listens: bool) {
        while self.shared.listens.load(Ordering::SeqCst) != listens
            && self.thread.as_ref().is_some_and(|it| !it.is_finished())
        {
            thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    fn wake(&self) {
        // A full pipe wakes as well.
        let _ = (&self.wake).write(&[0]);
    }

    /// Waits for ever, or until the thread ends because it can listen no more.
    pub fn join(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        if let Place::Unix(path) = &self.place {
            let _ = fs::remove_file(path);
        }
        if let Some(room) = &self.room {
            let _ = fs::remove_dir(room);
        }
    }
}

fn time_of_day() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SignedDuration::try_from(since).ok().and_then(|it| Timestamp::from_duration(it).ok()).unwrap_or_default()
}
