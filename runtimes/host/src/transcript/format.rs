//! The format of a transcript, its reader and its writer.
//!
//! A transcript is a text file of one JSON object a line:
//!
//! | line | members |
//! |---|---|
//! | the first | `v` (1), `flow`, `daemon`, `note`, and `seed` of the client's masks and keys if it is known |
//! | data | `conn`, `dir` (`c2s`, `s2c`), `b64`, `t_us` |
//! | hidden data | `conn`, `dir`, `blank`, `t_us`: so many bytes passed, and what they were is not told |
//! | event | `conn`, `ev`, `t_us`, and by kind `dir`, `errno`, `peer`, `run`, `slot` |
//!
//! Events are `open` (with `peer` when a flow has several daemons), `eof`, `reset`, `write-failed` (each
//! with `dir`, the last two with `errno`), `connect-failed`, and `use`: from here on the connection serves
//! this slot of this conversation of the client, or, without `run` and `slot`, one call. `t_us` is the time
//! since the start in microseconds. Lines are in order of time over all connections. Where data is cut into
//! lines is chance: a reader must give the same result for any other cut.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Value, json};

/// A longer run of hidden bytes is a mistake: nothing reads so many at once.
const LONGEST: usize = 1 << 30;

/// What stands for a hidden byte: harmless in JSON, in a header field, in text.
const FILLER: u8 = b'x';

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

impl Direction {
    /// The name in a transcript: `c2s` or `s2c`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ToServer => "c2s",
            Self::ToClient => "s2c",
        }
    }
}

/// What a transcript says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The name of what was done.
    pub flow: String,
    /// The daemon that answered, with its version.
    pub daemon: String,
    /// What happens, in a sentence.
    pub note: String,
    /// The seed of the client's websocket masks and keys, if it is known.
    pub seed: Option<u64>,
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

/// What happened on a connection. The direction of an end is that of the bytes that it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A client connected; the name of the daemon, when a flow has several.
    Open(Option<String>),
    /// Bytes that were read at once.
    Data(Direction, Vec<u8>),
    /// So many bytes, of which only the number is told.
    Blank(Direction, usize),
    /// That side closed its writing end.
    Eof(Direction),
    /// Reading from that side failed; the error number.
    Reset(Direction, i32),
    /// The data before could not be delivered; the error number.
    WriteFailed(Direction, i32),
    /// The daemon refused; the error number.
    ConnectFailed(i32),
    /// From here on it serves this: a call, or a slot of a conversation.
    Use(Option<Part>),
}

/// A conversation that a client has, and one of its slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which conversation, numbered from 0.
    pub run: u64,
    /// Which of its slots.
    pub slot: u8,
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
        let seed = first["seed"].as_str().and_then(|seed| u64::from_str_radix(seed, 16).ok());
        let header = Header { flow: text("flow"), daemon: text("daemon"), note: text("note"), seed };
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

    /// All bytes of one direction of a connection; hidden ones are `x`.
    #[must_use]
    pub fn bytes(&self, conn: u64, direction: Direction) -> Vec<u8> {
        let mut all = Vec::new();
        for what in self.of(conn) {
            match what {
                What::Data(way, bytes) if *way == direction => all.extend_from_slice(bytes),
                What::Blank(way, count) if *way == direction => all.resize(all.len() + count, FILLER),
                _ => {}
            }
        }
        all
    }

    /// Which of these bytes are hidden.
    #[must_use]
    pub fn blanks(&self, conn: u64, direction: Direction) -> Vec<Range<usize>> {
        let (mut blanks, mut at) = (Vec::new(), 0);
        for what in self.of(conn) {
            match what {
                What::Data(way, bytes) if *way == direction => at += bytes.len(),
                What::Blank(way, count) if *way == direction => {
                    blanks.push(at..at + count);
                    at += count;
                }
                _ => {}
            }
        }
        blanks
    }
}

impl Header {
    /// The line of the file.
    #[must_use]
    pub fn line(&self) -> String {
        let mut value = json!({"v": 1, "flow": self.flow, "daemon": self.daemon, "note": self.note});
        if let Some(seed) = self.seed {
            // As text: not every reader of JSON has numbers of 64 bits.
            value["seed"] = json!(format!("{seed:016x}"));
        }
        format!("{value}\n")
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
            None if value["blank"].is_u64() => {
                let count = value["blank"].as_u64().and_then(|count| usize::try_from(count).ok());
                What::Blank(dir()?, count.filter(|count| *count <= LONGEST).ok_or("blank is too large")?)
            }
            None => {
                let data = value["b64"].as_str().ok_or("neither ev nor b64")?;
                What::Data(dir()?, BASE64.decode(data.as_bytes()).map_err(|_| "b64 is not base64")?)
            }
            Some("open") => What::Open(value["peer"].as_str().map(str::to_owned)),
            Some("eof") => What::Eof(dir()?),
            Some("reset") => What::Reset(dir()?, errno()?),
            Some("write-failed") => What::WriteFailed(dir()?, errno()?),
            Some("connect-failed") => What::ConnectFailed(errno()?),
            Some("use") => What::Use(match (value["run"].as_u64(), value["slot"].as_u64()) {
                (Some(run), Some(slot)) => {
                    Some(Part { run, slot: u8::try_from(slot).map_err(|_| "slot is too large")? })
                }
                _ => None,
            }),
            Some(_) => return Err("an unknown ev"),
        };
        Ok(Self { conn, at, what })
    }

    /// The line of the file.
    #[must_use]
    pub fn line(&self) -> String {
        let mut value = match &self.what {
            What::Open(None) => json!({"ev": "open"}),
            What::Open(Some(peer)) => json!({"ev": "open", "peer": peer}),
            What::Data(dir, bytes) => json!({"dir": dir.name(), "b64": BASE64.encode(bytes)}),
            What::Blank(dir, count) => json!({"dir": dir.name(), "blank": count}),
            What::Eof(dir) => json!({"ev": "eof", "dir": dir.name()}),
            What::Reset(dir, errno) => json!({"ev": "reset", "dir": dir.name(), "errno": errno}),
            What::WriteFailed(dir, errno) => {
                json!({"ev": "write-failed", "dir": dir.name(), "errno": errno})
            }
            What::ConnectFailed(errno) => json!({"ev": "connect-failed", "errno": errno}),
            What::Use(None) => json!({"ev": "use"}),
            What::Use(Some(Part { run, slot })) => json!({"ev": "use", "run": run, "slot": slot}),
        };
        value["conn"] = json!(self.conn);
        value["t_us"] = json!(u64::try_from(self.at.as_micros()).unwrap_or(u64::MAX));
        format!("{value}\n")
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
            What::Blank(Direction::ToServer, 3),
            What::Use(None),
            What::Use(Some(Part { run: 7, slot: 2 })),
        ];
        let entries = (0..).zip(what).map(|(n, what)| Entry {
            conn: n / 3,
            at: Duration::from_micros(n * 1000 + 7),
            what,
        });
        let header =
            Header { flow: "f".into(), daemon: "d".into(), note: "say \"it\"".into(), seed: Some(u64::MAX) };
        let transcript = Transcript { header, entries: entries.collect() };
        assert_eq!(Transcript::parse(&transcript.to_text()).unwrap(), transcript);
        assert_eq!(transcript.connections(), [0, 1, 2, 3]);
        assert_eq!(transcript.bytes(0, Direction::ToServer), b"GET / HTTP/1.1\r\n\r\n");
        assert_eq!(transcript.bytes(2, Direction::ToServer), b"xxx");
        assert_eq!(transcript.blanks(2, Direction::ToServer), vec![Range { start: 0, end: 3 }]);
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
            ("{\"conn\":0,\"t_us\":1,\"dir\":\"c2s\",\"blank\":99999999999}", "line 2: blank is too large"),
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
