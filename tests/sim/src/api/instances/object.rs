use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Instance, Settings};
use crate::api::body::Config;
use crate::world::World;

/// A time that was never, as an instance has it.
pub(super) fn time(at: Option<Timestamp>) -> String {
    at.unwrap_or_default().to_string()
}

/// What is true of an instance when its profiles are counted in: configuration and devices.
pub(super) fn expanded(
    world: &World,
    project: &str,
    settings: &Settings,
) -> (Config, BTreeMap<String, Config>) {
    let (mut config, mut devices) = (Config::new(), BTreeMap::new());
    let home = world.home(project, "profiles");
    for name in &settings.profiles {
        if let Some(profile) = world.state.profiles.get(&(home.to_owned(), name.clone())) {
            config.extend(profile.config.clone());
            devices.extend(profile.devices.clone());
        }
    }
    config.extend(settings.config.clone());
    devices.extend(settings.devices.clone());
    (config, devices)
}

/// The object of an instance.
pub(super) fn instance(world: &World, project: &str, name: &str, it: &Instance) -> Value {
    let (config, devices) = expanded(world, project, &it.settings);
    json!({
        "name": name,
        "project": project,
        "type": "container",
        "status": it.status.text(),
        "status_code": it.status.code(),
        "location": "none",
        "architecture": it.settings.architecture,
        "config": it.settings.config,
        "devices": it.settings.devices,
        "profiles": it.settings.profiles,
        "ephemeral": it.settings.ephemeral,
        "description": it.settings.description,
        "stateful": false,
        "created_at": it.created.to_string(),
        "last_used_at": time(it.used),
        "expanded_config": config,
        "expanded_devices": devices,
    })
}

/// What the ETag of an instance covers.
pub(super) fn covered(settings: &Settings) -> Value {
    json!([
        settings.architecture,
        settings.config,
        settings.devices,
        settings.ephemeral,
        settings.profiles,
        settings.description
    ])
}
