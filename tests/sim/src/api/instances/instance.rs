use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::api::body::Config;
use crate::http::Refusal;
use crate::world::World;

/// What a client may write of an instance, and what a snapshot keeps of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) architecture: String,
    pub(crate) description: String,
    /// Also what the daemon itself keeps, as `volatile.*`.
    pub(crate) config: Config,
    pub(crate) devices: BTreeMap<String, Config>,
    /// Later ones win.
    pub(crate) profiles: Vec<String>,
    pub(crate) ephemeral: bool,
}

/// How an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Stopped,
    Running,
    Frozen,
}

impl Status {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Stopped => "Stopped",
            Self::Running => "Running",
            Self::Frozen => "Frozen",
        }
    }

    pub(crate) const fn code(self) -> u16 {
        match self {
            Self::Stopped => 102,
            Self::Running => 103,
            Self::Frozen => 110,
        }
    }
}

/// An instance.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) settings: Settings,
    pub(crate) status: Status,
    pub(crate) created: Timestamp,
    pub(crate) used: Option<Timestamp>,
    /// In the order in which they were made.
    pub(crate) snapshots: Vec<Snapshot>,
    /// What its image says of itself: `metadata.yaml`.
    pub(crate) metadata: Value,
}

/// A snapshot of an instance.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) name: String,
    pub(crate) settings: Settings,
    pub(crate) created: Timestamp,
    pub(crate) expires: Option<Timestamp>,
    /// When the instance was used last.
    pub(crate) used: Option<Timestamp>,
}

impl World {
    /// The instance of this name in a project.
    pub(crate) fn instance(&self, project: &str, name: &str) -> Result<&Instance, Refusal> {
        self.state
            .instances
            .get(&(project.to_owned(), name.to_owned()))
            .ok_or_else(|| self.no_instance(project, name))
    }

    /// The same, to change it.
    pub(crate) fn instance_mut(&mut self, project: &str, name: &str) -> Result<&mut Instance, Refusal> {
        let key = (project.to_owned(), name.to_owned());
        if !self.state.instances.contains_key(&key) {
            return Err(self.no_instance(project, name));
        }
        self.state.instances.get_mut(&key).ok_or_else(Refusal::no_path)
    }

    fn no_instance(&self, project: &str, name: &str) -> Refusal {
        if self.is_lxd() {
            return Refusal::new(404, "Instance not found");
        }
        Refusal::new(
            404,
            format!("Failed to fetch instance \"{name}\" in project \"{project}\": Instance not found"),
        )
    }
}
