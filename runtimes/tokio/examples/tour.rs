//! The main job, on tokio: from an image to a command's output, and nothing left behind.
//!
//! ```text
//! cargo run -p lxio-tokio --example tour -- [--socket PATH] [--busybox PATH]
//! ```
//!
//! Without `--socket` it looks for the daemon of this machine, and makes do with a simulated one if there is
//! none. The image is made here, of a static busybox.

use std::error::Error;
use std::io::{self, Cursor, IsTerminal};
use std::pin::Pin;
use std::process::ExitCode;
use std::task::{Context, Poll};

use lxio_tests::tour::{self, Options};
use lxio_tokio::model::{EventBody, InstanceCreate, InstanceSource, Operation, Reference};
use lxio_tokio::{Client, Live, events, flow, image, images, instance, instances, raw};
use tokio::io::{AsyncRead, ReadBuf};

fn main() -> ExitCode {
    tour::main(|options| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(run(&options))
    })
}

async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let client = Client::connect(options.remote.clone()).await?;
    let about = client.server().environment();
    println!("greeted  {} {}", client.session().dialect.flavour, about.server_version());

    // Events of before a subscription are not seen, so it comes first.
    let name = options.name.clone();
    let mut happening = client.start(events().lifecycle()).await?;
    let watcher = tokio::spawn({
        let name = name.clone();
        async move {
            let mut seen = Vec::new();
            while let Some(event) = happening.next().await {
                if let EventBody::Lifecycle(what) = event?.body
                    && what.source().name() == name
                {
                    seen.push(what.action().to_string());
                    if what.action() == "instance-deleted" {
                        break;
                    }
                }
            }
            Ok::<_, lxio_tokio::Error>(seen)
        }
    });

    let tarball = tour::image(options)?;
    let import = images().import().property("lxio.tour", &name).sized(tarball.len() as u64);
    let mut counted = Counted { reader: Cursor::new(&tarball), passed: 0, of: tarball.len() };
    let (fingerprint, ours) = match client.start(import).await?.copy_from(&mut counted).await {
        Ok(fingerprint) => (fingerprint, true),
        // The server has the very same image already: then it is used, and stays.
        Err(error) if error.is_already_exists() => {
            let known = error.operation().and_then(Operation::fingerprint);
            (known.ok_or(error)?, false)
        }
        Err(error) => return Err(error.into()),
    };
    println!("imported {fingerprint}{}", if ours { "" } else { ", which was there" });

    let result = in_instance(&client, &name, fingerprint.as_str()).await;
    let cleared = clear(&client, &name, ours.then_some(fingerprint.as_str())).await;
    result?;
    cleared?;
    println!("cleared  nothing is left");
    let seen = watcher.await??;
    println!("events   {}", seen.join(", "));
    Ok(())
}

/// Creates, starts, pushes, executes, takes a snapshot, stops.
async fn in_instance(client: &Client, name: &str, fingerprint: &str) -> Result<(), Box<dyn Error>> {
    let pools = client.call(raw::get("/1.0/storage-pools").value::<Vec<Reference>>()).await?;
    let pool = pools.first().ok_or("the server has no storage pool")?.name().into_owned();
    let mut create = InstanceCreate::new(name, InstanceSource::image_fingerprint(fingerprint));
    create.profiles = Some(Vec::new());
    create.devices = tour::root_disk(&pool);
    follow("created ", client.start(instances().create(&create)).await?).await?;

    let tour = instance(name);
    follow("started ", client.start(tour.start()).await?).await?;
    client.call(tour.file("/root/greeting").mode(0o600).put("hello from outside\n")).await?;
    println!("pushed   /root/greeting");

    let output = client.run(tour.exec(["sh", "-c", "id -un; cat /root/greeting; exit 3"])).await?;
    for line in output.stdout_text().lines() {
        println!("printed  {line}");
    }
    println!("ended    with {}", output.status);

    let snapshot = client.run(tour.snapshots().create("before-the-end")).await?;
    println!("snapshot {snapshot}");
    follow("stopped ", client.start(tour.stop().force()).await?).await?;
    Ok(())
}

/// Deletes what was made, as far as it was.
async fn clear(client: &Client, name: &str, fingerprint: Option<&str>) -> Result<(), lxio_tokio::Error> {
    let tour = instance(name);
    if client.call(tour.exists()).await? {
        // It may run still if something failed; if not, this fails and does not matter.
        let _ = client.run(tour.stop().force()).await;
        client.run(tour.delete()).await?;
    }
    match fingerprint {
        Some(fingerprint) => client.run(image(fingerprint).delete()).await,
        None => Ok(()),
    }
}

/// Sees a change through and shows how far it is.
async fn follow<T>(what: &str, mut change: Live<flow::Settle<T>>) -> Result<T, lxio_tokio::Error> {
    while let Some(operation) = change.next().await {
        if let Some(progress) = operation?.progress() {
            show(&format!("{what} {}", tour::percent(&progress)));
        }
    }
    let done = change.finish().await?;
    println!("{what}");
    Ok(done)
}

/// A reader that shows how much of it was read.
struct Counted<R> {
    reader: R,
    passed: usize,
    of: usize,
}

impl<R: AsyncRead + Unpin> AsyncRead for Counted<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = space.filled().len();
        let read = Pin::new(&mut self.reader).poll_read(cx, space);
        self.passed += space.filled().len() - before;
        show(&format!("imported {} %", self.passed * 100 / self.of.max(1)));
        read
    }
}

/// A line that the next one overwrites, where somebody looks at it.
fn show(line: &str) {
    if io::stderr().is_terminal() {
        eprint!("\r{line}\r");
    }
}
