use lxio_core::call::Flavour;
use serde_json::{Value, json};

use super::super::collection::{self, Item, Items, Kind, Place, refused};
use crate::Setup;
use crate::http::{Answer, Answered, Refusal, Request};
use crate::world::World;

/// Storage pools.
pub(crate) static POOL: Kind = Kind {
    id: "storage-pools",
    path: |world, _, name| world.path(&["storage-pools", name]),
    feature: None,
    action: "storage-pool",
    key: "name",
    lists: &[],
    fixed: &["driver"],
    missing: ["Storage pool not found"; 2],
    in_use: "The storage pool is currently in use",
    taken: |_, _, _| Refusal::new(409, "The storage pool already exists: The record already exists"),
    check_name: |_, name| match name {
        "" => Err(Refusal::new(400, "No name provided")),
        _ if name.contains('/') => Err(Refusal::new(400, "Storage pool names may not contain slashes")),
        _ => Ok(()),
    },
    check,
    base: |_, _, old| old.config.clone(),
    renamed: "",
    told_first: true,
    keeps: false,
    source: |world, place| world.path(&["storage-pools", &place.name]),
    dress: |world, place, _, value, _| {
        value["status"] = "Created".into();
        value["locations"] = json!(["none"]);
        let users = world.pool_users(&place.name);
        value["used_by"] = if users.is_empty() && world.is_lxd() { Value::Null } else { users.into() };
    },
    users: |world, place| world.pool_users(&place.name),
};

/// The pool that is there from the start.
pub(crate) fn first(setup: &Setup) -> Items {
    let place = Place { project: "default".into(), parent: String::new(), name: "default".into() };
    let mut item = Item::default();
    item.more.insert("driver".into(), "dir".into());
    item.config.insert("source".into(), source(setup, "default"));
    Items::from([(place, item)])
}

/// Where a pool is kept, if nobody says where.
fn source(setup: &Setup, name: &str) -> String {
    let usual = if setup.flavour == Flavour::Lxd { "/var/lib/lxd" } else { "/var/lib/incus" };
    format!("{}/storage-pools/{name}", setup.directory.as_deref().unwrap_or(usual))
}

fn check(world: &mut World, place: &Place, item: &mut Item, old: Option<&Item>) -> Result<(), Refusal> {
    match item.more["driver"].as_str().unwrap_or_default() {
        "dir" => {}
        "" => return Err(Refusal::new(400, "No driver provided")),
        _ => return Err(Refusal::new(500, "Unknown driver")),
    }
    let known = ["rsync.bwlimit", "rsync.compression", "size", "source"];
    let fits = |key: &str| key.starts_with("user.") || key.starts_with("volume.") || known.contains(&key);
    if let Some(odd) = item.config.keys().find(|it| !fits(it)) {
        return refused(old, [500, 400], format!("Invalid option \"{odd}\""));
    }
    match old {
        None => {
            item.config.entry("source".into()).or_insert_with(|| source(&world.setup, &place.name));
        }
        Some(old) if old.config.get("source") != item.config.get("source") => {
            return Err(Refusal::new(500, "Pool source cannot be changed when not in pending state"));
        }
        Some(_) => {}
    }
    Ok(())
}

impl World {
    /// Whether there is such a pool.
    pub(crate) fn has_pool(&self, name: &str) -> bool {
        self.pools().any(|it| it == name)
    }

    /// The names of all pools.
    pub(crate) fn pools(&self) -> impl Iterator<Item = &str> {
        self.items(&POOL).keys().map(|it| it.name.as_str())
    }
}

/// `GET /1.0/storage-pools/{name}`: without an ETag from LXD.
pub(crate) fn pool(world: &World, request: &Request, name: &str) -> Answered {
    match collection::get(world, request, &POOL, "", name)? {
        Answer::Sync { metadata, .. } if world.is_lxd() => Answer::value(metadata),
        answer => Ok(answer),
    }
}

/// `GET /1.0/storage-pools/{name}/resources`: a disk of 100 GiB with little on it.
pub(crate) fn resources(world: &World, name: &str) -> Answered {
    if !world.has_pool(name) {
        return Err(Refusal::new(500, "Storage pool not found"));
    }
    Answer::value(json!({
        "space": { "used": 4_u64 << 30, "total": 100_u64 << 30 },
        "inodes": { "used": 65_536, "total": 6_553_600 },
    }))
}
