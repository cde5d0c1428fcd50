//! Snapshots of instances.

use super::instance::{Config, Devices};
use super::resource::resource;
use super::text::Name;
use super::time::Time;

resource! {
    /// A snapshot of an instance: what the instance was at one time.
    pub struct InstanceSnapshot {
        read {
            /// Its name, without that of the instance.
            name: Name,
            /// When it was made.
            created_at: Time,
            /// When the instance had last been started.
            last_used_at: Time,
            /// The architecture of the instance.
            architecture: String,
            /// The configuration of the instance.
            config: Config,
            /// The devices of the instance.
            devices: Devices,
            /// The configuration that resulted from the profiles and its own.
            expanded_config: Config,
            /// The devices that resulted from the profiles and its own.
            expanded_devices: Devices,
            /// The profiles of the instance.
            profiles: Vec<Name>,
            /// A text for people. Incus.
            description: String,
        }
        copy {
            /// Whether the instance was ephemeral.
            ephemeral: bool,
            /// Whether it holds the state of the running system.
            stateful: bool,
            /// Bytes that it takes; -1 if the storage driver does not tell. API extension
            /// `snapshot_disk_usage`.
            size: i64,
        }
        write {
            /// When the server deletes it; never if unset. API extension `snapshot_expiry`.
            expires_at: Time,
        }
    }
}

resource! {
    /// A snapshot to be made.
    pub struct SnapshotCreate {
        write {
            /// Its name; the server chooses one if empty.
            name: Name,
            /// Whether to keep the state of the running system.
            stateful: bool,
            /// When the server deletes it. `None`: as the instance's configuration says. API extension
            /// `snapshot_expiry_creation`.
            expires_at: Option<Time>,
        }
    }
}

impl SnapshotCreate {
    /// A snapshot of that name without the state of the running system.
    pub fn new(name: impl Into<Name>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

resource! {
    /// The order to make an instance again what it was at a snapshot: the body of a PUT to the instance.
    /// What is left out of it stays as it is.
    pub struct InstanceRestore {
        write {
            /// The name of the snapshot.
            restore: Name,
            /// Whether to restore the state of the running system as well.
            stateful: bool,
        }
    }
}

impl InstanceRestore {
    /// Restores the files and the configuration, not a running system.
    pub fn new(snapshot: impl Into<Name>) -> Self {
        Self { restore: snapshot.into(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json, to_value};

    #[test]
    fn only_the_expiry_is_sent_back() {
        let mut snapshot: InstanceSnapshot = from_value(json!({
            "architecture": "x86_64", "config": {"volatile.uuid": "x"}, "created_at": "2026-11-22T03:32:44.4Z", "devices": {}, "ephemeral": false,
            "expanded_config": {}, "expanded_devices": {}, "expires_at": "0001-01-01T00:00:00Z", "last_used_at": "1970-01-01T00:00:00Z",
            "name": "s0", "profiles": ["default"], "size": -1, "stateful": false
        }))
        .unwrap();
        assert_eq!((snapshot.name().as_str(), snapshot.size()), ("s0", -1));
        assert_eq!(snapshot.last_used_at().get(), None);
        assert_eq!(to_value(snapshot.writable()).unwrap(), json!({"expires_at": "0001-01-01T00:00:00Z"}));
        snapshot.expires_at = Time::parse("2030-01-01T01:00:00+01:00").unwrap();
        assert_eq!(to_value(snapshot.writable()).unwrap(), json!({"expires_at": "2030-01-01T00:00:00Z"}));
    }

    #[test]
    fn bodies() {
        let mut create = SnapshotCreate::new("s0");
        assert_eq!(to_value(&create).unwrap(), json!({"name": "s0"}));
        create.expires_at = Some(Time::never());
        assert_eq!(to_value(&create).unwrap(), json!({"name": "s0", "expires_at": "0001-01-01T00:00:00Z"}));
        assert_eq!(to_value(InstanceRestore::new("s0")).unwrap(), json!({"restore": "s0"}));
    }
}
