//! One face for the three adapters, so that a scenario is written once and runs on each unchanged.
//!
//! ```text
//! scenario<A: Adapter> ──► A::call, A::run, A::start ──► blocking: the thread waits, inside a future that is
//!                                │                                  always ready
//!                                ▼                       smol:     smol::block_on, tasks of its executor
//!                Live · LiveExec · LiveDownload · LiveUpload       tokio:    one runtime of two threads
//! ```
//!
//! Everything is static: a scenario is compiled three times. Readers and writers are those of `std`; the
//! asynchronous adapters are given them behind a face that is not ready every few times, as a real one is
//! not (`moody::Moody`).

mod blocking;
mod moody;
mod smol;
mod tokio;

use std::fmt::Debug;
use std::future::Future;
use std::io::{self, Read, Write};
use std::time::Duration;

use lxio_core::call::Call;
use lxio_core::flow::{Download, Exec, Flow, IntoFlow, Output, Unattended, Upload};
use lxio_core::session::{Error, Remote, Session};

pub use blocking::Blocking;
pub use smol::Smol;
pub use tokio::Tokio;

/// A flow that can go to another thread, with all that comes of it.
pub trait Talk: Flow<Item: Send, Output: Send> + Send {}

impl<F: Flow<Item: Send, Output: Send> + Send> Talk for F {}

/// What becomes of a started flow.
pub type LiveOf<A, C> = <A as Adapter>::Live<<C as IntoFlow>::Flow>;
/// What a flow comes to.
pub type OutputOf<C> = <<C as IntoFlow>::Flow as Flow>::Output;

/// One of the adapters.
pub trait Adapter: Sized + Send + Sync + 'static {
    /// Its name in reports.
    const NAME: &'static str;
    /// Its client.
    type Client: Clone + Debug + Send + Sync + 'static;
    /// Its live handle.
    type Live<F: Talk>: Live<F>;
    /// Its live handle of a command.
    type Exec: LiveExec;
    /// Its live handle of a download.
    type Download<T: Send + 'static>: LiveDownload<T>;
    /// Its live handle of an upload.
    type Upload<T: Send + 'static>: LiveUpload<T>;

    /// The verb `connect`.
    fn connect(remote: Remote) -> impl Future<Output = Result<Self::Client, Error>> + Send;

    /// What the server is.
    fn session(client: &Self::Client) -> &Session;

    /// The verb `call`.
    fn call<T: Send>(client: &Self::Client, call: Call<T>) -> impl Future<Output = Result<T, Error>> + Send;

    /// The verb `run`.
    fn run<C>(client: &Self::Client, flow: C) -> impl Future<Output = Result<OutputOf<C>, Error>> + Send
    where
        C: IntoFlow<Flow: Talk + Unattended> + Send;

    /// The verb `start`.
    fn start<C>(
        client: &Self::Client,
        flow: C,
    ) -> impl Future<Output = Result<LiveOf<Self, C>, Error>> + Send
    where
        C: IntoFlow<Flow: Talk> + Send;

    /// The handle of a command, as what it is.
    fn exec(live: Self::Live<Exec>) -> Self::Exec;

    /// The handle of a download, as what it is.
    fn download<T: Send + 'static>(live: Self::Live<Download<T>>) -> Self::Download<T>;

    /// The handle of an upload, as what it is.
    fn upload<T: Send + 'static>(live: Self::Live<Upload<T>>) -> Self::Upload<T>;

    /// Runs a future on this thread, in the adapter's runtime.
    fn block_on<T>(future: impl Future<Output = T>) -> T;

    /// Runs a future beside this one: in a task, or in a thread where there are no tasks.
    fn spawn(future: impl Future<Output = ()> + Send + 'static);

    /// Waits.
    fn sleep(time: Duration) -> impl Future<Output = ()> + Send;
}

/// A conversation that goes on.
pub trait Live<F: Flow>: Send + Sized {
    /// The next item; `None` after a good end.
    fn next(&mut self) -> impl Future<Output = Option<Result<F::Item, Error>>> + Send;

    /// Sees it through.
    fn finish(self) -> impl Future<Output = Result<F::Output, Error>> + Send;
}

/// A command that runs.
pub trait LiveExec: Live<Exec> {
    /// Writes all of it to standard input, and waits until it has left.
    fn write_all(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> + Send;

    /// Ends standard input.
    fn close_stdin(&mut self);

    /// Sends a signal.
    fn signal(&mut self, number: i32);

    /// Gives the command all of `input`, and the writers all that it prints.
    fn pipe(
        self,
        input: &mut (impl Read + Send),
        stdout: &mut (impl Write + Send),
        stderr: &mut (impl Write + Send),
    ) -> impl Future<Output = Result<Output, Error>> + Send;
}

/// A body that comes.
pub trait LiveDownload<T: Send + 'static>: Live<Download<T>> {
    /// What the head said.
    fn head(&self) -> Option<&T>;

    /// Reads a part of the body; 0 is its end.
    fn read(&mut self, space: &mut [u8]) -> impl Future<Output = io::Result<usize>> + Send;

    /// Writes all of it to `writer`.
    fn copy_to(self, writer: &mut (impl Write + Send)) -> impl Future<Output = Result<T, Error>> + Send;
}

/// A body that goes.
pub trait LiveUpload<T: Send + 'static>: Live<Upload<T>> {
    /// Writes a part of the body; how much was taken.
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> + Send;

    /// Ends the body and sees the change through.
    fn complete(self) -> impl Future<Output = Result<T, Error>> + Send;

    /// Writes all that `reader` gives.
    fn copy_from(self, reader: &mut (impl Read + Send)) -> impl Future<Output = Result<T, Error>> + Send;
}
