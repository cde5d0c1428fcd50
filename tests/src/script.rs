//! A server on a unix socket that does what a test says, and remembers what it was told.
//!
//! Every connection has a thread that runs the script on a [`Talk`]. What came is kept per connection and
//! per request, so that a test can count requests, and see which connection carried them and how each ended.

use std::fs;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::answers;

/// How long anything may take before a test counts as hung. Never a measure of anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A request as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The connection, numbered from 0 in order of accept.
    pub conn: usize,
    /// The head, with the empty line at its end.
    pub head: Vec<u8>,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// Whether all of it came, by its length or its last chunk.
    pub whole: bool,
}

impl Request {
    /// Method and target, such as `GET /1.0`.
    #[must_use]
    pub fn line(&self) -> String {
        let line = self.head.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        line.strip_suffix(" HTTP/1.1").unwrap_or(&line).to_owned()
    }

    /// The value of a header field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<String> {
        let head = String::from_utf8_lossy(&self.head).into_owned();
        head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }
}

/// A running server. Dropped, it ends all connections and waits for their threads.
pub struct Server {
    room: PathBuf,
    path: PathBuf,
    shared: Arc<Shared>,
    accept: Option<(JoinHandle<()>, UnixStream)>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    requests: Vec<Request>,
    accepted: usize,
    open: Vec<(usize, UnixStream)>,
    bytes: usize,
    stopping: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }
}

/// A directory of its own for a socket.
///
/// # Errors
/// When it cannot be made.
pub fn room() -> io::Result<PathBuf> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("lxio-t-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    fs::create_dir_all(&path)?;
    Ok(path)
}

impl Server {
    /// Runs `script` on every connection. What it returns is of no interest: the client may have gone.
    ///
    /// # Errors
    /// When there is no socket to be had.
    pub fn start(script: impl Fn(&mut Talk) -> io::Result<()> + Send + Sync + 'static) -> io::Result<Self> {
        let room = room()?;
        let path = room.join("unix.socket");
        let listener = UnixListener::bind(&path)?;
        // The same socket under a type that can be shut down: it wakes the thread that accepts.
        let wake = UnixStream::from(OwnedFd::from(listener.try_clone()?));
        let shared = Arc::new(Shared::default());
        let accept = {
            let (shared, script) = (Arc::clone(&shared), Arc::new(script));
            thread::spawn(move || accept(&listener, &shared, &script))
        };
        Ok(Self { room, path, shared, accept: Some((accept, wake)) })
    }

    /// Answers the greeting, then the n-th request over all connections with the n-th answer; the connection
    /// ends after an answer that is marked so, and after the last.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn answering(answers: Vec<(Vec<u8>, Then)>) -> io::Result<Self> {
        let next = AtomicUsize::new(0);
        Self::start(move |talk| {
            while let Some(request) = talk.request()? {
                if request.line() == "GET /1.0" {
                    talk.send(&answers::greeting("incus"))?;
                    continue;
                }
                let Some((answer, then)) = answers.get(next.fetch_add(1, Ordering::SeqCst)) else {
                    return Ok(());
                };
                talk.send(answer)?;
                if *then == Then::Close {
                    return Ok(());
                }
            }
            Ok(())
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The requests so far, in the order in which they were complete or broke off.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().requests.clone()
    }

    /// Their lines, without those of the greeting.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.requests().iter().map(Request::line).filter(|line| line != "GET /1.0").collect()
    }

    /// How many connections there have been.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.shared.state().accepted
    }

    /// How many bytes came on all connections.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.shared.state().bytes
    }

    /// How many connections stand.
    #[must_use]
    pub fn open(&self) -> usize {
        self.shared.state().open.len()
    }

    /// Waits until `so` many connections stand.
    ///
    /// # Panics
    /// When that does not happen.
    pub fn until_open(&self, so: usize) {
        self.until("the number of connections", |state| state.open.len() == so);
    }

    /// Waits until `so` many requests were complete or broke off.
    ///
    /// # Panics
    /// When that does not happen.
    pub fn until_requests(&self, so: usize) {
        self.until("the number of requests", |state| state.requests.len() >= so);
    }

    #[allow(clippy::panic)]
    fn until(&self, what: &str, met: impl Fn(&State) -> bool) {
        let end = Instant::now() + PATIENCE;
        let mut state = self.shared.state();
        while !met(&state) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "{what} never came: {} open, {:?}",
                state.open.len(),
                state.requests.len()
            );
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.state().stopping = true;
        if let Some((accept, wake)) = self.accept.take() {
            let _ = wake.shutdown(Shutdown::Both);
            let _ = accept.join();
        }
        for (_, stream) in &self.shared.state().open {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let end = Instant::now() + PATIENCE;
        let mut state = self.shared.state();
        while !state.open.is_empty() && Instant::now() < end {
            let wait = self.shared.changed.wait_timeout(state, Duration::from_millis(100));
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        let _ = fs::remove_dir_all(&self.room);
    }
}

/// What follows an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The next request on the same connection.
    Keep,
    /// The end of the connection.
    Close,
}

fn accept(
    listener: &UnixListener,
    shared: &Arc<Shared>,
    script: &Arc<impl Fn(&mut Talk) -> io::Result<()> + Send + Sync + 'static>,
) {
    loop {
        let Ok((stream, _)) = listener.accept() else { return };
        let Ok(other) = stream.try_clone() else { return };
        let mut state = shared.state();
        if state.stopping {
            return;
        }
        let conn = state.accepted;
        state.accepted += 1;
        state.open.push((conn, other));
        drop(state);
        shared.changed.notify_all();
        let (shared, script) = (Arc::clone(shared), Arc::clone(script));
        thread::spawn(move || {
            let mut talk = Talk { conn, stream, inbox: Vec::new(), shared, slow: false };
            let _ = script(&mut talk);
            let shared = Arc::clone(&talk.shared);
            drop(talk);
            shared.change(|state| state.open.retain(|(other, _)| *other != conn));
        });
    }
}

/// One connection, as its script sees it.
pub struct Talk {
    /// Its number.
    pub conn: usize,
    stream: UnixStream,
    inbox: Vec<u8>,
    shared: Arc<Shared>,
    /// Sends what it sends in a few pieces, with a moment between them.
    pub slow: bool,
}

impl Talk {
    /// Sends bytes.
    ///
    /// # Errors
    /// When the client is gone.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.slow {
            return self.stream.write_all(bytes);
        }
        for piece in bytes.chunks((bytes.len() / 3).max(1)) {
            self.stream.write_all(piece)?;
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Closes the writing end.
    ///
    /// # Errors
    /// When the client is gone.
    pub fn end(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// Reads a whole request and remembers it; `None` if the client left between two. One that broke off is
    /// remembered too, and is the error.
    ///
    /// # Errors
    /// When the client is gone in mid-request.
    pub fn request(&mut self) -> io::Result<Option<Request>> {
        let Some(mut request) = self.head()? else { return Ok(None) };
        let result = self.body(&mut request);
        request.whole = result.is_ok();
        self.shared.change(|state| state.requests.push(request.clone()));
        result.map(|()| Some(request))
    }

    /// Reads the head of a request and does not remember it; `None` if the client left.
    ///
    /// # Errors
    /// When the client is gone in mid-head.
    pub fn head(&mut self) -> io::Result<Option<Request>> {
        loop {
            if let Some(end) = self.inbox.windows(4).position(|part| part == b"\r\n\r\n") {
                let head = self.inbox.drain(..end + 4).collect();
                return Ok(Some(Request { conn: self.conn, head, ..Request::default() }));
            }
            if self.more()? == 0 {
                return if self.inbox.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }

    /// Reads the body of the request.
    ///
    /// # Errors
    /// When the client is gone before its end; what came of it is in the request.
    pub fn body(&mut self, request: &mut Request) -> io::Result<()> {
        if request.field("transfer-encoding").is_some() {
            loop {
                let line = self.line()?;
                let size = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
                let body = if size == 0 { &mut Vec::new() } else { &mut request.body };
                self.take(size, body)?;
                self.take(2, &mut Vec::new())?;
                if size == 0 {
                    return Ok(());
                }
            }
        }
        let length = request.field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        self.take(length, &mut request.body)
    }

    /// Answers the upgrade that `request` asks for.
    ///
    /// # Errors
    /// When the client is gone.
    pub fn upgrade(&mut self, request: &Request) -> io::Result<()> {
        self.send(&answers::upgraded(&request.field("sec-websocket-key").unwrap_or_default()))
    }

    /// Reads a client's websocket frame: its kind and its payload without the mask.
    ///
    /// # Errors
    /// When the client is gone, or sends a frame without a mask.
    pub fn frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let (mut head, mut mask, mut payload) = (Vec::new(), Vec::new(), Vec::new());
        self.take(2, &mut head)?;
        if head[1] & 0x80 == 0 {
            return Err(io::Error::other("a frame without a mask"));
        }
        let mut length = usize::from(head[1] & 0x7f);
        if length >= 126 {
            let mut long = Vec::new();
            self.take(if length == 126 { 2 } else { 8 }, &mut long)?;
            length = long.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        }
        self.take(4, &mut mask)?;
        self.take(length, &mut payload)?;
        for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= mask;
        }
        Ok((head[0] & 0x0f, payload))
    }

    /// Waits until the client closes, and drops what comes before.
    pub fn until_closed(&mut self) {
        while self.more().is_ok_and(|count| count > 0) {
            self.inbox.clear();
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.inbox.windows(2).position(|part| part == b"\r\n") {
                let line: Vec<u8> = self.inbox.drain(..end + 2).collect();
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            if self.more()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Moves so many bytes to `into`; what there was of them if they do not all come.
    fn take(&mut self, count: usize, into: &mut Vec<u8>) -> io::Result<()> {
        let end = into.len() + count;
        loop {
            let now = self.inbox.len().min(end - into.len());
            into.extend(self.inbox.drain(..now));
            if into.len() == end {
                return Ok(());
            }
            if self.more()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn more(&mut self) -> io::Result<usize> {
        let mut space = [0; 64 << 10];
        let count = self.stream.read(&mut space)?;
        self.inbox.extend_from_slice(&space[..count]);
        self.shared.change(|state| state.bytes += count);
        Ok(count)
    }
}
