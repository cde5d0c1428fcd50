use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use async_io::Async;
use futures_io::{AsyncRead, AsyncWrite};
use lxio_core::bytes::Moment;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::dial::{Shared, Timer, lock};

/// A byte stream that the caller made.
pub(crate) trait Given: AsyncRead + AsyncWrite + Send {}

impl<S: AsyncRead + AsyncWrite + Send> Given for S {}

/// What bytes move on.
pub(crate) enum Stream {
    Own(Own),
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
    patience: Timer,
    /// What the timer is set to. It stays set from call to call, since setting it costs.
    alarm: Option<Moment>,
}

/// A socket of the system.
pub(crate) struct Own {
    stream: Async<OwnedFd>,
    /// Reading may give something without waiting.
    ready: bool,
    /// The bell will ring when something comes.
    armed: bool,
    bell: Arc<Bell>,
    waker: Waker,
}

impl Stream {
    /// A stream socket of any family.
    pub(crate) fn own(stream: impl Into<OwnedFd>) -> io::Result<Self> {
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(Arc::clone(&bell));
        let stream = Async::new_nonblocking(stream.into())?;
        Ok(Self::Own(Own { stream, ready: false, armed: false, bell, waker }))
    }
}

impl Socket {
    pub(crate) fn new(stream: Stream, way: usize) -> Self {
        Self { stream, way, patience: Timer::default(), alarm: None }
    }

    /// Writes what can be written now.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Own(stream) => stream.poll_write(cx, bytes),
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
        match &mut self.stream {
            Stream::Own(stream) => stream.poll_read(cx, space),
            Stream::Given(stream) => {
                let mut stream = inner(stream).as_mut();
                // What was written and not let go of would be waited for for ever.
                if let Poll::Ready(Err(error)) = stream.as_mut().poll_flush(cx) {
                    return Poll::Ready(Err(error));
                }
                stream.poll_read(cx, space)
            }
        }
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

    /// Lets go of the task that used it.
    pub(crate) fn rest(&mut self) {
        if let Stream::Own(stream) = &mut self.stream {
            stream.rest();
        }
    }

    /// Whether a request can be sent: nothing has come that nobody asked for, be it the end.
    pub(crate) fn is_usable(&mut self) -> bool {
        match &mut self.stream {
            Stream::Own(stream) => stream.is_usable(),
            Stream::Given(stream) => {
                let mut cx = Context::from_waker(Waker::noop());
                inner(stream).as_mut().poll_read(&mut cx, &mut [0]).is_pending()
            }
        }
    }
}

fn inner<T>(mutex: &mut Mutex<T>) -> &mut T {
    mutex.get_mut().unwrap_or_else(PoisonError::into_inner)
}

impl Own {
    /// Writes what can be written now.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match send(self.stream.get_ref(), bytes, SendFlags::NOSIGNAL) {
                Err(Errno::AGAIN) => {}
                done => return Poll::Ready(Ok(done?)),
            }
            ready!(self.stream.poll_writable(cx))?;
        }
    }

    /// Reads what can be read now. Costs no system call while nothing has come, however often it is asked.
    fn poll_read(&mut self, cx: &mut Context<'_>, space: &mut [u8]) -> Poll<io::Result<usize>> {
        self.bell.tell(cx.waker());
        loop {
            if !self.ready {
                let rung = self.bell.rung();
                if self.armed && !rung {
                    return Poll::Pending;
                }
                let mut cx = Context::from_waker(&self.waker);
                self.armed = self.stream.poll_readable(&mut cx)?.is_pending();
                // That it is pending does not mean that nothing came: the reactor takes no event for new
                // that it began to wait for before it was asked. The bell knows.
                if self.armed && !rung {
                    return Poll::Pending;
                }
            }
            let read = recv(self.stream.get_ref(), &mut *space, RecvFlags::empty()).map(|(count, _)| count);
            // A short read took all there was; only a full one may have left something.
            self.ready = matches!(read, Ok(count) if count == space.len());
            match read {
                Err(Errno::AGAIN) => {}
                done => return Poll::Ready(Ok(done?)),
            }
        }
    }

    /// Lets go of the task, and has the bell ring if something comes that nobody asked for. The next answer
    /// needs it armed anyway.
    fn rest(&mut self) {
        self.bell.forget();
        self.bell.rung();
        self.ready = false;
        let mut cx = Context::from_waker(&self.waker);
        // The reactor may first remember an event that was dealt with.
        self.armed = (0..2).any(|_| self.stream.poll_readable(&mut cx).is_pending());
    }

    /// Whether a request can be sent: nothing has come at rest, be it the end. Costs no system call unless the
    /// bell rang.
    fn is_usable(&mut self) -> bool {
        if self.armed && !self.bell.rung() {
            return true;
        }
        // The reactor can be late: then the bell rings for what was read long ago, and would not ring again.
        // Only the system knows.
        self.rest();
        self.armed && matches!(recv(self.stream.get_ref(), &mut [0], RecvFlags::PEEK), Err(Errno::AGAIN))
    }
}

/// Wakes the task, and remembers that it did, so that a task with many sockets knows which to read.
#[derive(Debug, Default)]
struct Bell {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Bell {
    /// Wakes this task from now on.
    fn tell(&self, waker: &Waker) {
        let mut task = lock(&self.task);
        if !task.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *task = Some(waker.clone());
        }
    }

    /// Wakes nobody from now on.
    fn forget(&self) {
        lock(&self.task).take();
    }

    /// Whether it rang since this was asked last.
    fn rung(&self) -> bool {
        self.rung.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        let task = lock(&self.task).take();
        if let Some(waker) = task {
            waker.wake();
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Own(_) => "Own",
            Self::Given(_) => "Given",
        })
    }
}

impl fmt::Debug for Dialler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialler")
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Write;
    use std::os::unix::net::UnixStream;
    use std::task::Wake;

    use super::{Socket, Stream};

    fn ring(socket: &Socket) {
        if let Stream::Own(own) = &socket.stream {
            own.bell.wake_by_ref();
        }
    }

    /// A socket at rest whose last answer was read, and its other end.
    fn at_rest() -> (Socket, UnixStream) {
        let (own, mut other) = UnixStream::pair().unwrap();
        own.set_nonblocking(true).unwrap();
        let mut socket = Socket::new(Stream::own(own).unwrap(), 0);
        other.write_all(b"answer").unwrap();
        let mut space = [0; 64];
        let count = async_io::block_on(poll_fn(|cx| socket.poll_read(cx, &mut space))).unwrap();
        assert_eq!(count, 6);
        socket.rest();
        (socket, other)
    }

    #[test]
    fn a_bell_that_rings_late_ends_no_connection() {
        let (mut socket, _other) = at_rest();
        assert!(socket.is_usable());
        // The reactor wakes for the answer that was read before the rest.
        ring(&socket);
        assert!(socket.is_usable());
        assert!(socket.is_usable());
    }

    #[test]
    fn a_bell_that_rings_in_time_does() {
        for deed in [|mut other: UnixStream| other.write_all(b"more").map(|()| Some(other)), |_| Ok(None)] {
            let (mut socket, other) = at_rest();
            let _other = deed(other).unwrap();
            ring(&socket);
            assert!(!socket.is_usable());
        }
    }
}
