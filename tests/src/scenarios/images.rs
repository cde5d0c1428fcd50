//! Images and their aliases.

use lxio_core::api::{image, image_alias, image_aliases, images};
use lxio_core::session::ErrorKind;
use serde_json::json;

use crate::adapter::{Adapter, LiveDownload, LiveUpload};
use crate::live::data::{Hash, sha256, small_image};
use crate::live::{Context, Failure, Verdict, ensure, refused, same};

/// An image that is nobody else's.
fn tarball<A: Adapter>(ctx: &Context<A>, pad: u64) -> Result<Vec<u8>, Failure> {
    Ok(small_image(&ctx.name("image"), &ctx.daemon.architecture, pad)?)
}

/// From bytes; listed, found by prefix and by alias, changed, deleted.
pub(super) async fn image_life<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let bytes = tarball(ctx, 3000)?;
    let hash = sha256(&bytes);
    let alias = ctx.name("alias");
    let import =
        images().import().alias(&*alias).filename("x y.tar").property("user.a", "b & c=d+e").public();
    same!(ctx.run(import.bytes(bytes.clone())).await?, *hash, "the fingerprint");

    let it = image(&*hash);
    ensure!(ctx.call(it.exists()).await?, "it does not exist");
    let got = ctx.call(it.get()).await?;
    same!(
        (got.fingerprint().as_str(), got.size()),
        (hash.as_str(), bytes.len() as u64),
        "fingerprint and size"
    );
    same!((got.filename().as_str(), got.public), ("x y.tar", true), "file name, and whether it is public");
    same!(got.properties.get("user.a").map(String::as_str), Some("b & c=d+e"), "a property");
    same!(got.properties.get("os").map(String::as_str), Some("lxio"), "a property of the tarball");
    same!(
        got.aliases().iter().map(|it| it.name().to_string()).collect::<Vec<_>>(),
        [alias.as_str()],
        "the aliases"
    );
    same!(
        ctx.call(image(&hash[..16]).get()).await?.fingerprint(),
        got.fingerprint(),
        "the image of a prefix"
    );
    same!(
        ctx.run(images().by_alias(&*alias)).await?.fingerprint(),
        got.fingerprint(),
        "the image of the alias"
    );
    refused(ctx.run(images().by_alias(ctx.name("none"))).await, &[ErrorKind::NotFound])?;
    let names = ctx.call(images().names()).await?;
    ensure!(names.iter().any(|it| it.name() == *hash), "it is not among {names:?}");
    let all = ctx.call(images().all()).await?;
    ensure!(all.contains(&got.value), "it is not in the list of objects");

    let edit = it.edit(|it| {
        it.properties.insert("user.a".into(), "edited".into());
        it.public = false;
    });
    ctx.run(edit).await?;
    let edited = ctx.call(it.get()).await?;
    same!(edited.properties.get("user.a").map(String::as_str), Some("edited"), "the edited property");
    same!((edited.public, edited.properties.len()), (false, got.properties.len()), "what else there is");
    ctx.run(it.patch(&json!({ "properties": { "user.b": "patched" } }))).await?;
    let patched = ctx.call(it.get()).await?;
    same!(patched.properties.get("user.b").map(String::as_str), Some("patched"), "the patched property");
    let stale = refused(ctx.run(it.replace(&edited, edited.etag.as_ref())).await, &[ErrorKind::Conflict])?;
    ensure!(stale.is_conflict(), "a stale ETag: {stale}");
    ctx.run(it.replace(&edited, patched.etag.as_ref())).await?;
    same!(ctx.call(it.get()).await?.properties, edited.properties, "the properties that were put");

    ctx.run(it.delete()).await?;
    ensure!(!ctx.call(it.exists()).await?, "it exists");
    ensure!(!ctx.call(image_alias(&*alias).exists()).await?, "its alias exists");
    refused(ctx.run(it.delete()).await, &[ErrorKind::NotFound])?;
    Ok(())
}

/// Streamed, of known and of unknown length; the export gives the same bytes back.
pub(super) async fn image_stream<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let (sized, chunked) = (tarball(ctx, 3 << 20)?, tarball(ctx, 2 << 20)?);
    let upload = ctx.upload(images().import().alias(ctx.name("sized")).sized(sized.len() as u64)).await?;
    same!(upload.copy_from(&mut &sized[..]).await?, *sha256(&sized), "the fingerprint of the sized one");
    let alias = ctx.name("chunked/of it");
    let mut upload = ctx.upload(images().import().alias(&*alias).streamed()).await?;
    for mut piece in chunked.chunks(99_999) {
        while !piece.is_empty() {
            let taken = upload.write(piece).await?;
            piece = &piece[taken..];
        }
    }
    same!(upload.complete().await?, *sha256(&chunked), "the fingerprint of the chunked one");
    same!(
        *ctx.run(images().by_alias(&*alias)).await?.fingerprint(),
        *sha256(&chunked),
        "the image of the alias"
    );

    for bytes in [&sized, &chunked] {
        let download = ctx.download(image(sha256(bytes)).export()).await?;
        let head = download.head().ok_or("the export has no head")?;
        same!((head.length, &head.boundary), (Some(bytes.len() as u64), &None), "length and boundary");
        ensure!(head.filename.is_some(), "no file name");
        let mut came = Hash::default();
        download.copy_to(&mut came).await?;
        same!((came.count, came.hex()), (bytes.len() as u64, sha256(bytes)), "what was exported");
    }
    let missing = ctx.download(image("0".repeat(64)).export()).await;
    refused(missing.map(drop), &[ErrorKind::NotFound])?;
    Ok(())
}

/// One that is there already, one that is not what was announced, one that is no image.
pub(super) async fn image_refused<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let bytes = tarball(ctx, 1000)?;
    let hash = sha256(&bytes);
    ctx.run(images().import().expect(&*hash).bytes(bytes.clone())).await?;
    let kinds = [ErrorKind::OperationFailed, ErrorKind::Refused, ErrorKind::Conflict];
    let again = refused(ctx.run(images().import().bytes(bytes.clone())).await, &kinds)?;
    ensure!(again.is_already_exists(), "not told as a duplicate: {again}");
    let again =
        ctx.upload(images().import().sized(bytes.len() as u64)).await?.copy_from(&mut &bytes[..]).await;
    ensure!(refused(again, &kinds)?.is_already_exists(), "not told as a duplicate");

    let other = tarball(ctx, 1000)?;
    let wrong = ctx.run(images().import().expect("f".repeat(64)).bytes(other.clone())).await;
    let wrong = refused(wrong, &kinds)?;
    ensure!(!wrong.is_already_exists(), "told as a duplicate: {wrong}");
    ensure!(!ctx.call(image(sha256(&other)).exists()).await?, "it was made all the same");
    refused(ctx.run(images().import().bytes(&b"no tarball"[..])).await, &kinds)?;
    let short =
        ctx.upload(images().import().sized(other.len() as u64)).await?.copy_from(&mut &other[..100]).await;
    refused(short, &[ErrorKind::Input])?;
    ensure!(!ctx.call(image(sha256(&other[..100])).exists()).await?, "a part was taken for the whole");
    Ok(())
}

/// Names with slashes and spaces: made, listed, pointed elsewhere, renamed, deleted.
pub(super) async fn image_aliases_life<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let first = ctx.run(images().import().bytes(tarball(ctx, 100)?)).await?;
    let second = ctx.run(images().import().bytes(tarball(ctx, 100)?)).await?;
    for tail in ["plain", "with/slash", "with space/and/ünï+&=:@"] {
        let told = |failure: Failure| failure.doing(tail);
        let name = ctx.name(tail);
        one_alias(ctx, &name, [first.as_str(), second.as_str()]).await.map_err(told)?;
    }
    for bad in ["", "100%", "a?b", "a#b", "a\0b"] {
        refused(ctx.run(image_alias(bad).create(first.clone(), "")).await, &[ErrorKind::Misuse])?;
        refused(ctx.call(image_alias(bad).get()).await, &[ErrorKind::Misuse])?;
    }
    Ok(())
}

async fn one_alias<A: Adapter>(ctx: &Context<A>, name: &str, [first, second]: [&str; 2]) -> Verdict {
    let it = image_alias(name);
    ensure!(!ctx.call(it.exists()).await?, "it exists before it was made");
    ctx.run(it.create(first, "ä & b")).await?;
    let got = ctx.call(it.get()).await?;
    same!(
        (got.name().as_str(), got.target.as_str(), got.description.as_str()),
        (name, first, "ä & b"),
        "the alias"
    );
    same!(ctx.run(images().by_alias(name)).await?.fingerprint().as_str(), first, "the image of the alias");
    let names = ctx.call(image_aliases().names()).await?;
    let listed = |it: &&lxio_core::model::Reference| it.name() == name || it.name_once() == name;
    ensure!(names.iter().any(|it| listed(&it)), "it is not among {names:?}");
    let all = ctx.call(image_aliases().all()).await?;
    ensure!(all.contains(&got.value), "it is not in the list of objects");
    let again = refused(ctx.run(it.create(second, "")).await, &[ErrorKind::Conflict, ErrorKind::Refused])?;
    ensure!(again.is_already_exists(), "not told as a duplicate: {again}");

    ctx.run(it.edit(|it| it.target = second.into())).await?;
    let edited = ctx.call(it.get()).await?;
    same!((edited.target.as_str(), edited.description.as_str()), (second, "ä & b"), "the edited alias");
    let mut changed = edited.clone();
    changed.description = "put".into();
    ctx.run(it.replace(&changed, edited.etag.as_ref())).await?;
    same!(ctx.call(it.get()).await?.description, "put", "the description");
    let stale = refused(ctx.run(it.replace(&changed, edited.etag.as_ref())).await, &[ErrorKind::Conflict])?;
    ensure!(stale.is_conflict(), "a stale ETag: {stale}");

    let other = format!("{name}/re named");
    same!(ctx.run(it.rename(&*other)).await?, *other, "the new name");
    refused(ctx.call(it.get()).await, &[ErrorKind::NotFound])?;
    same!(ctx.call(image_alias(&*other).get()).await?.target.as_str(), second, "where the new name points");
    ctx.run(image_alias(&*other).delete()).await?;
    refused(ctx.run(image_alias(&*other).delete()).await, &[ErrorKind::NotFound])?;
    ensure!(ctx.call(image(second).exists()).await?, "the image went with its alias");
    Ok(())
}
