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
