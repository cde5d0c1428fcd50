use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};
use lxio_core::flow::{Download, Flow, Slot, Upload};
use lxio_core::session::{Cause, Error};

use crate::Live;
use crate::live::Turn;

/// The slot whose request or answer has the streamed body.
pub(crate) const BODY: Slot = 0;

impl<T> Live<Download<T>> {
    /// What the answer's head says, before its body: `None` only after [`copy_to`](Self::copy_to) or the end.
    #[must_use]
    pub const fn head(&self) -> Option<&T> {
        self.flow().head()
    }

    /// Writes the whole body to `writer`, flushes it and returns what the head said.
    ///
    /// # Errors
    /// [`Cause::Output`] if the writer failed; otherwise as [`Live::finish`]. A body that broke off is an
    /// error, though what came of it was written.
    pub async fn copy_to<W: AsyncWrite + Unpin + ?Sized>(mut self, writer: &mut W) -> Result<T, Error> {
        poll_fn(|cx| self.poll_copy_to(cx, Pin::new(&mut *writer))).await?;
        self.result()
    }

    fn poll_copy_to(
        &mut self,
        cx: &mut Context<'_>,
        mut writer: Pin<&mut (impl AsyncWrite + ?Sized)>,
    ) -> Poll<Result<(), Error>> {
        let failed = |error| Error::new(Cause::Output(error));
        while ready!(self.poll_takable(cx)) {
            let Some(bytes) = self.drive.take(BODY) else { continue };
            match ready!(writer.as_mut().poll_write(cx, bytes)) {
                Ok(0) => return Poll::Ready(Err(failed(io::ErrorKind::WriteZero.into()))),
                Ok(count) => self.drive.took(BODY, count),
                Err(error) => return Poll::Ready(Err(failed(error))),
            }
        }
        writer.poll_flush(cx).map_err(failed)
    }

    /// Goes on until there is more of the body; `false` if there never will be.
    fn poll_takable(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        while self.drive.take(BODY).is_none() {
            if let Turn::Over = ready!(self.poll_turn(cx, |drive| drive.take(BODY).is_some())) {
                return Poll::Ready(false);
            }
        }
        Poll::Ready(true)
    }
}

/// Reads the body. A body that broke off is an error, never an end.
impl<T> AsyncRead for Live<Download<T>> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if space.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if !ready!(self.poll_takable(cx)) {
            return Poll::Ready(self.error().map_or(Ok(0), |error| Err(io::Error::other(error))));
        }
        let bytes = self.drive.take(BODY).unwrap_or_default();
        let count = bytes.len().min(space.len());
        space[..count].copy_from_slice(&bytes[..count]);
        self.drive.took(BODY, count);
        Poll::Ready(Ok(count))
    }
}

impl<T> Live<Upload<T>> {
    /// Sends all that `reader` gives, or as much of it as was announced, and sees the change through.
    ///
    /// # Errors
    /// [`Cause::Input`] if the reader failed: the connection is closed in mid-body then; otherwise as
    /// [`Live::finish`].
    pub async fn copy_from<R: AsyncRead + Unpin + ?Sized>(mut self, reader: &mut R) -> Result<T, Error> {
        poll_fn(|cx| self.poll_copy_from(cx, Pin::new(&mut *reader))).await?;
        self.finish().await
    }

    fn poll_copy_from(
        &mut self,
        cx: &mut Context<'_>,
        mut reader: Pin<&mut (impl AsyncRead + ?Sized)>,
    ) -> Poll<Result<(), Error>> {
        while ready!(self.poll_fillable(cx)) {
            let Some(space) = self.drive.fill(BODY) else { break };
            match ready!(reader.as_mut().poll_read(cx, space)) {
                Ok(count) => self.drive.filled(BODY, count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(Error::new(Cause::Input(error)))),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Ends the body and sees the change through.
    ///
    /// # Errors
    /// As [`Live::finish`]; also if less was written than was announced.
    pub async fn complete(mut self) -> Result<T, Error> {
        poll_fn(|cx| self.poll_complete(cx)).await;
        self.finish().await
    }

    /// Ends the body, and goes on until that has left.
    fn poll_complete(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while ready!(self.poll_fillable(cx)) {
            self.drive.filled(BODY, 0);
        }
        Poll::Ready(())
    }

    /// Goes on until more of the body can be taken; `false` if it never will be.
    fn poll_fillable(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        while self.drive.fill(BODY).is_none() {
            // After the whole body was taken, or an early answer, there is only the end to come.
            match ready!(self.poll_turn(cx, |drive| drive.fill(BODY).is_some() || drive.flow().ready())) {
                Turn::Met if self.drive.flow().ready() => return Poll::Ready(false),
                Turn::Over => return Poll::Ready(false),
                Turn::Met | Turn::Item(_) => {}
            }
        }
        Poll::Ready(true)
    }

    /// What there is to say to a writer whose bytes nobody takes any more.
    fn refusal(&mut self) -> io::Error {
        self.error().map_or_else(|| io::ErrorKind::BrokenPipe.into(), io::Error::other)
    }
}

/// Writes the body. [`Live::complete`] ends it; a handle that is dropped before breaks the upload off.
impl<T> AsyncWrite for Live<Upload<T>> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if !ready!(self.poll_fillable(cx)) {
            return Poll::Ready(Err(self.refusal()));
        }
        let Some(space) = self.drive.fill(BODY) else { return Poll::Ready(Ok(0)) };
        let count = bytes.len().min(space.len());
        space[..count].copy_from_slice(&bytes[..count]);
        self.drive.filled(BODY, count);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_fillable(cx).map(|_| Ok(()))
    }

    /// Ends the body, as [`Live::complete`] does, but leaves what it comes to for that.
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_complete(cx).map(Ok)
    }
}
