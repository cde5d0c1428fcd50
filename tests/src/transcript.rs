//! Recorded conversations: the format, its reader and its writer.
//!
//! A transcript is a text file, `FLOW.DAEMON.jsonl`, of one JSON object a line:
//!
//! | line | members |
//! |---|---|
//! | the first | `v` (1), `flow`, `daemon`, `note` |
//! | data | `conn`, `dir` (`c2s`, `s2c`), `b64`, `t_us` |
//! | event | `conn`, `ev`, `t_us`, and by kind `dir`, `errno`, `peer` |
//!
//! Events are `open` (with `peer` when a flow has several daemons), `eof`, `reset`, `write-failed` (each
//! with `dir`, the last two with `errno`) and `connect-failed`. `t_us` is the time since the start in
//! microseconds. Lines are in order of time over all connections. Where data is cut into lines is chance:
//! a reader must give the same result for any other cut.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::recorder::{Direction, Observer, Seen};

/// What a transcript says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The name of what was done.
    pub flow: String,
    /// The daemon that answered, with its version.
    pub daemon: String,
    /// What happens, in a sentence.
    pub note: String,
}

/// One line after the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The connection, numbered from 0 in order of accept.
    pub conn: u64,
    /// How long after the start.
    pub at: Duration,
    /// What happened.
    pub what: What,
}

/// What happened on a connection; see [`Seen`] for the meaning of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A client connected; the name of the daemon, when a flow has several.
    Open(Option<String>),
    /// Bytes that were read at once.
    Data(Direction, Vec<u8>),
    /// That side closed its writing end.
    Eof(Direction),
    /// Reading from that side failed; the error number.
    Reset(Direction, i32),
    /// The data before could not be delivered; the error number.
    WriteFailed(Direction, i32),
    /// The daemon refused; the error number.
    ConnectFailed(i32),
}

/// A whole transcript.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    /// The first line.
    pub header: Header,
    /// All others.
    pub entries: Vec<Entry>,
}

impl Transcript {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or is no transcript: the text then names the file and the line.
    pub fn load(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", path.display()));
        Self::parse(&fs::read_to_string(path).map_err(named)?).map_err(named)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// When it is no transcript; the text names the line.
    pub fn parse(text: &str) -> io::Result<Self> {
        let mut lines = text.lines().enumerate();
        let bad = |line: usize, why: &str| {
            io::Error::new(io::ErrorKind::InvalidData, format!("line {}: {why}", line + 1))
        };
        let (_, first) = lines.next().ok_or_else(|| bad(0, "empty"))?;
        let first: Value = serde_json::from_str(first).map_err(|e| bad(0, &e.to_string()))?;
        if first["v"] != 1 {
            return Err(bad(0, "not a transcript of version 1"));
        }
        let text = |name: &str| first[name].as_str().unwrap_or_default().to_owned();
        let header = Header { flow: text("flow"), daemon: text("daemon"), note: text("note") };
        let entries = lines
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(at, line)| {
                let value: Value = serde_json::from_str(line).map_err(|e| bad(at, &e.to_string()))?;
                Entry::from_json(&value).map_err(|why| bad(at, why))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { header, entries })
    }

    /// The text of the file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = self.header.line();
        for entry in &self.entries {
            text.push_str(&entry.line());
        }
        text
    }

    /// The connections, in order.
    #[must_use]
    pub fn connections(&self) -> Vec<u64> {
        let mut conns: Vec<_> = self.entries.iter().map(|e| e.conn).collect();
        conns.sort_unstable();
        conns.dedup();
        conns
    }

    /// What happened on one connection.
    pub fn of(&self, conn: u64) -> impl Iterator<Item = &What> {
        self.entries.iter().filter(move |e| e.conn == conn).map(|e| &e.what)
    }

    /// All bytes of one direction of a connection.
    #[must_use]
    pub fn bytes(&self, conn: u64, direction: Direction) -> Vec<u8> {
        let mut all = Vec::new();
        for what in self.of(conn) {
            if let What::Data(way, bytes) = what
                && *way == direction
            {
                all.extend_from_slice(bytes);
            }
        }
        all
    }
}

impl Header {
    fn line(&self) -> String {
        format!("{}\n", json!({"v": 1, "flow": self.flow, "daemon": self.daemon, "note": self.note}))
    }
}

impl Entry {
    fn from_json(value: &Value) -> Result<Self, &'static str> {
        let conn = value["conn"].as_u64().ok_or("no conn")?;
        let at = Duration::from_micros(value["t_us"].as_u64().ok_or("no t_us")?);
        let dir = || match value["dir"].as_str() {
            Some("c2s") => Ok(Direction::ToServer),
            Some("s2c") => Ok(Direction::ToClient),
            _ => Err("dir is neither c2s nor s2c"),
        };
        let errno = || value["errno"].as_i64().and_then(|n| i32::try_from(n).ok()).ok_or("no errno");
        let what = match value["ev"].as_str() {
            None => {
                let data = value["b64"].as_str().ok_or("neither ev nor b64")?;
                What::Data(dir()?, BASE64.decode(data.as_bytes()).map_err(|_| "b64 is not base64")?)
            }
            Some("open") => What::Open(value["peer"].as_str().map(str::to_owned)),
            Some("eof") => What::Eof(dir()?),
            Some("reset") => What::Reset(dir()?, errno()?),
            Some("write-failed") => What::WriteFailed(dir()?, errno()?),
            Some("connect-failed") => What::ConnectFailed(errno()?),
            Some(_) => return Err("an unknown ev"),
        };
        Ok(Self { conn, at, what })
    }

    fn line(&self) -> String {
        let mut value = match &self.what {
            What::Open(None) => json!({"ev": "open"}),
            What::Open(Some(peer)) => json!({"ev": "open", "peer": peer}),
            What::Data(dir, bytes) => json!({"dir": dir.name(), "b64": BASE64.encode(bytes)}),
            What::Eof(dir) => json!({"ev": "eof", "dir": dir.name()}),
            What::Reset(dir, errno) => json!({"ev": "reset", "dir": dir.name(), "errno": errno}),
            What::WriteFailed(dir, errno) => {
                json!({"ev": "write-failed", "dir": dir.name(), "errno": errno})
            }
            What::ConnectFailed(errno) => json!({"ev": "connect-failed", "errno": errno}),
        };
        value["conn"] = json!(self.conn);
        value["t_us"] = json!(u64::try_from(self.at.as_micros()).unwrap_or(u64::MAX));
        format!("{value}\n")
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let what = [
            What::Open(None),
            What::Open(Some("source".into())),
            What::Data(Direction::ToServer, b"GET / HTTP/1.1\r\n\r\n".to_vec()),
            What::Data(Direction::ToClient, vec![0, 255, 10]),
            What::WriteFailed(Direction::ToServer, 32),
            What::Eof(Direction::ToClient),
            What::Reset(Direction::ToClient, 104),
            What::ConnectFailed(111),
        ];
        let entries = (0..).zip(what).map(|(n, what)| Entry {
            conn: n / 3,
            at: Duration::from_micros(n * 1000 + 7),
            what,
        });
        let header = Header { flow: "f".into(), daemon: "d".into(), note: "say \"it\"".into() };
        let transcript = Transcript { header, entries: entries.collect() };
        assert_eq!(Transcript::parse(&transcript.to_text()).unwrap(), transcript);
        assert_eq!(transcript.connections(), [0, 1, 2]);
        assert_eq!(transcript.bytes(0, Direction::ToServer), b"GET / HTTP/1.1\r\n\r\n");
    }

    #[test]
    fn spaces_and_order_do_not_matter() {
        let text = "{\"v\": 1, \"flow\": \"a\"}\n{\"t_us\": 5, \"b64\": \"YQ==\", \"conn\": 3, \"dir\": \"s2c\"}\n\n";
        let got = Transcript::parse(text).unwrap();
        assert_eq!(got.header.flow, "a");
        assert_eq!(got.entries.len(), 1);
        assert_eq!(got.bytes(3, Direction::ToClient), b"a");
    }

    #[test]
    fn errors_name_the_line() {
        for (line, why) in [
            ("{\"conn\":0,\"t_us\":1,\"ev\":\"boom\"}", "line 2: an unknown ev"),
            ("{\"conn\":0,\"t_us\":1,\"dir\":\"c2s\",\"b64\":\"?\"}", "line 2: b64 is not base64"),
            ("{\"conn\":0,\"t_us\":1,\"dir\":\"up\",\"b64\":\"\"}", "line 2: dir is neither c2s nor s2c"),
            ("{\"t_us\":1,\"ev\":\"open\"}", "line 2: no conn"),
            ("{\"conn\":0,\"ev\":\"open\"}", "line 2: no t_us"),
            ("{\"conn\":0,\"t_us\":1,\"ev\":\"reset\",\"dir\":\"c2s\"}", "line 2: no errno"),
        ] {
            let error = Transcript::parse(&format!("{{\"v\":1}}\n{line}\n")).unwrap_err();
            assert_eq!(error.to_string(), why);
        }
        assert_eq!(
            Transcript::parse("{\"v\":2}").unwrap_err().to_string(),
            "line 1: not a transcript of version 1"
        );
        assert!(Transcript::parse("").is_err());
    }
}
