//! One face over the three adapters and over the replay of a transcript, so that one text drives them all.
//!
//! Everything here waits until it is done; what is asynchronous runs on an executor of its own.

use std::future::Future;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_lite::AsyncWriteExt as _;
use futures_lite::io::AssertAsync;
use lxio_core::api::EventsHandle;
use lxio_core::call::Call;
use lxio_core::flow::{Download, Exec, Flow, IntoFlow, Output, Piece, Unattended, Upload};
use lxio_core::model::Event;
use lxio_core::session::{Cause, Error, Remote};
use tokio::io::AsyncWriteExt as _;

/// What is done with a command while it runs.
#[derive(Clone, Copy, Debug)]
pub enum Act<'a> {
    /// Gives it input.
    Write(&'a [u8]),
    /// Ends its input.
    Close,
    /// Waits until it has printed so many bytes in all to its standard output.
    Await(usize),
    /// Sends it a signal.
    Signal(i32),
    /// Lets happen what [`Actor::fault`] does.
    Fault,
}

/// Somebody who can make calls.
pub trait Actor: Sized {
    /// Makes a call.
    ///
    /// # Errors
    /// Those of the client.
    fn call<T>(&mut self, call: Call<T>) -> Result<T, Error>;

    /// Runs a conversation to its end.
    ///
    /// # Errors
    /// Those of the client.
    fn run<C>(&mut self, conversation: C) -> Result<<C::Flow as Flow>::Output, Error>
    where
        C: IntoFlow,
        C::Flow: Unattended;

    /// Uploads what `reader` gives.
    ///
    /// # Errors
    /// Those of the client.
    fn push<T>(&mut self, upload: Upload<T>, reader: impl Read) -> Result<T, Error>;

    /// Downloads to `writer`.
    ///
    /// # Errors
    /// Those of the client.
    fn pull<T>(&mut self, download: Download<T>, writer: impl Write) -> Result<T, Error>;

    /// Runs a command and takes part in it. What it prints is in the output.
    ///
    /// # Errors
    /// Those of the client.
    fn talk(&mut self, exec: Exec, acts: &[Act<'_>]) -> Result<Output, Error>;

    /// Follows events while something is done, until so many have come; then stops. The error is that of the
    /// stream if it ended before, and the result is missing if it never stood.
    fn watch<R>(
        &mut self,
        events: EventsHandle,
        deed: impl FnOnce(&mut Self) -> R,
        count: usize,
    ) -> (Option<R>, Vec<Event>, Option<Error>);

    /// Lets something bad happen to the server, where the scene has that.
    fn fault(&mut self) {}
}

/// An actor that connects to a server.
pub trait Connect: Actor {
    /// What it is called in messages.
    const NAME: &'static str;

    /// Connects.
    ///
    /// # Errors
    /// Those of the client.
    fn connect(remote: Remote) -> Result<Self, Error>;
}

/// The blocking adapter.
pub struct Blocking {
    /// The client itself.
    pub client: lxio_blocking::Client,
    /// What a fault is.
    pub fault: Box<dyn FnMut()>,
}

/// The adapter for smol.
pub struct Smol {
    /// The client itself.
    pub client: lxio_smol::Client,
}

/// The adapter for tokio.
pub struct Tokio {
    /// The client itself.
    pub client: lxio_tokio::Client,
    /// What it runs on.
    pub runtime: tokio::runtime::Runtime,
}

/// The error inside of what a reader or writer of the standard library reports.
#[must_use]
pub fn inner(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => Error::new(Cause::Output(error)),
    }
}

/// Puts a piece where it belongs.
pub(crate) fn keep(piece: &Piece, stdout: &mut Vec<u8>, stderr: &mut Vec<u8>) {
    match piece {
        Piece::Stdout(bytes) => stdout.extend_from_slice(bytes),
        Piece::Stderr(bytes) => stderr.extend_from_slice(bytes),
    }
}

impl Actor for Blocking {
    fn call<T>(&mut self, call: Call<T>) -> Result<T, Error> {
        self.client.call(call)
    }

    fn run<C>(&mut self, conversation: C) -> Result<<C::Flow as Flow>::Output, Error>
    where
        C: IntoFlow,
        C::Flow: Unattended,
    {
        self.client.run(conversation)
    }

    fn push<T>(&mut self, upload: Upload<T>, mut reader: impl Read) -> Result<T, Error> {
        self.client.start(upload)?.copy_from(&mut reader)
    }

    fn pull<T>(&mut self, download: Download<T>, mut writer: impl Write) -> Result<T, Error> {
        self.client.start(download)?.copy_to(&mut writer)
    }

    fn talk(&mut self, exec: Exec, acts: &[Act<'_>]) -> Result<Output, Error> {
        let mut live = self.client.start(exec)?;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        for act in acts {
            match act {
                Act::Write(bytes) => live.write_all(bytes).map_err(inner)?,
                Act::Close => live.close_stdin(),
                Act::Await(count) => {
                    while stdout.len() < *count
                        && let Some(piece) = live.next()
                    {
                        keep(&piece?, &mut stdout, &mut stderr);
                    }
                }
                Act::Signal(number) => live.signal(*number),
                Act::Fault => (self.fault)(),
            }
        }
        for piece in &mut live {
            keep(&piece?, &mut stdout, &mut stderr);
        }
        let mut output = live.finish()?;
        (output.stdout, output.stderr) = (stdout, stderr);
        Ok(output)
    }

    fn watch<R>(
        &mut self,
        events: EventsHandle,
        deed: impl FnOnce(&mut Self) -> R,
        count: usize,
    ) -> (Option<R>, Vec<Event>, Option<Error>) {
        let mut live = match self.client.start(events) {
            Ok(live) => live,
            Err(error) => return (None, Vec::new(), Some(error)),
        };
        let done = deed(self);
        let mut seen = Vec::new();
        while seen.len() < count {
            match live.next() {
                Some(Ok(event)) => seen.push(event),
                Some(Err(error)) => return (Some(done), seen, Some(error)),
                None => break,
            }
        }
        (Some(done), seen, None)
    }

    fn fault(&mut self) {
        (self.fault)();
    }
}

impl Connect for Blocking {
    const NAME: &'static str = "blocking";

    fn connect(remote: Remote) -> Result<Self, Error> {
        Ok(Self { client: lxio_blocking::Client::connect(remote)?, fault: Box::new(|| {}) })
    }
}

/// The two asynchronous adapters differ in their executor and in the traits of their readers and writers.
macro_rules! asynchronous {
    ($actor:ident, $name:literal, $reader:path, $writer:path, $connect:expr, $block_on:expr) => {
        impl Actor for $actor {
            fn call<T>(&mut self, call: Call<T>) -> Result<T, Error> {
                $block_on(self, self.client.call(call))
            }

            fn run<C>(&mut self, conversation: C) -> Result<<C::Flow as Flow>::Output, Error>
            where
                C: IntoFlow,
                C::Flow: Unattended,
            {
                $block_on(self, self.client.run(conversation))
            }

            fn push<T>(&mut self, upload: Upload<T>, reader: impl Read) -> Result<T, Error> {
                let mut reader = $reader(Unpinned(reader));
                $block_on(self, async { self.client.start(upload).await?.copy_from(&mut reader).await })
            }

            fn pull<T>(&mut self, download: Download<T>, writer: impl Write) -> Result<T, Error> {
                let mut writer = $writer(Unpinned(writer));
                $block_on(self, async { self.client.start(download).await?.copy_to(&mut writer).await })
            }

            fn talk(&mut self, exec: Exec, acts: &[Act<'_>]) -> Result<Output, Error> {
                $block_on(self, async {
                    let mut live = self.client.start(exec).await?;
                    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
                    for act in acts {
                        match act {
                            Act::Write(bytes) => live.write_all(bytes).await.map_err(inner)?,
                            Act::Close => live.close_stdin(),
                            Act::Await(count) => {
                                while stdout.len() < *count
                                    && let Some(piece) = live.next().await
                                {
                                    keep(&piece?, &mut stdout, &mut stderr);
                                }
                            }
                            Act::Signal(number) => live.signal(*number),
                            Act::Fault => {}
                        }
                    }
                    while let Some(piece) = live.next().await {
                        keep(&piece?, &mut stdout, &mut stderr);
                    }
                    let mut output = live.finish().await?;
                    (output.stdout, output.stderr) = (stdout, stderr);
                    Ok(output)
                })
            }

            fn watch<R>(
                &mut self,
                events: EventsHandle,
                deed: impl FnOnce(&mut Self) -> R,
                count: usize,
            ) -> (Option<R>, Vec<Event>, Option<Error>) {
                let mut live = match $block_on(self, self.client.start(events)) {
                    Ok(live) => live,
                    Err(error) => return (None, Vec::new(), Some(error)),
                };
                let done = deed(self);
                let mut seen = Vec::new();
                let error = $block_on(self, async {
                    while seen.len() < count {
                        match live.next().await {
                            Some(Ok(event)) => seen.push(event),
                            Some(Err(error)) => return Some(error),
                            None => break,
                        }
                    }
                    None
                });
                (Some(done), seen, error)
            }
        }

        impl Connect for $actor {
            const NAME: &'static str = $name;

            fn connect(remote: Remote) -> Result<Self, Error> {
                $connect(remote)
            }
        }
    };
}

asynchronous!(
    Smol,
    "smol",
    AssertAsync::new,
    AssertAsync::new,
    |remote| Ok(Smol { client: smol::block_on(lxio_smol::Client::connect(remote))? }),
    |_: &Smol, future| smol::block_on(future)
);

asynchronous!(
    Tokio,
    "tokio",
    Plain,
    Plain,
    |remote| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::new(Cause::Input(error)))?;
        Ok(Tokio { client: runtime.block_on(lxio_tokio::Client::connect(remote))?, runtime })
    },
    block_on
);

fn block_on<T>(actor: &Tokio, future: impl Future<Output = T>) -> T {
    actor.runtime.block_on(future)
}

/// A reader or writer of the standard library that is nowhere pinned.
struct Unpinned<T>(T);

impl<T> Unpin for Unpinned<T> {}

impl<T: Read> Read for Unpinned<T> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.0.read(space)
    }
}

impl<T: Write> Write for Unpinned<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A reader or writer of the standard library that is always ready, for tokio.
struct Plain<T>(Unpinned<T>);

impl<T: Read> tokio::io::AsyncRead for Plain<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        space: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let count = self.0.read(space.initialize_unfilled())?;
        space.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<T: Write> tokio::io::AsyncWrite for Plain<T> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.0.write(bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.flush())
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

/// Makes tests of functions that are generic over [`Connect`]: each once for every adapter.
#[macro_export]
macro_rules! on_all_adapters {
    ($($test:ident),+ $(,)?) => {
        mod blocking {
            $(#[test] fn $test() { super::$test::<$crate::actor::Blocking>(); })+
        }
        mod smol {
            $(#[test] fn $test() { super::$test::<$crate::actor::Smol>(); })+
        }
        mod tokio {
            $(#[test] fn $test() { super::$test::<$crate::actor::Tokio>(); })+
        }
    };
}
