//! Events: what happens, as it happens.

use std::time::{Duration, Instant};

use lxio_core::api::{events, operation, profiles, raw, server};
use lxio_core::flow::Watch;
use lxio_core::model::{Event, EventBody, EventKind, ProfileCreate, Status};
use lxio_core::session::{Error, ErrorKind};
use serde_json::json;

use crate::adapter::{Adapter, Live};
use crate::live::{Context, Failure, Verdict, ensure, refused, same};

/// The next event that is of interest.
async fn next<L: Live<Watch>>(
    live: &mut L,
    mut wanted: impl FnMut(&Event) -> bool,
) -> Result<Event, Failure> {
    loop {
        let event: Result<Event, Error> =
            live.next().await.ok_or("the events ended well, which they cannot")?;
        let event = event?;
        if wanted(&event) {
            return Ok(event);
        }
    }
}

/// What an instance goes through, in order.
pub(super) async fn watch_lifecycle<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.stopped("it").await?;
    let mut live = ctx.start(events().lifecycle()).await?;
    ctx.run(it.start()).await?;
    ctx.sh(&it, "true").await?;
    ctx.run(it.edit(|it| it.description = "x".into())).await?;
    ctx.run(it.stop().force()).await?;
    ctx.run(it.delete()).await?;
    let wanted =
        ["instance-started", "instance-exec", "instance-updated", "instance-stopped", "instance-deleted"];
    let mut seen = Vec::new();
    while seen.last().map(String::as_str) != Some("instance-deleted") {
        let event = next(&mut live, |event| match &event.body {
            EventBody::Lifecycle(life) => life.source().name() == it.name(),
            _ => false,
        })
        .await?;
        same!(event.kind(), EventKind::Lifecycle, "the kind");
        same!(event.project.as_ref().map(|it| it.as_str()), Some("default"), "the project");
        ensure!(event.timestamp.get().is_some(), "no time");
        if let EventBody::Lifecycle(life) = event.body {
            same!(life.source().collection(), ["instances"], "the collection of the source");
            if wanted.contains(&life.action().as_str()) {
                seen.push(life.action().to_string());
            }
        }
    }
    same!(seen, wanted, "what happened");
    Ok(())
}

/// Every state of an operation is a typed one, and the last is final.
pub(super) async fn watch_operations<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let mut live = ctx.start(events().operations()).await?;
    let it = ctx.running("it").await?;
    let no = refused(ctx.run(it.start()).await, &[ErrorKind::OperationFailed])?;
    let failed = no.operation().ok_or("no operation in the error")?.id().clone();
    let mine = |event: &Event| match &event.body {
        EventBody::Operation(operation) => {
            operation.resources().values().flatten().any(|resource| resource.name() == it.name())
        }
        _ => false,
    };
    let (mut statuses, mut succeeded) = (Vec::new(), 0);
    loop {
        let EventBody::Operation(operation) = next(&mut live, mine).await?.body else { continue };
        ensure!(
            !matches!(operation.status(), Status::Unknown(_)),
            "an unknown status: {:?}",
            operation.status()
        );
        ensure!(
            !operation.description().is_empty() && operation.created_at().get().is_some(),
            "{operation:?}"
        );
        statuses.push(operation.status());
        succeeded += usize::from(operation.status() == Status::Success);
        if *operation.id() == failed && operation.is_final() {
            same!(operation.status(), Status::Failure, "the status of the failed one");
            ensure!(!operation.err().is_empty(), "no reason");
            break;
        }
    }
    // Events may come out of order, but not these: one ended before the next began.
    same!(succeeded, 2, "the number of operations that succeeded, of {statuses:?}");
    ensure!(statuses.contains(&Status::Running), "nothing ever ran: {statuses:?}");
    Ok(())
}

/// The log, all types together, and a type that there is not.
pub(super) async fn watch_types<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let mut live = ctx.start(events().logging()).await?;
    ctx.call(server().get()).await?;
    let event = next(&mut live, |event| matches!(&event.body, EventBody::Logging(_))).await?;
    let EventBody::Logging(log) = event.body else { return Err("no log".into()) };
    ensure!(!log.level().is_empty() && !log.message().is_empty(), "an odd line: {log:?}");
    drop(live);

    let mut live = ctx.start(events().all_projects()).await?;
    let it = ctx.stopped("it").await?;
    let mut seen = [false; 3];
    while seen != [true; 3] {
        let event = next(&mut live, |_| true).await?;
        match event.body {
            EventBody::Lifecycle(life) => seen[0] |= life.source().name() == it.name(),
            EventBody::Operation(_) => seen[1] = true,
            EventBody::Logging(_) => seen[2] = true,
            _ => {}
        }
    }
    drop(live);
    let no = ctx.start(events().kind("lxio-no-such-type")).await;
    refused(no.map(drop), &[ErrorKind::Refused])?;
    let no = ctx.start(events().lifecycle().kind("lxio-no-such-type")).await;
    refused(no.map(drop), &[ErrorKind::Refused])?;
    Ok(())
}

/// Forty seconds in which nothing happens: the stream stays up, and the next event comes.
pub(super) async fn watch_idle<A: Adapter>(ctx: &Context<A>) -> Verdict {
    const IDLE: Duration = Duration::from_secs(40);
    let project = ctx.name("project");
    let config = json!({ "features.images": "false", "features.profiles": "true" });
    ctx.run(raw::post("/1.0/projects").body(&json!({ "name": project, "config": config })).settle()).await?;
    let mut live = ctx.start(events().lifecycle().in_project(&*project)).await?;
    let began = Instant::now();
    let name = ctx.name("p");
    let create = profiles().in_project(&*project).create(&ProfileCreate::new(&*name));
    let later = ctx.beside(ctx.client.clone(), async move |client: A::Client| {
        A::sleep(IDLE).await;
        A::run(&client, create).await
    });
    let event = next(&mut live, |event| match &event.body {
        EventBody::Lifecycle(life) => life.source().name() == name,
        _ => false,
    })
    .await?;
    ensure!(began.elapsed() >= IDLE, "the event came after {:?}", began.elapsed());
    same!(event.project.as_ref().map(|it| it.as_str()), Some(project.as_str()), "the project");
    later.await??;
    ctx.run(raw::delete("/1.0/profiles").then(&name).query("project", &project).settle()).await?;
    ctx.run(raw::delete("/1.0/projects").then(&project).settle()).await?;
    Ok(())
}

/// Many watchers of one operation, and one of them follows it by events alone.
pub(super) async fn watch_many<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let token = super::operations::token(ctx).await?;
    let mut watchers = Vec::new();
    for _ in 0..8 {
        let id = token.id().clone();
        let live = ctx.start(events().operations()).await?;
        watchers.push(async move {
            let mut live = live;
            next(&mut live, |event| match &event.body {
                EventBody::Operation(it) => *it.id() == id && it.is_final(),
                _ => false,
            })
            .await
        });
    }
    ctx.call(operation(token.id().as_str()).cancel()).await?;
    for event in ctx.together(watchers).await? {
        match event?.body {
            EventBody::Operation(it) => same!(it.status(), Status::Cancelled, "the status"),
            other => return Err(format!("{other:?}").into()),
        }
    }
    Ok(())
}
