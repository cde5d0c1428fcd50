use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::body::{self, Config};
use super::keys::{Bad, PROJECT};
use super::listing;
use super::networks::{ACL, NETWORK, ZONE};
use super::profiles::Profile;
use super::storage::VOLUME;
use crate::Setup;
use crate::http::{Answer, Answered, Refusal, Request, check_match};
use crate::world::{Begin, Ending, World};

/// A project.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    pub(crate) description: String,
    pub(crate) config: Config,
}

/// The kinds of resources that a project may keep for itself; whether new ones do; whether Incus alone has it.
const FEATURES: [(&str, bool, bool); 6] = [
    ("features.images", true, false),
    ("features.networks", false, false),
    ("features.networks.zones", false, true),
    ("features.profiles", true, false),
    ("features.storage.buckets", true, true),
    ("features.storage.volumes", true, false),
];

fn features(setup: &Setup, all: bool) -> Config {
    let is_lxd = setup.flavour == lxio_core::call::Flavour::Lxd;
    let wanted = FEATURES.iter().filter(|(_, new, incus)| (all || *new) && !(is_lxd && *incus));
    wanted.map(|(name, ..)| ((*name).to_owned(), "true".to_owned())).collect()
}

impl Project {
    /// The one that is there from the start.
    pub(crate) fn first(setup: &Setup) -> Self {
        let of = if setup.flavour == lxio_core::call::Flavour::Lxd { "LXD" } else { "Incus" };
        Self { description: format!("Default {of} project"), config: features(setup, true) }
    }

    fn has(&self, feature: &str) -> bool {
        self.config.get(feature).is_some_and(|it| it == "true")
    }

    fn writable(&self) -> Value {
        json!({ "description": self.description, "config": self.config })
    }
}

impl World {
    /// The project in which `project` keeps a kind of resource: itself, or the default one.
    pub(crate) fn home<'a>(&self, project: &'a str, feature: &str) -> &'a str {
        let own = self.state.projects.get(project);
        if own.is_some_and(|it| it.has(&format!("features.{feature}"))) { project } else { "default" }
    }

    /// The same, where a project must be there.
    pub(crate) fn home_checked<'a>(&self, project: &'a str, feature: &str) -> Result<&'a str, Refusal> {
        if self.state.projects.contains_key(project) {
            return Ok(self.home(project, feature));
        }
        Err(Refusal::new(404, format!("Failed loading project \"{project}\": Project not found")))
    }

    /// What is in a project, as URLs.
    fn used_by(&self, project: &str) -> Vec<String> {
        let mut urls = BTreeSet::new();
        let mut add = |segments: &[&str]| urls.insert(self.url_in(project, segments));
        for name in self.state.instances.keys().filter(|it| it.0 == project) {
            add(&["instances", &name.1]);
        }
        for name in self.state.profiles.keys().filter(|it| it.0 == project) {
            add(&["profiles", &name.1]);
        }
        for name in self.state.images.keys().filter(|it| it.0 == project) {
            add(&["images", &name.1]);
        }
        for (kind, segment) in [(&NETWORK, "networks"), (&ACL, "network-acls"), (&ZONE, "network-zones")] {
            for place in self.items(kind).keys().filter(|it| it.project == project) {
                urls.insert(self.url_in(project, &[segment, &place.name]));
            }
        }
        for place in self.items(&VOLUME).keys().filter(|it| it.project == project) {
            let path = ["storage-pools", &place.parent, "volumes", "custom", &place.name];
            urls.insert(self.url_in(project, &path));
        }
        urls.into_iter().collect()
    }

    /// Whether nothing is in a project but the profile that came with it.
    fn is_empty_project(&self, project: &str) -> bool {
        let profile = self.url_in(project, &["profiles", "default"]);
        self.used_by(project).iter().all(|it| *it == profile)
    }

    fn found_project(&self, name: &str) -> Result<&Project, Refusal> {
        self.state.projects.get(name).ok_or_else(|| Refusal::new(404, "Project not found"))
    }

    fn project_value(&self, name: &str, it: &Project) -> Value {
        let mut value = it.writable();
        value["name"] = name.into();
        value["used_by"] = self.used_by(name).into();
        value
    }

    fn check_project(&self, config: &Config) -> Result<(), Refusal> {
        for (key, value) in config.iter().filter(|(key, _)| !key.starts_with("user.")) {
            let bad = |why: String| {
                Err(Refusal::new(400, format!("Invalid project configuration key \"{key}\"{why}")))
            };
            match PROJECT.check(self.setup.flavour, key, value) {
                Ok(()) => {}
                Err(Bad::Key) => return bad(String::new()),
                Err(Bad::Value(why)) => return bad(format!(" value: {why}")),
            }
        }
        Ok(())
    }
}

fn check_name(name: &str) -> Result<(), String> {
    for (bad, what) in
        [("/", "slashes"), (" ", "spaces"), ("_", "underscores"), ("'", "quotes"), ("\"", "quotes")]
    {
        if name.contains(bad) {
            return Err(format!("Project names may not contain {what}"));
        }
    }
    match name {
        "" => Err("No name provided".into()),
        "*" => Err("Reserved project name".into()),
        "." | ".." => Err(format!("Invalid project name \"{name}\"")),
        _ => Ok(()),
    }
}

/// `GET /1.0/projects`. LXD does not look at a filter.
pub(crate) fn list(world: &World, request: &Request) -> Answered {
    let access = world.access(request);
    let items = world.state.projects.iter().filter(|(name, _)| access.covers(name));
    let items = items.map(|(name, it)| (world.path(&["projects", name]), world.project_value(name, it)));
    if world.is_lxd() { listing::unfiltered(request, items) } else { listing::list(world, request, items) }
}

/// `POST /1.0/projects`.
pub(crate) fn create(world: &mut World, request: &Request) -> Answered {
    let object = body::of(request, "ProjectsPost")?;
    body::check(&object, "ProjectsPost")?;
    let name = body::text(&object, "name");
    check_name(name).map_err(|why| Refusal::new(400, why))?;
    let mut config = features(&world.setup, false);
    config.extend(body::config(object.get("config")));
    world.check_project(&config)?;
    if world.state.projects.contains_key(name) {
        let (code, why) = world.either(
            (409, "This \"projects\" entry already exists"),
            (500, "Failed to create \"projects\" entry: UNIQUE constraint failed: projects.name"),
        );
        let text = format!("Failed creating project \"{name}\": Failed adding database record: {why}");
        return Err(Refusal::new(code, text));
    }
    let project = Project { description: body::text(&object, "description").to_owned(), config };
    world.state.projects.insert(name.to_owned(), project);
    keep_profile(world, name);
    let path = world.path(&["projects", name]);
    told(world, "project-created", name, None);
    Ok(Answer::Created(path))
}

/// A project with profiles of its own has a default one.
fn keep_profile(world: &mut World, project: &str) {
    let key = (project.to_owned(), "default".to_owned());
    if world.home(project, "profiles") == project {
        let of = world.either("LXD", "Incus");
        let description = format!("Default {of} profile for project {project}");
        world.state.profiles.entry(key).or_insert(Profile { description, ..Profile::default() });
    } else {
        world.state.profiles.remove(&key);
    }
}

/// Tells that something happened to a project, in itself.
fn told(world: &mut World, action: &str, name: &str, context: Option<Value>) {
    let path = world.path(&["projects", name]);
    world.lifecycle_of(action, name, path, context);
}

/// `GET /1.0/projects/{name}`.
pub(crate) fn get(world: &World, name: &str) -> Answered {
    let project = world.found_project(name)?;
    Answer::tagged(world.project_value(name, project), &project.writable())
}

/// `PUT /1.0/projects/{name}`.
pub(crate) fn put(world: &mut World, request: &Request, name: &str) -> Answered {
    let old = world.found_project(name)?;
    check_match(request.field("if-match"), &old.writable())?;
    let object = body::of(request, "ProjectPut")?;
    body::check(&object, "ProjectPut")?;
    let description = body::text(&object, "description").to_owned();
    store(world, name, Project { description, config: body::config(object.get("config")) })
}

/// `PATCH /1.0/projects/{name}`: a configuration that is given takes the place of the old one.
pub(crate) fn patch(world: &mut World, request: &Request, name: &str) -> Answered {
    let old = world.found_project(name)?;
    check_match(request.field("if-match"), &old.writable())?;
    let object = body::of(request, "ProjectPut")?;
    body::check(&object, "ProjectPut")?;
    let mut new = old.clone();
    if object.contains_key("description") {
        new.description = body::text(&object, "description").to_owned();
    }
    if let Some(config) = object.get("config") {
        new.config = body::config(Some(config));
    }
    store(world, name, new)
}

/// Both daemons tell of the change before they look at it.
fn store(world: &mut World, name: &str, mut new: Project) -> Answered {
    told(world, "project-updated", name, None);
    let old = world.found_project(name)?;
    let changed = |key: &str| {
        old.config.get(key).map_or("", String::as_str) != new.config.get(key).map_or("", String::as_str)
    };
    let changed: Vec<_> = FEATURES.iter().map(|it| it.0).filter(|it| changed(it)).collect();
    if name == "default" && !changed.is_empty() {
        return Err(Refusal::new(400, "You can't change the features of the default project"));
    }
    if !world.is_empty_project(name)
        && let Some(feature) = changed.iter().find(|it| old.has(it) || **it != "features.networks.zones")
    {
        let what = if old.has(feature) { "disabled" } else { "enabled" };
        let text = format!("Project feature \"{feature}\" cannot be {what} on non-empty projects");
        return Err(Refusal::new(400, text));
    }
    world.check_project(&new.config)?;
    new.config.retain(|_, value| !value.is_empty());
    world.state.projects.insert(name.to_owned(), new);
    keep_profile(world, name);
    Answer::empty()
}

/// `POST /1.0/projects/{name}`.
pub(crate) fn rename(world: &mut World, request: &Request, name: &str) -> Answered {
    if name == "default" {
        return Err(Refusal::new(403, "The 'default' project cannot be renamed"));
    }
    let (old, new) = (name.to_owned(), body::text(&body::object(request)?, "name").to_owned());
    let begin = Begin::task("Renaming project", request.project(), world.either(Value::Null, json!({})));
    let after = world.short_while();
    world.work(begin, after, move |world, _| {
        if world.state.projects.contains_key(&new) {
            return Err(Ending::new(format!("A project named \"{new}\" already exists")));
        }
        let gone = || Ending::new(format!("Failed loading project \"{old}\": Project not found")).code(404);
        let project = world.state.projects.get(&old).cloned().ok_or_else(gone)?;
        if !world.is_empty_project(&old) {
            return Err(Ending::new("Only empty projects can be renamed"));
        }
        check_name(&new).map_err(Ending::new)?;
        world.state.projects.remove(&old);
        world.state.projects.insert(new.clone(), project);
        if let Some(profile) = world.state.profiles.remove(&(old.clone(), "default".to_owned())) {
            world.state.profiles.insert((new.clone(), "default".to_owned()), profile);
        }
        told(world, "project-renamed", &new, Some(json!({ "old_name": old })));
        Ok(Map::new())
    })
}

/// `DELETE /1.0/projects/{name}`.
pub(crate) fn delete(world: &mut World, name: &str) -> Answered {
    if name == "default" {
        return Err(Refusal::new(403, "The 'default' project cannot be deleted"));
    }
    if !world.state.projects.contains_key(name) {
        return Err(Refusal::new(404, format!("Fetch project \"{name}\": Project not found")));
    }
    if !world.is_empty_project(name) {
        let text = world.either("Only empty projects can be removed", "Only empty projects can be removed.");
        return Err(Refusal::new(500, text));
    }
    world.state.projects.remove(name);
    world.state.profiles.remove(&(name.to_owned(), "default".to_owned()));
    told(world, "project-deleted", name, None);
    Answer::empty()
}

/// `GET /1.0/projects/{name}/state`: what is used, and what may be. Nothing is limited here.
pub(crate) fn state(world: &World, name: &str) -> Answered {
    if !world.state.projects.contains_key(name) {
        return Err(Refusal::new(404, "Fetch project database object: Project not found"));
    }
    let project = &world.state.projects[name];
    let instances = world.state.instances.keys().filter(|it| it.0 == name).count();
    let used = |what: &str| if ["containers", "instances"].contains(&what) { instances } else { 0 };
    let limit = |what: &str| {
        project.config.get(&format!("limits.{what}")).and_then(|it| it.parse().ok()).unwrap_or(-1_i64)
    };
    let kinds =
        ["containers", "cpu", "disk", "instances", "memory", "networks", "processes", "virtual-machines"];
    let resources = kinds.map(|it| (it.to_owned(), json!({ "Limit": limit(it), "Usage": used(it) })));
    Answer::value(json!({ "resources": Map::from_iter(resources) }))
}

/// `GET /1.0/projects/{name}/access`: nobody in particular.
pub(crate) fn access(world: &World, name: &str) -> Answered {
    world.found_project(name)?;
    Answer::value(Value::Null)
}
