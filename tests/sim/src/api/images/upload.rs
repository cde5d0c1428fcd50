use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::super::body::{self, Config};
use super::archive::{Described, describe};
use super::image::{Content, Image, NEVER};
use super::{Alias, export, multipart, publish};
use crate::Setup;
use crate::api::state::Named;
use crate::http::{Answered, Refusal, Request};
use crate::world::{Begin, Ending, OperationId, Outcome, World};

/// How no time of expiry is told.
pub(super) const fn unset(setup: &Setup) -> &'static str {
    match setup.flavour {
        lxio_core::call::Flavour::Lxd => "1970-01-01T00:00:00Z",
        _ => NEVER,
    }
}

/// `POST /1.0/images`: JSON, or what is no JSON and thus an upload, as the daemons find it out.
pub(crate) fn create(world: &mut World, request: &Request) -> Answered {
    let mut values = serde_json::Deserializer::from_slice(&request.body).into_iter();
    match values.next() {
        Some(Ok(Value::Object(object))) => publish::by_json(world, request, &object),
        _ if request.field_text("content-type") == Some("application/json") => {
            body::object(request).and_then(|object| publish::by_json(world, request, &object))
        }
        _ => upload(world, request),
    }
}

/// What the fields of the header say of an upload.
struct Wanted {
    project: String,
    filename: String,
    public: bool,
    /// What it is to be, if that is said.
    fingerprint: String,
    properties: Config,
    aliases: Vec<(String, String)>,
    profiles: Option<Vec<String>>,
    expires: Option<String>,
    /// The boundary of the parts, if it comes in parts.
    boundary: Option<String>,
}

fn upload(world: &mut World, request: &Request) -> Answered {
    let prefix = world.either("x-lxd-", "x-incus-");
    let field = |name: &str| request.field_text(&format!("{prefix}{name}")).unwrap_or_default().to_owned();
    // Several fields of one name are there for properties.
    let properties_name = format!("{prefix}properties");
    let given = request.fields.iter().filter(|(name, _)| *name == properties_name);
    let given: Vec<_> = given.flat_map(|(_, value)| pairs(&String::from_utf8_lossy(value))).collect();
    let mut wanted = Wanted {
        project: request.project().to_owned(),
        filename: field("filename"),
        public: ["true", "1", "yes", "on"].contains(&field("public").to_lowercase().as_str()),
        fingerprint: field("fingerprint"),
        // Of several values of one name the first one counts.
        properties: given.into_iter().rev().collect(),
        aliases: Vec::new(),
        profiles: None,
        expires: None,
        boundary: multipart::boundary(request.field_text("content-type").unwrap_or_default()),
    };
    if !world.is_lxd() {
        let named = |text: &str, name: &str| -> Vec<String> {
            pairs(text).into_iter().filter(|it| it.0 == name).map(|it| it.1).collect()
        };
        wanted.aliases =
            named(&field("aliases"), "alias").into_iter().map(|it| (it, String::new())).collect();
        wanted.profiles = Some(field("profiles")).filter(|it| !it.is_empty()).map(|it| named(&it, "profile"));
    }
    let mut metadata = Value::Null;
    if let Some(pushed) = export::redeem(world, &wanted.project, &wanted.fingerprint, &field("secret")) {
        metadata = json!({ "secret": world.secret() });
        apply(&mut wanted, &pushed);
    }
    let mut begin = Begin::task("Downloading image", request.project(), world.either(Value::Null, json!({})));
    begin.metadata = metadata;
    let (after, bytes) = (world.short_while() * 3, request.body.clone());
    world.work(begin, after, move |world, id| {
        let (image, fingerprint) = read(world, &wanted, &bytes).map_err(Ending::new)?;
        let home = world.home(&wanted.project, "images").to_owned();
        let there = world.state.images.contains_key(&(home, fingerprint.clone()));
        tell(world, id, &fingerprint, image.content.size());
        if there {
            return Err(Ending::new("Image with same fingerprint already exists"));
        }
        keep(world, &wanted.project, fingerprint, image, &wanted.aliases)
    })
}

/// What the other side of a push had asked for.
fn apply(wanted: &mut Wanted, pushed: &Value) {
    let object = pushed.as_object().cloned().unwrap_or_default();
    wanted.public = body::flag(&object, "public");
    wanted.expires = Some(body::text(&object, "expires_at").to_owned()).filter(|it| !it.is_empty());
    if object.get("properties").is_some_and(Value::is_object) {
        wanted.properties.extend(body::config(object.get("properties")));
    }
    if wanted.aliases.is_empty() {
        wanted.aliases = aliases(&object);
    }
}

/// The aliases that a request wants: names and descriptions.
pub(super) fn aliases(object: &Map<String, Value>) -> Vec<(String, String)> {
    let all = object.get("aliases").and_then(Value::as_array);
    let objects = all.into_iter().flatten().filter_map(Value::as_object);
    objects.map(|it| (body::text(it, "name").to_owned(), body::text(it, "description").to_owned())).collect()
}

/// Names and values, encoded as in a query.
fn pairs(text: &str) -> Vec<(String, String)> {
    let all = Request::new("GET", &format!("/?{text}"), Vec::new()).query;
    all.into_iter().map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned())).collect()
}

/// Makes an image of the bytes, and its fingerprint.
fn read(world: &World, wanted: &Wanted, bytes: &Bytes) -> Result<(Image, String), String> {
    let (content, kind, filename) = match &wanted.boundary {
        None => (Content::Unified(bytes.clone()), None, wanted.filename.clone()),
        Some(boundary) => {
            let parts = multipart::parts(bytes, boundary)?;
            let content = Content::Split { metadata: parts.metadata, rootfs: parts.rootfs };
            (content, Some(parts.kind), parts.filename)
        }
    };
    let fingerprint = match &content {
        Content::Split { metadata, rootfs } => publish::fingerprint(&[metadata, rootfs]),
        _ => publish::fingerprint(&[bytes]),
    };
    if !wanted.fingerprint.is_empty() && wanted.fingerprint != fingerprint {
        let expected = &wanted.fingerprint;
        return Err(format!("fingerprints don't match, got {fingerprint} expected {expected}"));
    }
    let described = match &content {
        Content::Split { metadata, .. } => describe(metadata)?,
        _ => describe(bytes)?,
    };
    let kind = kind.or(described.kind).ok_or("Invalid instance type")?;
    if let Some(profiles) = &wanted.profiles {
        let home = world.home(&wanted.project, "profiles");
        let there = |it: &&String| world.state.profiles.contains_key(&(home.to_owned(), (*it).clone()));
        if let Some(odd) = profiles.iter().find(|it| !there(it)) {
            return Err(format!("Profile '{odd}' doesn't exist"));
        }
    }
    let mut image = image_of(world, described, kind, content);
    image.filename = filename;
    image.public = wanted.public;
    image.properties.extend(wanted.properties.clone());
    image.properties.retain(|_, value| !value.is_empty());
    if let Some(profiles) = &wanted.profiles {
        image.profiles.clone_from(profiles);
    }
    if let Some(expires) = &wanted.expires {
        image.expires.clone_from(expires);
    }
    Ok((image, fingerprint))
}

/// The image that a description and its content make.
pub(super) fn image_of(world: &World, described: Described, kind: &'static str, content: Content) -> Image {
    let time = |name: &str| {
        let seconds = described.metadata.get(name).and_then(Value::as_i64).filter(|it| *it != 0);
        seconds.and_then(|it| Timestamp::new(it, 0).ok())
    };
    let architecture = match body::text(&described.metadata, "architecture") {
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        "i386" | "i586" => "i686",
        "ppc64el" => "ppc64le",
        other => other,
    };
    Image {
        filename: String::new(),
        public: false,
        auto_update: false,
        architecture: architecture.to_owned(),
        kind,
        properties: body::config(described.metadata.get("properties")),
        profiles: vec!["default".into()],
        created: time("creation_date").unwrap_or_default(),
        uploaded: world.time_of_day(),
        used: None,
        expires: time("expiry_date").map_or_else(|| unset(&world.setup).to_owned(), |it| it.to_string()),
        metadata: Value::Object(described.metadata),
        content,
        unpacked: None,
    }
}

/// Tells what is being made while that goes on.
pub(super) fn tell(world: &mut World, id: &OperationId, fingerprint: &str, size: u64) {
    let told = json!({ "fingerprint": fingerprint, "size": size.to_string() });
    world.progress(id, told.as_object().cloned().unwrap_or_default());
}

/// Keeps an image and its aliases.
pub(super) fn keep(
    world: &mut World,
    project: &str,
    fingerprint: String,
    image: Image,
    aliases: &[(String, String)],
) -> Outcome {
    let home = world.home(project, "images").to_owned();
    let kind = image.kind;
    let key: Named = (home.clone(), fingerprint.clone());
    world.state.images.insert(key, image);
    for (name, description) in aliases {
        let key = (home.clone(), name.clone());
        if world.state.aliases.contains_key(&key) {
            return Err(Ending::from(Refusal::new(500, format!("Alias already exists: {name}"))));
        }
        world
            .state
            .aliases
            .insert(key, Alias { target: fingerprint.clone(), description: description.clone() });
        if !world.is_lxd() {
            world.alias_event("image-alias-created", project, name, Some(json!({ "target": fingerprint })));
        }
    }
    world.image_event("image-created", project, &fingerprint, Some(json!({ "type": kind })));
    Ok(Map::new())
}
