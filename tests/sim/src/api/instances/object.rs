use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Instance, Settings, Snapshot, Status};
use crate::api::body::Config;
use crate::api::state::Named;
use crate::world::World;

/// What is true of an instance when its profiles are counted in: configuration and devices.
pub(crate) fn expanded(
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

fn common(world: &World, project: &str, it: &Settings, created: Timestamp) -> Value {
    let (config, devices) = expanded(world, project, it);
    json!({
        "architecture": it.architecture,
        "config": it.config,
        "devices": it.devices,
        "profiles": it.profiles,
        "ephemeral": it.ephemeral,
        "stateful": false,
        "created_at": created.to_string(),
        "expanded_config": config,
        "expanded_devices": devices,
    })
}

/// The object of an instance.
pub(super) fn instance(world: &World, (project, name): &Named, it: &Instance) -> Value {
    let mut value = common(world, project, &it.settings, it.created);
    value["name"] = name.as_str().into();
    value["project"] = project.as_str().into();
    value["type"] = "container".into();
    value["status"] = it.status.text().into();
    value["status_code"] = it.status.code().into();
    value["location"] = "none".into();
    value["description"] = it.settings.description.as_str().into();
    // One that was never used was used in 1970.
    value["last_used_at"] = it.used.unwrap_or_default().to_string().into();
    value
}

/// The object of an instance with all that is below it.
pub(super) fn full(world: &World, key: &Named, it: &Instance) -> Value {
    let mut value = instance(world, key, it);
    value["backups"] = Value::Null;
    value["state"] = state(world, key, it);
    let snapshots: Vec<_> =
        it.snapshots.iter().map(|snapshot| self::snapshot(world, &key.0, snapshot)).collect();
    value["snapshots"] = if snapshots.is_empty() { Value::Null } else { snapshots.into() };
    value
}

/// The object of a snapshot.
pub(super) fn snapshot(world: &World, project: &str, it: &Snapshot) -> Value {
    let mut value = common(world, project, &it.settings, it.created);
    value["name"] = it.name.as_str().into();
    value["expires_at"] = it.expires.as_str().into();
    value["last_used_at"] = super::instance::NEVER.into();
    value["size"] = (-1).into();
    value
}

/// What the ETag of an instance covers.
pub(super) fn covered(it: &Settings) -> Value {
    json!([it.architecture, it.config, it.devices, it.ephemeral, it.profiles, it.description])
}

/// The memory of the host, in bytes.
const MEMORY: u64 = 16 << 30;

/// How an instance is at the moment.
pub(super) fn state(world: &World, key: &Named, it: &Instance) -> Value {
    let running = it.status != Status::Stopped;
    let processes = if running { it.machine.processes().len() } else { 0 };
    let first = it.first.filter(|_| running);
    let number = |each: u64| each * processes as u64;
    let mut memory = json!({
        "usage": number(412 << 10), "usage_peak": number(560 << 10), "swap_usage": 0, "swap_usage_peak": 0,
    });
    let mut cpu = json!({ "usage": number(5_300_000) });
    if !world.is_lxd() {
        let (config, _) = expanded(world, &key.0, &it.settings);
        let limit = config.get("limits.memory").and_then(|it| bytes(it));
        memory["total"] = if running { limit.unwrap_or(MEMORY) } else { 0 }.into();
        cpu["allocated_time"] = if running { 2_000_000_000_u64 } else { 0 }.into();
    }
    let mut value = json!({
        "status": it.status.text(),
        "status_code": it.status.code(),
        "disk": {},
        "memory": memory,
        "network": if running { networks() } else { Value::Null },
        "pid": first.map_or(0, |(pid, _)| pid),
        "processes": processes,
        "cpu": cpu,
    });
    if !world.is_lxd() {
        let since = first.map(|(_, since)| since.to_string());
        value["started_at"] = since.unwrap_or_else(|| super::instance::NEVER.into()).into();
        value["os_info"] = Value::Null;
    }
    value
}

/// A size as configurations have it: `64MiB`, `1GB`.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let each = match unit {
        "" | "B" => 1,
        "kB" => 1000,
        "MB" => 1000_u64.pow(2),
        "GB" => 1000_u64.pow(3),
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(each)
}

fn networks() -> Value {
    json!({ "lo": {
        "addresses": [
            { "family": "inet", "address": "127.0.0.1", "netmask": "8", "scope": "local" },
            { "family": "inet6", "address": "::1", "netmask": "128", "scope": "local" },
        ],
        "counters": {
            "bytes_received": 0, "bytes_sent": 0, "packets_received": 0, "packets_sent": 0,
            "errors_received": 0, "errors_sent": 0, "packets_dropped_outbound": 0,
            "packets_dropped_inbound": 0,
        },
        "hwaddr": "",
        "host_name": "",
        "mtu": 65536,
        "state": "up",
        "type": "loopback",
    } })
}
