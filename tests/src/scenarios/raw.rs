//! Calls without a type: every verb, both kinds of change, JSON and bytes.

use lxio_core::api::{instances, raw};
use lxio_core::model::{Answer, Instance, Reference};
use lxio_core::session::ErrorKind;
use serde_json::{Value, json};

use crate::adapter::{Adapter, Live, LiveDownload, LiveUpload};
use crate::live::data::{Noise, sha256};
use crate::live::{Context, Verdict, ensure, refused, same};

/// GET, POST, PUT, PATCH, DELETE and HEAD of one object.
pub(super) async fn raw_verbs<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let name = ctx.name("p");
    let here = || format!("/1.0/profiles/{name}");
    let body = json!({ "name": name, "config": { "user.a": "1" } });
    let made = ctx.run(raw::post("/1.0/profiles").body(&body).settle()).await?;
    ensure!(made.is_null() || made == json!({}), "a creation gave {made}");
    let got = ctx.call(raw::get("/1.0/profiles").then(&name).json()).await?;
    same!(got.value["config"], json!({ "user.a": "1" }), "the configuration");
    let etag = got.etag.ok_or("no ETag")?;
    let body = json!({ "config": { "user.b": "2" } });
    ctx.run(raw::put(&here()).if_match(&etag).body(&body).settle()).await?;
    refused(ctx.run(raw::put(&here()).if_match(&etag).body(&body).settle()).await, &[ErrorKind::Conflict])?;
    ctx.run(raw::patch(&here()).body(&json!({ "config": { "user.c": "3" } })).settle()).await?;
    let got = ctx.call(raw::get(&here()).value::<Value>()).await?;
    same!(got["config"], json!({ "user.b": "2", "user.c": "3" }), "the configuration");

    let head = ctx.call(raw::head(&here()).reply()).await?;
    same!((head.status.as_u16(), head.body.len()), (501, 0), "the answer to HEAD");
    let bytes = ctx.call(raw::get(&here()).reply()).await?;
    same!(bytes.status.as_u16(), 200, "the status");
    let parsed: Value = serde_json::from_slice(&bytes.body)?;
    same!(parsed["metadata"], got, "the bytes, read");
    ensure!(bytes.fields.get("etag").is_some() && bytes.fields.get("content-type").is_some(), "no fields");

    match ctx.call(raw::get("/1.0/profiles").then("none such").answer()).await? {
        Answer::Refused { code: 404, message } => ensure!(!message.is_empty(), "no reason"),
        other => return Err(format!("not refused: {other:?}").into()),
    }
    let list = raw::get("/1.0/profiles?recursion=0").query("filter", &format!("name eq {name}"));
    let list = ctx.call(list.value::<Vec<Reference>>()).await?;
    ensure!(list.iter().any(|it| it.name() == name), "it is not among {list:?}");
    ctx.run(raw::delete(&here()).settle()).await?;
    refused(ctx.run(raw::delete(&here()).settle()).await, &[ErrorKind::NotFound])?;
    refused(ctx.call(raw::get("/1.0/../internal").json()).await, &[ErrorKind::Misuse])?;
    refused(ctx.call(raw::get("/1.0/x y\r\nA: b").json()).await, &[ErrorKind::Misuse])?;
    refused(ctx.call(raw::get("/1.0/no-such-thing").json()).await, &[ErrorKind::NotFound])?;
    let lacking = refused(
        ctx.call(raw::get("/1.0").needs("lxio_no_such_thing").json()).await,
        &[ErrorKind::Unsupported],
    )?;
    ensure!(
        lacking.is_unsupported() && lacking.to_string().contains("lxio_no_such_thing"),
        "no name: {lacking}"
    );
    Ok(())
}

/// A change that an operation makes: begun, and seen through.
pub(super) async fn raw_settle<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let name = ctx.name("it");
    let create = || raw::post("/1.0/instances").body(&ctx.body(&name));
    match ctx.call(create().answer()).await? {
        Answer::Async(operation) => {
            ensure!(!operation.id().is_empty(), "no id");
            ctx.run(lxio_core::api::operation(operation.id().as_str()).settle()).await?;
        }
        Answer::Sync(_) => {}
        Answer::Refused { code, message } => return Err(format!("{code}: {message}").into()),
    }
    let got = ctx.call(raw::get("/1.0/instances").then(&name).value::<Instance>()).await?;
    same!(*got.name(), *name, "the name");
    let again =
        refused(ctx.run(create().settle()).await, &[ErrorKind::OperationFailed, ErrorKind::Conflict])?;
    ensure!(again.is_already_exists(), "not told as a duplicate: {again}");
    let mut live = ctx
        .start(
            raw::post("/1.0/instances").then(&name).then("snapshots").body(&json!({ "name": "s" })).settle(),
        )
        .await?;
    ensure!(live.next().await.transpose()?.is_some(), "no state of the operation came");
    live.finish().await?;
    ctx.run(raw::delete("/1.0/instances").then(&name).settle()).await?;
    ensure!(!ctx.call(instances().names()).await?.iter().any(|it| it.name() == name), "it is still listed");
    Ok(())
}

/// Bytes up and down, with the daemon's own fields.
pub(super) async fn raw_bytes<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.shared();
    let path = format!("/tmp/{}", ctx.name("raw"));
    let files = |verb: fn(&str) -> raw::Raw| {
        verb("/1.0/instances").then(it.name()).then("files").query("path", &path)
    };
    let content = Noise::bytes(3, 300_000);
    let put = files(raw::post).own_field("type", "file").own_field("mode", "0604").own_field("uid", "3");
    ctx.call(put.octets(content.clone()).answer()).await?;
    same!(ctx.sh(&it, &format!("stat -c '%u %a' {path}")).await?, "3 604\n", "what stat says");
    let reply = ctx.call(files(raw::get).reply()).await?;
    ensure!(reply.body == content, "{} bytes came back", reply.body.len());
    let mode = ["x-lxd-mode", "x-incus-mode"].iter().find_map(|name| reply.fields.get(*name));
    same!(mode.map(Vec::as_slice), Some(&b"0604"[..]), "the mode");

    for length in [None, Some(content.len() as u64)] {
        let upload = ctx.upload(files(raw::post).own_field("type", "file").upload(length)).await?;
        upload.copy_from(&mut &content[..]).await?;
        let sum = ctx.sh(&it, &format!("sha256sum <{path}")).await?;
        same!(sum, format!("{}  -\n", sha256(&content)), "the hash");
    }
    let download = ctx.download(files(raw::get).download()).await?;
    same!(download.head().map(|it| it.status.as_u16()), Some(200), "the status");
    let mut came = Vec::new();
    download.copy_to(&mut came).await?;
    ensure!(came == content, "{} bytes came", came.len());
    ensure!(ctx.download(raw::get("/1.0").download()).await.is_err(), "JSON was streamed as bytes");
    same!(ctx.call(files(raw::head).reply()).await?.status.as_u16(), 200, "the status of HEAD");
    ctx.call(files(raw::delete).answer()).await?;
    same!(ctx.call(files(raw::get).reply()).await?.status.as_u16(), 404, "the status of what is gone");
    Ok(())
}
