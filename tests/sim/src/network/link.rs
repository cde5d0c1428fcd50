use std::collections::VecDeque;
use std::io;

use super::lane::Lane;
use crate::Conn;

/// How much one direction holds before its writer waits, as a Unix socket's does.
pub(super) const CAPACITY: usize = 208 << 10;

/// A connection: its lanes, and what has become of its ends.
#[derive(Debug)]
pub(super) struct Link {
    /// The daemon's end; none when the daemon is done with it.
    pub(super) conn: Option<Conn>,
    pub(super) up: Lane,
    pub(super) down: Lane,
    /// What has come for the client and was not read.
    inbox: VecDeque<u8>,
    /// Nothing more comes for the client.
    ended: bool,
    reset: bool,
    /// What the client writes reaches nobody.
    deaf: bool,
    /// The client has let go of it.
    pub(super) closed: bool,
}

impl Link {
    pub(super) fn new(conn: Conn, up: Lane, down: Lane) -> Self {
        Self {
            conn: Some(conn),
            up,
            down,
            inbox: VecDeque::new(),
            ended: false,
            reset: false,
            deaf: false,
            closed: false,
        }
    }

    /// How many more bytes may be on their way to the client.
    pub(super) fn room_down(&self) -> usize {
        CAPACITY.saturating_sub(self.down.len() + self.inbox.len())
    }

    /// Whether a read would give anything but nothing: bytes, the end, or an error.
    pub(super) fn is_silent(&self) -> bool {
        self.inbox.is_empty() && !self.ended && !self.reset
    }

    /// How many of `bytes` can be written now.
    pub(super) fn writable(&self, bytes: &[u8]) -> io::Result<usize> {
        if self.reset {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if self.deaf || !self.up.is_open() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        match bytes.len().min(CAPACITY.saturating_sub(self.up.len())) {
            0 if !bytes.is_empty() => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }

    pub(super) fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if self.inbox.is_empty() {
            return match (self.reset, self.ended) {
                (true, _) => Err(io::ErrorKind::ConnectionReset.into()),
                (false, true) => Ok(0),
                (false, false) => Err(io::ErrorKind::WouldBlock.into()),
            };
        }
        io::Read::read(&mut self.inbox, space)
    }

    /// Bytes have come for the client.
    pub(super) fn arrive(&mut self, bytes: Vec<u8>) {
        if self.inbox.is_empty() {
            self.inbox = bytes.into();
        } else {
            self.inbox.extend(bytes);
        }
    }

    /// The daemon says nothing more; with `gone` it hears nothing either.
    pub(super) const fn end(&mut self, gone: bool) {
        self.ended = true;
        self.deaf |= gone;
    }

    /// The client lets go of it.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.inbox = VecDeque::new();
        self.down.clear();
    }

    /// It is reset: nothing passes any more.
    pub(super) fn tear(&mut self) {
        self.reset = true;
        self.up.clear();
        self.down.clear();
    }
}
