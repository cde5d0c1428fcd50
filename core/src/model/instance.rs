//! Instances: containers and virtual machines.

use std::collections::BTreeMap;

use super::reference::Location;
use super::resource::resource;
use super::status::{Status, StatusText};
use super::text::Name;
use super::time::Time;
use super::words::InstanceKind;

/// Configuration: values by key. All values are text, also numbers (`"2"`) and booleans (`"true"`).
pub type Config = BTreeMap<String, String>;

/// Devices by name, each a map of its options. `type` is one of them.
pub type Devices = BTreeMap<String, BTreeMap<String, String>>;

resource! {
    /// A container or virtual machine, as `GET /1.0/instances/NAME` shows it.
    pub struct Instance {
        read {
            /// Its name, unique within the project.
            name: Name,
            /// When it was created.
            created_at: Time,
            /// When it was last started; unset if never.
            last_used_at: Time,
            /// The configuration that results from the profiles and its own.
            expanded_config: Config,
            /// The devices that result from the profiles and its own.
            expanded_devices: Devices,
            /// Container or virtual machine.
            kind: InstanceKind = "type",
            /// The project it is in. API extension `instance_all_projects`.
            project: Name,
            /// What this client may do with it; only if asked for. LXD.
            access_entitlements: Vec<String>,
        }
        copy {
            /// Its state, by the numeric code. [`InstanceState`](super::InstanceState) tells more.
            status: Status = "status_code",
        }
        keep {
            status_text: StatusText = "status",
            location: Location,
        }
        write {
            /// The architecture of its programs, such as `x86_64`.
            architecture: String,
            /// Its own configuration. Keys that start with `volatile.` are the server's.
            config: Config,
            /// Its own devices.
            devices: Devices,
            /// Whether it is deleted as soon as it stops.
            ephemeral: bool,
            /// Its profiles; later ones override earlier ones.
            profiles: Vec<Name>,
            /// A text for people.
            description: String,
            /// Whether it holds the state of a running system: it was stopped with its memory saved.
            stateful: bool,
        }
    }
}

impl Instance {
    /// The server's word for the state.
    #[must_use]
    pub fn status_text(&self) -> &str {
        self.status_text.as_str()
    }

    /// The cluster member that it is on.
    #[must_use]
    pub fn location(&self) -> Option<&Name> {
        self.location.member()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Answer;
    use serde_json::{Value, from_str, json, to_value};

    const LXD: &str = include_str!("samples/instance.lxd.json");
    const INCUS: &str = include_str!("samples/instance.incus.json");

    fn instance(body: &str) -> Instance {
        match Answer::parse(body.as_bytes()) {
            Ok(Answer::Sync(instance)) => instance,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn everything_is_read() {
        for body in [LXD, INCUS] {
            let instance = instance(body);
            assert_eq!(
                (instance.name().as_str(), instance.status(), instance.status_text()),
                ("c1", Status::Running, "Running")
            );
            assert_eq!((instance.kind(), instance.location()), (&InstanceKind::Container, None));
            assert_eq!(
                (instance.config["limits.cpu"].as_str(), instance.config["user.note"].as_str()),
                ("2", "a & b")
            );
            assert_eq!(instance.expanded_devices()["root"]["pool"], "default");
            assert_eq!((instance.project().as_str(), instance.profiles[0].as_str()), ("default", "default"));
            assert!(instance.created_at().get() < instance.last_used_at().get());
            assert!(instance.extra().is_empty(), "{:?}", instance.extra());
            assert_eq!(to_value(&instance).unwrap(), from_str::<Value>(body).unwrap()["metadata"]);
        }
    }

    #[test]
    fn a_put_changes_what_was_changed_and_nothing_else() {
        for body in [LXD, INCUS] {
            let mut sent = from_str::<Value>(body).unwrap()["metadata"].clone();
            sent["new_in_2030"] = json!({"deep": [1, {"x": null}]});
            let mut instance = instance(&json!({"type": "sync", "metadata": sent}).to_string());
            instance.config.insert("limits.cpu".into(), "4".into());

            let mut expected = sent.clone();
            let all = expected.as_object_mut().unwrap();
            all.retain(|name, _| {
                matches!(
                    name.as_str(),
                    "architecture"
                        | "config"
                        | "devices"
                        | "ephemeral"
                        | "profiles"
                        | "description"
                        | "stateful"
                        | "new_in_2030"
                )
            });
            assert_eq!(all.len(), 8);
            expected["config"]["limits.cpu"] = json!("4");
            assert_eq!(to_value(instance.writable()).unwrap(), expected);
        }
    }
}
