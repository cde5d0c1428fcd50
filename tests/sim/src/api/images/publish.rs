use std::io::{self, Write};
use std::time::Duration;

use bytes::Bytes;
use flate2::write::GzEncoder;
use serde_json::{Map, Value, json};
use tar::{Builder, EntryType, Header};

use super::super::body;
use super::archive::Described;
use super::image::{Content, NEVER};
use super::{export, upload, yaml};
use crate::http::{Answer, Answered, Refusal, Request};
use crate::machine::files::Files;
use crate::world::{Begin, Ending, OperationId, Outcome, World};

/// `POST /1.0/images` with JSON.
pub(super) fn by_json(world: &mut World, request: &Request, object: &Map<String, Value>) -> Answered {
    // Both fail when there is no source at all.
    let Some(source) = object.get("source").and_then(Value::as_object).cloned() else {
        return Ok(Answer::Nothing);
    };
    if body::text(&source, "mode") == "push" {
        let asked = |name: &str| object.get(name).cloned().unwrap_or_default();
        let expires = Some(body::text(object, "expires_at")).filter(|it| !it.is_empty()).unwrap_or(NEVER);
        let metadata = json!({
            "aliases": asked("aliases"),
            "expires_at": expires,
            "properties": asked("properties"),
            "public": body::flag(object, "public"),
        });
        return export::issue(world, request, body::text(&source, "fingerprint"), metadata);
    }
    let project = request.project().to_owned();
    let begin = Begin::task("Downloading image", &project, world.either(Value::Null, json!({})));
    match body::text(&source, "type") {
        "container" | "instance" | "virtual-machine" | "snapshot" => {
            let name = body::text(&source, "name").split('/').next().unwrap_or_default();
            if world.is_lxd() && !name.is_empty() {
                world.instance(&project, name)?;
            }
            let (after, object) = (Duration::from_millis(40) + world.short_while(), object.clone());
            world.work(begin, after, move |world, id| {
                let (metadata, files) = taken(world, &project, &object, &source)?;
                let algorithm = body::text(&object, "compression_algorithm");
                let made = world.time_of_day();
                let bytes =
                    pack(&metadata, &files, made.as_second()).and_then(|it| compressed(world, it, algorithm));
                let bytes = bytes.map_err(|why| Ending::new(why.to_string()))?;
                let fingerprint = fingerprint(&[&bytes]);
                upload::tell(world, id, &fingerprint, bytes.len() as u64);
                keep(world, &project, &object, metadata, bytes, fingerprint)
            })
        }
        "image" if !world.is_lxd() && body::text(&source, "server").is_empty() => {
            let found = world.image_for(&project, &source)?.map(|it| it.fingerprint);
            let (after, object) = (world.short_while(), object.clone());
            world.work(begin, after, move |world, id| here_already(world, &project, &object, found, id))
        }
        kind @ ("image" | "url") => {
            let text = if kind == "url" { from_url(&source) } else { from_server(world, &source) };
            let after = world.short_while();
            world.work(begin, after, |_, _| Err(Ending::new(text)))
        }
        _ => Err(Refusal::new(500, "Invalid images JSON")),
    }
}

/// An image that Incus itself is asked for: it is there, and takes the aliases. If not, the daemon dies.
fn here_already(
    world: &mut World,
    project: &str,
    object: &Map<String, Value>,
    found: Option<String>,
    id: &OperationId,
) -> Outcome {
    let Some(found) = found else {
        world.crashed = true;
        return Ok(Map::new());
    };
    let (key, image) = world.image_in(project, &found)?;
    let (fingerprint, image) = (key.1.clone(), image.clone());
    upload::tell(world, id, &fingerprint, image.content.size());
    upload::keep(world, project, fingerprint, image, &upload::aliases(object))
}

/// What is to become of an instance or a snapshot: its description, and its files.
fn taken(
    world: &World,
    project: &str,
    object: &Map<String, Value>,
    source: &Map<String, Value>,
) -> Result<(Map<String, Value>, Files), Ending> {
    let name = body::text(source, "name");
    let (parent, snapshot) = name.split_once('/').map_or((name, None), |(parent, it)| (parent, Some(it)));
    match (body::text(source, "type"), snapshot) {
        _ if name.is_empty() => return Err(Ending::new("No source provided")),
        ("snapshot", None) => return Err(Ending::new("Not a snapshot")),
        ("snapshot", _) | (_, None) => {}
        _ => return Err(Ending::new("This is a snapshot")),
    }
    let instance = world.instance(project, parent)?;
    let files = match snapshot {
        None if instance.status != crate::api::instances::Status::Stopped => {
            return Err(Ending::new("Cannot export a running instance as an image"));
        }
        None => instance.machine.files(|it| it.clone()),
        Some(name) => {
            let gone = || Refusal::new(404, "Instance snapshot not found");
            instance.snapshots.iter().find(|it| it.name == name).ok_or_else(gone)?.files.clone()
        }
    };
    let mut metadata = instance.metadata.as_object().cloned().unwrap_or_default();
    if metadata.is_empty() {
        metadata.insert("architecture".into(), instance.settings.architecture.clone().into());
        metadata.insert("creation_date".into(), world.time_of_day().as_second().into());
    }
    if let Some(Value::Object(said)) = object.get("properties") {
        // Incus keeps those of the image that the instance was made of.
        let kept = metadata.remove("properties").filter(|_| !world.is_lxd());
        let mut properties = kept.and_then(|it| it.as_object().cloned()).unwrap_or_default();
        properties.extend(said.clone());
        metadata.insert("properties".into(), properties.into());
    }
    let expires = body::text(object, "expires_at").parse::<jiff::Timestamp>().ok();
    if let Some(expires) = expires.filter(|it| it.to_string() != NEVER) {
        metadata.insert("expiry_date".into(), expires.as_second().into());
    }
    Ok((metadata, files))
}

fn keep(
    world: &mut World,
    project: &str,
    object: &Map<String, Value>,
    metadata: Map<String, Value>,
    bytes: Bytes,
    fingerprint: String,
) -> Outcome {
    if world.image_in(project, &fingerprint).is_ok() {
        return Err(Ending::new(format!("The image already exists: {fingerprint}")));
    }
    let described = Described { metadata, kind: Some("container") };
    let mut image = upload::image_of(world, described, "container", Content::Unified(bytes));
    if image.expires == upload::unset(&world.setup) {
        image.expires = NEVER.into();
    }
    image.filename = body::text(object, "filename").to_owned();
    image.public = body::flag(object, "public");
    image.created = world.time_of_day();
    upload::keep(world, project, fingerprint, image, &upload::aliases(object))
}

/// A unified image: its description, and its files.
pub(super) fn pack(metadata: &Map<String, Value>, files: &Files, made: i64) -> io::Result<Vec<u8>> {
    let text = yaml::write(metadata);
    let mut tarball = Builder::new(Vec::new());
    let mut head = Header::new_gnu();
    head.set_entry_type(EntryType::Regular);
    head.set_mode(0o644);
    head.set_uid(0);
    head.set_gid(0);
    head.set_mtime(u64::try_from(made).unwrap_or_default());
    head.set_size(text.len() as u64);
    tarball.append_data(&mut head, "metadata.yaml", text.as_bytes())?;
    files.pack(b"/", b"rootfs/", &mut tarball)?;
    tarball.into_inner()
}

/// The tarball as it is wanted: by gzip if nothing else is said.
fn compressed(world: &World, tarball: Vec<u8>, algorithm: &str) -> io::Result<Bytes> {
    let default =
        world.state.server.config.get("images.compression_algorithm").map_or("gzip", String::as_str);
    let algorithm = if algorithm.is_empty() { default } else { algorithm };
    match algorithm.split(' ').next().unwrap_or_default() {
        "none" => Ok(tarball.into()),
        "gzip" => {
            let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(&tarball)?;
            Ok(gzip.finish()?.into())
        }
        other => Err(io::Error::other(format!("exec: \"{other}\": executable file not found in $PATH"))),
    }
}

/// The SHA-256 of the parts of an image.
pub(super) fn fingerprint(parts: &[&[u8]]) -> String {
    use sha2::Digest;
    let mut hash = sha2::Sha256::new();
    parts.iter().for_each(|it| hash.update(it));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_url(source: &Map<String, Value>) -> String {
    match body::text(source, "url") {
        "" => "Missing URL".into(),
        url => unreachable("Head", url, ""),
    }
}

fn from_server(world: &World, source: &Map<String, Value>) -> String {
    let server = body::text(source, "server");
    let of = world.either("LXD server", "the server");
    format!("Failed to connect to {of} \"{server}\": {}", unreachable("Get", server, "/1.0"))
}

/// What a daemon says when nobody listens at `server`: nobody but itself is in this world.
pub(super) fn unreachable(verb: &str, server: &str, path: &str) -> String {
    let Some((scheme @ ("http" | "https"), rest)) = server.split_once("://") else {
        let scheme = server.split_once("://").map_or("", |(scheme, _)| scheme);
        return format!("{verb} \"{server}{path}\": unsupported protocol scheme \"{scheme}\"");
    };
    let mut host = rest.split('/').next().unwrap_or_default().to_owned();
    if !host.contains(':') {
        host.push_str(if scheme == "http" { ":80" } else { ":443" });
    }
    let why = format!("Unable to connect to: {host} ([dial tcp {host}: connect: connection refused])");
    format!("{verb} \"{server}{path}\": {why}")
}
