use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::body::{self, Config};
use super::listing;
use crate::http::{Answer, Answered, Refusal, Request, check_match};
use crate::world::World;

/// A profile.
#[derive(Debug, Clone, Default)]
pub(crate) struct Profile {
    pub(crate) description: String,
    pub(crate) config: Config,
    pub(crate) devices: BTreeMap<String, Config>,
}

impl Profile {
    /// The one that is there from the start, with a root disk.
    pub(crate) fn first() -> Self {
        let root = [("path", "/"), ("pool", "default"), ("type", "disk")];
        let root = root.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        Self {
            description: "Default profile".into(),
            config: Config::new(),
            devices: BTreeMap::from([("root".to_owned(), root)]),
        }
    }

    /// What a client may write, and the ETag covers.
    fn writable(&self) -> Value {
        json!({ "config": self.config, "description": self.description, "devices": self.devices })
    }

    /// What a client has written.
    fn write(&mut self, object: &Map<String, Value>) {
        self.description = body::text(object, "description").to_owned();
        self.config = body::config(object.get("config"));
        self.devices = body::devices(object.get("devices"));
    }
}

fn key(world: &World, request: &Request, name: &str) -> (String, String) {
    (world.home(request.project(), "profiles").to_owned(), name.to_owned())
}

fn value(world: &World, project: &str, name: &str, profile: &Profile) -> Value {
    let mut value = profile.writable();
    value["name"] = name.into();
    value["used_by"] = Value::Array(Vec::new());
    if !world.is_lxd() {
        value["project"] = project.into();
    }
    value
}

fn found<'a>(world: &'a World, key: &(String, String)) -> Result<&'a Profile, Refusal> {
    world.state.profiles.get(key).ok_or_else(|| Refusal::new(404, "Fetch profile: Profile not found"))
}

/// Refuses configuration that an instance cannot have.
fn check(config: &Config) -> Result<(), Refusal> {
    const KNOWN: [&str; 14] = [
        "agent.",
        "boot.",
        "cloud-init.",
        "cluster.",
        "environment.",
        "image.",
        "limits.",
        "linux.",
        "migration.",
        "nvidia.",
        "raw.",
        "security.",
        "snapshots.",
        "user.",
    ];
    match config.keys().find(|key| !KNOWN.iter().any(|it| key.starts_with(it))) {
        Some(key) => Err(Refusal::new(500, format!("Unknown configuration key: {key}"))),
        None => Ok(()),
    }
}

/// `GET /1.0/profiles`.
pub(crate) fn list(world: &World, request: &Request) -> Answered {
    let home = world.home(request.project(), "profiles");
    let items = world.state.profiles.iter().filter(|((project, _), _)| project == home);
    let items =
        items.map(|((project, name), it)| (format!("/1.0/profiles/{name}"), value(world, project, name, it)));
    listing::list(world, request, items)
}

/// `POST /1.0/profiles`.
pub(crate) fn create(world: &mut World, request: &Request) -> Answered {
    let object = body::object(request)?;
    let name = body::text(&object, "name").to_owned();
    if name.is_empty() {
        return Err(Refusal::new(400, "No name provided"));
    }
    let key = key(world, request, &name);
    if world.state.profiles.contains_key(&key) {
        return Err(Refusal::new(
            500,
            format!("Error inserting \"{name}\" into database: The profile already exists"),
        ));
    }
    let mut profile = Profile::default();
    profile.write(&object);
    check(&profile.config)?;
    let path = format!("/1.0/profiles/{name}");
    world.state.profiles.insert(key.clone(), profile);
    world.lifecycle("profile-created", &key.0, &path, None);
    Ok(Answer::Created(path))
}

/// `GET /1.0/profiles/{name}`.
pub(crate) fn get(world: &World, request: &Request, name: &str) -> Answered {
    let key = key(world, request, name);
    let profile = found(world, &key)?;
    Answer::tagged(value(world, &key.0, name, profile), &profile.writable())
}

/// `PUT /1.0/profiles/{name}`.
pub(crate) fn put(world: &mut World, request: &Request, name: &str) -> Answered {
    let key = key(world, request, name);
    let old = found(world, &key)?;
    check_match(request.field("if-match"), &old.writable())?;
    let mut new = old.clone();
    new.write(&body::object(request)?);
    store(world, key, new)
}

/// `PATCH /1.0/profiles/{name}`.
pub(crate) fn patch(world: &mut World, request: &Request, name: &str) -> Answered {
    let key = key(world, request, name);
    let old = found(world, &key)?;
    check_match(request.field("if-match"), &old.writable())?;
    let object = body::object(request)?;
    let mut new = old.clone();
    if object.contains_key("description") {
        new.description = body::text(&object, "description").to_owned();
    }
    body::merge(&mut new.config, body::config(object.get("config")));
    new.devices.extend(body::devices(object.get("devices")));
    store(world, key, new)
}

fn store(world: &mut World, key: (String, String), new: Profile) -> Answered {
    check(&new.config)?;
    let path = format!("/1.0/profiles/{}", key.1);
    let project = key.0.clone();
    world.state.profiles.insert(key, new);
    world.lifecycle("profile-updated", &project, &path, None);
    Answer::empty()
}

/// `POST /1.0/profiles/{name}`.
pub(crate) fn rename(world: &mut World, request: &Request, name: &str) -> Answered {
    let old = key(world, request, name);
    if name == "default" {
        return Err(Refusal::new(403, "The 'default' profile cannot be renamed"));
    }
    let profile = found(world, &old)?.clone();
    let object = body::object(request)?;
    let new = key(world, request, body::text(&object, "name"));
    if new.1.is_empty() {
        return Err(Refusal::new(400, "No name provided"));
    }
    if world.state.profiles.contains_key(&new) {
        return Err(Refusal::new(409, format!("Name \"{}\" already in use", new.1)));
    }
    let path = format!("/1.0/profiles/{}", new.1);
    world.state.profiles.remove(&old);
    world.state.profiles.insert(new.clone(), profile);
    world.lifecycle("profile-renamed", &new.0, &path, Some(json!({ "old_name": name })));
    Ok(Answer::Created(path))
}

/// `DELETE /1.0/profiles/{name}`.
pub(crate) fn delete(world: &mut World, request: &Request, name: &str) -> Answered {
    let key = key(world, request, name);
    if name == "default" {
        return Err(Refusal::new(403, "The 'default' profile cannot be deleted"));
    }
    found(world, &key)?;
    world.state.profiles.remove(&key);
    world.lifecycle("profile-deleted", &key.0, &format!("/1.0/profiles/{name}"), None);
    Answer::empty()
}
