use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use lxio_core::bytes::Moment;
use lxio_core::session::Attempt;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::dial::Shared;

/// Makes connections as the caller wants them made.
#[derive(Clone)]
pub(crate) struct Dialler(Arc<dyn Fn() -> io::Result<OwnedFd> + Send + Sync>);

impl Dialler {
    pub(crate) fn new<S: Into<OwnedFd>>(dial: impl Fn() -> io::Result<S> + Send + Sync + 'static) -> Self {
        Self(Arc::new(move || dial().map(Into::into)))
    }

    pub(crate) fn dial(&self) -> io::Result<OwnedFd> {
        (self.0)()
    }
}

/// A connection: a stream socket of any family, which blocks.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: OwnedFd,
    /// The number of the way that it was made on.
    pub(crate) way: usize,
    /// How long the system lets a read wait; `None` for ever. It stays set from call to call, since
    /// setting it costs.
    patience: Option<Duration>,
}

impl Socket {
    pub(crate) const fn new(stream: OwnedFd, way: usize) -> Self {
        Self { stream, way, patience: None }
    }

    /// Waits until it can write or read; whether it can read. At most until there is no more patience.
    pub(crate) fn is_readable_first(&self) -> bool {
        let patience = self.patience.and_then(|patience| Timespec::try_from(patience).ok());
        let mut wanted = [PollFd::new(&self.stream, PollFlags::IN | PollFlags::OUT)];
        // Interrupted or not, what is ready shows in the flags.
        let _ = poll(&mut wanted, patience.as_ref());
        !(wanted[0].revents() - PollFlags::OUT).is_empty()
    }

    /// Reads, and waits until it can: at most until there is no more patience with the attempt, and then, or
    /// earlier, the error is [`WouldBlock`](io::ErrorKind::WouldBlock).
    pub(crate) fn read(&self, space: &mut [u8]) -> io::Result<usize> {
        self.recv(space, RecvFlags::empty())
    }

    /// Lets reads wait until about this moment.
    pub(crate) fn wait_until(&mut self, end: Option<Moment>, now: Moment) -> io::Result<()> {
        let left = end.map(|end| end.since(now).max(Duration::from_millis(1)));
        // One that is a little shorter ends too soon, once.
        let good = match (self.patience, left) {
            (None, None) => true,
            (Some(set), Some(left)) => set <= left && set >= left / 2,
            _ => false,
        };
        if !good {
            set_socket_timeout(&self.stream, Timeout::Recv, left)?;
            self.patience = left;
        }
        Ok(())
    }

    /// Writes what can be written now.
    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(send(&self.stream, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?)
    }

    /// Reads what can be read now, or waits for it.
    pub(crate) fn recv(&self, space: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
        Ok(recv(&self.stream, &mut *space, flags).map(|(count, _)| count)?)
    }

    /// Whether nothing has come that nobody asked for, be it the end.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(recv(&self.stream, &mut [0], RecvFlags::PEEK | RecvFlags::DONTWAIT), Err(Errno::AGAIN))
    }

    /// Lets the next read or write of the attempt wait for as long as there is patience; an error if there is
    /// none left.
    pub(crate) fn have_patience(&mut self, attempt: &mut Attempt, shared: &Shared) -> io::Result<bool> {
        let now = shared.now();
        let end = attempt.until(now);
        if end.is_some_and(|end| end <= now) {
            return Ok(false);
        }
        self.wait_until(end, now)?;
        Ok(true)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl fmt::Debug for Dialler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialler")
    }
}
