//! Many at a time, many in a row, and much at once.

use std::collections::BTreeSet;
use std::time::Duration;

use lxio_core::api::{operation, operations, profile, profiles};
use lxio_core::flow::FlowError;
use lxio_core::model::ProfileCreate;
use lxio_core::session::{Cause, ErrorKind};

use crate::adapter::{Adapter, Blocking};
use crate::live::child::{Task, measured};
use crate::live::{Context, Failure, Verdict, ensure, refused, same};

/// How many at a time: tasks cost nothing, threads do.
fn crowd<A: Adapter>() -> usize {
    if A::NAME == Blocking::NAME { 32 } else { 200 }
}

/// So many operations are waited for on one client at the same time. Each ends in its turn and everybody is
/// told of their own.
pub(super) async fn many_operations<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let crowd = crowd::<A>();
    let mut ids = Vec::new();
    for _ in 0..crowd {
        ids.push(super::operations::token(ctx).await?.id().clone());
    }
    same!(
        ids.iter().map(|it| it.to_string()).collect::<BTreeSet<_>>().len(),
        crowd,
        "the number of different ones"
    );
    let mut waiting = Vec::new();
    for id in ids.clone() {
        waiting.push(ctx.beside(ctx.client.clone(), async move |client: A::Client| {
            A::run(&client, operation(id.as_str()).settle()).await
        }));
    }
    // So many handshakes of TLS take their time, and an operation that has ended is soon forgotten.
    let is_plain = ctx.daemon.direct.socket().is_some();
    ctx.sleep(Duration::from_secs(if is_plain { 2 } else { 8 })).await;
    let running = ctx.call(operations().names()).await?;
    let running = running.0.iter().filter(|it| ids.iter().any(|id| it.name() == id.as_str())).count();
    same!(running, crowd, "the number of those that run");
    // In another order than they began.
    for at in (0..crowd).map(|at| at * 7 % crowd) {
        ctx.call(operation(ids[at].as_str()).cancel()).await?;
    }
    for (id, waiting) in ids.iter().zip(waiting) {
        let cancelled = refused(waiting.await?, &[ErrorKind::OperationFailed])?;
        match cancelled.cause() {
            Cause::Flow(FlowError::OperationCancelled(it)) => same!(it.id(), id, "the operation"),
            other => return Err(format!("not told as cancelled: {other:?}").into()),
        }
    }
    ctx.figure(format!("{crowd} operations in flight on one client, none lost"));
    Ok(())
}

/// So many calls at a time on one client: everybody gets their own answer.
pub(super) async fn many_calls<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let names: Vec<_> = (0..crowd::<A>()).map(|_| ctx.name("p")).collect();
    let work = names.iter().map(|name| {
        let (client, name) = (ctx.client.clone(), name.clone());
        async move {
            let mut create = ProfileCreate::new(&*name);
            create.description = "x".repeat(name.len() * 37 % 4000);
            A::run(&client, profiles().create(&create)).await?;
            for _ in 0..3 {
                let got = A::call(&client, profile(&*name).get()).await?;
                same!(
                    (got.name().as_str(), &got.description),
                    (name.as_str(), &create.description),
                    "the answer"
                );
            }
            A::run(&client, profile(&*name).delete()).await?;
            Ok::<_, Failure>(())
        }
    });
    for done in ctx.together(work).await? {
        done?;
    }
    Ok(())
}

/// Commands at the same time: each has its own output and code.
pub(super) async fn many_execs<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.shared();
    let work = (0..24).map(|at| {
        let (client, it) = (ctx.client.clone(), it.clone());
        async move {
            let script = format!("echo out {at}; echo err {at} >&2; cat; exit {at}");
            let output = A::run(&client, it.exec(["sh", "-c", &script]).stdin(format!("in {at}\n"))).await?;
            same!(output.status.code(), at, "the code");
            same!(output.stdout_text(), format!("out {at}\nin {at}\n"), "standard output");
            same!(output.stderr_text(), format!("err {at}\n"), "standard error");
            Ok::<_, Failure>(())
        }
    });
    for done in ctx.together(work).await? {
        done?;
    }
    Ok(())
}

/// 2,000 commands in a row leave no file open. In a process of its own, straight to the daemon.
pub(super) async fn execs_2000<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let told = measured::<A>(&ctx.daemon, Task::Execs, ctx.shared().name(), 2000).await?;
    ctx.figure(told);
    Ok(())
}

/// A file of 1 GiB, less on a simulated daemon, up and down in less than 32 MiB of memory. In a process of its own, straight to the daemon.
pub(super) async fn stream_file_1gib<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.running("it").await?;
    let told = measured::<A>(&ctx.daemon, Task::Files, it.name(), ctx.daemon.large).await?;
    ctx.figure(told);
    Ok(())
}

/// An image of 1 GiB, less on a simulated daemon, in less than 32 MiB of memory. In a process of its own, straight to the daemon.
pub(super) async fn stream_image_1gib<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let told = measured::<A>(&ctx.daemon, Task::Image, &ctx.name("image"), ctx.daemon.large).await?;
    ctx.figure(told);
    Ok(())
}

/// A client that is dropped in the middle of its work leaves nothing behind that could disturb another.
pub(super) async fn dropped_client<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let client = ctx.another().await?;
    let live = A::start(&client, ctx.shared().exec(["cat"])).await?;
    let events = A::start(&client, lxio_core::api::events().lifecycle()).await?;
    drop(client);
    drop(live);
    drop(events);
    ensure!(ctx.call(ctx.shared().exists()).await?, "the shared container is gone");
    Ok(())
}
