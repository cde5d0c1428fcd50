//! Profiles: made, changed, renamed, used, deleted.

use std::collections::BTreeMap;

use lxio_core::api::{profile, profiles, raw};
use lxio_core::model::ProfileCreate;
use lxio_core::session::ErrorKind;
use serde_json::json;

use crate::adapter::Adapter;
use crate::live::{Context, Verdict, ensure, refused, same};

/// A whole life.
pub(super) async fn profile_life<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let name = ctx.name("p");
    let it = profile(&*name);
    ensure!(!ctx.call(it.exists()).await?, "it exists before it was made");
    let mut create = ProfileCreate::new(&*name);
    create.description = "ä & b".into();
    create.config.insert("limits.memory".into(), "64MiB".into());
    create.devices.insert("none".into(), BTreeMap::from([("type".into(), "none".into())]));
    ctx.run(profiles().create(&create)).await?;

    let got = ctx.call(it.get()).await?;
    same!(
        (got.name().as_str(), &got.description),
        (name.as_str(), &create.description),
        "name and description"
    );
    same!(got.config, create.config, "the configuration");
    same!(got.devices, create.devices, "the devices");
    ensure!(
        got.used_by().is_empty() && got.etag.is_some(),
        "used by {:?}, ETag {:?}",
        got.used_by(),
        got.etag
    );
    let names = ctx.call(profiles().names()).await?;
    ensure!(names.iter().any(|it| it.name() == *name), "it is not among {names:?}");
    let all = ctx.call(profiles().all()).await?;
    let listed = all.iter().find(|it| *it.name() == *name).ok_or("it is not in the list of objects")?;
    same!(listed.config, create.config, "the listed configuration");

    let again = ctx.run(profiles().create(&create)).await;
    let again = refused(again, &[ErrorKind::Refused, ErrorKind::Conflict])?;
    ensure!(again.is_already_exists(), "not told as a duplicate: {again}");

    let mut changed = got.clone();
    changed.config.insert("user.x".into(), "1".into());
    ctx.run(it.replace(&changed, got.etag.as_ref())).await?;
    let stale = refused(ctx.run(it.replace(&changed, got.etag.as_ref())).await, &[ErrorKind::Conflict])?;
    ensure!(stale.is_conflict() && !stale.is_already_exists(), "a stale ETag: {stale}");
    ctx.run(it.replace(&changed, None)).await?;
    ctx.run(it.patch(&json!({ "config": { "user.y": "2" } }))).await?;
    let got = ctx.call(it.get()).await?;
    let keys: Vec<_> = got.config.keys().map(String::as_str).collect();
    same!(keys, ["limits.memory", "user.x", "user.y"], "the keys");

    let new = ctx.name("q");
    same!(ctx.run(it.rename(&*new)).await?, *new, "the new name");
    refused(ctx.call(it.get()).await, &[ErrorKind::NotFound])?;
    ctx.run(profile(&*new).delete()).await?;
    refused(ctx.run(profile(&*new).delete()).await, &[ErrorKind::NotFound])?;
    refused(ctx.run(profile("a/../b").delete()).await, &[ErrorKind::Misuse])?;
    Ok(())
}

/// An edit changes what it changed and nothing else, not even what this library has never heard of.
pub(super) async fn profile_edit<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let name = ctx.name("p");
    let raw = || raw::get("/1.0/profiles").then(&name);
    let config = json!({ "user.a": "1", "user.odd": " \"quoted\" \\ \u{7f} é\n" });
    let devices = json!({ "new": { "type": "none", "user.unheard.of": "x" } });
    let body = json!({ "name": name, "description": "d", "config": config, "devices": devices });
    let made = ctx.run(raw::post("/1.0/profiles").body(&body).settle()).await;
    if made.is_err() {
        // This daemon checks the keys of devices.
        let body = json!({ "name": name, "description": "d", "config": config, "devices": {} });
        ctx.run(raw::post("/1.0/profiles").body(&body).settle()).await?;
    }
    let before = ctx.call(raw().json()).await?.value;
    let edited = ctx.run(profile(&*name).edit(|it| it.description = "edited".into())).await?;
    same!(
        edited.config.get("user.odd").map(String::as_str),
        Some(" \"quoted\" \\ \u{7f} é\n"),
        "the odd value"
    );
    let after = ctx.call(raw().json()).await?.value;
    let mut should = before.clone();
    should["description"] = "edited".into();
    same!(after, should, "the profile after the edit");

    // A field that nobody knows travels with the PUT; the daemons ignore it.
    let mut got = ctx.call(profile(&*name).get()).await?;
    got.extra_mut().insert("lxio_unheard_of", json!({ "deep": [1, null] }));
    ctx.run(profile(&*name).replace(&got, got.etag.as_ref())).await?;
    same!(ctx.call(raw().json()).await?.value, should, "the profile after a PUT with an unknown field");
    refused(ctx.run(profile(ctx.name("none")).edit(|_| {})).await, &[ErrorKind::NotFound])?;
    Ok(())
}

/// One that is in use says by whom, and cannot be deleted; nor can the default one.
pub(super) async fn profile_in_use<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let name = ctx.name("p");
    ctx.run(profiles().create(&ProfileCreate::new(&*name))).await?;
    let it = ctx.stopped("it").await?;
    ctx.run(it.edit(|it| it.profiles.push(name.as_str().into()))).await?;
    let got = ctx.call(profile(&*name).get()).await?;
    let users: Vec<_> = got.used_by().iter().map(|it| it.name().into_owned()).collect();
    same!(users, [it.name()], "who uses it");
    let no = refused(ctx.run(profile(&*name).delete()).await, &[ErrorKind::Refused, ErrorKind::Conflict])?;
    ensure!(!no.is_not_found() && !no.is_already_exists(), "an odd refusal: {no}");
    refused(ctx.run(profile("default").delete()).await, &[ErrorKind::Refused, ErrorKind::Untrusted])?;
    ctx.run(it.edit(|it| it.profiles.retain(|profile| *profile != *name))).await?;
    ctx.run(profile(&*name).delete()).await?;
    Ok(())
}
