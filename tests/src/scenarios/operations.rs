//! Operations: listed, waited for, cancelled, forgotten.

use std::time::{Duration, Instant};

use lxio_core::api::{instances, operation, operations, raw};
use lxio_core::call::Change;
use lxio_core::flow::FlowError;
use lxio_core::model::{Answer, Operation, OperationClass, Status};
use lxio_core::session::{Cause, ErrorKind};

use crate::adapter::{Adapter, LiveExec};
use crate::live::{Context, Failure, Verdict, ensure, refused, same};

/// An operation that lasts until it is cancelled: the secret by which others may fetch an image.
pub(super) async fn token<A: Adapter>(ctx: &Context<A>) -> Result<Operation, Failure> {
    let secret = raw::post("/1.0/images").then(&ctx.daemon.fingerprint).then("secret");
    match ctx.call(secret.answer()).await? {
        Answer::Async(operation) => Ok(*operation),
        other => Err(Failure::new(format!("no operation: {other:?}"))),
    }
}

/// One that runs: in both lists, by itself, waited for in vain.
pub(super) async fn operation_running<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let token = token(ctx).await?;
    same!(
        (token.class(), token.may_cancel()),
        (&OperationClass::Token, true),
        "class, and whether it may be cancelled"
    );
    ensure!(token.secret().is_some(), "it has no secret");
    let id = token.id().as_str();
    let got = ctx.call(operation(id).get()).await?;
    same!((got.id(), got.status(), got.is_final()), (token.id(), Status::Running, false), "the operation");
    same!(
        ctx.call(operation(format!("/1.0/operations/{id}")).get()).await?.id(),
        token.id(),
        "the one by its path"
    );
    let names = ctx.call(operations().names()).await?;
    ensure!(names.0.iter().any(|it| it.name() == id), "it is not among {names:?}");
    let all = ctx.call(operations().all()).await?;
    ensure!(all.0.iter().any(|it| it.id() == token.id()), "it is not in the list of objects");
    if ctx.has("operations_get_query_all_projects") {
        let all = ctx.call(operations().all_projects().all()).await?;
        ensure!(all.0.iter().any(|it| it.id() == token.id()), "it is not in the list of all projects");
    }

    // The daemons differ in what they say when the time is up; settling tells it the same for both.
    let began = Instant::now();
    match ctx.call(operation(id).wait(Some(Duration::from_secs(1)))).await {
        Ok(waited) => same!(waited.status(), Status::Running, "the status after a second"),
        Err(error) => {
            refused::<()>(Err(error), &[ErrorKind::Refused])?;
        }
    }
    let late = refused(
        ctx.run(operation(id).settle().within(Duration::from_millis(1500))).await,
        &[ErrorKind::TimedOut],
    )?;
    ensure!(
        late.is_timeout() && late.operation().is_some_and(|it| it.id() == token.id()),
        "an odd error: {late}"
    );
    let took = began.elapsed();
    ensure!(took > Duration::from_secs(2) && took < Duration::from_secs(10), "that took {took:?}");
    ctx.call(operation(id).cancel()).await?;
    refused(ctx.call(operation("no id").get()).await, &[ErrorKind::Misuse])?;
    Ok(())
}

/// Begun by one call and seen through by another.
pub(super) async fn operation_settle<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let name = ctx.name("it");
    let begin = instances().create(&ctx.body(&name)).begin().ok_or("nothing to begin")?;
    let Change::Operation(begun) = ctx.call(begin).await? else {
        return Err(Failure::not_applicable("the daemon creates instances at once"));
    };
    let done = ctx.run(operation(begun.id().as_str()).settle()).await?;
    same!((done.id(), done.status()), (begun.id(), Status::Success), "the operation");
    ensure!(
        done.resources().get("instances").is_some_and(|it| it[0].name() == *name),
        "of {:?}",
        done.resources()
    );
    // It is remembered for five seconds.
    same!(
        ctx.run(operation(begun.id().as_str()).settle()).await?.status(),
        Status::Success,
        "the status again"
    );
    same!(
        ctx.call(operation(begun.id().as_str()).wait(None)).await?.status(),
        Status::Success,
        "the status waited for"
    );

    let begin = instances().create(&ctx.body(&name)).begin().ok_or("nothing to begin")?;
    match ctx.call(begin).await {
        Ok(Change::Operation(begun)) => {
            let failed = ctx.run(operation(begun.id().as_str()).settle()).await;
            let failed = refused(failed, &[ErrorKind::OperationFailed])?;
            same!(failed.operation().map(|it| it.status()), Some(Status::Failure), "the status");
            ensure!(failed.is_already_exists(), "not told as a duplicate: {failed}");
        }
        Ok(Change::Done) => return Err("a duplicate was made".into()),
        Err(error) => ensure!(error.is_already_exists(), "not told as a duplicate: {error}"),
    }
    Ok(())
}

/// Cancelled, which is no success; some cannot be.
pub(super) async fn operation_cancel<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let token = token(ctx).await?;
    let id = token.id().as_str().to_owned();
    let waiting = ctx.beside(ctx.client.clone(), async move |client: A::Client| {
        A::run(&client, operation(&id).settle()).await
    });
    ctx.sleep(Duration::from_millis(300)).await;
    ctx.call(operation(token.id().as_str()).cancel()).await?;
    let cancelled = refused(waiting.await?, &[ErrorKind::OperationFailed])?;
    match cancelled.cause() {
        Cause::Flow(FlowError::OperationCancelled(it)) => {
            same!((it.id(), it.status()), (token.id(), Status::Cancelled), "the operation");
        }
        other => return Err(format!("not told as cancelled: {other:?}").into()),
    }
    let again = ctx.call(operation(token.id().as_str()).cancel()).await;
    refused(again, &[ErrorKind::Refused, ErrorKind::NotFound])?;

    let mut live = ctx.exec(ctx.shared().exec(["sleep", "100"])).await?;
    let all = ctx.call(operations().all()).await?;
    let sleeping = |it: &&Operation| {
        let command = it.metadata().get("command").and_then(|it| it.as_array());
        !it.is_final() && command.is_some_and(|it| it.iter().any(|word| word == "100"))
    };
    let found = all.0.iter().find(sleeping).ok_or("the command is not among the operations")?;
    ensure!(!found.may_cancel(), "a command can be cancelled");
    refused(ctx.call(operation(found.id().as_str()).cancel()).await, &[ErrorKind::Refused])?;
    live.signal(9);
    same!(crate::adapter::Live::finish(live).await?.status.code(), 137, "the exit code");
    Ok(())
}

/// Forgotten after five seconds, which is neither success nor failure.
pub(super) async fn operation_vanished<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let token = token(ctx).await?;
    let id = token.id().as_str();
    ctx.call(operation(id).cancel()).await?;
    same!(ctx.call(operation(id).get()).await?.status(), Status::Cancelled, "the status");
    ctx.sleep(Duration::from_millis(6500)).await;
    refused(ctx.call(operation(id).get()).await, &[ErrorKind::NotFound])?;
    refused(ctx.call(operation(id).wait(None)).await, &[ErrorKind::NotFound])?;
    refused(ctx.call(operation(id).cancel()).await, &[ErrorKind::NotFound])?;
    let gone = refused(ctx.run(operation(id).settle()).await, &[ErrorKind::OperationUnknown])?;
    match gone.cause() {
        Cause::Flow(FlowError::OperationVanished { id, .. }) => same!(id, token.id(), "the operation"),
        other => return Err(format!("not told as vanished: {other:?}").into()),
    }
    let never = "01234567-89ab-4def-8123-456789abcdef";
    refused(ctx.run(operation(never).settle()).await, &[ErrorKind::OperationUnknown])?;
    Ok(())
}
