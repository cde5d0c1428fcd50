use serde_json::{Map, Value, json};

use super::tell::By;
use super::{IDMAP, Settings, Status, check, input, object};
use crate::api::body::{self, flag, text};
use crate::api::state::Named;
use crate::http::{Answer, Answered, Refusal, Request, check_match};
use crate::world::{Begin, Ending, World};

/// `PUT /1.0/instances/{name}`: by an operation.
pub(crate) fn put(world: &mut World, request: &Request, name: &str) -> Answered {
    let key = (request.project().to_owned(), name.to_owned());
    let old = &world.instance(&key.0, name)?.settings;
    check_match(request.field("if-match"), &object::covered(old))?;
    let object = typed(body::of(request, "InstancePut")?)?;
    let snapshot = text(&object, "restore");
    if !snapshot.is_empty() {
        return super::snapshots::restore(world, &key, snapshot, flag(&object, "stateful"));
    }
    let mut new = Settings {
        architecture: text(&object, "architecture").to_owned(),
        description: text(&object, "description").to_owned(),
        config: body::config(object.get("config")),
        devices: body::devices(object.get("devices")),
        profiles: body::texts(&object, "profiles").unwrap_or_default(),
        ephemeral: flag(&object, "ephemeral"),
    };
    if new.architecture.is_empty() {
        new.architecture.clone_from(&old.architecture);
    }
    known_profiles(world, &key, &new)?;
    let begin = Begin::task("Updating instance", &key.0, world.about(&[&key]));
    let after = world.short_while();
    world.work(begin, after, move |world, _| {
        world.busy(&key)?;
        store(world, &key, new).map_err(Ending::new)?;
        world.tell_instance(&key, "instance-updated", By::Work, None);
        Ok(Map::new())
    })
}

/// `PATCH /1.0/instances/{name}`: at once. A description that is not said is lost.
pub(crate) fn patch(world: &mut World, request: &Request, name: &str) -> Answered {
    let key = (request.project().to_owned(), name.to_owned());
    let old = &world.instance(&key.0, name)?.settings;
    check_match(request.field("if-match"), &object::covered(old))?;
    let object = typed(input::map(world, request, "InstancePut")?)?;
    if !text(&object, "restore").is_empty() {
        return Err(Refusal::new(400, "Can't call PATCH in restore mode"));
    }
    let mut new = old.clone();
    new.description = text(&object, "description").to_owned();
    if object.contains_key("ephemeral") {
        new.ephemeral = flag(&object, "ephemeral");
    }
    if object.contains_key("architecture") {
        new.architecture = text(&object, "architecture").to_owned();
    }
    if let Some(profiles) = body::texts(&object, "profiles") {
        new.profiles = profiles;
    }
    body::merge(&mut new.config, body::config(object.get("config")));
    new.devices.extend(body::devices(object.get("devices")));
    known_profiles(world, &key, &new)?;
    store(world, &key, new).map_err(|why| Refusal::new(500, why))?;
    world.tell_instance(&key, "instance-updated", By::Nobody, None);
    Answer::empty()
}

fn typed(object: Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    const MEMBERS: [(&str, &str); 8] = [
        ("architecture", "string"),
        ("config", "map[string]string"),
        ("description", "string"),
        ("devices", "map[string]map[string]string"),
        ("ephemeral", "bool"),
        ("profiles", "[]string"),
        ("restore", "string"),
        ("stateful", "bool"),
    ];
    input::typed(&object, "InstancePut", &MEMBERS)?;
    Ok(object)
}

fn known_profiles(world: &World, key: &Named, settings: &Settings) -> Result<(), Refusal> {
    let home = world.home(&key.0, "profiles");
    let known = |it: &String| world.state.profiles.contains_key(&(home.to_owned(), it.clone()));
    if settings.profiles.iter().all(known) {
        return Ok(());
    }
    Err(Refusal::new(404, "Profile not found"))
}

/// Changes an instance, or says what is wrong.
fn store(world: &mut World, key: &Named, mut new: Settings) -> Result<(), String> {
    check::config(world.setup.flavour, &new.config).map_err(|why| format!("Invalid config: {why}"))?;
    let (_, devices) = object::expanded(world, &key.0, &new);
    check::devices(&devices).map_err(|why| format!("Invalid devices: {why}"))?;
    let Some(it) = world.state.instances.get(key) else { return Ok(()) };
    let old = &it.settings.config;
    let kept = |name: &str| name.starts_with("volatile.idmap.") || name == "volatile.last_state.idmap";
    if old.keys().any(|name| kept(name) && !new.config.contains_key(name)) {
        return Err("Volatile idmap keys can't be deleted by the user".into());
    }
    if !world.is_lxd() && !check::has_root(&devices) {
        return Err("Invalid root disk device: No root device could be found".into());
    }
    let privileged = |config: &body::Config| config.get("security.privileged").is_some_and(|it| it == "true");
    if privileged(old) != privileged(&new.config) {
        let idmap = if privileged(&new.config) { "[]" } else { IDMAP };
        new.config.insert("volatile.idmap.next".into(), idmap.into());
    }
    if let Some(it) = world.state.instances.get_mut(key) {
        new.config.retain(|_, value| !value.is_empty());
        it.settings = new;
    }
    Ok(())
}

/// `POST /1.0/instances/{name}`: another name.
pub(crate) fn rename(world: &mut World, request: &Request, name: &str) -> Answered {
    let key = (request.project().to_owned(), name.to_owned());
    if let Err(refusal) = world.instance(&key.0, name) {
        let text = "Failed to get address of instance's member: Instance not found";
        return Err(if world.is_lxd() { refusal } else { Refusal::new(404, text) });
    }
    let object = match world.is_lxd() {
        true => input::map(world, request, "InstancePost")?,
        false => body::of(request, "InstancePost")?,
    };
    input::typed(&object, "InstancePost", &[("name", "string"), ("migration", "bool")])?;
    if flag(&object, "migration") {
        // Migrations are not simulated.
        return Err(Refusal::no_method());
    }
    let mut new = text(&object, "name").to_owned();
    // No name and its own are the same to both: to LXD its own, to Incus none.
    if world.is_lxd() && new.is_empty() {
        new = name.to_owned();
    } else if !world.is_lxd() && new == name {
        new.clear();
    }
    if !new.is_empty() {
        check::name(world, &new)?;
        if world.instance(&key.0, &new).is_ok() {
            return Err(Refusal::new(409, format!("Name \"{new}\" already in use")));
        }
    }
    let begin = Begin::task("Renaming instance", &key.0, world.about(&[&key]));
    let after = world.about_ms(10);
    world.work(begin, after, move |world, _| {
        check::name(world, &new).map_err(|it| Ending::new(it.text))?;
        world.busy(&key)?;
        let to = (key.0.clone(), new);
        let it = world.instance(&key.0, &key.1)?;
        if it.status != Status::Stopped || !it.pending.is_empty() {
            let kind = world.either("container", "instance");
            return Err(Ending::new(format!("Renaming of running {kind} not allowed")));
        }
        if world.state.instances.contains_key(&to) {
            return Err(Ending::new(format!("Name \"{}\" already in use", to.1)));
        }
        if let Some(mut it) = world.state.instances.remove(&key) {
            it.machine.set_hostname(to.1.as_bytes());
            it.settings.config.entry("volatile.apply_template".into()).or_insert_with(|| "rename".into());
            world.state.instances.insert(to.clone(), it);
        }
        world.tell_instance(&to, "instance-renamed", By::Work, Some(json!({ "old_name": key.1 })));
        Ok(Map::new())
    })
}

/// `DELETE /1.0/instances/{name}`.
pub(crate) fn delete(world: &mut World, request: &Request, name: &str) -> Answered {
    let key = (request.project().to_owned(), name.to_owned());
    if world.instance(&key.0, name)?.status != Status::Stopped {
        return Err(Refusal::new(400, "Instance is running"));
    }
    let begin = Begin::task("Deleting instance", &key.0, world.about(&[&key]));
    let after = world.about_ms(15);
    world.work(begin, after, move |world, _| {
        world.busy(&key)?;
        let it = world.instance(&key.0, &key.1)?;
        if it.status != Status::Stopped {
            return Err(Ending::new("Instance is running").code(400));
        }
        let (config, _) = object::expanded(world, &key.0, &it.settings);
        if config.get("security.protection.delete").is_some_and(|it| it == "true") {
            return Err(Ending::new(world.either("Container is protected", "Instance is protected")));
        }
        remove(world, &key);
        Ok(Map::new())
    })
}

/// Removes an instance, its newest snapshot first.
pub(super) fn remove(world: &mut World, key: &Named) {
    let Some(it) = world.state.instances.remove(key) else { return };
    for waiter in it.pending {
        let gone = world.no_such_instance(&key.0, &key.1);
        waiter.end(world, Err(gone.into()));
    }
    for snapshot in it.snapshots.iter().rev() {
        world.tell_snapshot(key, &snapshot.name, "instance-snapshot-deleted", None);
    }
    world.tell_instance(key, "instance-deleted", By::Work, None);
}
