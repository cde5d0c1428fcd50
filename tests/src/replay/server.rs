use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::tape::{Tape, Told, weight};
use crate::script::room;

/// After this the client is not what the transcript's was.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that plays a tape, in the recorded order: it says something only when all was sent that had been
/// sent before it in the recording, on whichever connection. Pongs do not count.
pub struct Playing {
    /// What is removed at the end.
    room: Option<PathBuf>,
    path: PathBuf,
    shared: Arc<Shared>,
}

struct Shared {
    tape: Tape,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// By the tape's connections: what came, and where to answer.
    sent: Vec<Vec<u8>>,
    streams: Vec<Option<UnixStream>>,
    strays: Vec<Vec<u8>>,
    /// Connections that were accepted, and those of them that are being read.
    accepted: usize,
    reading: usize,
    /// All was said that could be.
    spoken: bool,
    stopping: bool,
}

/// Plays a tape on a socket of its own.
///
/// # Errors
/// When there is no socket to be had.
pub fn serve(tape: Tape) -> io::Result<Playing> {
    let room = room()?;
    let path = room.join("unix.socket");
    let mut playing = serve_at(tape, path)?;
    playing.room = Some(room);
    Ok(playing)
}

/// Plays a tape on a socket at this path.
///
/// # Errors
/// When there is no socket to be had.
pub fn serve_at(tape: Tape, path: PathBuf) -> io::Result<Playing> {
    let listener = UnixListener::bind(&path)?;
    let count = tape.conns.len();
    let state = State {
        sent: vec![Vec::new(); count],
        streams: std::iter::repeat_with(|| None).take(count).collect(),
        ..State::default()
    };
    let shared = Arc::new(Shared { tape, state: Mutex::new(state), changed: Condvar::new() });
    let accepting = Arc::clone(&shared);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let shared = Arc::clone(&accepting);
            if shared.state().stopping {
                return;
            }
            let Ok(stream) = stream else { return };
            let mut state = shared.state();
            (state.accepted, state.reading) = (state.accepted + 1, state.reading + 1);
            drop(state);
            shared.changed.notify_all();
            thread::spawn(move || {
                shared.listen(stream);
                shared.state().reading -= 1;
                shared.changed.notify_all();
            });
        }
    });
    let speaking = Arc::clone(&shared);
    thread::spawn(move || speaking.speak());
    Ok(Playing { room: None, path, shared })
}

impl Playing {
    /// Where it listens.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What came on each of the tape's connections.
    #[must_use]
    pub fn sent(&self) -> Vec<Vec<u8>> {
        self.shared.state().sent.clone()
    }

    /// Waits until the client has left, so that all it sent was read; `false` if it never leaves.
    #[must_use]
    pub fn until_left(&self) -> bool {
        let end = Instant::now() + PATIENCE;
        let mut state = self.shared.state();
        while state.reading > 0 && Instant::now() < end {
            let wait = self.shared.changed.wait_timeout(state, Duration::from_millis(200));
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.reading == 0
    }

    /// Waits until a client has come, has heard all that it lets be said, and has left.
    pub fn until_over(&self) {
        let mut state = self.shared.state();
        while !state.spoken || state.reading > 0 {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The beginnings of connections that nobody recorded.
    #[must_use]
    pub fn strays(&self) -> Vec<Vec<u8>> {
        self.shared.state().strays.clone()
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.stopping = true;
        for stream in state.streams.iter().flatten() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        self.shared.changed.notify_all();
        let _ = UnixStream::connect(&self.path);
        let _ = std::fs::remove_file(&self.path);
        if let Some(room) = &self.room {
            let _ = std::fs::remove_dir_all(room);
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads all that comes on one connection.
    fn listen(&self, mut stream: UnixStream) {
        let mut space = vec![0; 64 << 10];
        let mut conn = None;
        while let Ok(count) = stream.read(&mut space) {
            let bytes = &space[..count];
            let mut state = self.state();
            if count == 0 {
                break;
            }
            if conn.is_none() {
                conn = self.which(&state, bytes);
                let Some(conn) = conn else {
                    let refused = self.tape.conns.iter().any(|conn| conn.refused);
                    if !refused {
                        state.strays.push(bytes.to_vec());
                    }
                    break;
                };
                state.streams[conn] = stream.try_clone().ok();
            }
            state.sent[conn.unwrap_or_default()].extend_from_slice(bytes);
            drop(state);
            self.changed.notify_all();
        }
        if conn.is_none() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn which(&self, state: &State, bytes: &[u8]) -> Option<usize> {
        let begins = |conn: &usize| self.tape.conns[*conn].begins(bytes);
        (0..self.tape.conns.len()).filter(|conn| state.sent[*conn].is_empty()).find(begins)
    }

    /// Says all that the tape says, in its order.
    fn speak(&self) {
        let mut state = self.state();
        while state.accepted == 0 && !state.stopping {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        for (at, (conn, number)) in self.tape.order.iter().enumerate() {
            let end = Instant::now() + PATIENCE;
            let mut state = self.state();
            while !state.stopping && Instant::now() < end {
                let came = |conn: usize| weight(&state.sent[conn]);
                let met = self.tape.before[at].iter().enumerate().all(|(conn, before)| came(conn) >= *before);
                if met && (state.streams[*conn].is_some() || self.tape.conns[*conn].sent.is_empty()) {
                    break;
                }
                let wait = self.changed.wait_timeout(state, Duration::from_millis(200));
                state = wait.unwrap_or_else(PoisonError::into_inner).0;
            }
            if state.stopping || Instant::now() >= end {
                break;
            }
            let Some(stream) = state.streams[*conn].as_ref().and_then(|stream| stream.try_clone().ok())
            else {
                continue;
            };
            drop(state);
            let tape = &self.tape.conns[*conn];
            let _ = match &tape.deliveries[*number].told {
                Told::Bytes(range) => (&stream).write_all(&tape.received[range.clone()]),
                Told::End => stream.shutdown(Shutdown::Write),
                Told::Reset(_) => stream.shutdown(Shutdown::Both),
            };
        }
        self.state().spoken = true;
        self.changed.notify_all();
        // What is over stays open until the client leaves, unless the client waits for what never came.
        if self.state().stopping || self.tape.order.is_empty() {
            return;
        }
        let mut state = self.state();
        let end = Instant::now() + PATIENCE;
        while !state.stopping && Instant::now() < end {
            let wait = self.changed.wait_timeout(state, Duration::from_millis(200));
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        for stream in state.streams.iter().flatten() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
