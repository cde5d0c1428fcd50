use std::future::Future;
use std::io::{self, Read, Write};
use std::sync::LazyLock;
use std::time::Duration;

use ::tokio::io::{AsyncReadExt, AsyncWriteExt};
use ::tokio::runtime::{Builder, Runtime};
use lxio_core::call::Call;
use lxio_core::flow::{Download, Exec, IntoFlow, Output, Unattended, Upload};
use lxio_core::session::{Error, Remote, Session};
use lxio_tokio::{Client, Live as Handle};

use super::moody::Moody;
use super::{Adapter, Live, LiveDownload, LiveExec, LiveOf, LiveUpload, OutputOf, Talk};

/// The adapter `lxio-tokio`, in one runtime of two threads for the whole program.
#[derive(Debug)]
pub struct Tokio;

/// Connections belong to the runtime that made them, so there is one for all.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let built = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    // Without it nothing can be done, and nobody can be told but by this.
    #[allow(clippy::panic)]
    built.unwrap_or_else(|error| panic!("tokio's runtime cannot be started: {error}"))
});

impl Adapter for Tokio {
    const NAME: &'static str = "tokio";
    type Client = Client;
    type Live<F: Talk> = Handle<F>;
    type Exec = Handle<Exec>;
    type Download<T: Send + 'static> = Handle<Download<T>>;
    type Upload<T: Send + 'static> = Handle<Upload<T>>;

    async fn connect(remote: Remote) -> Result<Client, Error> {
        Client::connect(remote).await
    }

    fn session(client: &Client) -> &Session {
        client.session()
    }

    async fn call<T: Send>(client: &Client, call: Call<T>) -> Result<T, Error> {
        client.call(call).await
    }

    async fn run<C>(client: &Client, flow: C) -> Result<OutputOf<C>, Error>
    where
        C: IntoFlow<Flow: Talk + Unattended> + Send,
    {
        client.run(flow).await
    }

    async fn start<C>(client: &Client, flow: C) -> Result<LiveOf<Self, C>, Error>
    where
        C: IntoFlow<Flow: Talk> + Send,
    {
        client.start(flow).await
    }

    fn exec(live: Handle<Exec>) -> Handle<Exec> {
        live
    }

    fn download<T: Send + 'static>(live: Handle<Download<T>>) -> Handle<Download<T>> {
        live
    }

    fn upload<T: Send + 'static>(live: Handle<Upload<T>>) -> Handle<Upload<T>> {
        live
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        RUNTIME.block_on(future)
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        RUNTIME.spawn(future);
    }

    async fn sleep(time: Duration) {
        ::tokio::time::sleep(time).await;
    }
}

impl<F: Talk> Live<F> for Handle<F> {
    async fn next(&mut self) -> Option<Result<F::Item, Error>> {
        Self::next(self).await
    }

    async fn finish(self) -> Result<F::Output, Error> {
        Self::finish(self).await
    }
}

impl LiveExec for Handle<Exec> {
    async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        AsyncWriteExt::write_all(self, bytes).await?;
        self.flush().await
    }

    fn close_stdin(&mut self) {
        Self::close_stdin(self);
    }

    fn signal(&mut self, number: i32) {
        Self::signal(self, number);
    }

    async fn pipe(
        self,
        input: &mut (impl Read + Send),
        stdout: &mut (impl Write + Send),
        stderr: &mut (impl Write + Send),
    ) -> Result<Output, Error> {
        Self::pipe(self, &mut Moody::new(input), &mut Moody::new(stdout), &mut Moody::new(stderr)).await
    }
}

impl<T: Send + 'static> LiveDownload<T> for Handle<Download<T>> {
    fn head(&self) -> Option<&T> {
        Self::head(self)
    }

    async fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        AsyncReadExt::read(self, space).await
    }

    async fn copy_to(self, writer: &mut (impl Write + Send)) -> Result<T, Error> {
        Self::copy_to(self, &mut Moody::new(writer)).await
    }
}

impl<T: Send + 'static> LiveUpload<T> for Handle<Upload<T>> {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        AsyncWriteExt::write(self, bytes).await
    }

    async fn complete(self) -> Result<T, Error> {
        Self::complete(self).await
    }

    async fn copy_from(self, reader: &mut (impl Read + Send)) -> Result<T, Error> {
        Self::copy_from(self, &mut Moody::new(reader)).await
    }
}
