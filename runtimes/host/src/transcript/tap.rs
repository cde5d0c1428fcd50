use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use lxio_core::session::{Cause, Error, Remote, TranscriptFile};
use lxio_core::wire::Listener;
use rustix::fs::{FlockOperation, flock};

use super::mask::Mask;
use super::veil::Veil;
use super::{Anatomy, Direction, Entry, Header, Part, What};

/// The transcript that a client writes. Cheap to clone; clones write the same one.
///
/// Every line reaches the file at once, so that what a program did before it hung or fell over is there. A
/// write that fails ends the transcript, and disturbs no call.
#[derive(Clone)]
pub struct Tape(Arc<Shared>);

struct Shared {
    start: Instant,
    content: bool,
    state: Mutex<State>,
}

struct State {
    /// Until a write fails.
    out: Option<File>,
    mask: Mask,
    conns: u64,
    runs: u64,
}

/// Listens on one connection and tells the transcript what passes, in plain also where TLS is spoken.
pub struct Tap {
    tape: Tape,
    conn: u64,
    anatomy: Anatomy,
    to_server: Veil,
    to_client: Veil,
}

impl Tape {
    /// Begins the transcript that a remote asks for, if it does. `seed` is that of the client's masks and keys,
    /// `by` the adapter's name.
    ///
    /// # Errors
    /// [`Cause::Transcript`] when the file cannot be made, or another client is writing it.
    pub fn of(remote: &Remote, seed: u64, by: &str) -> Result<Option<Self>, Error> {
        let Some(file) = &remote.transcript else { return Ok(None) };
        Self::create(file, seed, by)
            .map(Some)
            .map_err(|error| Error::new(Cause::Transcript { path: file.path.clone(), error }))
    }

    fn create(file: &TranscriptFile, seed: u64, by: &str) -> io::Result<Self> {
        // Its owner's alone: the names of things are in it.
        let mut options = OpenOptions::new();
        let mut out = options.write(true).create(true).truncate(false).mode(0o600).open(&file.path)?;
        flock(&out, FlockOperation::NonBlockingLockExclusive)?;
        out.set_len(0)?;
        let note = format!("written by {by} {}", env!("CARGO_PKG_VERSION"));
        out.write_all(Header { note, seed: Some(seed), ..Header::default() }.line().as_bytes())?;
        let state = State { out: Some(out), mask: Mask::default(), conns: 0, runs: 0 };
        Ok(Self(Arc::new(Shared { start: Instant::now(), content: file.content, state: Mutex::new(state) })))
    }

    /// A connection was made.
    #[must_use]
    pub fn opened(&self) -> Tap {
        let conn = self.connection(What::Open(None));
        let veil = |direction| Veil::new(direction, self.0.content);
        Tap {
            tape: self.clone(),
            conn,
            anatomy: Anatomy::new(),
            to_server: veil(Direction::ToServer),
            to_client: veil(Direction::ToClient),
        }
    }

    /// A connection could not be made.
    pub fn refused(&self, error: &io::Error) {
        self.connection(What::ConnectFailed(errno(error)));
    }

    /// A conversation begins: its number.
    #[must_use]
    pub fn run(&self) -> u64 {
        let mut state = self.state();
        state.runs += 1;
        state.runs - 1
    }

    fn connection(&self, what: What) -> u64 {
        let mut state = self.state();
        state.conns += 1;
        let conn = state.conns - 1;
        self.write(&mut state, conn, vec![what]);
        conn
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, state: &mut State, conn: u64, told: Vec<What>) {
        let at = self.0.start.elapsed();
        let lines: String = told.into_iter().map(|what| Entry { conn, at, what }.line()).collect();
        if let Some(out) = &mut state.out
            && out.write_all(lines.as_bytes()).is_err()
        {
            state.out = None;
        }
    }
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape").field("content", &self.0.content).finish_non_exhaustive()
    }
}

impl Listener for Tap {
    fn serves(&mut self, part: Option<(u64, u8)>) {
        self.happened(What::Use(part.map(|(run, slot)| Part { run, slot })));
    }

    fn sent(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.passed(Direction::ToServer, bytes);
        }
    }

    fn received(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            self.ended(What::Eof(Direction::ToClient));
        } else {
            self.passed(Direction::ToClient, bytes);
        }
    }

    fn write_failed(&mut self, error: &io::Error) {
        self.happened(What::WriteFailed(Direction::ToServer, errno(error)));
    }

    fn read_failed(&mut self, error: &io::Error) {
        self.ended(What::Reset(Direction::ToClient, errno(error)));
    }
}

impl Tap {
    fn passed(&mut self, direction: Direction, bytes: &[u8]) {
        let Self { tape, conn, anatomy, to_server, to_client } = self;
        let veil = match direction {
            Direction::ToServer => to_server,
            Direction::ToClient => to_client,
        };
        let mut told = Vec::new();
        let mut state = tape.state();
        anatomy.push(direction, bytes, |run| veil.take(run, &mut state.mask));
        veil.tell(&mut told);
        tape.write(&mut state, *conn, told);
    }

    /// Nothing more comes from the server.
    fn ended(&mut self, how: What) {
        let mut told = Vec::new();
        let mut state = self.tape.state();
        self.to_client.end(&mut state.mask, &mut told);
        told.push(how);
        self.tape.write(&mut state, self.conn, told);
    }

    fn happened(&self, what: What) {
        self.tape.write(&mut self.tape.state(), self.conn, vec![what]);
    }
}

/// The client closes the connection.
impl Drop for Tap {
    fn drop(&mut self) {
        let mut told = Vec::new();
        let mut state = self.tape.state();
        self.to_server.end(&mut state.mask, &mut told);
        self.to_client.end(&mut state.mask, &mut told);
        told.push(What::Eof(Direction::ToServer));
        self.tape.write(&mut state, self.conn, told);
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap").field("conn", &self.conn).finish_non_exhaustive()
    }
}

/// The number of an error; 0 if the system gave none.
fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(0)
}
