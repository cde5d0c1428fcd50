use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use lxio_core::call::Flavour;

use super::body::{self, Config};
use super::instances::{By, Instance};
use super::keys::{Bad, INSTANCE};
use super::listing;
use super::networks::NETWORK;
use super::state::Named;
use crate::Setup;
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
    pub(crate) fn first(setup: &Setup) -> Self {
        let root = [("path", "/"), ("pool", "default"), ("type", "disk")];
        let root = root.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        Self {
            description: format!(
                "Default {} profile",
                if setup.flavour == Flavour::Lxd { "LXD" } else { "Incus" }
            ),
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

impl World {
    fn profile_key(&self, request: &Request, name: &str) -> Result<Named, Refusal> {
        Ok((self.home_checked(request.project(), "profiles")?.to_owned(), name.to_owned()))
    }

    fn found_profile(&self, key: &Named, text: &str) -> Result<&Profile, Refusal> {
        self.state.profiles.get(key).ok_or_else(|| Refusal::new(404, text))
    }

    fn profile_value(&self, key: &Named, profile: &Profile) -> Value {
        let mut value = profile.writable();
        value["name"] = key.1.as_str().into();
        value["used_by"] =
            self.profile_users(key).into_iter().map(|it| self.url_in(&it.0, &["instances", &it.1])).collect();
        if !self.is_lxd() {
            value["project"] = key.0.as_str().into();
        }
        value
    }

    /// The instances that have a profile, also in projects that share it.
    fn profile_users<'a>(&'a self, key: &Named) -> Vec<&'a Named> {
        let has = |(name, it): &(&Named, &Instance)| {
            it.settings.profiles.contains(&key.1) && self.home(&name.0, "profiles") == key.0
        };
        self.state.instances.iter().filter(has).map(|(name, _)| name).collect()
    }

    fn profile_event(&mut self, action: &str, key: &Named, context: Option<Value>) {
        let source = self.path(&["profiles", &key.1]);
        self.lifecycle(action, &key.0, &source, context);
    }

    /// Refuses configuration and devices that an instance cannot have.
    fn check_profile(&self, project: &str, profile: &Profile) -> Result<(), String> {
        for (key, value) in &profile.config {
            check_key(self.setup.flavour, key, value)?;
        }
        for (name, device) in &profile.devices {
            let bad = |why: String| format!("Device validation failed for \"{name}\": {why}");
            check_device(name, device).map_err(bad)?;
            self.check_network(project, name, device).map_err(bad)?;
        }
        Ok(())
    }
}

impl World {
    /// Refuses a device in a network that is not there.
    pub(crate) fn check_network(&self, project: &str, name: &str, device: &Config) -> Result<(), String> {
        let wanted = device.get("network").filter(|_| device.get("type").is_some_and(|it| it == "nic"));
        let home = self.home(project, "networks");
        match wanted {
            Some(network)
                if !self.items(&NETWORK).keys().any(|it| it.project == home && it.name == *network) =>
            {
                Err(format!(
                    "Failed loading device \"{name}\": Failed to load network \"{network}\" for project \"{home}\": \
                     Network not found"
                ))
            }
            _ => Ok(()),
        }
    }
}

/// Refuses a key that configuration for instances cannot have, and a value that is not of its kind.
pub(crate) fn check_key(flavour: Flavour, key: &str, value: &str) -> Result<(), String> {
    match key.split('.').next().unwrap_or_default() {
        "volatile" => return Err("Volatile keys can only be set on instances".into()),
        "image" => return Err("Image keys can only be set on instances".into()),
        "user" | "environment" => return Ok(()),
        _ if key.starts_with("limits.kernel.") || key.starts_with("linux.sysctl.") => return Ok(()),
        _ => {}
    }
    if key == "raw.lxc" {
        let is_line = |it: &&str| it.contains('=') || it.trim().is_empty() || it.starts_with('#');
        return value
            .lines()
            .find(|it| !is_line(it))
            .map_or(Ok(()), |it| Err(format!("Invalid raw.lxc line: {it}")));
    }
    match INSTANCE.check(flavour, key, value) {
        Ok(()) => Ok(()),
        Err(Bad::Key) => Err(format!("Unknown configuration key: {key}")),
        Err(Bad::Value(why)) => Err(why),
    }
}

/// Refuses a device of no known type. Of their options only those of `none` are looked at, and what a disk
/// cannot do without.
pub(crate) fn check_device(name: &str, device: &Config) -> Result<(), String> {
    const KINDS: [&str; 11] =
        ["disk", "gpu", "infiniband", "nic", "none", "pci", "proxy", "tpm", "unix-block", "unix-char", "usb"];
    let loading = |why: &str| Err(format!("Failed loading device \"{name}\": {why}"));
    match device.get("type").map(String::as_str) {
        None | Some("") => loading("Missing device type in config"),
        Some("none") => match device.keys().find(|it| *it != "type" && !it.starts_with("user.")) {
            Some(odd) => Err(format!("Invalid device option \"{odd}\"")),
            None => Ok(()),
        },
        Some("disk") if !device.contains_key("source") && !device.contains_key("path") => {
            Err("Disk entry is missing the required \"source\" or \"path\" property".into())
        }
        Some(kind) if KINDS.contains(&kind) || kind == "unix-hotplug" => Ok(()),
        Some(_) => loading("Unsupported device type"),
    }
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let refused = |text: String| Err(Refusal::new(400, text));
    match name {
        "" => refused("No name provided".into()),
        "." | ".." => refused(format!("Invalid profile name \"{name}\"")),
        _ if name.contains('/') => refused("Profile names may not contain slashes".into()),
        _ => Ok(()),
    }
}

/// `GET /1.0/profiles`. LXD does not look at a filter.
pub(crate) fn list(world: &World, request: &Request) -> Answered {
    let everywhere = request.text("all-projects") == "true";
    let home = if everywhere { "" } else { world.home_checked(request.project(), "profiles")? };
    // LXD tells only those of the default project.
    let home = if everywhere && world.is_lxd() { "default" } else { home };
    let items = world.state.profiles.iter().filter(|((project, _), _)| home.is_empty() || project == home);
    let url = |key: &Named| {
        if home.is_empty() {
            world.url_in(&key.0, &["profiles", &key.1])
        } else {
            world.path(&["profiles", &key.1])
        }
    };
    let items = items.map(|(key, it)| (url(key), world.profile_value(key, it)));
    if world.is_lxd() { listing::unfiltered(request, items) } else { listing::list(world, request, items) }
}

/// `POST /1.0/profiles`.
pub(crate) fn create(world: &mut World, request: &Request) -> Answered {
    let key = world.profile_key(request, "")?;
    let object = body::of(request, "ProfilesPost")?;
    body::check(&object, "ProfilesPost")?;
    let key: Named = (key.0, body::text(&object, "name").to_owned());
    check_name(&key.1)?;
    let mut profile = Profile::default();
    profile.write(&object);
    world.check_profile(&key.0, &profile).map_err(|why| Refusal::new(400, why))?;
    if world.state.profiles.contains_key(&key) {
        let text = format!("Error inserting \"{}\" into database: The profile already exists", key.1);
        return Err(Refusal::new(500, text));
    }
    profile.config.retain(|_, value| !value.is_empty());
    world.state.profiles.insert(key.clone(), profile);
    world.profile_event("profile-created", &key, None);
    Ok(Answer::Created(world.url_in(&key.0, &["profiles", &key.1])))
}

/// `GET /1.0/profiles/{name}`.
pub(crate) fn get(world: &World, request: &Request, name: &str) -> Answered {
    let key = world.profile_key(request, name)?;
    let profile = world.found_profile(&key, "Fetch profile: Profile not found")?;
    Answer::tagged(world.profile_value(&key, profile), &profile.writable())
}

/// `PUT /1.0/profiles/{name}`.
pub(crate) fn put(world: &mut World, request: &Request, name: &str) -> Answered {
    let key = world.profile_key(request, name)?;
    let text = format!("Failed to retrieve profile \"{name}\": Profile not found");
    let old = world.found_profile(&key, &text)?;
    check_match(request.field("if-match"), &old.writable())?;
    let mut new = old.clone();
    let object = body::of(request, "ProfilePut")?;
    body::check(&object, "ProfilePut")?;
    new.write(&object);
    store(world, key, new)
}

/// `PATCH /1.0/profiles/{name}`.
pub(crate) fn patch(world: &mut World, request: &Request, name: &str) -> Answered {
    let key = world.profile_key(request, name)?;
    let text = format!("Failed to retrieve profile=\"{name}\": Profile not found");
    let old = world.found_profile(&key, &text)?;
    check_match(request.field("if-match"), &old.writable())?;
    let object = body::of(request, "ProfilePut")?;
    body::check(&object, "ProfilePut")?;
    let mut new = old.clone();
    if object.contains_key("description") {
        new.description = body::text(&object, "description").to_owned();
    }
    new.config.extend(body::config(object.get("config")));
    new.devices.extend(body::devices(object.get("devices")));
    store(world, key, new)
}

/// Both daemons tell of the change although it is refused.
fn store(world: &mut World, key: Named, mut new: Profile) -> Answered {
    let refused = world.check_profile(&key.0, &new).err().or_else(|| {
        let root =
            |it: &Profile| it.devices.values().any(|it| it.get("path").is_some_and(|path| path == "/"));
        let lost = root(&world.state.profiles[&key]) && !root(&new) && !world.profile_users(&key).is_empty();
        lost.then(|| "At least one instance relies on this profile's root disk device".to_owned())
    });
    if refused.is_none() {
        new.config.retain(|_, value| !value.is_empty());
        let users: Vec<Named> = world.profile_users(&key).into_iter().cloned().collect();
        let touched = world
            .state
            .profiles
            .insert(key.clone(), new.clone())
            .is_some_and(|old| old.config != new.config || old.devices != new.devices);
        for user in users.iter().filter(|_| touched) {
            world.tell_instance(user, "instance-updated", By::Nobody, None);
        }
    }
    world.profile_event("profile-updated", &key, None);
    refused.map_or_else(Answer::empty, |why| Err(Refusal::new(500, why)))
}

/// `POST /1.0/profiles/{name}`.
pub(crate) fn rename(world: &mut World, request: &Request, name: &str) -> Answered {
    let old = world.profile_key(request, name)?;
    if name == "default" {
        return Err(Refusal::new(403, "The \"default\" profile cannot be renamed"));
    }
    let new = world.profile_key(request, body::text(&body::object(request)?, "name"))?;
    check_name(&new.1)?;
    if world.state.profiles.contains_key(&new) {
        let (lxd, incus) =
            (format!("Name \"{}\" already in use", new.1), format!("Profile \"{}\" already exists", new.1));
        return Err(Refusal::new(500, world.either(lxd, incus)));
    }
    let users: Vec<Named> = world.profile_users(&old).into_iter().cloned().collect();
    let Some(profile) = world.state.profiles.remove(&old) else {
        let incus = format!("Profile \"{name}\" doesn't exist");
        return Err(Refusal::new(500, world.either("Query affected 0 rows instead of 1".to_owned(), incus)));
    };
    for user in users {
        let it = world.state.instances.get_mut(&user);
        for profile in it.into_iter().flat_map(|it| &mut it.settings.profiles).filter(|it| **it == old.1) {
            profile.clone_from(&new.1);
        }
    }
    world.state.profiles.insert(new.clone(), profile);
    world.profile_event("profile-renamed", &new, Some(json!({ "old_name": name })));
    Ok(Answer::Created(world.url_in(&new.0, &["profiles", &new.1])))
}

/// `DELETE /1.0/profiles/{name}`.
pub(crate) fn delete(world: &mut World, request: &Request, name: &str) -> Answered {
    let key = world.profile_key(request, name)?;
    if name == "default" {
        return Err(Refusal::new(403, "The \"default\" profile cannot be deleted"));
    }
    world.found_profile(&key, "Profile not found")?;
    if !world.profile_users(&key).is_empty() {
        return Err(Refusal::new(500, "Profile is currently in use"));
    }
    world.state.profiles.remove(&key);
    world.profile_event("profile-deleted", &key, None);
    Answer::empty()
}
