//! The server itself: what it says, and its configuration.

use lxio_core::api::server;
use lxio_core::call::Flavour;
use lxio_core::session::ErrorKind;
use serde_json::json;

use crate::adapter::Adapter;
use crate::live::{Context, Verdict, ensure, refused, same};

/// What it is, told the same by the greeting and by a call.
pub(super) async fn server_get<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let server = ctx.call(server().get()).await?;
    let named = Flavour::named(server.environment().server());
    same!(named, Some(ctx.flavour()), "the flavour");
    ensure!(server.is_trusted(), "a client of the suite is not trusted: {:?}", server.auth());
    ensure!(server.etag.is_some(), "the server has no ETag");
    ensure!(server.api_extensions().len() > 100, "{} API extensions", server.api_extensions().len());
    same!(server.api_version(), "1.0", "the API version");
    ensure!(server.environment().server_pid() > 0, "no process id");
    let session = A::session(&ctx.client);
    same!(
        session.server.environment().server_version(),
        server.environment().server_version(),
        "the version"
    );
    ensure!(
        server.api_extensions().iter().all(|it| session.dialect.extensions.has(it)),
        "extensions are lost"
    );
    Ok(())
}

/// PATCH, PUT with If-Match, stale If-Match, edit; in the end everything is as it was.
pub(super) async fn server_config<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let key = format!("user.{}", ctx.name("key"));
    let before = ctx.call(server().get()).await?;

    ctx.run(server().patch(&json!({ "config": { &key: "one & <two>" } }))).await?;
    let patched = ctx.call(server().get()).await?;
    same!(patched.config.get(&key).and_then(|it| it.as_str()), Some("one & <two>"), "the patched key");
    same!(patched.config.len(), before.config.len() + 1, "the number of keys");

    let mut changed = patched.clone();
    changed.config.insert(key.clone(), "three".into());
    ctx.run(server().replace(&changed, patched.etag.as_ref())).await?;
    let replaced = ctx.call(server().get()).await?;
    same!(replaced.config.get(&key).and_then(|it| it.as_str()), Some("three"), "the replaced key");
    ensure!(replaced.etag != patched.etag, "the ETag did not change");

    let stale = ctx.run(server().replace(&changed, patched.etag.as_ref())).await;
    let stale = refused(stale, &[ErrorKind::Conflict])?;
    ensure!(stale.is_conflict() && stale.code() == Some(412), "a stale ETag: {stale}");

    let edit = server().edit(|server| {
        server.config.insert(key.clone(), "é\n四".into());
    });
    ctx.run(edit).await?;
    let edited = ctx.call(server().get()).await?;
    same!(edited.config.get(&key).and_then(|it| it.as_str()), Some("é\n四"), "the edited key");

    // What a PUT leaves out is unset, but not the user's own keys: those take an empty text.
    let undo = server().edit(|server| {
        server.config.insert(key.clone(), "".into());
    });
    ctx.run(undo).await?;
    let after = ctx.call(server().get()).await?;
    ensure!(after.config == before.config, "the configuration is not what it was");

    if after.config.contains_key("core.https_address") && ctx.flavour() == Flavour::Incus {
        ctx.figure("no patch that is refused: it makes Incus forget where it listens");
        return Ok(());
    }
    refused(ctx.run(server().patch(&json!({ "config": { "no.such": "1" } }))).await, &[ErrorKind::Refused])?;
    let after = ctx.call(server().get()).await?;
    ensure!(after.config == before.config, "a refused patch changed the configuration");
    Ok(())
}
