use serde_json::{Value, json};

use super::super::body;
use crate::api::state::Named;
use crate::http::{Answer, Answered, Refusal, Request, check_match};
use crate::world::World;

/// A name of an image.
#[derive(Debug, Clone)]
pub(crate) struct Alias {
    /// The fingerprint of the image.
    pub(super) target: String,
    pub(super) description: String,
}

impl World {
    fn alias_path(&self, name: &str) -> String {
        self.path(&["images", "aliases", name])
    }

    /// Tells that something happened to an alias.
    pub(super) fn alias_event(&mut self, action: &str, project: &str, name: &str, context: Option<Value>) {
        let path = self.alias_path(name);
        self.lifecycle(action, project, &path, context);
    }

    fn alias_key(&self, request: &Request, name: &str) -> Named {
        (self.home(request.project(), "images").to_owned(), name.to_owned())
    }

    fn alias_value(&self, (project, name): &Named, it: &Alias) -> Value {
        let image = self.state.images.get(&(project.clone(), it.target.clone()));
        let kind = image.map_or("container", |it| it.kind);
        json!({ "name": name, "description": it.description, "target": it.target, "type": kind })
    }

    fn found_alias(&self, key: &Named) -> Result<&Alias, Refusal> {
        self.state.aliases.get(key).ok_or_else(|| Refusal::new(404, "Image alias not found"))
    }
}

/// `GET /1.0/images/aliases`. Neither daemon looks at a filter.
pub(crate) fn list(world: &World, request: &Request) -> Answered {
    let home = world.home(request.project(), "images");
    let items = world.state.aliases.iter().filter(|((project, _), _)| project == home);
    let deep = request.recursion() != 0;
    let items = items
        .map(|(key, it)| if deep { world.alias_value(key, it) } else { world.alias_path(&key.1).into() });
    Answer::value(items.collect::<Vec<Value>>())
}

/// `POST /1.0/images/aliases`.
pub(crate) fn create(world: &mut World, request: &Request) -> Answered {
    let object = body::object(request)?;
    let (name, target) = (body::text(&object, "name"), body::text(&object, "target"));
    if name.is_empty() || target.is_empty() {
        return Err(Refusal::new(400, "name and target are required"));
    }
    let key = world.alias_key(request, name);
    if world.state.aliases.contains_key(&key) {
        return Err(Refusal::new(409, format!("Alias \"{name}\" already exists")));
    }
    let target = world.image(request, target)?.0.1.clone();
    let alias = Alias { target: target.clone(), description: body::text(&object, "description").to_owned() };
    world.state.aliases.insert(key, alias);
    world.alias_event("image-alias-created", request.project(), name, Some(json!({ "target": target })));
    Ok(Answer::Created(world.url_in(request.project(), &["images", "aliases", name])))
}

/// `GET /1.0/images/aliases/{name}`.
pub(crate) fn get(world: &World, request: &Request, name: &str) -> Answered {
    let key = world.alias_key(request, name);
    let alias = world.found_alias(&key)?;
    let image = world.state.images.get(&(key.0.clone(), alias.target.clone()));
    if !world.access(request).covers(request.project()) && !image.is_some_and(|it| it.public) {
        return Err(Refusal::new(404, "Image alias not found"));
    }
    let value = world.alias_value(&key, alias);
    Answer::tagged(value.clone(), &value)
}

/// `PUT /1.0/images/aliases/{name}`.
pub(crate) fn put(world: &mut World, request: &Request, name: &str) -> Answered {
    let key = world.alias_key(request, name);
    let object = body::object(request)?;
    if body::text(&object, "target").is_empty() {
        return Err(Refusal::new(400, "The target field is required"));
    }
    let old = world.found_alias(&key)?;
    check_match(request.field("if-match"), &world.alias_value(&key, old))?;
    let description = body::text(&object, "description").to_owned();
    let target = world.image(request, body::text(&object, "target"))?.0.1.clone();
    store(world, request, key, Alias { target, description })
}

/// `PATCH /1.0/images/aliases/{name}`. LXD stands in its own way: it waits for its database until its time is
/// up.
pub(crate) fn patch(world: &mut World, request: &Request, name: &str) -> Answered {
    let key = world.alias_key(request, name);
    let object = body::object(request)?;
    let old = world.found_alias(&key)?;
    check_match(request.field("if-match"), &world.alias_value(&key, old))?;
    if world.is_lxd() {
        return Err(Refusal::new(500, "context deadline exceeded"));
    }
    let mut new = old.clone();
    if object.contains_key("target") {
        new.target = world.image(request, body::text(&object, "target"))?.0.1.clone();
    }
    if object.contains_key("description") {
        new.description = body::text(&object, "description").to_owned();
    }
    store(world, request, key, new)
}

fn store(world: &mut World, request: &Request, key: Named, new: Alias) -> Answered {
    let (name, target) = (key.1.clone(), json!({ "target": new.target }));
    world.state.aliases.insert(key, new);
    world.alias_event("image-alias-updated", request.project(), &name, Some(target));
    Answer::empty()
}

/// `POST /1.0/images/aliases/{name}`: also to no name at all.
pub(crate) fn rename(world: &mut World, request: &Request, name: &str) -> Answered {
    let object = body::object(request)?;
    let (old, new_name) = (world.alias_key(request, name), body::text(&object, "name"));
    let new = world.alias_key(request, new_name);
    if world.state.aliases.contains_key(&new) {
        return Err(Refusal::new(409, format!("Alias \"{new_name}\" already exists")));
    }
    let alias = world.found_alias(&old)?.clone();
    world.state.aliases.remove(&old);
    world.state.aliases.insert(new, alias);
    world.alias_event("image-alias-renamed", request.project(), new_name, Some(json!({ "old_name": name })));
    Ok(Answer::Created(world.url_in(request.project(), &["images", "aliases", new_name])))
}

/// `DELETE /1.0/images/aliases/{name}`.
pub(crate) fn delete(world: &mut World, request: &Request, name: &str) -> Answered {
    let key = world.alias_key(request, name);
    world.found_alias(&key)?;
    world.state.aliases.remove(&key);
    world.alias_event("image-alias-deleted", request.project(), name, None);
    Answer::empty()
}
