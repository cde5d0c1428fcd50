use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use lxio_core::bytes::Moment;
use serde_json::Value;

use super::run::Pending;
use crate::api::body::Config;
use crate::api::logs::Kept;
use crate::http::Refusal;
use crate::machine::files::Files;
use crate::machine::process::Machine;
use crate::world::{OperationId, World};

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
pub(crate) struct Instance {
    pub(crate) settings: Settings,
    pub(crate) status: Status,
    pub(crate) created: Timestamp,
    pub(crate) used: Option<Timestamp>,
    /// In the order in which they were made.
    pub(crate) snapshots: Vec<Snapshot>,
    /// What its image says of itself: `metadata.yaml`.
    pub(crate) metadata: Value,
    /// Files that are made anew when something happens, by their names.
    pub(crate) templates: BTreeMap<String, (Bytes, Timestamp)>,
    /// Its files, and its processes while it runs.
    pub(crate) machine: Machine,
    /// What the daemon keeps beside it.
    pub(crate) kept: Kept,
    /// There are files to start; what was made of nothing has none.
    pub(super) rooted: bool,
    /// Its first process, as the host numbers it, and since when that lives.
    pub(super) first: Option<(u32, Timestamp)>,
    /// The operation that makes it.
    pub(super) maker: Option<OperationId>,
    /// Who waits for it to be started or stopped.
    pub(super) pending: Vec<Pending>,
    /// Somebody may have given its processes something to do.
    pub(crate) touched: bool,
    /// When its processes go on by themselves.
    pub(super) wake: Option<Moment>,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance")
            .field("settings", &self.settings)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// A snapshot of an instance.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) name: String,
    pub(crate) settings: Settings,
    pub(crate) created: Timestamp,
    /// As it was said, or [`NEVER`].
    pub(crate) expires: String,
    pub(crate) files: Files,
}

/// How the daemons say that a snapshot does not expire.
pub(crate) const NEVER: &str = "0001-01-01T00:00:00Z";

impl World {
    /// The instance of this name in a project.
    pub(crate) fn instance(&self, project: &str, name: &str) -> Result<&Instance, Refusal> {
        let key = (project.to_owned(), name.to_owned());
        self.state.instances.get(&key).ok_or_else(|| self.no_instance(project, name))
    }

    /// The same, to change it. Its processes go on afterwards.
    pub(crate) fn instance_mut(&mut self, project: &str, name: &str) -> Result<&mut Instance, Refusal> {
        let refusal = self.no_instance(project, name);
        let it = self.state.instances.get_mut(&(project.to_owned(), name.to_owned())).ok_or(refusal)?;
        it.touched = true;
        Ok(it)
    }

    fn no_instance(&self, project: &str, name: &str) -> Refusal {
        if self.is_lxd() {
            return Refusal::new(404, "Instance not found");
        }
        if !self.state.projects.contains_key(project) {
            return Refusal::new(404, "Project not found");
        }
        self.no_such_instance(project, name)
    }

    /// As both flavours say it of one that another is to be made of.
    pub(super) fn no_such_instance(&self, project: &str, name: &str) -> Refusal {
        let text =
            format!("Failed to fetch instance \"{name}\" in project \"{project}\": Instance not found");
        Refusal::new(404, text)
    }
}
