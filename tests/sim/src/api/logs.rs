use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;

use super::console::Shown;
use super::content::serve;
use super::files::disposition;
use super::instances::By;
use crate::http::{Answer, Answered, Refusal, Request};
use crate::machine::files::Content;
use crate::world::World;

/// What the daemon keeps beside an instance.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Recorded output of commands; none before the first.
    records: Option<BTreeMap<String, Record>>,
    /// What the console has shown.
    pub(crate) console: Shown,
}

/// A file beside an instance.
#[derive(Debug, Default)]
struct Record {
    content: Content,
    modified: Timestamp,
}

impl Kept {
    /// Adds to recorded output; there is some from now on.
    pub(crate) fn record(&mut self, name: &str, bytes: Bytes, now: Timestamp) {
        let record = self.records.get_or_insert_default().entry(name.to_owned()).or_default();
        record.content.append(bytes);
        record.modified = now;
    }
}

/// Where the daemon keeps what it keeps beside an instance.
pub(crate) fn directory(world: &World, name: &str) -> String {
    world.either(format!("/var/lib/lxd/logs/{name}"), format!("/var/lib/incus/logs/{name}"))
}

/// Where it keeps recorded output.
fn records(world: &World, name: &str) -> String {
    world.either(directory(world, name), format!("/var/lib/incus/containers/{name}/exec-output"))
}

/// The daemon's own files: what the container library says, and what it was told.
fn own<'a>(world: &'a World, project: &str, name: &str) -> impl Iterator<Item = &'static str> + use<'a> {
    let was_started = world.is_lxd() && world.instance(project, name).is_ok_and(|it| it.used.is_some());
    was_started.then_some("lxc.conf").into_iter().chain(["lxc.log"])
}

/// `GET /1.0/instances/{name}/logs`.
pub(crate) fn list(world: &World, request: &Request, name: &str) -> Answered {
    let project = request.project();
    let instance = match world.instance(project, name) {
        Ok(instance) => instance,
        Err(refusal) if world.is_lxd() => return Err(refusal),
        // Incus looks for the directory alone.
        Err(_) => {
            let text = format!("open {}: no such file or directory", directory(world, name));
            return Err(Refusal::new(404, text));
        }
    };
    let url = |file: &str| format!("/1.0/instances/{name}/logs/{file}");
    let records = instance.kept.records.iter().flatten().filter(|_| world.is_lxd());
    let all = records.map(|it| url(it.0)).chain(own(world, project, name).map(url));
    Answer::value(all.collect::<Vec<_>>())
}

/// `GET /1.0/instances/{name}/logs/exec-output`, on Incus.
pub(crate) fn list_records(world: &World, request: &Request, name: &str) -> Answered {
    match &world.instance(request.project(), name)?.kept.records {
        Some(records) => {
            let url = |file: &String| format!("/1.0/instances/{name}/logs/exec-output/{file}");
            Answer::value(records.keys().map(url).collect::<Vec<_>>())
        }
        None => {
            let text = format!("open {}: no such file or directory", records(world, name));
            Err(Refusal::new(404, text))
        }
    }
}

fn is_record(file: &str) -> bool {
    file.starts_with("exec_") && (file.ends_with(".stdout") || file.ends_with(".stderr"))
}

/// Refuses names that no log has.
fn check(world: &World, file: &str, recorded: bool) -> Result<(), Refusal> {
    let is_own = |file: &str| match file {
        "lxc.log" | "console.log" => true,
        "lxc.conf" => world.is_lxd(),
        _ => ["migration_", "snapshot_"].iter().any(|it| file.starts_with(it)),
    };
    let is_known =
        if recorded { is_record(file) } else { is_own(file) || (world.is_lxd() && is_record(file)) };
    if is_known {
        return Ok(());
    }
    let text = match (world.is_lxd(), recorded) {
        (true, _) => format!("log file name {file} not valid"),
        (false, false) => format!("Log file name \"{file}\" not valid"),
        (false, true) => format!("Exec record-output file name \"{file}\" not valid"),
    };
    Err(Refusal::new(400, text))
}

fn missing(world: &World, name: &str, file: &str, recorded: bool, deed: &str) -> Refusal {
    let place = if recorded { records(world, name) } else { directory(world, name) };
    let code = if deed == "open" { world.either(500, 404) } else { 404 };
    Refusal::new(code, format!("{deed} {place}/{file}: no such file or directory"))
}

/// Tells of a log. Its place is told wrongly.
fn tell(world: &mut World, request: &Request, name: &str, file: &str, action: &str) {
    let key = (request.project().to_owned(), name.to_owned());
    world.tell_below(&key, &["backups", file], action, By::Client, None);
}

/// `GET /1.0/instances/{name}/logs/{file}`; with `recorded`, of `logs/exec-output`.
pub(crate) fn get(world: &mut World, request: &Request, name: &str, file: &str, recorded: bool) -> Answered {
    let project = request.project();
    world.instance(project, name)?;
    check(world, file, recorded)?;
    tell(world, request, name, file, "instance-log-retrieved");
    let own = own(world, project, name).any(|it| it == file).then(|| Record {
        modified: world
            .instance(project, name)
            .map_or(Timestamp::UNIX_EPOCH, |it| it.used.unwrap_or(it.created)),
        ..Record::default()
    });
    let found = world.instance(project, name)?.kept.records.as_ref().and_then(|it| it.get(file));
    let record = found.or(own.as_ref()).ok_or_else(|| missing(world, name, file, recorded, "open"))?;
    let fields = vec![("Content-Disposition".into(), disposition(file.as_bytes()))];
    Ok(Answer::Bytes(serve(request, fields, record.content.pieces().collect(), record.modified)))
}

/// `DELETE /1.0/instances/{name}/logs/{file}`; with `recorded`, of `logs/exec-output`.
pub(crate) fn delete(
    world: &mut World,
    request: &Request,
    name: &str,
    file: &str,
    recorded: bool,
) -> Answered {
    let project = request.project();
    world.instance(project, name)?;
    check(world, file, recorded)?;
    if matches!(file, "lxc.log" | "lxc.conf") {
        let text = world.either(
            "lxc.log and lxc.conf may not be deleted",
            "Only log files excluding qemu.log and lxc.log may be deleted",
        );
        return Err(Refusal::new(400, text));
    }
    let kept = &mut world.instance_mut(project, name)?.kept;
    if kept.records.as_mut().and_then(|it| it.remove(file)).is_none() {
        return Err(missing(world, name, file, recorded, "remove"));
    }
    tell(world, request, name, file, "instance-log-deleted");
    Answer::empty()
}
