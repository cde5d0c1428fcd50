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
