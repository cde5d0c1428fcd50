//! Certificates: trusted, changed, trusted no more; and the tokens that others join with.

use data_encoding::BASE64;
use lxio_core::api::{certificate, certificates, operation, raw, server};
use lxio_core::bytes::Secret;
use lxio_core::call::Joining;
use lxio_core::model::{CertificateCreate, CertificateKind, OperationClass, Status, TrustToken};
use lxio_core::session::ErrorKind;
use serde_json::json;

use crate::adapter::Adapter;
use crate::live::data::sha256;
use crate::live::{Context, Verdict, ensure, refused, same};

/// A certificate that nobody else has: the signature at its end is wrong, which no daemon looks at.
fn client(name: &str) -> Vec<u8> {
    let mut der = include_bytes!("client.der").to_vec();
    let own = sha256(name.as_bytes());
    let end = der.len() - 16;
    der[end..].copy_from_slice(&own.as_bytes()[..16]);
    der
}

/// A whole life.
pub(super) async fn certificate_life<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let name = ctx.name("client");
    let der = client(&name);
    let print = sha256(&der);
    let it = certificate(&*print);
    ensure!(!ctx.call(it.exists()).await?, "it is trusted before it was made");
    let create = CertificateCreate::new(&*name, &der)?;
    ctx.run(certificates().create(&create)).await?;
    ensure!(ctx.call(it.exists()).await?, "it is not trusted");

    let got = ctx.call(it.get()).await?;
    same!((got.fingerprint().as_str(), got.name.as_str()), (&*print, &*name), "fingerprint and name");
    same!((&got.kind, got.restricted), (&CertificateKind::Client, false), "what it is good for");
    ensure!(
        got.projects.is_empty() && got.etag.is_some(),
        "projects {:?}, ETag {:?}",
        got.projects,
        got.etag
    );
    same!(*ctx.call(certificate(&print[..16]).get()).await?, *got, "the one by the start of its fingerprint");
    let names = ctx.call(certificates().names()).await?;
    ensure!(names.iter().any(|it| it.name() == print), "it is not among {names:?}");
    let all = ctx.call(certificates().all()).await?;
    ensure!(all.contains(&got.value), "it is not in the list of objects");

    let again = ctx.run(certificates().create(&create)).await;
    let again = refused(again, &[ErrorKind::Conflict])?;
    ensure!(again.is_already_exists(), "not told as a duplicate: {again}");

    let mut changed = got.value.clone();
    changed.name = ctx.name("other").into();
    ctx.run(it.replace(&changed, got.etag.as_ref())).await?;
    let stale = refused(ctx.run(it.replace(&changed, got.etag.as_ref())).await, &[ErrorKind::Conflict])?;
    ensure!(stale.is_conflict() && !stale.is_already_exists(), "a stale ETag: {stale}");
    let patched = ctx.name("patched");
    ctx.run(it.patch(&json!({ "name": patched }))).await?;
    let edited = ctx.run(it.edit(|it| it.projects.push("default".into()))).await?;
    same!((edited.name.as_str(), edited.restricted), (&*patched, false), "what was not changed");
    same!(ctx.call(it.get()).await?.projects, ["default"], "the projects");
    same!(ctx.call(it.get()).await?.certificate, got.certificate, "the certificate itself");

    ctx.run(it.delete()).await?;
    refused(ctx.call(it.get()).await, &[ErrorKind::NotFound])?;
    refused(ctx.run(it.delete()).await, &[ErrorKind::NotFound])?;
    // As the server gave it: PEM. Without a name it has the one that is in the certificate.
    let again = CertificateCreate::new("", &got.certificate)?.restricted_to(["default"]);
    ctx.run(certificates().create(&again)).await?;
    let got = ctx.call(it.get()).await?;
    same!((got.name.as_str(), got.restricted), ("lxio test", true), "its name, and whether it is restricted");
    ctx.run(it.delete()).await?;
    Ok(())
}

/// What no daemon trusts, and what it does not change.
pub(super) async fn certificate_refused<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let name = ctx.name("client");
    let der = client(&name);
    let mut create = CertificateCreate::new(&*name, &der)?;
    create.certificate = BASE64.encode(&der[..der.len() - 9]);
    refused(ctx.run(certificates().create(&create)).await, &[ErrorKind::Refused])?;
    create.certificate = BASE64.encode(&der);
    create.kind = "lxio".into();
    refused(ctx.run(certificates().create(&create)).await, &[ErrorKind::Refused])?;
    create.kind = CertificateKind::Client;
    let nowhere = create.clone().restricted_to([ctx.name("nowhere")]);
    refused(ctx.run(certificates().create(&nowhere)).await, &[ErrorKind::NotFound])?;

    create.kind = CertificateKind::Metrics;
    ctx.run(certificates().create(&create)).await?;
    let it = certificate(sha256(&der));
    let turned = ctx.run(it.edit(|it| it.kind = CertificateKind::Client)).await;
    refused(turned, &[ErrorKind::Refused, ErrorKind::Untrusted])?;
    same!(ctx.call(it.get()).await?.kind, CertificateKind::Metrics, "what it is good for");
    let nowhere = ctx.name("nowhere");
    let moved = ctx.run(it.patch(&json!({ "projects": [nowhere] }))).await;
    refused(moved, &[ErrorKind::NotFound])?;
    ctx.run(it.delete()).await?;
    refused(ctx.run(certificate("..").delete()).await, &[ErrorKind::Misuse])?;
    Ok(())
}

/// A token: not without a listener; made, read, written, taken back; and who is trusted already uses none.
pub(super) async fn trust_token<A: Adapter>(ctx: &Context<A>) -> Verdict {
    const ADDRESS: &str = "core.https_address";
    const EXPIRY: &str = "core.remote_token_expiry";
    let before = ctx.call(server().get()).await?;
    let name = ctx.name("client");
    let listens = before.config.get(ADDRESS).and_then(|it| it.as_str()).is_some_and(|it| !it.is_empty());
    if !listens {
        let deaf = ctx.call(certificates().create_token(&*name, None)).await;
        same!(refused(deaf, &[ErrorKind::Refused])?.code(), Some(400), "the code without a listener");
        ctx.run(server().patch(&json!({ "config": { ADDRESS: "127.0.0.1:0" } }))).await?;
    }

    let made = ctx.call(certificates().create_token(&*name, Some(&["default"]))).await;
    let expiring = ctx.run(server().patch(&json!({ "config": { EXPIRY: "1H" } }))).await;
    let short = ctx.call(certificates().create_token(&*name, None)).await;
    let config = if listens { json!({ EXPIRY: "" }) } else { json!({ EXPIRY: "", ADDRESS: "" }) };
    ctx.run(server().patch(&json!({ "config": config }))).await?;
    let (made, short) = (made?, short?);
    expiring?;

    let token = &made.token;
    same!(token.client_name().as_str(), &*name, "the name");
    same!(
        token.fingerprint().as_str(),
        before.environment().certificate_fingerprint().as_str(),
        "the server's fingerprint"
    );
    ensure!(!token.addresses().is_empty(), "no address");
    ensure!(token.expires_at().get().is_none(), "it expires {}", token.expires_at());
    let expires = short.token.expires_at().get().ok_or("it never expires")?.as_second();
    ensure!(!short.token.is_expired(expires - 1) && short.token.is_expired(expires + 1), "at {expires}");
    for it in [&made, &short] {
        same!((it.operation.class(), it.operation.status()), (&OperationClass::Token, Status::Running), "it");
        same!(&TrustToken::decode(it.token.encode().reveal())?, &it.token, "the token, written and read");
        ctx.call(operation(it.operation.id()).cancel()).await?;
    }
    refused(ctx.call(certificates().create_token("", None)).await, &[ErrorKind::Misuse])?;

    let joined = ctx.run(certificates().join(Joining::Token(token.clone()), "")).await?;
    ensure!(joined.is_trusted(), "a client of the socket is not trusted");
    ctx.run(certificates().join(Joining::Password(Secret::new("no")), "")).await?;
    // Sent all the same, it is of no use.
    let body = json!({ "type": "client", "password": "no", "trust_token": "no" });
    let joined = ctx.run(raw::post("/1.0/certificates").body(&body).settle()).await;
    refused(joined, &[ErrorKind::Refused])?;
    Ok(())
}
