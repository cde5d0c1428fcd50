use std::future::Future;
use std::io::{self, Read, Write};
use std::thread;
use std::time::Duration;

use lxio_blocking::{Client, Live as Handle};
use lxio_core::call::Call;
use lxio_core::flow::{Download, Exec, IntoFlow, Output, Unattended, Upload};
use lxio_core::session::{Error, Remote, Session};

use super::{Adapter, Live, LiveDownload, LiveExec, LiveOf, LiveUpload, OutputOf, Talk};

/// The adapter `lxio-blocking`: every future does its work at the first poll.
#[derive(Debug)]
pub struct Blocking;

impl Adapter for Blocking {
    const NAME: &'static str = "blocking";
    type Client = Client;
    type Live<F: Talk> = Handle<F>;
    type Exec = Handle<Exec>;
    type Download<T: Send + 'static> = Handle<Download<T>>;
    type Upload<T: Send + 'static> = Handle<Upload<T>>;

    async fn connect(remote: Remote) -> Result<Client, Error> {
        Client::connect(remote)
    }

    fn session(client: &Client) -> &Session {
        client.session()
    }

    async fn call<T: Send>(client: &Client, call: Call<T>) -> Result<T, Error> {
        client.call(call)
    }

    async fn run<C>(client: &Client, flow: C) -> Result<OutputOf<C>, Error>
    where
        C: IntoFlow<Flow: Talk + Unattended> + Send,
    {
        client.run(flow)
    }

    async fn start<C>(client: &Client, flow: C) -> Result<LiveOf<Self, C>, Error>
    where
        C: IntoFlow<Flow: Talk> + Send,
    {
        client.start(flow)
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
        futures_lite::future::block_on(future)
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        thread::spawn(move || Self::block_on(future));
    }

    async fn sleep(time: Duration) {
        thread::sleep(time);
    }
}

impl<F: Talk> Live<F> for Handle<F> {
    async fn next(&mut self) -> Option<Result<F::Item, Error>> {
        Iterator::next(self)
    }

    async fn finish(self) -> Result<F::Output, Error> {
        Self::finish(self)
    }
}

impl LiveExec for Handle<Exec> {
    async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        Write::write_all(self, bytes)?;
        self.flush()
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
        Self::pipe(self, input, stdout, stderr)
    }
}

impl<T: Send + 'static> LiveDownload<T> for Handle<Download<T>> {
    fn head(&self) -> Option<&T> {
        Self::head(self)
    }

    async fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        Read::read(self, space)
    }

    async fn copy_to(self, writer: &mut (impl Write + Send)) -> Result<T, Error> {
        Self::copy_to(self, writer)
    }
}

impl<T: Send + 'static> LiveUpload<T> for Handle<Upload<T>> {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(self, bytes)
    }

    async fn complete(self) -> Result<T, Error> {
        Self::complete(self)
    }

    async fn copy_from(self, reader: &mut (impl Read + Send)) -> Result<T, Error> {
        Self::copy_from(self, reader)
    }
}
