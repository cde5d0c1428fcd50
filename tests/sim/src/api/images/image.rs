use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::body::{self, Config};
use super::super::listing;
use super::{builtin, export};
use crate::api::access::Access;
use crate::api::state::Named;
use crate::http::{Answer, Answered, Refusal, Request, check_match};
use crate::machine::files::Files;
use crate::world::{Begin, World};

/// No time at all.
pub(super) const NEVER: &str = "0001-01-01T00:00:00Z";

/// An image.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(super) filename: String,
    pub(super) public: bool,
    pub(super) auto_update: bool,
    pub(super) architecture: String,
    /// `container` or `virtual-machine`.
    pub(super) kind: &'static str,
    pub(super) properties: Config,
    pub(super) profiles: Vec<String>,
    pub(super) created: Timestamp,
    pub(super) uploaded: Timestamp,
    pub(super) used: Option<Timestamp>,
    /// As it is told: no time at all is told in two ways.
    pub(super) expires: String,
    /// All of `metadata.yaml`.
    pub(super) metadata: Value,
    pub(super) content: Content,
    /// Its files, once an instance was made of it.
    pub(super) unpacked: Option<Files>,
}

/// The bytes of an image.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// Those of the one that is there from the start; made when somebody asks.
    BuiltIn,
    Unified(Bytes),
    /// What describes it, and its files, in an archive each.
    Split {
        metadata: Bytes,
        rootfs: Bytes,
    },
}

impl Content {
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::BuiltIn => builtin::image().bytes.len() as u64,
            Self::Unified(bytes) => bytes.len() as u64,
            Self::Split { metadata, rootfs } => (metadata.len() + rootfs.len()) as u64,
        }
    }
}

impl World {
    /// The project that keeps the images of the request's project, which must be there.
    pub(super) fn image_home<'a>(&self, request: &'a Request) -> Result<&'a str, Refusal> {
        if self.state.projects.contains_key(request.project()) {
            return Ok(self.home(request.project(), "images"));
        }
        Err(Refusal::new(404, "Check if project has images: fetch project: Project not found"))
    }

    /// The image whose fingerprint begins like this, if the request may see it: it is public, or its sender is
    /// of the project, or has the secret of a token.
    pub(super) fn visible_image(&self, request: &Request, prefix: &str) -> Result<(&Named, &Image), Refusal> {
        let access = self.access(request);
        self.check_public(request, &access)?;
        let (key, image) = self.image(request, prefix).map_err(|refusal| named(self, refusal, prefix))?;
        let shown = image.public
            || access.covers(request.project())
            || export::token(self, request.project(), &key.1, request.text("secret")).is_some();
        if shown { Ok((key, image)) } else { Err(Refusal::new(404, format!("Image \"{prefix}\" not found"))) }
    }

    /// Incus shows strangers one project.
    fn check_public(&self, request: &Request, access: &Access) -> Result<(), Refusal> {
        let beyond = request.project() != "default" || request.text("all-projects") == "true";
        if !self.is_lxd() && beyond && !access.covers(request.project()) {
            let why = "Unauthenticated image queries are only possible against the default project";
            return Err(Refusal::new(400, why));
        }
        Ok(())
    }

    /// The image whose fingerprint begins like this.
    pub(super) fn image(&self, request: &Request, prefix: &str) -> Result<(&Named, &Image), Refusal> {
        self.image_home(request)?;
        self.image_in(request.project(), prefix)
    }

    /// The same, for a project.
    pub(super) fn image_in(&self, project: &str, prefix: &str) -> Result<(&Named, &Image), Refusal> {
        let home = self.home(project, "images");
        let all = self.state.images.range((home.to_owned(), prefix.to_owned())..);
        let mut fitting = all.take_while(|((project, name), _)| project == home && name.starts_with(prefix));
        match (fitting.next(), fitting.next()) {
            (Some(it), None) => Ok(it),
            (Some(_), Some(_)) => Err(Refusal::new(500, "More than one image matches")),
            (None, _) => Err(Refusal::new(404, "Image not found")),
        }
    }

    fn image_value(&self, (project, fingerprint): &Named, it: &Image) -> Value {
        let aliases =
            self.state.aliases.iter().filter(|((of, _), it)| of == project && it.target == *fingerprint);
        let aliases = aliases.map(|((_, name), it)| json!({ "name": name, "description": it.description }));
        let mut value = json!({
            "aliases": aliases.collect::<Vec<_>>(),
            "architecture": it.architecture,
            "auto_update": it.auto_update,
            "cached": false,
            "created_at": it.created.to_string(),
            "expires_at": it.expires,
            "filename": it.filename,
            "fingerprint": fingerprint,
            "last_used_at": it.used.map_or_else(|| NEVER.to_owned(), |it| it.to_string()),
            "profiles": it.profiles,
            "properties": it.properties,
            "public": it.public,
            "size": it.content.size(),
            "type": it.kind,
            "uploaded_at": it.uploaded.to_string(),
        });
        if !self.is_lxd() {
            value["project"] = project.as_str().into();
        }
        value
    }

    /// Tells that something happened to an image.
    pub(super) fn image_event(
        &mut self,
        action: &str,
        project: &str,
        fingerprint: &str,
        context: Option<Value>,
    ) {
        self.lifecycle(action, project, &format!("/1.0/images/{fingerprint}"), context);
    }
}

/// What the ETag covers.
fn covered(it: &Image) -> Value {
    json!([it.public, it.auto_update, it.properties])
}

/// `GET /1.0/images`.
pub(crate) fn list(world: &World, request: &Request) -> Answered {
    let everywhere = !world.is_lxd() && request.text("all-projects") == "true";
    if everywhere && request.parameter("project").is_some() {
        return Err(Refusal::new(400, "Cannot specify a project when requesting all projects"));
    }
    let access = world.access(request);
    world.check_public(request, &access)?;
    let home = world.image_home(request)?;
    let covered = access.covers(request.project());
    let items = world.state.images.iter().filter(|((project, _), it)| {
        (everywhere || project == home) && (covered || it.public || access.covers(project))
    });
    let items = items.map(|(key, it)| (format!("/1.0/images/{}", key.1), world.image_value(key, it)));
    // Here a bad filter is the daemon's own fault, as both say.
    listing::list(world, request, items).map_err(|it| Refusal { code: 500, ..it })
}

/// `GET /1.0/images/{fingerprint}`.
pub(crate) fn get(world: &mut World, request: &Request, prefix: &str) -> Answered {
    let (key, it) = world.visible_image(request, prefix)?;
    let (fingerprint, answer) = (key.1.clone(), Answer::tagged(world.image_value(key, it), &covered(it)));
    export::redeem(world, request.project(), &fingerprint, request.text("secret"));
    answer
}

/// Whoever reads an image is told its name by Incus, when there is none.
pub(super) fn named(world: &World, refusal: Refusal, prefix: &str) -> Refusal {
    match refusal.code {
        404 if !world.is_lxd() => Refusal::new(404, format!("Image \"{prefix}\" not found")),
        _ => refusal,
    }
}

/// `PUT /1.0/images/{fingerprint}`.
pub(crate) fn put(world: &mut World, request: &Request, prefix: &str) -> Answered {
    let (key, old) = world.image(request, prefix)?;
    check_match(request.field("if-match"), &covered(old))?;
    let object = body::object(request)?;
    let mut new = old.clone();
    new.public = body::flag(&object, "public");
    new.auto_update = body::flag(&object, "auto_update");
    new.properties = body::config(object.get("properties"));
    new.properties.retain(|_, value| !value.is_empty());
    if let Ok(expires) = body::text(&object, "expires_at").parse::<Timestamp>()
        && body::text(&object, "expires_at") != NEVER
    {
        new.expires = expires.to_string();
    }
    new.profiles = body::texts(&object, "profiles").unwrap_or_else(|| vec!["default".into()]);
    let home = world.home(request.project(), "profiles");
    if let Some(odd) =
        new.profiles.iter().find(|it| !world.state.profiles.contains_key(&(home.to_owned(), (*it).clone())))
    {
        return Err(Refusal::new(world.either(400, 500), format!("Profile '{odd}' doesn't exist")));
    }
    let key = key.clone();
    store(world, request, key, new)
}

/// `PATCH /1.0/images/{fingerprint}`: what is not of these three is not looked at.
pub(crate) fn patch(world: &mut World, request: &Request, prefix: &str) -> Answered {
    let (key, old) = world.image(request, prefix)?;
    check_match(request.field("if-match"), &covered(old))?;
    let object = body::object(request)?;
    let mut new = old.clone();
    if let Some(public) = object.get("public").and_then(Value::as_bool) {
        new.public = public;
    }
    if let Some(auto_update) = object.get("auto_update").and_then(Value::as_bool) {
        new.auto_update = auto_update;
    }
    body::merge(&mut new.properties, body::config(object.get("properties")));
    let key = key.clone();
    store(world, request, key, new)
}

fn store(world: &mut World, request: &Request, key: Named, new: Image) -> Answered {
    let fingerprint = key.1.clone();
    world.state.images.insert(key, new);
    world.image_event("image-updated", request.project(), &fingerprint, None);
    Answer::empty()
}

/// `DELETE /1.0/images/{fingerprint}`.
pub(crate) fn delete(world: &mut World, request: &Request, prefix: &str) -> Answered {
    let (key, _) = world.image(request, prefix)?;
    let (key, project) = (key.clone(), request.project().to_owned());
    let resources = json!({ "images": [world.resource(&project, &["images", &key.1])] });
    let after = world.short_while();
    world.work(Begin::task("Deleting image", &project.clone(), resources), after, move |world, _| {
        if world.state.images.remove(&key).is_none() {
            return Err(Refusal::new(404, "Image not found").into());
        }
        let of_it = |(name, it): (&Named, &super::Alias)| {
            (name.0 == key.0 && it.target == key.1).then(|| name.clone())
        };
        let aliases: Vec<Named> = world.state.aliases.iter().filter_map(of_it).collect();
        for alias in aliases {
            world.state.aliases.remove(&alias);
            if !world.is_lxd() {
                world.alias_event("image-alias-deleted", &project, &alias.1, None);
            }
        }
        world.image_event("image-deleted", &project, &key.1, None);
        Ok(Default::default())
    })
}

/// `POST /1.0/images/{fingerprint}/refresh`: there is no image here that came from another server.
pub(crate) fn refresh(world: &mut World, request: &Request, prefix: &str) -> Answered {
    let (key, _) = world.image(request, prefix)?;
    let project = request.project();
    let text =
        format!("Failed to update image \"{}\" in project \"{project}\": Image source not found", key.1);
    let begin = Begin::task("Refreshing image", project, world.either(Value::Null, json!({})));
    let after = world.short_while();
    world.work(begin, after, |_, _| Err(Refusal::new(404, text).into()))
}
