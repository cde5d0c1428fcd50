use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

/// How many polls in a row are answered before one is not.
const GOOD: u32 = 3;

/// A reader or writer of `std` with an asynchronous face: every fourth poll it is not ready, and wakes.
#[derive(Debug)]
pub(super) struct Moody<T> {
    inner: T,
    polls: u32,
}

impl<T> Moody<T> {
    pub(super) const fn new(inner: T) -> Self {
        Self { inner, polls: 0 }
    }

    fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        mut work: impl FnMut(&mut T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.polls += 1;
        if self.polls > GOOD {
            self.polls = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        loop {
            match work(&mut self.inner) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return Poll::Ready(done),
            }
        }
    }
}

impl<T: Read + Unpin> smol::io::AsyncRead for Moody<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll(cx, |inner| inner.read(space))
    }
}

impl<T: Write + Unpin> smol::io::AsyncWrite for Moody<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll(cx, |inner| inner.write(bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, Write::flush)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        smol::io::AsyncWrite::poll_flush(self, cx)
    }
}

impl<T: Read + Unpin> tokio::io::AsyncRead for Moody<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll(cx, |inner| {
            let count = inner.read(space.initialize_unfilled())?;
            space.advance(count);
            Ok(())
        })
    }
}

impl<T: Write + Unpin> tokio::io::AsyncWrite for Moody<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll(cx, |inner| inner.write(bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, Write::flush)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        tokio::io::AsyncWrite::poll_flush(self, cx)
    }
}
