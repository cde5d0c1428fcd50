use serde_json::{Map, Value, json};

use super::instance::NEVER;
use super::tell::By;
use super::{Instance, Snapshot, Status, input, object, run};
use crate::api::body::{self, flag, text};
use crate::api::listing;
use crate::api::state::Named;
use crate::http::{Answer, Answered, Refusal, Request, check_match};
use crate::world::{Begin, Ending, Step, World};

/// The snapshot of this name.
pub(super) fn find<'a>(
    world: &World,
    project: &str,
    name: &str,
    it: &'a Instance,
    snapshot: &str,
) -> Result<&'a Snapshot, Refusal> {
    it.snapshots.iter().find(|it| it.name == snapshot).ok_or_else(|| {
        let kind = world.either("InstanceSnapshot", "Instance_snapshot");
        let text = format!(
            "Failed to fetch snapshot \"{snapshot}\" of instance \"{name}\" in project \"{project}\": {kind} not found"
        );
        Refusal::new(404, text)
    })
}

/// The one that a request names.
fn named<'a>(world: &'a World, key: &Named, snapshot: &str) -> Result<&'a Snapshot, Refusal> {
    let missing = |refusal: Refusal| match world.is_lxd() {
        true => refusal,
        false => world.no_such_instance(&key.0, &format!("{}/{snapshot}", key.1)),
    };
    let it = world.instance(&key.0, &key.1).map_err(missing)?;
    find(world, &key.0, &key.1, it, snapshot)
}

/// What the ETag covers.
fn covered(it: &Snapshot) -> Value {
    json!([it.expires])
}

fn slash(name: &str) -> Result<(), Refusal> {
    match name.contains('/') {
        true => Err(Refusal::new(400, "Invalid snapshot name: Cannot contain \"/\"")),
        false => Ok(()),
    }
}

fn space(name: &str) -> Result<(), Ending> {
    match name.contains(' ') {
        true => Err(Ending::new("Invalid instance snapshot name: Cannot contain space or / characters")),
        false => Ok(()),
    }
}

/// When it is to expire; [`NEVER`] if nothing is said.
fn expiry(world: &World, object: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    let said = text(object, "expires_at");
    if said.is_empty() {
        return Ok(None);
    }
    if said.parse::<jiff::Timestamp>().is_ok() {
        return Ok(Some(said.to_owned()));
    }
    let quote = world.either("\\\"", "");
    let text = world.either(
        format!("parsing time \"\\\"{said}{quote}\" as \"\\\"2006-01-02T15:04:05Z07:00\\\"\": cannot parse \"{said}{quote}\" as \"2006\""),
        format!("parsing time \"{said}\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"{said}\" as \"2006\""),
    );
    Err(Refusal::new(400, text))
}

/// `GET /1.0/instances/{name}/snapshots`.
pub(crate) fn list(world: &World, request: &Request, name: &str) -> Answered {
    let project = request.project();
    let it = match world.instance(project, name) {
        Ok(it) => it,
        Err(refusal) if world.is_lxd() => return Err(refusal),
        // No instance has no snapshots.
        Err(_) => return Answer::value(Vec::<Value>::new()),
    };
    let kind = request.path.get(1).map(String::as_str).unwrap_or_default();
    let items = it.snapshots.iter().map(|it| {
        (world.url_in(project, &[kind, name, "snapshots", &it.name]), object::snapshot(world, project, it))
    });
    listing::list(world, request, items)
}

/// `POST /1.0/instances/{name}/snapshots`.
pub(crate) fn create(world: &mut World, request: &Request, name: &str) -> Answered {
    let key = (request.project().to_owned(), name.to_owned());
    let it = world.instance(&key.0, name)?;
    let object = body::of(request, "InstanceSnapshotsPost")?;
    let members = [("name", "string"), ("expires_at", "string"), ("stateful", "bool")];
    input::typed(&object, "InstanceSnapshotsPost", &members)?;
    let snapshot = match text(&object, "name") {
        "" => chosen_name(it),
        name => name.to_owned(),
    };
    slash(&snapshot)?;
    let expires = expiry(world, &object)?.unwrap_or_else(|| NEVER.into());
    let stateful = flag(&object, "stateful");
    let id = world.open(Begin::task("Snapshotting instance", &key.0, world.about_snapshot(&key, &snapshot)));
    let (begun, after) = (id.clone(), world.short_while());
    world.later(after, move |world| match begin(world, &key, &snapshot, expires, stateful) {
        Err(why) => {
            world.end(&begun, Err(why));
            Step::Done
        }
        Ok(()) => {
            let after = world.about_ms(40);
            let end = move |world: &mut World| {
                world.end(&begun, Ok(Map::new()));
                Step::Done
            };
            Step::Again(after, Box::new(end))
        }
    });
    Ok(Answer::Async(id))
}

/// The next free name of those that the daemons choose.
fn chosen_name(it: &Instance) -> String {
    let number = |it: &Snapshot| it.name.strip_prefix("snap").and_then(|it| it.parse::<u64>().ok());
    let next = it.snapshots.iter().filter_map(number).max().map_or(0, |last| last.saturating_add(1));
    format!("snap{next}")
}

fn begin(world: &mut World, key: &Named, name: &str, expires: String, stateful: bool) -> Result<(), Ending> {
    world.busy(key)?;
    let it = world.instance(&key.0, &key.1)?;
    if stateful {
        return Err(Ending::new(match (world.is_lxd(), it.status) {
            (true, Status::Stopped) => "Unable to create a stateful snapshot. The instance isn't running",
            (true, _) => "Unable to create a stateful snapshot. CRIU isn't installed",
            (false, _) => {
                "Stateful snapshots require that the instance has migration.stateful be set to true"
            }
        }));
    }
    let refused =
        |why: &str| Ending::new(format!("Failed creating instance snapshot record \"{name}\": {why}"));
    space(name).map_err(|it| refused(&it.err))?;
    if it.snapshots.iter().any(|it| it.name == name) {
        let why = world.either(
            "This \"instances_snapshots\" entry already exists",
            "Failed to create \"instances_snapshots\" entry: UNIQUE constraint failed: instances_snapshots.instance_id, instances_snapshots.name",
        );
        return Err(refused(&format!("Add snapshot info to the database: {why}")));
    }
    let running = it.status == Status::Running;
    let snapshot = Snapshot {
        name: name.to_owned(),
        settings: it.settings.clone(),
        created: world.time_of_day(),
        expires,
        files: it.machine.files(|it| it.clone()),
    };
    world.instance_mut(&key.0, &key.1)?.snapshots.push(snapshot);
    world.tell_snapshot(key, name, "instance-snapshot-created", None);
    if running {
        world.tell_instance(key, "instance-paused", By::Client, None);
        world.tell_instance(key, "instance-resumed", By::Client, None);
    }
    Ok(())
}

/// `GET /1.0/instances/{name}/snapshots/{snapshot}`.
pub(crate) fn get(world: &World, request: &Request, name: &str, snapshot: &str) -> Answered {
    let key = (request.project().to_owned(), name.to_owned());
    let it = named(world, &key, snapshot)?;
    Answer::tagged(object::snapshot(world, &key.0, it), &covered(it))
}

/// `PUT` and `PATCH /1.0/instances/{name}/snapshots/{snapshot}`: when it expires. What is not said stays.
pub(crate) fn put(world: &mut World, request: &Request, name: &str, snapshot: &str) -> Answered {
    let key = (request.project().to_owned(), name.to_owned());
    let it = named(world, &key, snapshot)?;
    check_match(request.field("if-match"), &covered(it))?;
    let object =
        input::map(world, request, "InstanceSnapshotPut").map_err(|it| Refusal::new(500, it.text))?;
    let expires = expiry(world, &object)?;
    let about = match world.is_lxd() {
        // LXD takes the snapshot for an instance.
        true => world.about(&[&(key.0.clone(), snapshot.to_owned())]),
        false => world.about_snapshot(&key, snapshot),
    };
    let (snapshot, after) = (snapshot.to_owned(), world.short_while());
    world.work(Begin::task("Updating snapshot", &key.0, about), after, move |world, _| {
        let it = world.instance_mut(&key.0, &key.1)?;
        if let (Some(it), Some(expires)) = (it.snapshots.iter_mut().find(|it| it.name == snapshot), expires) {
            it.expires = expires;
        }
        Ok(Map::new())
    })
}

/// `POST /1.0/instances/{name}/snapshots/{snapshot}`: another name.
pub(crate) fn rename(world: &mut World, request: &Request, name: &str, snapshot: &str) -> Answered {
    let key = (request.project().to_owned(), name.to_owned());
    named(world, &key, snapshot)?;
    let object = body::of(request, "InstanceSnapshotPost")?;
    input::typed(&object, "InstanceSnapshotPost", &[("name", "string"), ("migration", "bool")])?;
    if flag(&object, "migration") {
        return Err(Refusal::no_method());
    }
    let new = text(&object, "name").to_owned();
    if new.is_empty() && !world.is_lxd() {
        return Err(Refusal::new(400, "A new name for the instance must be provided"));
    }
    slash(&new)?;
    if named(world, &key, &new).is_ok() {
        return Err(Refusal::new(409, format!("Name '{name}/{new}' already in use")));
    }
    let begin = Begin::task("Renaming snapshot", &key.0, world.about_snapshot(&key, snapshot));
    let (old, after) = (snapshot.to_owned(), world.about_ms(10));
    world.work(begin, after, move |world, _| {
        space(&new)?;
        named(world, &key, &old)?;
        let it = world.instance_mut(&key.0, &key.1)?;
        if let Some(it) = it.snapshots.iter_mut().find(|it| it.name == old) {
            it.name.clone_from(&new);
        }
        let context = json!({ "old_name": format!("{}/{old}", key.1) });
        world.tell_snapshot(&key, &new, "instance-snapshot-renamed", Some(context));
        Ok(Map::new())
    })
}

/// `DELETE /1.0/instances/{name}/snapshots/{snapshot}`.
pub(crate) fn delete(world: &mut World, request: &Request, name: &str, snapshot: &str) -> Answered {
    let key = (request.project().to_owned(), name.to_owned());
    named(world, &key, snapshot)?;
    let about = match world.is_lxd() {
        // LXD names it in full.
        true => world.about(&[&(key.0.clone(), format!("{name}/{snapshot}"))]),
        false => world.about_snapshot(&key, snapshot),
    };
    let begin = Begin::task("Deleting snapshot", &key.0, about);
    let (snapshot, after) = (snapshot.to_owned(), world.about_ms(15));
    world.work(begin, after, move |world, _| {
        named(world, &key, &snapshot)?;
        world.instance_mut(&key.0, &key.1)?.snapshots.retain(|it| it.name != snapshot);
        world.tell_snapshot(&key, &snapshot, "instance-snapshot-deleted", None);
        Ok(Map::new())
    })
}

/// An instance is again as it was: files, configuration, description. One that runs is started again.
pub(super) fn restore(world: &mut World, key: &Named, snapshot: &str, stateful: bool) -> Answered {
    // Its name may be said in full.
    let snapshot = snapshot.strip_prefix(&format!("{}/", key.1)).unwrap_or(snapshot).to_owned();
    let id = world.open(Begin::task("Restoring snapshot", &key.0, world.about(&[key])));
    let (begun, key, after) = (id.clone(), key.clone(), world.short_while());
    world.later(after, move |world| {
        let running = match take_back(world, &key, &snapshot, stateful) {
            Ok(running) => running,
            Err(why) => {
                world.end(&begun, Err(why));
                return Step::Done;
            }
        };
        let after = world.about_ms(if running { 150 } else { 40 });
        Step::Again(
            after,
            Box::new(move |world| {
                let how = if running { run::boot(world, &key) } else { Ok(()) };
                if running && how.is_ok() {
                    world.tell_instance(&key, "instance-started", By::Work, None);
                }
                if how.is_ok() {
                    let context = json!({ "snapshot": format!("{}/{snapshot}", key.1) });
                    world.tell_instance(&key, "instance-restored", By::Work, Some(context));
                }
                world.end(&begun, how.map(|()| Map::new()));
                Step::Done
            }),
        )
    });
    Ok(Answer::Async(id))
}

/// Puts back what the snapshot has kept; whether the instance ran.
fn take_back(world: &mut World, key: &Named, snapshot: &str, stateful: bool) -> Result<bool, Ending> {
    world.busy(key)?;
    let it = world.instance(&key.0, &key.1)?;
    let Some(found) = it.snapshots.iter().find(|it| it.name == snapshot) else {
        return Err(Ending::new(format!("Snapshot {}/{snapshot} does not exist", key.1)));
    };
    if stateful {
        let but = world.either("by", "but");
        return Err(Ending::new(format!("Stateful snapshot restore requested {but} snapshot is stateless")));
    }
    let (settings, files, running) =
        (found.settings.clone(), found.files.clone(), it.status != Status::Stopped);
    if running {
        run::kill(world, key);
    }
    let it = world.instance_mut(&key.0, &key.1)?;
    it.settings = settings;
    it.machine.files(|it| *it = files);
    Ok(running)
}
