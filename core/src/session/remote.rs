use std::path::PathBuf;

use crate::bytes::Limits;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Address {
    /// The daemon of this machine: its Unix socket is looked for where LXD and Incus put theirs.
    #[default]
    Local,
    /// A Unix socket at this path.
    Socket(PathBuf),
}

/// A server to connect to, and how.
///
/// ```
/// use lxio_core::session::Remote;
///
/// let here = Remote::local();
/// let there = Remote::socket("/run/incus/unix.socket").project("shop");
/// # let _ = (here, there);
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Remote {
    /// Where it listens.
    pub address: Address,
    /// The project that calls are in when they do not name one. Default: the server's `default`.
    pub project: Option<String>,
    /// What is accepted from it.
    pub limits: Limits,
    /// The seed of websocket masks and keys. Default: a new one for every client. Set it where the same
    /// calls must give the same bytes.
    pub seed: Option<u64>,
    /// How many connections may rest between calls. Default 64.
    pub idle: Option<usize>,
    /// Where a transcript is written. Default: nowhere.
    pub transcript: Option<TranscriptFile>,
}

/// The file that a client writes what passes between it and the server to: bytes, direction, connection, slot,
/// time, one JSON object a line. It is what a report of a bug needs, since it can be replayed.
///
/// What must not be told does not reach the file:
///
/// | what passes | in the file |
/// |---|---|
/// | secrets of operations and images, trust tokens | others of the same length |
/// | passwords, tokens and the like in headers, queries and JSON, `user.*` and `cloud-init.*` keys | their length |
/// | commands, their variables, input and output; files, images, backups | their length, unless [`with_content`](Self::with_content) |
/// | all else: names, paths, addresses, configuration, texts of errors | itself |
///
/// ```
/// use lxio_core::session::{Remote, TranscriptFile};
///
/// let remote = Remote::local().transcript("bug.jsonl");
/// let in_full = Remote::local().transcript(TranscriptFile::new("bug.jsonl").with_content());
/// # let _ = (remote, in_full);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TranscriptFile {
    /// Where it is. What is there is replaced; only its owner may read it.
    pub path: PathBuf,
    /// Whether what the user works with is in it.
    pub content: bool,
}

impl TranscriptFile {
    /// A transcript without what the user works with.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), content: false }
    }

    /// With commands, their variables, input and output, files and images, as they are; `user.*` and
    /// `cloud-init.*` keys too. Passwords and tokens stay out where their place tells what they are.
    #[must_use]
    pub const fn with_content(mut self) -> Self {
        self.content = true;
        self
    }
}

impl<P: Into<PathBuf>> From<P> for TranscriptFile {
    fn from(path: P) -> Self {
        Self::new(path)
    }
}

impl Remote {
    /// The daemon of this machine.
    #[must_use]
    pub fn local() -> Self {
        Self::default()
    }

    /// The server behind a Unix socket.
    #[must_use]
    pub fn socket(path: impl Into<PathBuf>) -> Self {
        Self { address: Address::Socket(path.into()), ..Self::default() }
    }

    /// In this project, unless a call names another.
    #[must_use]
    pub fn project(mut self, project: impl Into<String>) -> Self {
        self.project = Some(project.into());
        self
    }

    /// With other limits on what is accepted.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// With this seed for websocket masks and keys.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// With at most this many connections at rest. 0 closes each after its call.
    #[must_use]
    pub const fn idle(mut self, connections: usize) -> Self {
        self.idle = Some(connections);
        self
    }

    /// With a transcript of all that passes, for the report of a bug. It is written as things happen, by
    /// whoever makes them happen, and every client writes its own: connecting fails while another writes it.
    #[must_use]
    pub fn transcript(mut self, file: impl Into<TranscriptFile>) -> Self {
        self.transcript = Some(file.into());
        self
    }
}

impl From<&str> for Remote {
    /// The server behind the Unix socket at this path.
    fn from(path: &str) -> Self {
        Self::socket(path)
    }
}

impl From<PathBuf> for Remote {
    /// The server behind the Unix socket at this path.
    fn from(path: PathBuf) -> Self {
        Self::socket(path)
    }
}

impl From<&std::path::Path> for Remote {
    /// The server behind the Unix socket at this path.
    fn from(path: &std::path::Path) -> Self {
        Self::socket(path)
    }
}
