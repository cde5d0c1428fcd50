use std::collections::BTreeMap;

use lxio_core::call::Flavour;

use crate::api::body::Config;
use crate::api::profiles;
use crate::http::Refusal;
use crate::world::World;

/// Refuses what is no name for an instance.
pub(super) fn name(world: &World, name: &str) -> Result<(), Refusal> {
    let first = name.bytes().next().unwrap_or_default();
    let wrong = if !(1..=63).contains(&name.len()) {
        "must be 1-63 characters long"
    } else if first == b'-' {
        "must not start with \"-\" character"
    } else if name.ends_with('-') {
        "must not end with \"-\" character"
    } else if world.is_lxd() && first.is_ascii_digit() {
        "must not start with a number"
    } else if !name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-') {
        "can only contain alphanumeric and hyphen characters"
    } else {
        return Ok(());
    };
    Err(Refusal::new(400, format!("Invalid instance name: Name {wrong}")))
}

/// What the daemons keep of an instance, as `volatile.` and one of these.
const KEPT: &[&str] = &[
    "apply_nvram",
    "apply_template",
    "base_image",
    "cloud-init.instance-id",
    "evacuate.origin",
    "last_state.idmap",
    "last_state.power",
    "last_state.ready",
    "uuid",
    "uuid.generation",
    "vsock_id",
];

/// What they keep of a device: its name comes before one of these.
const OF_DEVICES: &[&str] =
    &["apply_quota", "ceph_rbd", "host_name", "hwaddr", "id", "mtu", "name", "uuid", "vgpu.uuid"];

/// Says what is wrong with the configuration of an instance, if anything.
pub(super) fn config(flavour: Flavour, config: &Config) -> Result<(), String> {
    for (key, value) in config {
        match key.split_once('.') {
            Some(("image", _)) => {}
            Some(("volatile", rest)) if is_kept(rest) => {}
            Some(("volatile", _)) => return Err(format!("Unknown configuration key: {key}")),
            _ => profiles::check_key(flavour, key, value)?,
        }
    }
    Ok(())
}

fn is_kept(key: &str) -> bool {
    let of_device = |rest: &str| OF_DEVICES.contains(&rest) || rest.starts_with("last_state.");
    KEPT.contains(&key) || key.starts_with("idmap.") || key.split_once('.').is_some_and(|it| of_device(it.1))
}

const DEVICES: &[&str] = &[
    "disk",
    "gpu",
    "infiniband",
    "nic",
    "none",
    "pci",
    "proxy",
    "tpm",
    "unix-block",
    "unix-char",
    "unix-hotplug",
    "usb",
];

fn kind(device: &Config) -> &str {
    device.get("type").map(String::as_str).unwrap_or_default()
}

/// The type of a device that is of no type, and the device's name.
pub(super) fn odd_device(devices: &BTreeMap<String, Config>) -> Option<(&str, &str)> {
    let odd = devices.iter().find(|(_, device)| !DEVICES.contains(&kind(device)));
    odd.map(|(name, device)| (name.as_str(), kind(device)))
}

/// Says what is wrong with devices, if anything.
pub(super) fn devices(devices: &BTreeMap<String, Config>) -> Result<(), String> {
    for (name, device) in devices {
        let bad = |why: String| format!("Device validation failed for \"{name}\": {why}");
        profiles::check_device(name, device).map_err(bad)?;
        let has = |key: &str| device.get(key).is_some_and(|value| !value.is_empty());
        if kind(device) == "disk" && !is_root(device) && !(has("path") && has("source")) {
            return Err(bad("Disk entry is missing the required \"source\" or \"path\" property".into()));
        }
    }
    Ok(())
}

/// Whether there is a disk for the root.
pub(super) fn has_root(devices: &BTreeMap<String, Config>) -> bool {
    devices.values().any(|it| kind(it) == "disk" && is_root(it) && it.contains_key("pool"))
}

fn is_root(device: &Config) -> bool {
    device.get("path").is_some_and(|it| it == "/") && !device.contains_key("source")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values() {
        let check = |key: &str, value: &str| {
            config(Flavour::Lxd, &Config::from([(key.to_owned(), value.to_owned())]))
        };
        for (key, value) in [
            ("user.x", "anything"),
            ("limits.cpu", "0-3,5"),
            ("limits.memory", "64MiB"),
            ("boot.autostart", "True"),
            ("volatile.eth0.hwaddr", "00:16:3e:00:00:01"),
        ] {
            assert_eq!(check(key, value), Ok(()), "{key}");
        }
        for (key, value, why) in [
            ("no.such", "1", "Unknown configuration key: no.such"),
            ("volatile.foo", "x", "Unknown configuration key: volatile.foo"),
            ("limits.cpu", "abc", "Invalid CPU limit syntax"),
            ("limits.memory", "abc", "Invalid value: abc"),
            ("boot.autostart", "maybe", "Invalid value for a boolean \"maybe\""),
        ] {
            assert_eq!(check(key, value).unwrap_err(), why);
        }
    }
}
