//! Writes what recorders see as a transcript.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

pub use lxio_host::transcript::{Entry, Header, Part, Transcript, What};

use crate::recorder::{Observer, Seen};

/// Writes what one or several recorders see.
///
/// Plain, every line reaches the file at once, before the bytes reach the other side. With
/// [`masked`](Writer::masked) the secrets are replaced (see [`Transcript::mask_secrets`]); one may be cut
/// in two by a read, so the lines are kept until [`finish`](Writer::finish).
#[must_use = "finish it, or errors are lost and a masked transcript is not written"]
pub struct Writer(Arc<Tape>);

struct Tape {
    start: Instant,
    state: Mutex<State>,
}

struct State {
    out: Box<dyn Write + Send>,
    /// Of the first write that failed; nothing is written after it.
    error: Option<io::Error>,
    masked: Option<Transcript>,
    replace: Vec<(String, String)>,
    next: u64,
}

impl Writer {
    /// Writes a file, every line at once.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(path: impl AsRef<Path>, header: Header) -> io::Result<Self> {
        let out = File::create(path)?;
        Ok(Self::new(Box::new(out), header, false))
    }

    /// Writes a file without secrets when it is finished.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn masked(path: impl AsRef<Path>, header: Header) -> io::Result<Self> {
        let out = File::create(path)?;
        Ok(Self::new(Box::new(out), header, true))
    }

    /// Writes anywhere; `masked` as above.
    pub fn new(out: Box<dyn Write + Send>, header: Header, masked: bool) -> Self {
        let mut state = State { out, error: None, masked: None, replace: Vec::new(), next: 0 };
        if masked {
            state.masked = Some(Transcript { header, entries: Vec::new() });
        } else {
            state.write(&header.line());
        }
        Self(Arc::new(Tape { start: Instant::now(), state: Mutex::new(state) }))
    }

    /// Of a masked transcript: replaces a text as well, see [`Transcript::replace`].
    ///
    /// # Errors
    /// When the lengths differ.
    pub fn replacing(self, old: &str, new: &str) -> io::Result<Self> {
        if old.len() != new.len() {
            let why = format!("'{old}' and '{new}' differ in length");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        self.0.state().replace.push((old.to_owned(), new.to_owned()));
        Ok(self)
    }

    /// For the recorder of the only daemon of a flow.
    #[must_use]
    pub fn observer(&self) -> Arc<dyn Observer> {
        self.observe(None)
    }

    /// For the recorder of one of several daemons: `peer` is its name in the `open` events.
    #[must_use]
    pub fn peer(&self, peer: &str) -> Arc<dyn Observer> {
        self.observe(Some(peer.to_owned()))
    }

    fn observe(&self, peer: Option<String>) -> Arc<dyn Observer> {
        Arc::new(Track { tape: Arc::clone(&self.0), peer, numbers: Mutex::default() })
    }

    /// Ends the transcript. Stop the recorders before: what they see later is not written.
    ///
    /// # Errors
    /// The first failure to write, also of an earlier line.
    pub fn finish(self) -> io::Result<()> {
        let mut state = self.0.state();
        if let Some(mut transcript) = state.masked.take() {
            transcript.mask_secrets();
            for (old, new) in &state.replace {
                transcript.replace(old, new);
            }
            state.write(&transcript.to_text());
        }
        match state.error.take() {
            Some(error) => Err(error),
            None => state.out.flush(),
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl Tape {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&mut self, text: &str) {
        if self.error.is_none() {
            self.error = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()).err();
        }
    }
}

/// One recorder on the tape: its numbers are not those of the transcript when there are several.
struct Track {
    tape: Arc<Tape>,
    peer: Option<String>,
    numbers: Mutex<HashMap<u64, u64>>,
}

impl Observer for Track {
    fn seen(&self, conn: u64, what: Seen<'_>) {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let what = match what {
            Seen::Open => What::Open(self.peer.clone()),
            Seen::Data(dir, bytes) => What::Data(dir, bytes.to_vec()),
            Seen::Eof(dir) => What::Eof(dir),
            Seen::Reset(dir, errno) => What::Reset(dir, errno),
            Seen::WriteFailed(dir, errno) => What::WriteFailed(dir, errno),
            Seen::ConnectFailed(errno) => What::ConnectFailed(errno),
            Seen::Closed => {
                numbers.remove(&conn);
                return;
            }
        };
        let mut state = self.tape.state();
        let conn = *numbers.entry(conn).or_insert_with(|| {
            state.next += 1;
            state.next - 1
        });
        drop(numbers);
        let entry = Entry { conn, at: self.tape.start.elapsed(), what };
        match &mut state.masked {
            Some(transcript) => transcript.entries.push(entry),
            None => state.write(&entry.line()),
        }
    }
}
