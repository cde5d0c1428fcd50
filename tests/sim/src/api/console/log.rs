use bytes::Bytes;
use jiff::Timestamp;

use crate::api::content::serve;
use crate::api::instances::{By, Instance, Status};
use crate::api::logs::directory;
use crate::http::{Answer, Answered, Body, Refusal, Request};
use crate::machine::files::Content;
use crate::world::World;

/// As much is kept in memory.
const RING: usize = 128 << 10;

/// What the console has shown.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// In memory, while the instance runs; whoever looks at it takes it out.
    ring: Vec<u8>,
    /// In a file.
    file: Content,
    modified: Timestamp,
}

impl Shown {
    pub(super) fn show(&mut self, bytes: &[u8], now: Timestamp) {
        self.ring.extend_from_slice(bytes);
        self.ring.drain(..self.ring.len().saturating_sub(RING));
        self.file.append(Bytes::copy_from_slice(bytes));
        self.modified = now;
    }
}

/// Puts what the console has shown since the last time to the rest.
fn look(world: &mut World, project: &str, name: &str) -> Result<(), Refusal> {
    let now = world.time_of_day();
    let it = world.instance_mut(project, name)?;
    let bytes = it.machine.console_take();
    if !bytes.is_empty() {
        it.kept.console.show(&bytes, now);
    }
    Ok(())
}

fn path(world: &World, name: &str) -> String {
    format!("{}/console.log", directory(world, name))
}

fn was_started(it: &Instance) -> bool {
    it.used.is_some()
}

fn tell(world: &mut World, project: &str, name: &str, action: &str) {
    world.tell_instance(&(project.to_owned(), name.to_owned()), action, By::Nobody, None);
}

/// `GET /1.0/instances/{name}/console`.
pub(crate) fn get(world: &mut World, request: &Request, name: &str) -> Answered {
    let (project, lxd) = (request.project(), world.is_lxd());
    look(world, project, name)?;
    let (path, now) = (path(world, name), world.time_of_day());
    let it = world.instance_mut(project, name)?;
    let (called, pieces, modified) = match it.status {
        Status::Stopped => (path.as_str(), it.kept.console.file.pieces().collect(), it.kept.console.modified),
        _ => ("", vec![Bytes::from(std::mem::take(&mut it.kept.console.ring))], now),
    };
    let is_there = if it.status == Status::Stopped { was_started(it) } else { !pieces.concat().is_empty() };
    if is_there {
        let fields = vec![("Content-Disposition".into(), format!("inline;filename={called}").into_bytes())];
        let answer = Answer::Bytes(serve(request, fields, pieces, modified));
        tell(world, project, name, "instance-console-retrieved");
        Ok(answer)
    } else if lxd {
        Err(Refusal::new(500, format!("open {called}: no such file or directory")))
    } else {
        Ok(Answer::Bytes(Body { status: 200, kind: "application/json".into(), ..Body::default() }))
    }
}

/// `DELETE /1.0/instances/{name}/console`.
pub(crate) fn clear(world: &mut World, request: &Request, name: &str) -> Answered {
    let project = request.project();
    look(world, project, name)?;
    let (path, now) = (path(world, name), world.time_of_day());
    let it = world.instance_mut(project, name)?;
    if it.status == Status::Stopped {
        if !was_started(it) {
            return Err(Refusal::new(404, format!("stat {path}: no such file or directory")));
        }
        (it.kept.console.file, it.kept.console.modified) = (Content::default(), now);
    } else {
        it.kept.console.ring.clear();
    }
    tell(world, project, name, "instance-console-reset");
    Answer::empty()
}
