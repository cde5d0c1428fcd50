use std::fmt;

use lxio_core::bytes::Moment;

/// Something that passed on the network, for a look at what went on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// When.
    pub at: Moment,
    /// On which connection: they count from 1. 0 is none.
    pub link: u64,
    /// What.
    pub what: What,
}

/// What passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A client connected.
    Connected,
    /// A client could not connect.
    Refused,
    /// A client wrote.
    Up(Vec<u8>),
    /// The daemon wrote.
    Down(Vec<u8>),
    /// A client closed.
    Closed,
    /// The daemon closed.
    Ended,
    /// It was reset, by the network or by the daemon.
    Reset,
    /// The daemon was killed.
    Killed,
    /// The daemon was started.
    Started,
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.at.since(Moment::default());
        write!(f, "{:>5}.{:06} ", time.as_secs(), time.subsec_micros())?;
        match (&self.what, self.link) {
            (What::Up(bytes), link) => write!(f, "#{link} > {}", bytes.escape_ascii()),
            (What::Down(bytes), link) => write!(f, "#{link} < {}", bytes.escape_ascii()),
            (what, 0) => write!(f, "{what:?}"),
            (what, link) => write!(f, "#{link} {what:?}"),
        }
    }
}
