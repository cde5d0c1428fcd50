//! Connections: shared, idle, dead.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lxio_core::api::{instance, profile, profiles, server};
use lxio_core::model::{ProfileCreate, Status};
use lxio_core::session::{ErrorKind, Remote};
use lxio_core::wire::Fingerprint;

use crate::adapter::{Adapter, Live, LiveDownload, LiveUpload};
use crate::live::data::Noise;
use crate::live::{Context, Door, Failure, Verdict, ensure, refused, same};
use crate::recorder::{Observer, Seen};

/// Clones share their connections: one for calls in a row, and no more than there are callers.
pub(super) async fn connection_pool<A: Adapter>(ctx: &Context<A>) -> Verdict {
    const MANY: usize = 16;
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    let observer: Arc<dyn Observer> = Arc::new(move |_: u64, seen: Seen<'_>| {
        if seen == Seen::Open {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    let (recorder, door) = ctx.daemon.direct.recorded(&ctx.daemon.room, &ctx.name("pool"), vec![observer])?;
    let client = A::connect(door.remote()).await?;
    let clones: Vec<_> = (0..5).map(|_| client.clone()).collect();
    for at in 0..40 {
        A::call(&clones[at % 5], server().get()).await?;
    }
    same!(opened.load(Ordering::SeqCst), 1, "the number of connections of 40 calls in a row");

    let names: Vec<_> = (0..MANY).map(|_| ctx.name("p")).collect();
    let work = names.iter().map(|name| {
        let (client, name) = (client.clone(), name.clone());
        async move {
            A::run(&client, profiles().create(&ProfileCreate::new(&*name))).await?;
            for _ in 0..5 {
                let got = A::call(&client, profile(&*name).get()).await?;
                same!(*got.name(), *name, "the name in the answer");
            }
            Ok::<_, Failure>(())
        }
    });
    for done in ctx.together(work).await? {
        done?;
    }
    let most = opened.load(Ordering::SeqCst);
    ensure!(most <= MANY + 1, "{most} connections for {MANY} callers");
    drop(clones);
    A::call(&client, server().get()).await?;
    same!(opened.load(Ordering::SeqCst), most, "the number of connections after another call");
    recorder.stop();
    Ok(())
}

/// Nobody is there, or not who should be.
pub(super) async fn connection_refused<A: Adapter>(ctx: &Context<A>) -> Verdict {
    match &ctx.daemon.direct {
        Door::Socket(_) => no_socket::<A>(&ctx.daemon.room.join(ctx.name("none"))).await?,
        Door::Https(_) => strangers::<A>(&ctx.daemon.direct).await?,
    }
    // A client of one project.
    let client = A::connect(ctx.daemon.recorded.remote().project("default")).await?;
    same!(A::call(&client, ctx.shared().get()).await?.name().as_str(), ctx.shared().name(), "the name");
    let client = A::connect(ctx.daemon.recorded.remote().idle(0)).await?;
    for _ in 0..3 {
        A::call(&client, server().get()).await?;
    }
    Ok(())
}

/// No socket, nobody's socket.
async fn no_socket<A: Adapter>(path: &Path) -> Verdict {
    let none = refused(A::connect(Remote::socket(path)).await, &[ErrorKind::Unreachable])?;
    ensure!(
        none.to_string().contains(&*path.to_string_lossy()) && none.is_retryable(),
        "an odd error: {none}"
    );
    // A listener that says nothing and goes.
    drop(std::os::unix::net::UnixListener::bind(path)?);
    refused(A::connect(Remote::socket(path)).await, &[ErrorKind::Unreachable])?;
    std::fs::remove_file(path)?;
    Ok(())
}

/// No server, another server than ours, a client whom the server does not know.
async fn strangers<A: Adapter>(door: &Door) -> Verdict {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let none = A::connect(door.moved(&*address)?.remote()).await;
    let none = refused(none, &[ErrorKind::Unreachable])?;
    let told = std::error::Error::source(&none).map(ToString::to_string).unwrap_or_default();
    ensure!(told.starts_with(&address) && none.is_retryable(), "an odd error: {none}: {told}");

    let another = A::connect(door.remote().trust(Fingerprint::of(b"another"))).await;
    let another = refused(another, &[ErrorKind::UnverifiedServer])?;
    ensure!(!another.is_retryable(), "another server may become the right one: {another}");
    let shown = another.server_certificate().ok_or("the certificate is not shown")?.clone();
    let mut unknown = door.remote().trust(shown);
    unknown.tls.identity = None;
    let client = A::connect(unknown).await?;
    ensure!(!A::session(&client).server.is_trusted(), "anybody is trusted");
    refused(A::call(&client, profiles().names()).await, &[ErrorKind::Untrusted])?;
    Ok(())
}

/// After 31 seconds of rest, Incus has closed the connection: calls that may not be repeated work all the same.
pub(super) async fn connection_idle<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let clients = [ctx.direct().await?, ctx.direct().await?];
    for client in &clients {
        A::call(client, server().get()).await?;
    }
    ctx.sleep(Duration::from_millis(31_500)).await;
    let name = ctx.name("p");
    A::run(&clients[0], profiles().create(&ProfileCreate::new(&*name))).await?;
    same!(*A::call(&clients[1], profile(&*name).get()).await?.name(), *name, "the name");
    Ok(())
}

/// The daemon was restarted between two calls.
pub(super) async fn connection_restart<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let hook = ctx.daemon.hook.as_ref().ok_or("no hook")?;
    let clients = [ctx.direct().await?, ctx.direct().await?, ctx.direct().await?];
    for client in &clients {
        // Several connections at rest, all of which will be dead.
        let calls = (0..4).map(|_| {
            let client = client.clone();
            async move { A::call(&client, server().get()).await.map(drop) }
        });
        for done in ctx.together(calls).await? {
            done?;
        }
    }
    hook.kill().await?;
    let gone = refused(A::call(&clients[2], server().get()).await, &[ErrorKind::Unreachable])?;
    ensure!(gone.is_retryable(), "not told that it may be tried again: {gone}");
    hook.start().await?;
    let name = ctx.name("p");
    A::run(&clients[0], profiles().create(&ProfileCreate::new(&*name))).await?;
    for client in &clients {
        same!(*A::call(client, profile(&*name).get()).await?.name(), *name, "the name");
    }
    Ok(())
}

/// The daemon is killed during a wait, a command, an upload, a download and a stream of events: each is a
/// typed error and none a success; after its restart everything works.
pub(super) async fn connection_killed<A: Adapter>(ctx: &Context<A>) -> Verdict {
    const LENGTH: usize = 64 << 20;
    let hook = ctx.daemon.hook.as_ref().ok_or("no hook")?;
    let it = ctx.shared();
    let client = ctx.direct().await?;
    ctx.sh(&it, &format!("head -c {LENGTH} /dev/zero >/tmp/big")).await?;

    let deaf = ctx.stopped("deaf").await?;
    ctx.call(deaf.file("/sbin/init").delete()).await?;
    ctx.call(deaf.file("/sbin/init").mode(0o755).put("#!/bin/sh\nexec sleep 1000000\n")).await?;
    ctx.run(deaf.start()).await?;
    let stop = deaf.stop().timeout(Duration::from_secs(100));
    let wait = ctx.beside(client.clone(), async move |client: A::Client| A::run(&client, stop).await);
    let sleep = it.exec(["sh", "-c", "echo begun; sleep 100"]);
    let exec = ctx.beside(client.clone(), async move |client: A::Client| A::run(&client, sleep).await);
    let sleep = it.exec(["sleep", "100"]).recorded();
    let recorded = ctx.beside(client.clone(), async move |client: A::Client| A::run(&client, sleep).await);
    let events = A::start(&client, lxio_core::api::events().lifecycle().kind("operation")).await?;
    let watch = ctx.beside(client.clone(), async move |_| {
        let mut events = events;
        loop {
            match events.next().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            }
        }
    });
    let mut upload = A::upload(A::start(&client, it.file("/tmp/upload").push(LENGTH as u64)).await?);
    let content = Noise::bytes(5, 1 << 20);
    upload.write(&content).await?;
    let mut download = A::download(A::start(&client, it.file("/tmp/big").pull()).await?);
    let mut space = vec![0; 1 << 16];
    let mut came = download.read(&mut space).await?;
    ctx.sleep(Duration::from_millis(700)).await;

    hook.kill().await?;

    let mut sent = 0;
    let end = loop {
        match upload.write(&content).await {
            Ok(count) => sent += count,
            Err(error) => break error,
        }
        ensure!(sent < LENGTH, "the whole upload was taken by a dead daemon");
    };
    ensure!(end.get_ref().is_some(), "the upload ended with {end:?}, which tells nothing");
    refused(upload.complete().await, &[ErrorKind::Transport, ErrorKind::Truncated, ErrorKind::Misuse])?;
    let end = loop {
        match download.read(&mut space).await {
            Ok(0) => return Err(format!("the download ended well after {came} bytes").into()),
            Ok(count) => came += count,
            Err(error) => break error,
        }
    };
    ensure!(came < LENGTH, "{came} bytes came: the daemon died too late");
    ensure!(end.to_string().contains("body") || end.get_ref().is_some(), "the download ended with {end:?}");
    refused(wait.await?, &[ErrorKind::OperationUnknown])?;
    refused(exec.await?, &[ErrorKind::Truncated, ErrorKind::OperationUnknown, ErrorKind::Transport])?;
    refused(recorded.await?, &[ErrorKind::OperationUnknown])?;
    refused(watch.await?, &[ErrorKind::Truncated])?;

    hook.start().await?;
    same!(A::call(&client, it.state()).await?.status(), Status::Running, "the status after the restart");
    let output = A::run(&client, it.exec(["echo", "again"])).await?;
    same!(output.stdout_text(), "again\n", "what a command says");
    A::run(&client, instance(deaf.name()).stop().force()).await?;
    ctx.sh(&it, "rm -f /tmp/big /tmp/upload").await?;
    Ok(())
}
