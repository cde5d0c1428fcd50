use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use lxio_core::bytes::Moment;
use lxio_core::session::Pool;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use std::os::fd::AsFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::{Handle, Id};

use crate::dial::{Shared, Timer};

/// A byte stream that the caller made.
pub(crate) trait Given: AsyncRead + AsyncWrite + Send {}

impl<S: AsyncRead + AsyncWrite + Send> Given for S {}

/// What bytes move on.
pub(crate) enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
    /// The lock is never taken: it lets threads share what only one of them uses at a time.
    Given(Mutex<Pin<Box<dyn Given>>>),
}

type Dialling = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

/// Makes connections as the caller wants them made.
#[derive(Clone)]
pub(crate) struct Dialler(Arc<dyn Fn() -> Dialling + Send + Sync>);

impl Dialler {
    pub(crate) fn new<D, F, S>(dial: D) -> Self
    where
        D: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        Self(Arc::new(move || {
            let made = dial();
            Box::pin(async move { Ok(Stream::Given(Mutex::new(Box::pin(made.await?)))) })
        }))
    }

    pub(crate) fn dial(&self) -> Dialling {
        (self.0)()
    }
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: Stream,
    /// The number of the way that it was made on.
    pub(crate) way: usize,
    /// The runtime that made it, the only one that says when it is ready.
    runtime: Option<Id>,
    patience: Timer,
    /// What the timer is set to. It stays set from call to call, since setting it costs.
    alarm: Option<Moment>,
}

impl Socket {
    pub(crate) fn new(stream: Stream, way: usize) -> Self {
        Self { stream, way, runtime: runtime(), patience: Timer::default(), alarm: None }
    }

    /// Writes what can be written now.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Given(stream) => {
                let mut stream = inner(stream).as_mut();
                match ready!(stream.as_mut().poll_write(cx, bytes)) {
                    // It may keep what it was given until it is told to let go.
                    Ok(count) => match stream.poll_flush(cx) {
                        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                        _ => Poll::Ready(Ok(count)),
                    },
                    failed => Poll::Ready(failed),
                }
            }
        }
    }

    /// Reads what can be read now.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, space: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(space);
        let done = match &mut self.stream {
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
            Stream::Given(stream) => {
                let mut stream = inner(stream).as_mut();
                // What was written and not let go of would be waited for for ever.
                if let Poll::Ready(Err(error)) = stream.as_mut().poll_flush(cx) {
                    return Poll::Ready(Err(error));
                }
                stream.poll_read(cx, &mut buffer)
            }
        };
        ready!(done)?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Waits until `moment`.
    pub(crate) fn poll_until(&mut self, cx: &mut Context<'_>, moment: Moment, shared: &Shared) -> Poll<()> {
        loop {
            // One that is set to an earlier moment wakes us too soon, once.
            let alarm = *self.alarm.insert(self.alarm.map_or(moment, |alarm| alarm.min(moment)));
            ready!(self.patience.poll(cx, alarm, shared));
            self.alarm = None;
            if shared.now() >= moment {
                return Poll::Ready(());
            }
        }
    }

    /// Whether a request can be sent: it is this runtime's, and nothing has come that nobody asked for, be it
    /// the end. The runtime may not have heard of it yet, so the system is asked.
    pub(crate) fn is_usable(&mut self, rested: Duration) -> bool {
        self.runtime == runtime() && (rested < Pool::<Self>::JUST_NOW || self.is_silent())
    }

    fn is_silent(&mut self) -> bool {
        let stream = match &mut self.stream {
            Stream::Unix(stream) => UnixStream::as_fd(stream),
            Stream::Tcp(stream) => TcpStream::as_fd(stream),
            Stream::Given(stream) => {
                let mut cx = Context::from_waker(Waker::noop());
                return inner(stream).as_mut().poll_read(&mut cx, &mut ReadBuf::new(&mut [0])).is_pending();
            }
        };
        matches!(recv(stream, &mut [0], RecvFlags::PEEK | RecvFlags::DONTWAIT), Err(Errno::AGAIN))
    }
}

fn inner<T>(mutex: &mut Mutex<T>) -> &mut T {
    mutex.get_mut().unwrap_or_else(PoisonError::into_inner)
}

/// Which runtime this is.
fn runtime() -> Option<Id> {
    Handle::try_current().ok().map(|handle| handle.id())
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unix(_) => "Unix",
            Self::Tcp(_) => "Tcp",
            Self::Given(_) => "Given",
        })
    }
}

impl fmt::Debug for Dialler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialler")
    }
}
