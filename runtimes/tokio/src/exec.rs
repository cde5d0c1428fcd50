use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lxio_core::flow::{Exec, Output, Piece};
use lxio_core::session::{Cause, Drive, Error};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::Live;
use crate::live::Turn;

/// Most output that is kept aside while standard input is written, or while a writer of it is busy.
const ASIDE: usize = 1 << 20;
/// Room to read what goes to standard input.
const ROOM: usize = 64 << 10;
/// More than any command has connections.
const SLOTS: u8 = 8;

impl Live<Exec> {
    /// Ends standard input. It leaves with the next call on this handle.
    pub fn close_stdin(&mut self) {
        self.drive.flow_mut().close_stdin();
    }

    /// Sends a signal to the command, by its number. It leaves with the next call on this handle.
    pub fn signal(&mut self, number: i32) {
        self.drive.flow_mut().signal(number);
    }

    /// Gives the command all that `input` gives, then the end, and writes what it prints to `stdout` and
    /// `stderr` as it comes, flushing them when there is nothing more to write. All in one task: while
    /// `input` has nothing to give, output goes on, and while a writer is busy, input does, until 1 MiB of
    /// output waits to be written.
    ///
    /// # Errors
    /// [`Cause::Input`] and [`Cause::Output`] if the reader or a writer failed, which ends the command;
    /// otherwise as [`Live::finish`].
    pub async fn pipe<I, O, E>(
        mut self,
        input: &mut I,
        stdout: &mut O,
        stderr: &mut E,
    ) -> Result<Output, Error>
    where
        I: AsyncRead + Unpin + ?Sized,
        O: AsyncWrite + Unpin + ?Sized,
        E: AsyncWrite + Unpin + ?Sized,
    {
        let mut space = vec![0; ROOM];
        let mut written = Written::default();
        poll_fn(|cx| {
            let (stdout, stderr) = (Pin::new(&mut *stdout), Pin::new(&mut *stderr));
            self.poll_pipe(cx, Pin::new(&mut *input), stdout, stderr, &mut space, &mut written)
        })
        .await?;
        self.result()
    }

    /// Goes on until the command is over and all it printed is written.
    fn poll_pipe(
        &mut self,
        cx: &mut Context<'_>,
        mut input: Pin<&mut (impl AsyncRead + ?Sized)>,
        mut stdout: Pin<&mut (impl AsyncWrite + ?Sized)>,
        mut stderr: Pin<&mut (impl AsyncWrite + ?Sized)>,
        space: &mut [u8],
        written: &mut Written,
    ) -> Poll<Result<(), Error>> {
        loop {
            let wrote = self.poll_output(cx, stdout.as_mut(), stderr.as_mut(), written);
            if let Poll::Ready(Err(error)) = wrote {
                return Poll::Ready(Err(Error::new(Cause::Output(error))));
            }
            if self.aside() > ASIDE {
                return Poll::Pending;
            }
            let mut turn = self.poll_turn(cx, |drive| drive.flow().stdin_ready());
            if let Poll::Ready(Turn::Met) = turn {
                let mut space = ReadBuf::new(space);
                match input.as_mut().poll_read(cx, &mut space) {
                    Poll::Ready(Ok(())) if space.filled().is_empty() => self.close_stdin(),
                    Poll::Ready(Ok(())) => {
                        self.drive.flow_mut().push_stdin(space.filled());
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(Error::new(Cause::Input(error)))),
                    // Nothing to give yet: the output alone, then.
                    Poll::Pending => turn = self.poll_turn(cx, |_| false),
                }
            }
            match turn {
                Poll::Ready(Turn::Item(piece)) => self.items.push_back(piece),
                Poll::Ready(Turn::Met) => {}
                Poll::Ready(Turn::Over) => return wrote.map(|_| Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Writes what waits to be written, in the order in which it came, and flushes.
    fn poll_output(
        &mut self,
        cx: &mut Context<'_>,
        mut stdout: Pin<&mut (impl AsyncWrite + ?Sized)>,
        mut stderr: Pin<&mut (impl AsyncWrite + ?Sized)>,
        written: &mut Written,
    ) -> Poll<io::Result<()>> {
        while let Some(piece) = self.items.front() {
            let (rest, wrote) = match piece {
                Piece::Stdout(bytes) => {
                    written.stdout = true;
                    let rest = &bytes[written.count..];
                    (rest, ready!(stdout.as_mut().poll_write(cx, rest))?)
                }
                Piece::Stderr(bytes) => {
                    written.stderr = true;
                    let rest = &bytes[written.count..];
                    (rest, ready!(stderr.as_mut().poll_write(cx, rest))?)
                }
            };
            if wrote == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            written.count += wrote;
            if wrote >= rest.len() {
                written.count = 0;
                self.items.pop_front();
            }
        }
        if written.stdout {
            ready!(stdout.poll_flush(cx))?;
            written.stdout = false;
        }
        if written.stderr {
            ready!(stderr.poll_flush(cx))?;
            written.stderr = false;
        }
        Poll::Ready(Ok(()))
    }

    /// How many bytes of output are kept aside.
    fn aside(&self) -> usize {
        self.items.iter().map(|(Piece::Stdout(bytes) | Piece::Stderr(bytes))| bytes.len()).sum()
    }

    /// Goes on until standard input can take more, or an item was kept aside.
    fn poll_stdin(
        &mut self,
        cx: &mut Context<'_>,
        mut met: impl FnMut(&mut Drive<Exec>) -> bool,
    ) -> Poll<io::Result<bool>> {
        loop {
            if self.aside() > ASIDE {
                let error =
                    io::Error::new(io::ErrorKind::WouldBlock, "the command's output waits to be read");
                return Poll::Ready(Err(error));
            }
            match ready!(self.poll_turn(cx, &mut met)) {
                Turn::Item(piece) => self.items.push_back(piece),
                Turn::Met => return Poll::Ready(Ok(true)),
                Turn::Over => return Poll::Ready(Ok(false)),
            }
        }
    }
}

/// How far output was written.
#[derive(Debug, Default)]
struct Written {
    /// So many bytes of the piece that is next.
    count: usize,
    /// Something was written to it that was not flushed.
    stdout: bool,
    /// The same.
    stderr: bool,
}

/// Writes to standard input. Output that comes meanwhile is kept for the stream of items, up to 1 MiB: past
/// that, writing fails with [`io::ErrorKind::WouldBlock`] until some of it is taken, since the command would
/// wait for its reader and the writer for the command. [`Live::pipe`] has no such bound.
impl AsyncWrite for Live<Exec> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let met = |drive: &mut Drive<Exec>| drive.flow().stdin_ready() || drive.flow().stdin_closed();
        let goes_on = met(&mut self.drive) || ready!(self.poll_stdin(cx, met))?;
        if goes_on && !self.drive.flow().stdin_closed() {
            return Poll::Ready(Ok(self.drive.flow_mut().push_stdin(bytes)));
        }
        let broken = || io::ErrorKind::BrokenPipe.into();
        Poll::Ready(Err(self.error().map_or_else(broken, io::Error::other)))
    }

    /// Waits until all that was written has left.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let met = |drive: &mut Drive<Exec>| drive.flow().stdin_ready() || drive.flow().stdin_closed();
        if !met(&mut self.drive) {
            ready!(self.poll_stdin(cx, met))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Ends standard input, and waits until that has left.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.close_stdin();
        let left = |drive: &mut Drive<Exec>| (0..SLOTS).all(|slot| drive.outgoing(slot).is_none());
        self.poll_stdin(cx, left).map_ok(|_| ())
    }
}
