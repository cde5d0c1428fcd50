use serde_json::{Map, Value, json};

use super::tell::By;
use crate::api::state::Named;
use crate::api::{body, content};
use crate::http::{Answer, Answered, Refusal, Request, check_match};
use crate::world::World;

fn key(request: &Request, name: &str) -> Named {
    (request.project().to_owned(), name.to_owned())
}

/// `GET /1.0/instances/{name}/metadata`.
pub(crate) fn get(world: &mut World, request: &Request, name: &str) -> Answered {
    let it = world.instance(request.project(), name)?;
    let (value, none) = (it.metadata.clone(), !it.rooted);
    if none {
        return Answer::value(value);
    }
    world.tell_below(&key(request, name), &["metadata"], "instance-metadata-retrieved", By::Client, None);
    Answer::tagged(value.clone(), &value)
}

/// `PUT /1.0/instances/{name}/metadata`.
pub(crate) fn put(world: &mut World, request: &Request, name: &str) -> Answered {
    change(world, request, name, json!({}))
}

/// `PATCH /1.0/instances/{name}/metadata`.
pub(crate) fn patch(world: &mut World, request: &Request, name: &str) -> Answered {
    let old = world.instance(request.project(), name)?.metadata.clone();
    change(world, request, name, old)
}

fn change(world: &mut World, request: &Request, name: &str, mut new: Value) -> Answered {
    let old = &world.instance(request.project(), name)?.metadata;
    check_match(request.field("if-match"), old)?;
    let object = body::of(request, "ImageMetadata")?;
    merge(&mut new, object);
    world.instance_mut(request.project(), name)?.metadata = whole(&new);
    world.tell_below(&key(request, name), &["metadata"], "instance-metadata-updated", By::Client, None);
    Answer::empty()
}

/// What is an object in both is merged.
fn merge(into: &mut Value, from: Map<String, Value>) {
    for (name, value) in from {
        match (into.get_mut(&name).filter(|it| it.is_object()), value) {
            (Some(inner), Value::Object(value)) => merge(inner, value),
            (_, value) => into[name] = value,
        }
    }
}

/// Metadata with all members.
pub(super) fn whole(new: &Value) -> Value {
    let or = |name: &str, default: Value| new.get(name).cloned().unwrap_or(default);
    let mut templates = or("templates", Value::Null);
    for it in templates.as_object_mut().into_iter().flat_map(|it| it.values_mut()) {
        let get = |name: &str, default: Value| it.get(name).cloned().unwrap_or(default);
        *it = json!({
            "when": get("when", Value::Null),
            "create_only": get("create_only", false.into()),
            "template": get("template", "".into()),
            "properties": get("properties", json!({})),
        });
    }
    json!({
        "architecture": or("architecture", "".into()),
        "creation_date": or("creation_date", 0.into()),
        "expiry_date": or("expiry_date", 0.into()),
        "properties": or("properties", Value::Null),
        "templates": templates,
    })
}

fn no_template(path: &str) -> Refusal {
    Refusal::new(404, format!("Template \"{path}\" not found"))
}

fn path(request: &Request) -> Result<&str, Refusal> {
    match request.text("path") {
        "" => Err(Refusal::new(400, "missing path argument")),
        path => Ok(path),
    }
}

fn tell(world: &mut World, request: &Request, name: &str, what: &str, path: &str) {
    let action = format!("instance-metadata-template-{what}");
    world.tell_below(
        &key(request, name),
        &["metadata", "templates"],
        &action,
        By::Client,
        Some(json!({ "path": path })),
    );
}

/// `GET /1.0/instances/{name}/metadata/templates`: their names, or one of them.
pub(crate) fn template(world: &mut World, request: &Request, name: &str) -> Answered {
    let it = world.instance(request.project(), name)?;
    let Ok(path) = path(request) else {
        return Answer::value(it.templates.keys().cloned().collect::<Vec<_>>());
    };
    let (bytes, modified) = it.templates.get(path).cloned().ok_or_else(|| no_template(path))?;
    tell(world, request, name, "retrieved", path);
    let name = format!("inline;filename={path}").into_bytes();
    let fields = vec![("Content-Disposition".to_owned(), name)];
    Ok(Answer::Bytes(content::serve(request, fields, vec![bytes], modified)))
}

/// `POST /1.0/instances/{name}/metadata/templates`.
pub(crate) fn put_template(world: &mut World, request: &Request, name: &str) -> Answered {
    world.instance(request.project(), name)?;
    let path = path(request)?;
    if path.contains('/') {
        return Err(Refusal::new(500, "Invalid template filename"));
    }
    let template = (request.body.clone(), world.time_of_day());
    world.instance_mut(request.project(), name)?.templates.insert(path.to_owned(), template);
    tell(world, request, name, "created", path);
    Answer::empty()
}

/// `DELETE /1.0/instances/{name}/metadata/templates`.
pub(crate) fn delete_template(world: &mut World, request: &Request, name: &str) -> Answered {
    world.instance(request.project(), name)?;
    let path = path(request)?;
    let removed = world.instance_mut(request.project(), name)?.templates.remove(path);
    removed.ok_or_else(|| no_template(path))?;
    tell(world, request, name, "deleted", path);
    Answer::empty()
}
