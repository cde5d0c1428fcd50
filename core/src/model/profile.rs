//! Profiles: configuration and devices that instances share.

use super::instance::{Config, Devices};
use super::reference::Reference;
use super::resource::resource;
use super::text::Name;

resource! {
    /// A profile.
    pub struct Profile {
        read {
            /// Its name, unique within the project.
            name: Name,
            /// The instances, and other profiled things, that use it. API extension `profile_usedby`.
            used_by: Vec<Reference>,
            /// The project it is in. API extension `profiles_all_projects`.
            project: Name,
            /// What this client may do with it; only if asked for. LXD.
            access_entitlements: Vec<String>,
        }
        write {
            /// The configuration.
            config: Config,
            /// A text for people.
            description: String,
            /// The devices.
            devices: Devices,
        }
    }
}

resource! {
    /// A profile to be made.
    pub struct ProfileCreate {
        write {
            /// Its name.
            name: Name,
            /// The configuration.
            config: Config,
            /// A text for people.
            description: String,
            /// The devices.
            devices: Devices,
        }
    }
}

impl ProfileCreate {
    /// An empty profile of that name.
    pub fn new(name: impl Into<Name>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_str, json, to_value};

    #[test]
    fn lxd_and_incus() {
        let lxd: Profile =
            from_str(r#"{"config":{},"description":"","devices":{},"name":"rec-p","used_by":[]}"#).unwrap();
        let incus: Profile =
            from_str(r#"{"config":{},"description":"","devices":{},"name":"rec-p","used_by":null,"project":"default"}"#).unwrap();
        assert_eq!(lxd.name(), incus.name());
        assert_eq!((lxd.project().as_str(), incus.project().as_str()), ("", "default"));
        for profile in [lxd, incus] {
            assert_eq!(
                to_value(profile.writable()).unwrap(),
                json!({"config": {}, "description": "", "devices": {}})
            );
        }
    }

    #[test]
    fn values_that_are_no_text_become_text() {
        let profile: Profile = from_str(
            r#"{"config":{"a":true,"b":7,"c":null,"d":-1.5},"devices":{"root":{"size":5,"path":"/"},"none":null},"used_by":["/1.0/instances/c1?project=p",null]}"#,
        )
        .unwrap();
        assert_eq!(
            to_value(profile.writable()).unwrap(),
            json!({"config": {"a": "true", "b": "7", "c": "", "d": "-1.5"}, "devices": {"root": {"size": "5", "path": "/"}, "none": {}}})
        );
        assert_eq!(profile.used_by()[0].project().as_deref(), Some("p"));
    }
}
