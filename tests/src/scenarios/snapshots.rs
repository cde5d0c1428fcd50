//! Snapshots of instances.

use lxio_core::api::{image, images, instance, instances};
use lxio_core::model::{InstanceSource, Status, Time};
use lxio_core::session::ErrorKind;

use crate::adapter::Adapter;
use crate::live::{Context, Verdict, ensure, refused, same};

/// Made, listed, renamed, deleted; named by itself or in full.
pub(super) async fn snapshot_life<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.stopped("it").await?;
    ensure!(ctx.call(it.snapshots().names()).await?.is_empty(), "it has snapshots before any was made");
    same!(ctx.run(it.snapshots().create("one")).await?, "one", "the name");
    let told = ctx.run(it.snapshots().create("")).await;
    let names = ctx.call(it.snapshots().names()).await?;
    let names: Vec<_> = names.iter().map(|it| it.name().into_owned()).collect();
    let [first, chosen] = names.as_slice() else { return Err(format!("the names are {names:?}").into()) };
    same!(first, "one", "the oldest");
    match told {
        Ok(told) => same!(told, chosen.as_str(), "the name that the server chose"),
        // LXD 5.0.2 does not tell.
        Err(error) => {
            refused::<()>(Err(error), &[ErrorKind::Protocol])?;
        }
    }

    let one = ctx.call(it.snapshot("one").get()).await?;
    let full = ctx.call(it.snapshot(format!("{}/one", it.name())).get()).await?;
    same!(full.value, one.value, "the snapshot that is named in full");
    same!(*one.name(), "one", "the name");
    ensure!(one.created_at().get().is_some() && one.expires_at.get().is_none(), "odd times: {:?}", one.value);
    ensure!(!one.stateful() && one.profiles()[0] == *ctx.daemon.profile, "an odd snapshot: {:?}", one.value);
    let all = ctx.call(it.snapshots().all()).await?;
    same!(all.iter().map(|it| it.name().to_string()).collect::<Vec<_>>(), names, "the names in the list");
    let whole = ctx.call(instances().full()).await?;
    let whole = whole.iter().find(|other| *other.name() == *it.name()).ok_or("it is not in the full list")?;
    same!(whole.snapshots().len(), 2, "the number of snapshots in the full list");

    let kinds = [ErrorKind::OperationFailed, ErrorKind::Refused, ErrorKind::Conflict];
    let again = refused(ctx.run(it.snapshots().create("one")).await, &kinds)?;
    ensure!(again.is_already_exists(), "not told as a duplicate: {again}");
    same!(ctx.run(it.snapshot("one").rename("uno")).await?, "uno", "the new name");
    ensure!(!ctx.call(it.snapshot("one").exists()).await?, "the old name is there");
    ensure!(ctx.call(it.snapshot("uno").exists()).await?, "the new name is not there");
    refused(ctx.run(it.snapshot("uno").rename(chosen.as_str())).await, &kinds)?;
    ctx.run(it.snapshot("uno").delete()).await?;
    refused(ctx.call(it.snapshot("uno").get()).await, &[ErrorKind::NotFound])?;
    refused(ctx.run(it.snapshot("uno").delete()).await, &[ErrorKind::NotFound])?;
    refused(ctx.run(it.snapshots().create("a/b")).await, &[ErrorKind::Misuse])?;
    refused(ctx.call(it.snapshot("other/one").get()).await, &[ErrorKind::Misuse])?;
    same!(ctx.call(it.snapshots().names()).await?.len(), 1, "the number of snapshots");
    Ok(())
}

/// When it expires: said at its creation, put, edited, taken back.
pub(super) async fn snapshot_expiry<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let time = |text| Time::parse(text).map_err(|_| "no time");
    let it = ctx.stopped("it").await?;
    let (first, second) = (time("2035-06-01T10:00:00+02:00")?, time("2036-01-01T00:00:00Z")?);
    ctx.run(it.snapshots().create("s").expires_at(first.clone())).await?;
    let snapshot = it.snapshot("s");
    let got = ctx.call(snapshot.get()).await?;
    same!(got.expires_at.get(), first.get(), "when it expires");

    let mut changed = got.clone();
    changed.expires_at = second.clone();
    ctx.run(snapshot.replace(&changed, got.etag.as_ref())).await?;
    same!(ctx.call(snapshot.get()).await?.expires_at.get(), second.get(), "when it expires");
    if got.etag.is_some() {
        let stale =
            refused(ctx.run(snapshot.replace(&changed, got.etag.as_ref())).await, &[ErrorKind::Conflict])?;
        ensure!(stale.is_conflict(), "a stale ETag: {stale}");
    }
    ctx.run(snapshot.edit(|it| it.expires_at = first.clone())).await?;
    same!(ctx.call(snapshot.get()).await?.expires_at.get(), first.get(), "when it expires");
    ctx.run(snapshot.edit(|it| it.expires_at = Time::never())).await?;
    same!(ctx.call(snapshot.get()).await?.expires_at.get(), None, "when it expires");
    Ok(())
}

/// What a file was comes back, and what was made since is gone; also while it runs.
pub(super) async fn snapshot_restore<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.running("it").await?;
    ctx.sh(&it, "echo before >/root/mark").await?;
    ctx.run(it.snapshots().create("s")).await?;
    ctx.sh(&it, "echo after >/root/mark; touch /root/new").await?;
    ctx.run(it.edit(|it| it.description = "changed".into())).await?;
    ctx.run(it.snapshot("s").restore(false)).await?;
    same!(ctx.call(it.state()).await?.status(), Status::Running, "the status");
    same!(ctx.sh(&it, "cat /root/mark; ls /root").await?, "before\nmark\n", "the files");
    same!(ctx.call(it.get()).await?.description, "", "the description");
    ctx.run(it.stop().force()).await?;
    ctx.call(it.file("/root/mark").put("again")).await?;
    ctx.run(it.snapshot("s").restore(false)).await?;
    same!(ctx.call(it.state()).await?.status(), Status::Stopped, "the status");
    ctx.run(it.start()).await?;
    same!(ctx.sh(&it, "cat /root/mark").await?, "before\n", "the file");
    let missing = ctx.run(it.snapshot("none").restore(false)).await;
    refused(missing, &[ErrorKind::NotFound, ErrorKind::OperationFailed, ErrorKind::Refused])?;
    Ok(())
}

/// An image is made of it, and an instance of that.
pub(super) async fn snapshot_publish<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.stopped("it").await?;
    let mark = ctx.name("mark");
    ctx.call(it.file("/root/mark").put(mark.clone())).await?;
    ctx.run(it.snapshots().create("s")).await?;
    ctx.call(it.file("/root/mark").put("later")).await?;
    let fingerprint = ctx.run(it.snapshot("s").publish()).await?;
    ctx.owns_image(&fingerprint);
    let is_hash = fingerprint.len() == 64 && fingerprint.bytes().all(|it| it.is_ascii_hexdigit());
    ensure!(is_hash, "the fingerprint is {fingerprint:?}");
    let got = ctx.call(image(fingerprint.clone()).get()).await?;
    same!(got.fingerprint(), &fingerprint, "the fingerprint");
    ensure!(got.size() > 100_000 && !got.public, "an odd image: {:?}", got.value);
    let copy = ctx.name("copy");
    ctx.run(instances().create(&ctx.body_of(&copy, InstanceSource::image_fingerprint(fingerprint)))).await?;
    match ctx.call(instance(&*copy).file("/root/mark").get()).await? {
        lxio_core::api::FileContent::File(_, bytes) => {
            same!(bytes, mark.into_bytes(), "the file in the image")
        }
        other => return Err(format!("no file: {other:?}").into()),
    }
    Ok(())
}

/// An image is made of an instance itself, with a name and a property; not while it runs.
pub(super) async fn instance_publish<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.stopped("it").await?;
    ctx.call(it.file("/root/mark").put("published")).await?;
    let alias = ctx.name("published/it");
    let publish = it.publish().alias(&*alias).property("user.a", "b & c").compression("none");
    let fingerprint = ctx.run(publish).await?;
    ctx.owns_image(&fingerprint);
    let got = ctx.run(images().by_alias(&*alias)).await?;
    same!(got.fingerprint(), &fingerprint, "the image of the alias");
    same!(got.properties.get("user.a").map(String::as_str), Some("b & c"), "a property");
    let copy = ctx.name("copy");
    ctx.run(instances().create(&ctx.body_of(&copy, InstanceSource::image_alias(&*alias)))).await?;
    ctx.run(instance(&*copy).start()).await?;
    same!(ctx.sh(&instance(&*copy), "cat /root/mark").await?, "published", "the file in the image");
    let kinds = [ErrorKind::Refused, ErrorKind::OperationFailed];
    refused(ctx.run(instance(&*copy).publish()).await, &kinds)?;
    refused(
        ctx.run(instance(ctx.name("none")).publish()).await,
        &[ErrorKind::NotFound, ErrorKind::OperationFailed],
    )?;
    Ok(())
}

/// One that is to keep the memory: the daemons cannot do it here, and say so.
pub(super) async fn snapshot_stateful<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.running("it").await?;
    let no = ctx.run(it.snapshots().create("s").stateful()).await;
    let no = refused(no, &[ErrorKind::OperationFailed, ErrorKind::Refused])?;
    ensure!(!no.is_already_exists() && !no.is_not_found(), "an odd refusal: {no}");
    ensure!(!ctx.call(it.snapshot("s").exists()).await?, "it was made all the same");
    same!(ctx.sh(&it, "echo alive").await?, "alive\n", "what a command says");
    Ok(())
}
