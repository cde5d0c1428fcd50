use bytes::Bytes;
use serde_json::{Value, json};

use super::archive::ending;
use super::image::Content;
use super::{builtin, publish};
use crate::api::content;
use crate::http::{Answer, Answered, Body, Refusal, Request};
use crate::world::{Begin, Class, Operation, Status, World};

/// `GET /1.0/images/{fingerprint}/export`.
pub(crate) fn export(world: &mut World, request: &Request, prefix: &str) -> Answered {
    let (key, image) = world.visible_image(request, prefix)?;
    let (fingerprint, content, modified) = (key.1.clone(), image.content.clone(), image.uploaded);
    redeem(world, request.project(), &fingerprint, request.text("secret"));
    let bytes = match content {
        Content::BuiltIn => builtin::image().bytes.clone(),
        Content::Unified(bytes) => bytes,
        Content::Split { metadata, rootfs } => {
            let kind = world.image(request, &fingerprint)?.1.kind;
            return Ok(Answer::Bytes(split(world, &fingerprint, metadata, rootfs, kind)));
        }
    };
    world.image_event("image-retrieved", request.project(), &fingerprint, None);
    let name = format!("inline;filename={fingerprint}{}", ending(&bytes));
    let mut fields = vec![("Content-Disposition".to_owned(), name.into_bytes())];
    fields.extend(flavour(world));
    Ok(Answer::Bytes(content::serve(request, fields, vec![bytes], modified)))
}

/// What Incus says of an image's format.
fn flavour(world: &World) -> Option<(String, Vec<u8>)> {
    (!world.is_lxd()).then(|| ("X-Incus-Type".to_owned(), b"incus".to_vec()))
}

/// An image in two parts. The last boundary is written twice, as the daemons do it.
fn split(world: &mut World, fingerprint: &str, metadata: Bytes, rootfs: Bytes, kind: &str) -> Body {
    let boundary: String = format!("{}{}", world.secret(), world.secret()).chars().take(60).collect();
    let second = if kind == "virtual-machine" { "rootfs.img" } else { "rootfs" };
    let head = |start: &str, name: &str, filename: String| {
        Bytes::from(format!(
            "{start}--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{filename}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        ))
    };
    let pieces = vec![
        head("", "metadata", format!("meta-{fingerprint}{}", ending(&metadata))),
        metadata,
        head("\r\n", second, format!("{fingerprint}{}", ending(&rootfs))),
        rootfs,
        Bytes::from(format!("\r\n--{boundary}--\r\n\r\n--{boundary}--\r\n")),
    ];
    Body {
        status: 200,
        kind: format!("multipart/form-data; boundary={boundary}"),
        fields: flavour(world).into_iter().collect(),
        pieces,
        chunked: true,
        ..Body::default()
    }
}

/// `POST /1.0/images/{fingerprint}/export`: there is nobody here whom it could be pushed to.
pub(crate) fn push(world: &mut World, request: &Request, prefix: &str) -> Answered {
    world.image(request, prefix)?;
    let object = super::super::body::object(request)?;
    let target = super::super::body::text(&object, "target");
    Err(Refusal::new(500, publish::unreachable("Get", target, "/1.0")))
}

/// `POST /1.0/images/{fingerprint}/secret`.
pub(crate) fn secret(world: &mut World, request: &Request, prefix: &str) -> Answered {
    let fingerprint = world.image(request, prefix)?.0.1.clone();
    issue(world, request, &fingerprint, json!({}))
}

/// A token that stands for an image, one that is there or one that is to come.
pub(super) fn issue(
    world: &mut World,
    request: &Request,
    fingerprint: &str,
    mut metadata: Value,
) -> Answered {
    metadata["secret"] = world.secret().into();
    let path = world.resource(request.project(), &["images", fingerprint]);
    let mut begin = Begin::task("Image download token", request.project(), json!({ "images": [path] }));
    begin.class = Class::Token;
    begin.metadata = metadata;
    begin.may_cancel = true;
    let id = world.open(begin);
    world.image_event("image-secret-created", request.project(), fingerprint, None);
    Ok(Answer::Async(id))
}

/// The token of an image with this secret. One that was used is good until it is forgotten.
pub(super) fn token<'a>(
    world: &'a World,
    project: &str,
    fingerprint: &str,
    secret: &str,
) -> Option<&'a Operation> {
    let path = world.resource(project, &["images", fingerprint]);
    let is_it = |it: &&Operation| {
        it.class == Class::Token
            && it.metadata["secret"] == secret
            && it.resources["images"][0] == path.as_str()
    };
    world.operations.values().filter(|_| !secret.is_empty()).find(is_it)
}

/// Uses the token of an image up, if the secret is that of one; what it was made with.
pub(super) fn redeem(world: &mut World, project: &str, fingerprint: &str, secret: &str) -> Option<Value> {
    let it = token(world, project, fingerprint, secret).filter(|it| it.status == Status::Running)?;
    let (id, metadata) = (it.id.clone(), it.metadata.clone());
    world.cancel(&id);
    Some(metadata)
}
