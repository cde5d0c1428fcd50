//! Instances that start, stop, freeze and are looked at.

use std::time::{Duration, Instant};

use lxio_core::api::{instance, instances, operation};
use lxio_core::model::Status;
use lxio_core::session::ErrorKind;

use crate::adapter::{Adapter, Live};
use crate::live::{Context, Verdict, ensure, refused, same};

/// Start, start again, freeze, thaw, restart, stop, stop again.
pub(super) async fn power_cycle<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.stopped("it").await?;
    let state = ctx.call(it.state()).await?;
    same!(state.status(), Status::Stopped, "the status");
    ensure!(state.pid() <= 0, "a stopped one has process {}", state.pid());

    ctx.run(it.start()).await?;
    let state = ctx.call(it.state()).await?;
    same!(state.status(), Status::Running, "the status");
    ensure!(
        state.pid() > 0 && state.processes() > 0,
        "process {}, {} processes",
        state.pid(),
        state.processes()
    );
    ensure!(state.memory().usage() > 0, "it uses no memory");
    let again = refused(ctx.run(it.start()).await, &[ErrorKind::OperationFailed])?;
    let operation = again.operation().ok_or("a failed operation is not in its error")?;
    same!(operation.status(), Status::Failure, "the status of the failed operation");
    ensure!(again.to_string().contains(operation.err()), "the error lacks the reason: {again}");

    ctx.run(it.freeze()).await?;
    same!(ctx.call(it.state()).await?.status(), Status::Frozen, "the status");
    same!(ctx.call(it.get()).await?.status(), Status::Frozen, "the status of the instance");
    ctx.run(it.unfreeze()).await?;
    same!(ctx.call(it.state()).await?.status(), Status::Running, "the status");

    ctx.run(it.restart().force()).await?;
    let after = ctx.call(it.state()).await?;
    same!(after.status(), Status::Running, "the status");
    ensure!(after.pid() != state.pid(), "a restart left process {}", after.pid());
    ctx.run(it.restart().timeout(Duration::from_secs(20))).await?;
    same!(ctx.call(it.state()).await?.status(), Status::Running, "the status");

    ctx.run(it.stop().timeout(Duration::from_secs(20))).await?;
    same!(ctx.call(it.state()).await?.status(), Status::Stopped, "the status");
    let kinds = [ErrorKind::OperationFailed, ErrorKind::Refused];
    refused(ctx.run(it.stop().force()).await, &kinds)?;
    refused(ctx.run(it.freeze()).await, &kinds)?;
    Ok(())
}

/// One that does not listen is not stopped in time, and by force it is.
pub(super) async fn power_timeout<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let name = ctx.name("deaf");
    let it = instance(&*name);
    ctx.run(instances().create(&ctx.body(&name))).await?;
    // A first process that ignores every signal it has no handler for.
    ctx.call(it.file("/sbin/init").delete()).await?;
    ctx.call(it.file("/sbin/init").mode(0o755).put("#!/bin/sh\nexec sleep 1000000\n")).await?;
    ctx.run(it.start()).await?;
    let began = Instant::now();
    refused(ctx.run(it.stop().timeout(Duration::from_secs(1))).await, &[ErrorKind::OperationFailed])?;
    let took = began.elapsed();
    ensure!(took >= Duration::from_millis(900) && took < Duration::from_secs(40), "that took {took:?}");
    same!(ctx.call(it.state()).await?.status(), Status::Running, "the status");

    let began = Instant::now();
    let waiting =
        ctx.run(it.stop().timeout(Duration::from_secs(6)).settle().within(Duration::from_secs(1))).await;
    let late = refused(waiting, &[ErrorKind::TimedOut])?;
    ensure!(late.is_timeout() && began.elapsed() < Duration::from_secs(5), "that took {:?}", began.elapsed());
    let left = late.operation().ok_or("the operation is not in its error")?.id().clone();
    refused(ctx.run(operation(left.as_str()).settle()).await, &[ErrorKind::OperationFailed])?;

    ctx.run(it.stop().force()).await?;
    same!(ctx.call(it.state()).await?.status(), Status::Stopped, "the status");
    Ok(())
}

/// A stop that is to keep the memory: the daemons cannot do it here, and say so.
pub(super) async fn power_stateful<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.running("it").await?;
    let no = refused(ctx.run(it.stop().stateful()).await, &[ErrorKind::OperationFailed, ErrorKind::Refused])?;
    ensure!(!no.to_string().is_empty() && !no.is_retryable(), "a refusal without a reason: {no:?}");
    same!(ctx.call(it.state()).await?.status(), Status::Running, "the status after the refusal");
    same!(ctx.sh(&it, "echo alive").await?, "alive\n", "what a command says");
    Ok(())
}

/// Started as a handle, a change tells how it goes on.
pub(super) async fn power_watched<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.stopped("it").await?;
    let mut live = ctx.start(it.start()).await?;
    let first = live.next().await.ok_or("no state of the operation came")??;
    ensure!(
        !first.id().is_empty() && first.resources().contains_key("instances"),
        "an odd operation: {first:?}"
    );
    live.finish().await?;
    same!(ctx.call(it.state()).await?.status(), Status::Running, "the status");
    // Dropped, it goes on by itself on the server.
    let mut live = ctx.start(it.stop().force()).await?;
    let stop = live.next().await.ok_or("no state of the operation came")??;
    drop(live);
    ctx.run(operation(stop.id().as_str()).settle()).await?;
    same!(ctx.call(it.state()).await?.status(), Status::Stopped, "the status");
    Ok(())
}
