//! Instances: lists, and all the ways to make, change, rename and delete one.

use lxio_core::api::{images, instance, instances, profiles, raw};
use lxio_core::model::{InstanceKind, InstanceSource, Status};
use lxio_core::session::ErrorKind;
use serde_json::{Value, json};

use crate::adapter::Adapter;
use crate::live::{Context, Verdict, ensure, refused, same};

/// From an alias; then found in every list.
pub(super) async fn instance_create<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let name = ctx.name("web");
    let web = instance(&*name);
    ensure!(!ctx.call(web.exists()).await?, "it exists before it was made");
    let mut create = ctx.body(&name);
    create.description = "a \"quoted\" & <odd> one, ünïcode".into();
    create.config.insert("user.note".into(), "7".into());
    same!(ctx.run(instances().create(&create)).await?, *name, "the name");
    ensure!(ctx.call(web.exists()).await?, "it does not exist");

    let got = ctx.call(web.get()).await?;
    same!(*got.name(), *name, "the name");
    same!(got.status(), Status::Stopped, "the status");
    same!(got.kind(), &InstanceKind::Container, "the kind");
    same!(got.description, create.description, "the description");
    same!(got.config.get("user.note").map(String::as_str), Some("7"), "a key");
    same!(got.config.get("volatile.base_image"), Some(&ctx.daemon.fingerprint.to_string()), "the base image");
    same!(got.profiles, [ctx.daemon.profile.as_str()], "the profiles");
    ensure!(got.expanded_devices().contains_key("root"), "no root disk: {:?}", got.expanded_devices());
    ensure!(got.etag.is_some() && got.created_at().get().is_some(), "no ETag, or no date");

    let names = ctx.call(instances().names()).await?;
    ensure!(names.iter().any(|it| it.name() == *name), "it is not among {names:?}");
    let all = ctx.call(instances().containers().all()).await?;
    let listed = all.iter().find(|it| *it.name() == *name).ok_or("it is not in the list of objects")?;
    same!(listed.config, got.config, "the listed configuration");
    let full = ctx.call(instances().full()).await?;
    let full = full.iter().find(|it| *it.name() == *name).ok_or("it is not in the full list")?;
    same!(full.state().map(|it| it.status()), Some(Status::Stopped), "the state in the full list");
    ensure!(full.snapshots().is_empty() && full.backups().is_empty(), "it has snapshots or backups");
    let machines = ctx.call(instances().virtual_machines().names()).await?;
    ensure!(!machines.iter().any(|it| it.name() == *name), "it is listed as a virtual machine");
    Ok(())
}

/// The server filters, and says so if it cannot.
pub(super) async fn instance_filter<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let (one, two) = (ctx.stopped("one").await?, ctx.stopped("two").await?);
    let filter = format!("name eq {} and status eq Stopped", one.name());
    let found = ctx.call(instances().filter(filter).all()).await?;
    same!(found.iter().map(|it| it.name().to_string()).collect::<Vec<_>>(), [one.name()], "what was found");
    let filter = format!("config.user.lxio eq {} and name ne {}", ctx.prefix(), one.name());
    let found = ctx.call(instances().filter(filter).all()).await?;
    same!(found.iter().map(|it| it.name().to_string()).collect::<Vec<_>>(), [two.name()], "what was found");
    let none = ctx.call(instances().filter("name eq none-such").all()).await?;
    ensure!(none.is_empty(), "{} instances have a name that none has", none.len());
    refused(ctx.call(instances().filter("name").all()).await, &[ErrorKind::Refused])?;
    Ok(())
}

/// One instance with all that is below it.
pub(super) async fn instance_full<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.running("it").await?;
    ctx.run(it.snapshots().create("s")).await?;
    let full = ctx.call(it.full()).await?;
    same!(*full.name(), *it.name(), "the name");
    same!(full.state().map(|it| it.status()), Some(Status::Running), "the status");
    same!(
        full.snapshots().iter().map(|it| it.name().to_string()).collect::<Vec<_>>(),
        ["s"],
        "the snapshots"
    );
    refused(ctx.call(instance(ctx.name("none")).full()).await, &[ErrorKind::NotFound])?;
    Ok(())
}

/// Images and profiles of all projects, and those that fit a filter. What a daemon lacks is refused before
/// anything is sent.
pub(super) async fn lists_options<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let filter = format!("fingerprint eq {}", ctx.daemon.fingerprint);
    let found = ctx.call(images().filter(filter).all()).await?;
    same!(
        found.iter().map(|it| it.fingerprint()).collect::<Vec<_>>(),
        [&ctx.daemon.fingerprint],
        "the images"
    );
    let all = ctx.call(images().all_projects().all()).await;
    if ctx.has("images_all_projects") {
        ensure!(all?.iter().any(|it| *it.fingerprint() == ctx.daemon.fingerprint), "the image is missing");
    } else {
        refused(all, &[ErrorKind::Unsupported])?;
    }
    let all = ctx.call(profiles().all_projects().all()).await;
    if ctx.has("profiles_all_projects") {
        ensure!(all?.iter().any(|it| *it.name() == *ctx.daemon.profile), "the profile is missing");
    } else {
        refused(all, &[ErrorKind::Unsupported])?;
    }
    Ok(())
}

/// In another project, and in the list of all projects.
pub(super) async fn instance_project<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let project = ctx.name("project");
    let config = json!({ "features.images": "false", "features.profiles": "false" });
    let body = json!({ "name": project, "description": "live", "config": config });
    ctx.run(raw::post("/1.0/projects").body(&body).settle()).await?;

    let name = ctx.name("web");
    let there = instance(&*name).in_project(&*project);
    ctx.run(instances().in_project(&*project).create(&ctx.body(&name))).await?;
    ensure!(ctx.call(there.exists()).await?, "it is not in its project");
    ensure!(!ctx.call(instance(&*name).exists()).await?, "it is in the default project, too");
    same!(*ctx.call(there.get()).await?.project(), *project, "the project");
    let names = ctx.call(instances().in_project(&*project).names()).await?;
    same!(names.iter().map(|it| it.name().into_owned()).collect::<Vec<_>>(), [name.as_str()], "the names");
    if ctx.has("instance_all_projects") {
        let all = ctx.call(instances().all_projects().all()).await?;
        let found: Vec<_> =
            all.iter().filter(|it| *it.name() == *name).map(|it| it.project().to_string()).collect();
        same!(found, [project.as_str()], "the projects that it is in");
        ensure!(all.iter().any(|it| it.project() == "default"), "the default project is missing");
    }

    // What is done below an instance stays in its project: state, commands, files, snapshots.
    ctx.run(there.start()).await?;
    same!(ctx.call(there.state()).await?.status(), Status::Running, "the status");
    ctx.call(there.file("/root/x").put("in the project")).await?;
    same!(ctx.sh(&there, "cat /root/x").await?, "in the project", "the file");
    let recorded = ctx.run(there.exec(["cat", "/root/x"]).recorded()).await?;
    same!(recorded.stdout_text(), "in the project", "the recorded output");
    ctx.run(there.stop().force()).await?;
    ctx.run(there.snapshots().create("s0")).await?;
    same!(ctx.call(there.snapshots().all()).await?.len(), 1, "the number of snapshots");
    let copy = ctx.name("copy");
    same!(ctx.run(there.copy_to(&*copy)).await?, *copy, "the name of the copy");
    ensure!(
        ctx.call(instance(&*copy).in_project(&*project).exists()).await?,
        "the copy is not in the project"
    );
    ctx.run(instance(&*copy).in_project(&*project).delete()).await?;
    ctx.run(there.delete()).await?;
    ctx.run(raw::delete("/1.0/projects").then(&project).settle()).await?;
    Ok(())
}

/// From a fingerprint, and from nothing at all.
pub(super) async fn instance_sources<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let name = ctx.name("print");
    let create = ctx.body_of(&name, InstanceSource::image_fingerprint(ctx.daemon.fingerprint.clone()));
    ctx.run(instances().create(&create)).await?;
    ctx.run(instance(&*name).start()).await?;
    same!(ctx.sh(&instance(&*name), "echo $((6 * 7))").await?, "42\n", "what a command says");

    let empty = ctx.name("empty");
    ctx.run(instances().create(&ctx.body_of(&empty, InstanceSource::none()))).await?;
    let got = ctx.call(instance(&*empty).get()).await?;
    same!(got.status(), Status::Stopped, "the status of an empty one");
    ensure!(!got.config.contains_key("volatile.base_image"), "an empty one has an image");
    // There is nothing that could be started.
    let start = refused(ctx.run(instance(&*empty).start()).await, &[ErrorKind::OperationFailed])?;
    ensure!(start.operation().is_some_and(|it| !it.err().is_empty()), "no reason: {start}");

    let missing = ctx.name("missing");
    let create = ctx.body_of(&missing, InstanceSource::image_alias("no-such-image"));
    let kinds = [ErrorKind::NotFound, ErrorKind::OperationFailed, ErrorKind::Refused];
    refused(ctx.run(instances().create(&create)).await, &kinds)?;
    ensure!(!ctx.call(instance(&*missing).exists()).await?, "it was made of no image");
    Ok(())
}

/// A copy has its files, configuration and profiles, and is a thing of its own.
pub(super) async fn instance_copy<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let original = ctx.stopped("original").await?;
    ctx.call(original.file("/root/mark").put("copied")).await?;
    ctx.run(original.patch(&json!({ "config": { "user.role": "db" } }))).await?;
    ctx.run(original.snapshots().create("s0")).await?;
    let name = ctx.name("copy");
    same!(ctx.run(original.copy_to(&*name)).await?, *name, "the name");
    let copy = instance(&*name);
    let (from, to) = (ctx.call(original.get()).await?, ctx.call(copy.get()).await?);
    same!(to.profiles, from.profiles, "the profiles");
    same!(to.config.get("user.role").map(String::as_str), Some("db"), "a key");
    ensure!(ctx.call(copy.snapshots().names()).await?.is_empty(), "the snapshots were copied");
    ctx.call(original.file("/root/mark").put("changed")).await?;
    ctx.run(copy.start()).await?;
    same!(ctx.sh(&copy, "cat /root/mark").await?, "copied", "the copied file");
    refused(
        ctx.run(original.copy_to(&*name)).await,
        &[ErrorKind::OperationFailed, ErrorKind::Refused, ErrorKind::Conflict],
    )?;
    refused(ctx.run(instance(ctx.name("none")).copy_to("x")).await, &[ErrorKind::NotFound])?;
    Ok(())
}

/// The server chooses a name, and says which.
pub(super) async fn instance_unnamed<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let name = ctx.run(instances().create(&ctx.body(""))).await?;
    ensure!(!name.is_empty(), "the name is empty");
    let got = ctx.call(instance(name.as_str()).get()).await?;
    same!(got.config.get("user.lxio").map(String::as_str), Some(ctx.prefix()), "the mark");
    ctx.run(instance(name.as_str()).delete()).await?;
    Ok(())
}

/// A second one of the same name is refused, and the first is as before.
pub(super) async fn instance_duplicate<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let first = ctx.stopped("first").await?;
    let before = ctx.call(first.get()).await?;
    let error = refused(
        ctx.run(instances().create(&ctx.body(first.name()))).await,
        &[ErrorKind::OperationFailed, ErrorKind::Refused, ErrorKind::Conflict],
    )?;
    ensure!(error.is_already_exists(), "not told as a duplicate: {error}");
    same!(ctx.call(first.get()).await?.config, before.config, "the configuration");
    for bad in ["", "a/b", "..", "a b", "ä", "-x"] {
        let create = ctx.body(bad);
        if bad.is_empty() {
            continue;
        }
        let kinds = [ErrorKind::Misuse, ErrorKind::Refused, ErrorKind::OperationFailed];
        refused(ctx.run(instances().create(&create)).await, &kinds).map_err(|it| it.doing(bad))?;
    }
    Ok(())
}

/// PUT with If-Match, stale If-Match, PATCH, edit: what was not touched stays.
pub(super) async fn instance_update<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.stopped("it").await?;
    ctx.run(it.patch(&json!({ "config": { "user.a": "1", "user.b": "2" }, "description": "first" }))).await?;
    let got = ctx.call(it.get()).await?;
    same!(got.config.get("user.a").map(String::as_str), Some("1"), "a patched key");
    same!(got.description, "first", "the patched description");

    let mut changed = got.clone();
    changed.config.remove("user.a");
    changed.config.insert("limits.cpu".into(), "1".into());
    ctx.run(it.replace(&changed, got.etag.as_ref())).await?;
    let stale = refused(ctx.run(it.replace(&changed, got.etag.as_ref())).await, &[ErrorKind::Conflict])?;
    ensure!(stale.is_conflict(), "a stale ETag: {stale}");
    let put = ctx.call(it.get()).await?;
    ensure!(!put.config.contains_key("user.a"), "a removed key is there");
    same!(put.config.get("limits.cpu").map(String::as_str), Some("1"), "a put key");
    same!(put.config.get("user.b").map(String::as_str), Some("2"), "an untouched key");

    let raw = raw::get("/1.0/instances").then(it.name());
    let before = ctx.call(raw.clone().json()).await?.value;
    let edited = ctx.run(it.edit(|it| it.description = "edited".into())).await?;
    same!(edited.description, "edited", "the description");
    let mut after = ctx.call(raw.json()).await?.value;
    same!(after["description"], "edited", "the description");
    after["description"] = before["description"].clone();
    same!(difference(&before, &after), Vec::<String>::new(), "what an edit changed beside the description");

    let mut calls = 0;
    ctx.run(it.edit(|_| calls += 1)).await?;
    same!(calls, 1, "how often the change was made");
    ctx.run(it.patch(&json!({ "config": { "limits.cpu": "" } }))).await?;
    ensure!(!ctx.call(it.get()).await?.config.contains_key("limits.cpu"), "an empty text unset nothing");
    refused(
        ctx.run(it.patch(&json!({ "config": { "no.such.key": "1" } }))).await,
        &[ErrorKind::Refused, ErrorKind::OperationFailed],
    )?;
    Ok(())
}

/// The members in which two objects differ.
fn difference(one: &Value, other: &Value) -> Vec<String> {
    let empty = serde_json::Map::new();
    let (one, other) = (one.as_object().unwrap_or(&empty), other.as_object().unwrap_or(&empty));
    one.keys().chain(other.keys()).filter(|key| one.get(*key) != other.get(*key)).cloned().collect()
}

/// A new name; not while it runs, and not somebody else's.
pub(super) async fn instance_rename<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.running("old").await?;
    let name = ctx.name("new");
    let kinds = [ErrorKind::Refused, ErrorKind::OperationFailed, ErrorKind::Conflict];
    refused(ctx.run(it.rename(&*name)).await, &kinds)?;
    ctx.run(it.stop().force()).await?;
    same!(ctx.run(it.rename(&*name)).await?, *name, "the new name");
    ensure!(!ctx.call(it.exists()).await?, "the old name is there");
    ensure!(ctx.call(instance(&*name).exists()).await?, "the new name is not there");
    let other = ctx.stopped("other").await?;
    refused(ctx.run(instance(&*name).rename(other.name())).await, &kinds)?;
    refused(ctx.run(it.rename("x")).await, &[ErrorKind::NotFound])?;
    Ok(())
}

/// Not while it runs; once; and then it is gone.
pub(super) async fn instance_delete<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.running("it").await?;
    refused(ctx.run(it.delete()).await, &[ErrorKind::Refused, ErrorKind::OperationFailed])?;
    same!(ctx.call(it.state()).await?.status(), Status::Running, "the status after a refused deletion");
    ctx.run(it.stop().force()).await?;
    ctx.run(it.delete()).await?;
    ensure!(!ctx.call(it.exists()).await?, "it exists");
    let gone = refused(ctx.call(it.get()).await, &[ErrorKind::NotFound])?;
    ensure!(gone.is_not_found() && gone.code() == Some(404), "not told as missing: {gone}");
    refused(ctx.run(it.delete()).await, &[ErrorKind::NotFound])?;
    refused(ctx.run(it.start()).await, &[ErrorKind::NotFound])?;
    refused(ctx.call(it.state()).await, &[ErrorKind::NotFound])?;
    let error = gone.to_string();
    ensure!(
        error.contains("/1.0/instances/") && error.contains("GET"),
        "the error does not name the call: {error}"
    );
    Ok(())
}
