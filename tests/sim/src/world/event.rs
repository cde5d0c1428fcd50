use serde_json::{Value, json};

use super::World;

/// Something that listeners are told.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// `lifecycle`, `operation` or `logging`.
    pub(crate) kind: &'static str,
    /// None is for everybody.
    pub(crate) project: Option<String>,
    /// The whole message, as JSON.
    pub(crate) text: String,
}

impl World {
    /// Tells listeners something. Each is told by a task of its own at the daemons, so of two things at the
    /// same time the later one may be told first.
    pub(crate) fn emit(&mut self, kind: &'static str, project: Option<&str>, metadata: &Value) {
        if self.listeners == 0 {
            return;
        }
        let mut event =
            json!({ "type": kind, "timestamp": self.time(), "metadata": metadata, "location": "none" });
        if let Some(project) = project {
            event["project"] = project.into();
        }
        let event = Event { kind, project: project.map(str::to_owned), text: format!("{event}\n") };
        if kind == "operation" && self.is_lxd() && self.chance.draw().is_multiple_of(8) {
            let late = self.short_while();
            self.later(late, |world| {
                world.told.push(event);
                super::Step::Done
            });
        } else {
            self.told.push(event);
        }
    }

    /// Tells that something has happened to `source`, a path without project.
    pub(crate) fn lifecycle(&mut self, action: &str, project: &str, source: &str, context: Option<Value>) {
        if self.listeners == 0 {
            return;
        }
        let in_project = if project == "default" { String::new() } else { format!("?project={project}") };
        self.lifecycle_of(action, project, format!("{source}{in_project}"), context);
    }

    /// The same, with the URL as it is told.
    pub(crate) fn lifecycle_of(
        &mut self,
        action: &str,
        project: &str,
        source: String,
        context: Option<Value>,
    ) {
        if self.listeners == 0 {
            return;
        }
        let mut metadata = json!({
            "action": action,
            "source": source,
            "requestor": { "username": "root", "protocol": "unix", "address": "@" },
        });
        if let Some(context) = context {
            metadata["context"] = context;
        }
        // Incus names instances, and nothing else.
        let path = source.split('?').next().unwrap_or_default();
        if let Some(name) =
            path.strip_prefix("/1.0/instances/").filter(|it| !self.is_lxd() && !it.contains('/'))
        {
            metadata["name"] = name.into();
            metadata["project"] = project.into();
        }
        self.emit("lifecycle", Some(project), &metadata);
    }

    /// Writes a line of the log.
    pub(crate) fn log(&mut self, level: &str, message: &str, context: Value) {
        if self.listeners > 0 {
            self.emit("logging", None, &json!({ "message": message, "level": level, "context": context }));
        }
    }
}
