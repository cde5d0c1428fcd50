use serde_json::{Map, Value, json};

use super::super::collection::{self, Kind, Place};
use super::super::{body, listing};
use super::volume::VOLUME;
use crate::http::{Answer, Answered, Method, Refusal, Request, check_match};
use crate::world::{Begin, World};

/// How a snapshot is said never to expire.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// Snapshots of volumes; they belong to `pool/volume`.
pub(super) static SNAPSHOT: Kind = Kind {
    id: "volume-snapshots",
    path: |world, of, name| {
        let (pool, volume) = of.split_once('/').unwrap_or_default();
        world.path(&["storage-pools", pool, "volumes", "custom", volume, "snapshots", name])
    },
    action: "storage-volume-snapshot",
    source: |world, it| {
        let (pool, volume) = it.parent.split_once('/').unwrap_or_default();
        let kept = format!("{}_{volume}", it.project);
        world.path(&["storage-pools", pool, "volumes", "custom", &kept, "snapshots", &it.name])
    },
    missing: ["Storage pool volume not found"; 2],
    check_name: |_, _| Ok(()),
    dress: |_, _, _, _, _| {},
    users: |_, _| Vec::new(),
    ..collection::PLAIN
};

/// What is at `/1.0/storage-pools/{pool}/volumes/custom/{volume}/snapshots` and below.
pub(crate) fn snapshot(
    world: &mut World,
    request: &Request,
    pool: &str,
    volume: &str,
    path: &[&str],
) -> Answered {
    if !world.has_pool(pool) {
        return Err(Refusal::new(404, "Storage pool not found"));
    }
    let of = world.place(request, &VOLUME, pool, volume)?;
    let there = world.items(&VOLUME).contains_key(&of);
    if request.method == Method::Get && path.is_empty() && !there && world.is_lxd() {
        return Answer::value(Vec::<Value>::new());
    }
    world.item(&VOLUME, &of, true)?;
    let parent = format!("{pool}/{volume}");
    let at = |name: &str| Place { parent: parent.clone(), name: name.to_owned(), ..of.clone() };
    match (request.method, path) {
        (Method::Get, []) => list(world, request, &of, &parent),
        (Method::Post, []) => create(world, request, &of, &parent),
        (Method::Get, [name]) => {
            let place = at(name);
            world.item(&SNAPSHOT, &place, false)?;
            let value = value(world, &of, &place, false);
            Answer::tagged(value.clone(), &value)
        }
        (Method::Put | Method::Patch, [name]) => change(world, request, &of, at(name)),
        (Method::Post, [name]) => {
            let new = body::text(&body::object(request)?, "name").to_owned();
            let old = at(name);
            let item = world.item(&SNAPSHOT, &old, true)?.clone();
            (VOLUME.check_name)(world, &new)?;
            later(world, request, "Renaming storage volume snapshot", &old, move |world, old| {
                world.drop_item(&SNAPSHOT, old);
                world.keep_item(&SNAPSHOT, Place { name: new, ..old.clone() }, item);
                world.item_event(&SNAPSHOT, "renamed", old, Some(json!({ "old_name": old.name })));
            })
        }
        (Method::Delete, [name]) => {
            let place = at(name);
            world.item(&SNAPSHOT, &place, true)?;
            later(world, request, "Deleting storage volume snapshot", &place, |world, place| {
                world.drop_item(&SNAPSHOT, place);
                world.item_event(&SNAPSHOT, "deleted", place, None);
            })
        }
        _ => Err(Refusal::no_method()),
    }
}

fn value(world: &World, of: &Place, place: &Place, listed: bool) -> Value {
    let Some(it) = world.items(&SNAPSHOT).get(place) else { return Value::Null };
    let kind = world.items(&VOLUME).get(of).map_or(Value::Null, |it| it.more["content_type"].clone());
    let expires = it.more.get("expires_at").cloned();
    let mut value = json!({ "config": it.config, "description": it.description });
    if listed {
        value["name"] = format!("{}/{}", of.name, place.name).into();
        value["content_type"] = "".into();
        value["expires_at"] = expires.unwrap_or_default();
    } else {
        value["name"] = place.name.as_str().into();
        value["content_type"] = kind;
        value["expires_at"] = expires.unwrap_or_else(|| NEVER.into());
    }
    value["created_at"] = world.made_at(it.created).into();
    value
}

fn list(world: &World, request: &Request, of: &Place, parent: &str) -> Answered {
    let here = world.items(&SNAPSHOT).keys().filter(|it| it.project == of.project && it.parent == parent);
    let items = here.map(|it| ((SNAPSHOT.path)(world, parent, &it.name), value(world, of, it, true)));
    listing::unfiltered(request, items)
}

fn create(world: &mut World, request: &Request, of: &Place, parent: &str) -> Answered {
    let object = body::of(request, "StorageVolumeSnapshotsPost")?;
    let mut name = body::text(&object, "name").to_owned();
    let at = |name: &str| Place { parent: parent.to_owned(), name: name.to_owned(), ..of.clone() };
    if name.is_empty() {
        let taken = |name: &String| world.items(&SNAPSHOT).contains_key(&at(name));
        name = (0..).map(|it| format!("snap{it}")).find(|it| !taken(it)).unwrap_or_default();
    }
    if name.contains('/') {
        return Err(Refusal::new(400, "Storage name cannot contain \"/\""));
    }
    let place = at(&name);
    if world.items(&SNAPSHOT).contains_key(&place) {
        return Err(Refusal::new(409, format!("Snapshot \"{name}\" already in use")));
    }
    let mut item = world.item(&VOLUME, of, true)?.clone();
    (item.more, item.created) = (Map::new(), world.time_of_day());
    if let Some(expires) = object.get("expires_at").filter(|it| it.is_string()) {
        item.more.insert("expires_at".into(), expires.clone());
    }
    later(world, request, "Creating storage volume snapshot", &place, move |world, place| {
        world.keep_item(&SNAPSHOT, place.clone(), item);
        world.item_event(&SNAPSHOT, "created", place, Some(json!({ "type": "custom" })));
    })
}

fn change(world: &mut World, request: &Request, of: &Place, place: Place) -> Answered {
    let mut new = world.item(&SNAPSHOT, &place, true)?.clone();
    check_match(request.field("if-match"), &value(world, of, &place, false))?;
    let object = body::of(request, "StorageVolumeSnapshotPut")?;
    let whole = request.method == Method::Put;
    if whole || object.contains_key("description") {
        new.description = body::text(&object, "description").to_owned();
    }
    if let Some(expires) = object.get("expires_at").filter(|it| it.is_string()) {
        new.more.insert("expires_at".into(), expires.clone());
    }
    world.keep_item(&SNAPSHOT, place.clone(), new);
    let path = (SNAPSHOT.path)(world, &place.parent, &place.name);
    world.lifecycle("storage-volume-snapshot-updated", &place.project, &path, None);
    Answer::empty()
}

/// Does something with a snapshot by an operation. LXD tells what it works on in a way of its own.
fn later(
    world: &mut World,
    request: &Request,
    description: &'static str,
    place: &Place,
    work: impl FnOnce(&mut World, &Place) + Send + 'static,
) -> Answered {
    let (pool, volume) = place.parent.split_once('/').unwrap_or_default();
    let creates = description.starts_with("Creating");
    let path = ["storage-pools", pool, "volumes", "custom", volume, "snapshots", &place.name];
    let resources = if world.is_lxd() {
        let kind = if creates { "storage_volumes" } else { "storage_volume_snapshots" };
        json!({ kind: [world.path(&[kind, volume])] })
    } else {
        let mut resources = json!({ "storage_volume_snapshots": [world.url_in(&place.project, &path)] });
        if creates {
            resources["storage_volumes"] = json!([world.url_in(&place.project, &path[..5])]);
        }
        resources
    };
    let (after, place) = (world.short_while() * 3, place.clone());
    world.work(Begin::task(description, request.project(), resources), after, move |world, _| {
        work(world, &place);
        Ok(Map::new())
    })
}
