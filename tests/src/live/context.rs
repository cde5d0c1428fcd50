use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lxio_core::api::{InstanceHandle, instance, instances};
use lxio_core::call::{Call, Flavour};
use lxio_core::flow::{Download, Exec, IntoFlow, Output, Unattended, Upload};
use lxio_core::model::{Fingerprint, InstanceCreate, InstanceSource};
use lxio_core::session::Error;

use super::{Daemon, Failure, Fixture, ensure};
use crate::adapter::{Adapter, LiveOf, OutputOf, Talk};

/// What a scenario is given: a client, a daemon, names that nobody else has.
///
/// Everything that bears one of its [names](Self::name) or was made by its methods is removed when the
/// scenario is over, however it ends.
#[derive(Debug)]
pub struct Context<A: Adapter> {
    /// A client of this adapter, by way of the recorder.
    pub client: A::Client,
    /// The daemon.
    pub daemon: Arc<Daemon>,
    prefix: String,
    next: AtomicU32,
    shared: String,
    fixture: Arc<Fixture>,
    figures: Mutex<Vec<String>>,
}

impl<A: Adapter> Context<A> {
    pub(super) fn new(
        client: A::Client,
        daemon: Arc<Daemon>,
        fixture: Arc<Fixture>,
        prefix: String,
        shared: String,
    ) -> Self {
        Self { client, daemon, prefix, next: AtomicU32::new(0), shared, fixture, figures: Mutex::default() }
    }

    /// What all names of this scenario start with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A new name. It can be that of an instance, a profile, a project, a configuration key.
    #[must_use]
    pub fn name(&self, hint: &str) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{}{hint}{number}", self.prefix)
    }

    /// Which daemon it is.
    #[must_use]
    pub fn flavour(&self) -> Flavour {
        self.daemon.flavour
    }

    /// Whether the daemon has this API extension.
    #[must_use]
    pub fn has(&self, extension: &str) -> bool {
        A::session(&self.client).dialect.extensions.has(extension)
    }

    /// A new client, straight to the daemon.
    ///
    /// # Errors
    /// If it cannot connect.
    pub async fn direct(&self) -> Result<A::Client, Error> {
        A::connect(self.daemon.direct.remote()).await
    }

    /// A new client by way of the recorder.
    ///
    /// # Errors
    /// If it cannot connect.
    pub async fn another(&self) -> Result<A::Client, Error> {
        A::connect(self.daemon.recorded.remote()).await
    }

    /// The verb `call`.
    ///
    /// # Errors
    /// As the adapter's.
    pub async fn call<T: Send>(&self, call: Call<T>) -> Result<T, Error> {
        A::call(&self.client, call).await
    }

    /// The verb `run`.
    ///
    /// # Errors
    /// As the adapter's.
    pub async fn run<C>(&self, flow: C) -> Result<OutputOf<C>, Error>
    where
        C: IntoFlow<Flow: Talk + Unattended> + Send,
    {
        A::run(&self.client, flow).await
    }

    /// The verb `start`.
    ///
    /// # Errors
    /// As the adapter's.
    pub async fn start<C>(&self, flow: C) -> Result<LiveOf<A, C>, Error>
    where
        C: IntoFlow<Flow: Talk> + Send,
    {
        A::start(&self.client, flow).await
    }

    /// The verb `start`, of a command.
    ///
    /// # Errors
    /// As the adapter's.
    pub async fn exec(&self, exec: Exec) -> Result<A::Exec, Error> {
        A::start(&self.client, exec).await.map(A::exec)
    }

    /// The verb `start`, of a download.
    ///
    /// # Errors
    /// As the adapter's.
    pub async fn download<T: Send + 'static>(&self, download: Download<T>) -> Result<A::Download<T>, Error> {
        A::start(&self.client, download).await.map(A::download)
    }

    /// The verb `start`, of an upload.
    ///
    /// # Errors
    /// As the adapter's.
    pub async fn upload<T: Send + 'static>(&self, upload: Upload<T>) -> Result<A::Upload<T>, Error> {
        A::start(&self.client, upload).await.map(A::upload)
    }

    /// A running container that other scenarios use at the same time: for commands and files.
    #[must_use]
    pub fn shared(&self) -> InstanceHandle {
        instance(&self.shared)
    }

    /// The body that makes a container of the suite's image, whose name may be empty.
    #[must_use]
    pub fn body(&self, name: &str) -> InstanceCreate {
        self.body_of(name, InstanceSource::image_alias(&self.daemon.alias))
    }

    /// The body that makes an instance of this.
    #[must_use]
    pub fn body_of(&self, name: &str, source: InstanceSource) -> InstanceCreate {
        let mut create = InstanceCreate::new(name, source);
        create.profiles = Some(vec![self.daemon.profile.as_str().into()]);
        // By this it is known as ours when the server chose its name.
        create.config.insert("user.lxio".into(), self.prefix.clone());
        create
    }

    /// A new container that does not run.
    ///
    /// # Errors
    /// If it cannot be made.
    pub async fn stopped(&self, hint: &str) -> Result<InstanceHandle, Error> {
        let name = self.name(hint);
        self.run(instances().create(&self.body(&name))).await?;
        Ok(instance(name))
    }

    /// A new container that runs.
    ///
    /// # Errors
    /// If it cannot be made or started.
    pub async fn running(&self, hint: &str) -> Result<InstanceHandle, Error> {
        let instance = self.stopped(hint).await?;
        self.run(instance.start()).await?;
        Ok(instance)
    }

    /// Runs a shell script in an instance; it must succeed. What it printed.
    ///
    /// # Errors
    /// If it cannot be run, or fails.
    pub async fn sh(&self, instance: &InstanceHandle, script: &str) -> Result<String, Failure> {
        let Output { status, stdout, stderr, .. } = self.run(instance.exec(["sh", "-c", script])).await?;
        let complaint = String::from_utf8_lossy(&stderr);
        ensure!(status.success(), "`{script}` ended with {status}: {complaint}");
        Ok(String::from_utf8(stdout)?)
    }

    /// This image is to be removed with the scenario.
    pub fn owns_image(&self, fingerprint: &Fingerprint) {
        self.fixture.owns_image(&self.prefix, fingerprint);
    }

    /// A figure for the report.
    pub fn figure(&self, text: impl Into<String>) {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner).push(text.into());
    }

    pub(super) fn figures(&self) -> Vec<String> {
        std::mem::take(&mut self.figures.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits.
    pub async fn sleep(&self, time: Duration) {
        A::sleep(time).await;
    }

    /// Tries until it holds, for ten seconds.
    ///
    /// # Errors
    /// If it does not, or if trying fails.
    pub async fn until<F>(&self, what: &str, mut holds: impl FnMut() -> F) -> Result<(), Failure>
    where
        F: Future<Output = Result<bool, Failure>>,
    {
        for _ in 0..100 {
            if holds().await? {
                return Ok(());
            }
            A::sleep(Duration::from_millis(100)).await;
        }
        Err(Failure::new(format!("ten seconds later still not: {what}")))
    }

    /// Begins this at once, beside what comes next; the future has what it comes to.
    ///
    /// # Errors
    /// If it panics.
    pub fn beside<T, W, F>(
        &self,
        client: A::Client,
        work: W,
    ) -> impl Future<Output = Result<T, Failure>> + Send + use<T, W, F, A>
    where
        T: Send + 'static,
        W: FnOnce(A::Client) -> F,
        F: Future<Output = T> + Send + 'static,
    {
        let (to, from) = smol::channel::bounded(1);
        let work = work(client);
        A::spawn(async move {
            let done = work.await;
            // Nobody listens if the scenario is over.
            let _ = to.try_send(done);
        });
        async move { from.recv().await.map_err(|_| Failure::new("a task panicked")) }
    }

    /// Runs all of these at the same time: in tasks, or in threads where there are no tasks. What they come
    /// to, in their order.
    ///
    /// # Errors
    /// If one of them panics.
    pub async fn together<T, F>(&self, work: impl IntoIterator<Item = F>) -> Result<Vec<T>, Failure>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (to, from) = smol::channel::unbounded();
        let mut count = 0;
        for (at, work) in work.into_iter().enumerate() {
            let to = to.clone();
            count += 1;
            A::spawn(async move {
                let done = work.await;
                // Nobody listens if the scenario is over.
                let _ = to.try_send((at, done));
            });
        }
        drop(to);
        let mut done: Vec<Option<T>> = (0..count).map(|_| None).collect();
        while let Ok((at, value)) = from.recv().await {
            done[at] = Some(value);
        }
        done.into_iter().collect::<Option<_>>().ok_or_else(|| Failure::new("one of the tasks panicked"))
    }
}
