use serde_json::{Value, json};

use crate::api::state::Named;
use crate::world::World;

/// Who is told to have done something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// The client.
    Client,
    /// An operation: LXD does not tell whose it is.
    Work,
    /// Nobody.
    Nobody,
}

impl World {
    /// The URL of an instance.
    pub(crate) fn instance_url(&self, (project, name): &Named) -> String {
        self.url_in(project, &["instances", name])
    }

    /// What an operation is about. LXD names some things twice, and no project.
    pub(super) fn about(&self, keys: &[&Named]) -> Value {
        if self.is_lxd() {
            let of =
                |kind: &str| keys.iter().map(|(_, name)| format!("/1.0/{kind}/{name}")).collect::<Vec<_>>();
            return json!({ "containers": of("containers"), "instances": of("instances") });
        }
        json!({ "instances": keys.iter().map(|it| self.instance_url(it)).collect::<Vec<_>>() })
    }

    /// What an operation on a snapshot is about.
    pub(super) fn about_snapshot(&self, key: &Named, snapshot: &str) -> Value {
        let mut about = self.about(&[key]);
        if !self.is_lxd() {
            let url = self.url_in(&key.0, &["instances", &key.1, "snapshots", snapshot]);
            about["instances_snapshots"] = json!([url]);
        }
        about
    }

    /// Tells that something has happened to an instance.
    pub(crate) fn tell_instance(&mut self, key: &Named, action: &str, by: By, context: Option<Value>) {
        if self.listeners == 0 {
            return;
        }
        let mut metadata = json!({ "action": action, "source": self.instance_url(key) });
        if !self.is_lxd() {
            metadata["name"] = key.1.clone().into();
            metadata["project"] = key.0.clone().into();
        }
        self.tell(&key.0, metadata, by, context);
    }

    /// Tells that something has happened to what is below an instance; `below` is where that is.
    pub(crate) fn tell_below(
        &mut self,
        key: &Named,
        below: &[&str],
        action: &str,
        by: By,
        context: Option<Value>,
    ) {
        if self.listeners == 0 {
            return;
        }
        let source = self.url_in(&key.0, &[&["instances", &key.1], below].concat());
        self.tell(&key.0, json!({ "action": action, "source": source }), by, context);
    }

    pub(super) fn tell_snapshot(
        &mut self,
        key: &Named,
        snapshot: &str,
        action: &str,
        context: Option<Value>,
    ) {
        self.tell_below(key, &["snapshots", snapshot], action, By::Work, context);
    }

    fn tell(&mut self, project: &str, mut metadata: Value, by: By, context: Option<Value>) {
        if let Some(context) = context {
            metadata["context"] = context;
        }
        if by == By::Client || by == By::Work && !self.is_lxd() {
            metadata["requestor"] = json!({ "username": "root", "protocol": "unix", "address": "@" });
        }
        self.emit("lifecycle", Some(project), &metadata);
    }
}
