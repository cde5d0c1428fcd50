use std::time::Duration;

use bytes::Bytes;
use lxio_core::bytes::Moment;

use super::Close;
use super::connection::Connection;
use crate::http::Request;
use crate::websocket::accept;

/// An answer that a test puts in place of the daemon's own, to a request of its choice.
///
/// ```
/// use lxio_sim::{Daemon, Scripted, Setup};
///
/// let mut daemon = Daemon::new(Setup::incus());
/// daemon.next_reply(Scripted::raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nnot JSON").then_close());
/// ```
#[derive(Debug, Clone)]
pub struct Scripted {
    bytes: Bytes,
    /// The upgrade to a websocket that was asked for is accepted first.
    upgrade: bool,
    /// So many bytes at a time, so much later each.
    pace: Option<(usize, Duration)>,
    /// Said again and again when all of the bytes were.
    refrain: Bytes,
    end: Option<Close>,
}

impl Scripted {
    /// These bytes at once; the connection stays open, and goes on with the next request.
    #[must_use]
    pub fn raw(bytes: impl AsRef<[u8]>) -> Self {
        let bytes = Bytes::copy_from_slice(bytes.as_ref());
        Self { bytes, upgrade: false, pace: None, refrain: Bytes::new(), end: None }
    }

    /// Accepts the websocket that is asked for, and then says these bytes on it.
    #[must_use]
    pub fn upgraded(bytes: impl AsRef<[u8]>) -> Self {
        Self { upgrade: true, ..Self::raw(bytes) }
    }

    /// Nothing at all, for ever.
    #[must_use]
    pub fn silence() -> Self {
        Self::raw(b"")
    }

    /// So many bytes at a time, each `gap` after the one before.
    #[must_use]
    pub const fn slowly(mut self, bytes: usize, gap: Duration) -> Self {
        self.pace = Some((bytes, gap));
        self
    }

    /// And then these bytes again and again, without end, as fast as they are taken.
    #[must_use]
    pub fn then_endlessly(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.refrain = Bytes::copy_from_slice(bytes.as_ref());
        self
    }

    /// And then the connection ends.
    #[must_use]
    pub const fn then_close(mut self) -> Self {
        self.end = Some(Close::End);
        self
    }

    /// And then the connection is reset.
    #[must_use]
    pub const fn then_reset(mut self) -> Self {
        self.end = Some(Close::Reset);
        self
    }
}

impl Scripted {
    /// As the answer to a request.
    pub(super) fn answering(mut self, request: &Request) -> Self {
        if self.upgrade {
            let head = accept(request).unwrap_or_default();
            self.bytes = [&head, &self.bytes[..]].concat().into();
        }
        self
    }
}

/// A script that is played on a connection.
#[derive(Debug)]
pub(super) struct Playing {
    rest: Scripted,
    due: Moment,
}

/// An endless answer is not made faster than it is taken.
const AHEAD: usize = 64 << 10;

impl Playing {
    pub(super) const fn begin(script: Scripted, now: Moment) -> Self {
        Self { rest: script, due: now }
    }

    /// Whether it has nothing more to say, and the connection is there for other requests.
    pub(super) fn is_over(&self) -> bool {
        let Scripted { bytes, upgrade, refrain, end, .. } = &self.rest;
        bytes.is_empty() && refrain.is_empty() && end.is_none() && !upgrade
    }

    /// Says what is due; when it is to be asked again, `None` when that depends on what is taken.
    pub(super) fn play(&mut self, connection: &mut Connection, now: Moment) -> Option<Moment> {
        while self.due <= now && !self.rest.bytes.is_empty() {
            let (count, gap) = self.rest.pace.unwrap_or((usize::MAX, Duration::ZERO));
            let count = count.clamp(1, self.rest.bytes.len());
            connection.out.push(self.rest.bytes.split_to(count));
            self.due = self.due.plus(gap);
        }
        if !self.rest.bytes.is_empty() {
            return Some(self.due);
        }
        if self.rest.refrain.is_empty() {
            if let Some(end) = self.rest.end
                && (end == Close::End || connection.out.len() == 0)
            {
                connection.close = Some(end);
            }
            return None;
        }
        while connection.out.len() < AHEAD {
            connection.out.push(self.rest.refrain.clone());
        }
        None
    }
}
