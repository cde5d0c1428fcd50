use serde_json::{Value, json};

use super::body::Config;
use super::listing;
use crate::Setup;
use crate::http::{Answered, Request};
use crate::world::World;

/// A project.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    pub(crate) description: String,
    pub(crate) config: Config,
}

impl Project {
    /// The one that is there from the start.
    pub(crate) fn first(setup: &Setup) -> Self {
        let _ = setup;
        let features =
            ["images", "networks", "networks.zones", "profiles", "storage.buckets", "storage.volumes"];
        let config = features.iter().map(|it| (format!("features.{it}"), "true".to_owned())).collect();
        Self { description: "Default project".into(), config }
    }
}

impl World {
    /// The project in which `project` keeps a kind of resource: itself, or the default one.
    pub(crate) fn home<'a>(&self, project: &'a str, feature: &str) -> &'a str {
        let own =
            self.state.projects.get(project).and_then(|it| it.config.get(&format!("features.{feature}")));
        if own.is_some_and(|it| it == "true") { project } else { "default" }
    }
}

fn value(name: &str, it: &Project) -> Value {
    json!({ "name": name, "description": it.description, "config": it.config, "used_by": [] })
}

/// `GET /1.0/projects`.
pub(crate) fn list(world: &World, request: &Request) -> Answered {
    let items =
        world.state.projects.iter().map(|(name, it)| (format!("/1.0/projects/{name}"), value(name, it)));
    listing::list(world, request, items)
}
