use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::super::collection::{self, Item, Kind, Place};
use super::super::{body, listing};
use super::snapshots::SNAPSHOT;
use crate::http::{Answer, Answered, Method, Refusal, Request, check_match};
use crate::world::{Begin, Ending, World};

/// A client's own volumes; they belong to a pool.
pub(crate) static VOLUME: Kind = Kind {
    id: "volumes",
    path: |world, pool, name| world.path(&["storage-pools", pool, "volumes", "custom", name]),
    feature: Some("storage.volumes"),
    action: "storage-volume",
    key: "name",
    lists: &[],
    fixed: &["content_type"],
    missing: ["Storage pool volume not found"; 2],
    in_use: "The storage volume is still in use",
    taken: |_, _, _| Refusal::new(409, "Volume by that name already exists"),
    check_name: |_, name| match name {
        "" => Err(Refusal::new(400, "No name provided")),
        _ if name.contains('/') => Err(Refusal::new(400, "Storage volume names may not contain slashes")),
        _ => Ok(()),
    },
    check,
    base: |_, _, old| old.config.clone(),
    renamed: "No name provided",
    told_first: false,
    keeps: false,
    // Events name it as it is kept.
    source: |world, it| {
        world.path(&[
            "storage-pools",
            &it.parent,
            "volumes",
            "custom",
            &format!("{}_{}", it.project, it.name),
        ])
    },
    dress: |world, place, it, value, _| {
        value["used_by"] = world.volume_users(&place.project, &place.parent, &place.name).into();
        placed(world, &place.project, "custom", it.created, value);
    },
    users: |world, place| world.volume_users(&place.project, &place.parent, &place.name),
};

impl World {
    /// When something was made, as volumes tell it.
    pub(super) fn made_at(&self, created: Timestamp) -> String {
        self.either("0001-01-01T00:00:00Z".to_owned(), created.to_string())
    }
}

/// What all volumes have. LXD does not keep when they were made.
fn placed(world: &World, project: &str, kind: &str, created: Timestamp, value: &mut Value) {
    value["type"] = kind.into();
    value["location"] = "none".into();
    value["project"] = project.into();
    value["created_at"] = world.made_at(created).into();
}

fn check(world: &mut World, place: &Place, item: &mut Item, old: Option<&Item>) -> Result<(), Refusal> {
    if item.more["content_type"] == "" {
        item.more.insert("content_type".into(), "filesystem".into());
    }
    let known = ["block.", "security.", "size", "snapshots.", "user.", "volatile."];
    if let Some(odd) = item.config.keys().find(|key| !known.iter().any(|it| key.starts_with(it))) {
        let kept = format!("{}_{}", place.project, place.name);
        let name = if old.is_none() && !world.is_lxd() { &place.name } else { &kept };
        let text = format!("Invalid option for volume \"{name}\" option \"{odd}\"");
        return Err(Refusal::new(500, text));
    }
    Ok(())
}

const KINDS: [&str; 4] = ["container", "virtual-machine", "custom", "image"];

/// What is below `/1.0/storage-pools/{pool}/volumes`, without snapshots.
pub(crate) fn volume(world: &mut World, request: &Request, pool: &str, path: &[&str]) -> Answered {
    if let Some(kind) = path.first().filter(|it| !KINDS.contains(it)) {
        return match request.method {
            Method::Get if path.len() == 1 => Err(Refusal::new(400, "Invalid storage volume type name")),
            _ => Err(Refusal::new(400, format!("Invalid storage volume type \"{kind}\""))),
        };
    }
    match (request.method, path) {
        (Method::Post, [] | [_]) => return create(world, request, pool, path.first().copied()),
        (Method::Post, ["custom", name]) => return rename(world, request, pool, name),
        _ if !world.has_pool(pool) => return Err(Refusal::new(404, "Storage pool not found")),
        _ => {}
    }
    match (request.method, path) {
        (Method::Get, []) => list(world, request, pool, None),
        (Method::Get, [kind]) => list(world, request, pool, Some(kind)),
        (Method::Get, ["custom", name]) => collection::get(world, request, &VOLUME, pool, name),
        (Method::Put, ["custom", name]) => put(world, request, pool, name),
        (Method::Patch, ["custom", name]) => collection::change(world, request, &VOLUME, pool, name, true),
        (Method::Delete, ["custom", name]) => delete(world, request, pool, name),
        (Method::Get, ["custom", name, "state"]) => state(world, request, pool, name),
        (_, ["custom", name, "backups", ..]) => {
            let place = world.place(request, &VOLUME, pool, name)?;
            world.item(&VOLUME, &place, true)?;
            Err(Refusal::no_method())
        }
        (Method::Get, [kind, name]) => {
            let all = of_instances(world, request, pool);
            let found = all.into_iter().find(|(of, it, _)| of == kind && it["name"] == *name);
            let (_, value, _) = found.ok_or_else(|| Refusal::new(404, "Storage pool volume not found"))?;
            Answer::tagged(value.clone(), &value)
        }
        _ => Err(Refusal::no_method()),
    }
}

/// The volumes of instances in a pool: their kind, object, URL.
fn of_instances(world: &World, request: &Request, pool: &str) -> Vec<(&'static str, Value, String)> {
    let project = request.project();
    let in_pool = |it: &super::super::instances::Instance| {
        let devices = super::super::instances::expanded(world, project, &it.settings).1;
        devices.values().any(|it| {
            let is = |key: &str, wanted: &str| it.get(key).is_some_and(|it| it == wanted);
            is("path", "/") && is("pool", pool)
        })
    };
    let mut all = Vec::new();
    for ((_, name), it) in world.state.instances.iter().filter(|((at, _), it)| at == project && in_pool(it)) {
        let volume = |name: String, created: Timestamp, used: String| {
            let mut value = json!({
                "config": {}, "content_type": "filesystem", "description": "", "name": name, "used_by": [used],
            });
            placed(world, project, "container", created, &mut value);
            value
        };
        let path = ["storage-pools", pool, "volumes", "container", name];
        let own = volume(name.clone(), it.created, world.url_in(project, &["instances", name]));
        all.push(("container", own, world.url_in(project, &path)));
        for snapshot in &it.snapshots {
            let used = world.url_in(project, &["instances", name, "snapshots", &snapshot.name]);
            let value = volume(format!("{name}/{}", snapshot.name), snapshot.created, used);
            let url = world.url_in(project, &[&path[..], &["snapshots", &snapshot.name]].concat());
            all.push(("container", value, url));
        }
    }
    all
}

/// All volumes, or those of a kind, with their snapshots among them.
fn list(world: &World, request: &Request, pool: &str, kind: Option<&str>) -> Answered {
    let project = world.home_checked(request.project(), "storage.volumes")?;
    let mut items = Vec::new();
    if kind.is_none_or(|it| it == "custom") {
        for (place, it) in
            world.items(&VOLUME).iter().filter(|(it, _)| it.project == project && it.parent == pool)
        {
            let value = world.item_value(&VOLUME, place, it, true);
            items.push((
                world.url_in(project, &["storage-pools", pool, "volumes", "custom", &place.name]),
                value,
            ));
            let of = format!("{pool}/{}", place.name);
            for (at, snapshot) in
                world.items(&SNAPSHOT).iter().filter(|(it, _)| it.project == project && it.parent == of)
            {
                let mut value = json!({
                    "config": snapshot.config,
                    "content_type": it.more["content_type"],
                    "description": snapshot.description,
                    "name": format!("{}/{}", place.name, at.name),
                    "used_by": [],
                });
                placed(world, project, "custom", snapshot.created, &mut value);
                let path = ["storage-pools", pool, "volumes", "custom", &place.name, "snapshots", &at.name];
                items.push((world.url_in(project, &path), value));
            }
        }
    }
    let of_instances =
        of_instances(world, request, pool).into_iter().filter(|it| kind.is_none_or(|kind| kind == it.0));
    items.extend(of_instances.map(|(_, value, url)| (url, value)));
    listing::list(world, request, items).map_err(|it| Refusal { code: 500, ..it })
}

fn create(world: &mut World, request: &Request, pool: &str, kind: Option<&str>) -> Answered {
    let object = body::of(request, "StorageVolumesPost")?;
    body::check(&object, "StorageVolumesPost")?;
    let kind = kind.unwrap_or_else(|| body::text(&object, "type"));
    (VOLUME.check_name)(world, body::text(&object, "name"))?;
    if kind.is_empty() && world.is_lxd() {
        return Err(Refusal::new(400, "You must provide a storage volume type of the storage volume"));
    }
    if kind != "custom" {
        let text = format!("Currently not allowed to create storage volumes of type \"{kind}\"");
        return Err(Refusal::new(400, text));
    }
    if !["", "filesystem", "block"].contains(&body::text(&object, "content_type")) {
        return Err(Refusal::new(400, "Invalid volume content type name"));
    }
    if !world.has_pool(pool) {
        return Err(Refusal::new(404, "Storage pool not found"));
    }
    let project = world.home_checked(request.project(), "storage.volumes")?.to_owned();
    let place = Place { project, parent: pool.to_owned(), name: body::text(&object, "name").to_owned() };
    if world.items(&VOLUME).contains_key(&place) {
        return Err((VOLUME.taken)(world, &place.name, false));
    }
    let mut item = collection::written(world, &VOLUME, &object);
    let source = object.get("source").and_then(Value::as_object).cloned().unwrap_or_default();
    match body::text(&source, "type") {
        "" => {
            check(world, &place, &mut item, None)?;
            keep(world, place, item);
            Answer::empty()
        }
        "copy" => {
            let begin = Begin::task(
                "Copying storage volume",
                request.project(),
                world.either(Value::Null, json!({})),
            );
            let after = world.short_while() * 5;
            world.work(begin, after, move |world, _| copy(world, place, item, &source))
        }
        _ => Err(Refusal::no_method()),
    }
}

fn keep(world: &mut World, place: Place, item: Item) {
    world.keep_item(&VOLUME, place.clone(), item);
    world.item_event(&VOLUME, "created", &place, Some(json!({ "type": "custom" })));
}

fn copy(
    world: &mut World,
    place: Place,
    mut item: Item,
    source: &Map<String, Value>,
) -> crate::world::Outcome {
    let pool =
        Some(body::text(source, "pool")).filter(|it| !it.is_empty()).unwrap_or(&place.parent).to_owned();
    let from = Place { parent: pool.clone(), name: body::text(source, "name").to_owned(), ..place.clone() };
    let Some(old) = world.items(&VOLUME).get(&from) else {
        let text = missing(&from.project, &pool, &from.name);
        return Err(Ending::new(format!("Failed generating volume copy config: {text}")).code(404));
    };
    item.more.clone_from(&old.more);
    if item.config.is_empty() {
        item.config.clone_from(&old.config);
    }
    if item.description.is_empty() {
        item.description.clone_from(&old.description);
    }
    keep(world, place, item);
    Ok(Map::new())
}

/// How a volume is said not to be there, by whoever looks for it in its pool.
fn missing(project: &str, pool: &str, name: &str) -> String {
    format!(
        "Storage volume \"{name}\" in project \"{project}\" of type \"custom\" does not exist on pool \"{pool}\": \
         Storage volume not found"
    )
}

fn put(world: &mut World, request: &Request, pool: &str, name: &str) -> Answered {
    let object = body::object(request)?;
    let snapshot = body::text(&object, "restore").to_owned();
    if snapshot.is_empty() {
        return collection::change(world, request, &VOLUME, pool, name, false);
    }
    let place = world.place(request, &VOLUME, pool, name)?;
    let old = world.item(&VOLUME, &place, true)?;
    check_match(request.field("if-match"), &collection::writable(old))?;
    let at = Place { parent: format!("{pool}/{name}"), name: snapshot, ..place.clone() };
    if !world.items(&SNAPSHOT).contains_key(&at) {
        return Err(Refusal::new(500, "Snapshot not found"));
    }
    world.item_event(&VOLUME, "restored", &place, Some(json!({ "snapshot": at.name })));
    Answer::empty()
}

fn rename(world: &mut World, request: &Request, pool: &str, name: &str) -> Answered {
    let object = body::object(request)?;
    (VOLUME.check_name)(world, body::text(&object, "name"))?;
    if !world.has_pool(pool) {
        return Err(Refusal::new(404, "Storage pool not found"));
    }
    let target = body::text(&object, "pool");
    if !target.is_empty() && !world.has_pool(target) {
        return Err(Refusal::new(404, "Storage pool not found"));
    }
    if body::flag(&object, "migration") || !target.is_empty() {
        return Err(Refusal::no_method());
    }
    let project = world.home_checked(request.project(), "storage.volumes")?.to_owned();
    let answer = collection::rename(world, request, &VOLUME, pool, name)?;
    let (old, new) = (format!("{pool}/{name}"), format!("{pool}/{}", body::text(&object, "name")));
    world.move_items(&SNAPSHOT, &project, &old, &new);
    Ok(answer)
}

fn delete(world: &mut World, request: &Request, pool: &str, name: &str) -> Answered {
    let place = world.place(request, &VOLUME, pool, name)?;
    let answer = collection::delete(world, request, &VOLUME, pool, name)?;
    let of = format!("{pool}/{name}");
    let snapshots = world.items(&SNAPSHOT).keys().filter(|it| it.project == place.project && it.parent == of);
    for snapshot in snapshots.cloned().collect::<Vec<_>>() {
        world.drop_item(&SNAPSHOT, &snapshot);
        world.item_event(&SNAPSHOT, "deleted", &snapshot, None);
    }
    Ok(answer)
}

/// The driver does not count what is used.
fn state(world: &World, request: &Request, pool: &str, name: &str) -> Answered {
    let place = world.place(request, &VOLUME, pool, name)?;
    if !world.items(&VOLUME).contains_key(&place) {
        return Err(Refusal::new(404, missing(&place.project, pool, name)));
    }
    if world.is_lxd() {
        return Err(Refusal::new(500, "Not supported"));
    }
    Answer::value(json!({ "usage": Value::Null }))
}
