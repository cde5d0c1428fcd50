use std::time::Duration;

use lxio_core::bytes::Moment;
use serde_json::Map;

use super::tell::By;
use super::{IDMAP, Instance, Status};
use crate::api::State;
use crate::api::state::Named;
use crate::world::{Ending, OperationId, Step, World};

/// What is done when an instance is as somebody wants it, or cannot be.
pub(super) type Done = Box<dyn FnOnce(&mut World, Result<(), Ending>) + Send>;

/// Somebody who waits for an instance to be started or stopped.
pub(super) struct Pending {
    /// By this it is found again.
    token: u64,
    wanted: Wanted,
    done: Done,
}

impl Pending {
    /// It waits no more.
    pub(super) fn end(self, world: &mut World, how: Result<(), Ending>) {
        (self.done)(world, how);
    }
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pending").field(&self.token).field(&self.wanted).finish()
    }
}

/// What somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Started,
    /// By force.
    Stopped,
    /// By itself.
    ShutDown,
    Restarted,
}

/// The end of an operation of which nothing else is to be told.
pub(super) fn ends(id: &OperationId) -> Done {
    let id = id.clone();
    Box::new(move |world, how| world.end(&id, how.map(|()| Map::new())))
}

/// When the processes of an instance go on by themselves next.
pub(crate) fn next(state: &State) -> Option<Moment> {
    let running = state.instances.values().filter(|it| it.status != Status::Stopped);
    running.filter_map(|it| it.wake).min()
}

/// Lets the processes of instances go on; whether anything moved.
pub(crate) fn step(world: &mut World) -> bool {
    let now = world.now;
    let (mut moved, mut ended) = (false, Vec::new());
    for (key, it) in &mut world.state.instances {
        if it.status == Status::Stopped || !(it.touched || it.wake.is_some_and(|wake| wake <= now)) {
            continue;
        }
        it.touched = false;
        moved |= it.machine.step(now);
        it.wake = it.machine.next();
        if !it.machine.is_running() {
            ended.push(key.clone());
        }
    }
    for key in &ended {
        has_ended(world, key);
    }
    moved || !ended.is_empty()
}

impl Instance {
    /// It is about to end by force.
    fn is_being_stopped(&self) -> bool {
        self.pending.iter().any(|it| matches!(it.wanted, Wanted::Stopped | Wanted::Restarted))
    }
}

impl World {
    /// The daemon has died: nobody waits any more.
    pub(crate) fn forget_pending(&mut self) {
        self.state.instances.values_mut().for_each(|it| it.pending.clear());
    }

    /// Something that takes about so many milliseconds.
    pub(super) fn about_ms(&mut self, milliseconds: u64) -> Duration {
        let most = milliseconds * 1000;
        Duration::from_micros(most / 2 + self.chance.draw() % most)
    }

    fn wait_for(&mut self, key: &Named, wanted: Wanted, done: Done) -> u64 {
        let token = self.chance.draw();
        if let Ok(it) = self.instance_mut(&key.0, &key.1) {
            it.pending.push(Pending { token, wanted, done });
        }
        token
    }

    /// Those who wait for something, taken out.
    fn waiters(&mut self, key: &Named, wanted: &[Wanted]) -> Vec<Pending> {
        let Some(it) = self.state.instances.get_mut(key) else { return Vec::new() };
        it.pending.extract_if(.., |it| wanted.contains(&it.wanted)).collect()
    }

    /// Why nothing can be done with it now, if that is so: it is being made.
    pub(super) fn busy(&self, key: &Named) -> Result<(), Ending> {
        let maker = self.state.instances.get(key).and_then(|it| it.maker.as_ref());
        match maker.and_then(|it| self.operations.get(it)) {
            Some(it) if !it.status.is_final() => {
                Err(Ending::new("Instance is busy running a \"create\" operation"))
            }
            _ => Ok(()),
        }
    }
}

/// Starts an instance. `done` is told when it runs.
pub(super) fn start(world: &mut World, key: &Named, done: Done) {
    if let Err(busy) = world.busy(key) {
        return done(world, Err(busy));
    }
    let it = match world.instance(&key.0, &key.1) {
        Ok(it) => it,
        Err(gone) => return done(world, Err(gone.into())),
    };
    if it.status != Status::Stopped {
        let why = match world.is_lxd() && it.is_being_stopped() {
            true => {
                "Failed to create instance start operation: Instance is busy running a \"stop\" operation"
            }
            false => "The instance is already running",
        };
        return done(world, Err(Ending::new(why)));
    }
    let first = !it.pending.iter().any(|it| it.wanted == Wanted::Started);
    world.wait_for(key, Wanted::Started, done);
    if !first {
        return;
    }
    let (key, after) = (key.clone(), world.about_ms(100));
    world.later(after, move |world| {
        let how = boot(world, &key);
        if how.is_ok() {
            world.tell_instance(&key, "instance-started", By::Client, None);
        }
        for it in world.waiters(&key, &[Wanted::Started]) {
            it.end(world, how.clone());
        }
        Step::Done
    });
}

/// Starts the first process, and writes down what follows from it. One that somebody else has started in the
/// meantime is left alone.
pub(super) fn boot(world: &mut World, key: &Named) -> Result<(), Ending> {
    let (now, time, is_lxd) = (world.now, world.time_of_day(), world.is_lxd());
    let pid = 1000 + (world.chance.draw() % 4_000_000) as u32;
    let (uuid, why, rootfs) = (world.uuid(), not_started(world, key), no_files(world, key));
    let it = world.instance_mut(&key.0, &key.1)?;
    if it.status != Status::Stopped {
        return Ok(());
    }
    if !it.rooted && is_lxd {
        return Err(Ending::new(rootfs));
    }
    let config = &mut it.settings.config;
    config.remove("volatile.apply_template");
    let idmap = config.get("volatile.idmap.next").map_or(IDMAP, |it| it).to_owned();
    if is_lxd {
        config.insert("volatile.last_state.idmap".into(), idmap.clone());
    }
    config.insert("volatile.idmap.current".into(), idmap);
    config.insert("volatile.last_state.power".into(), "RUNNING".into());
    config.entry("volatile.uuid".into()).or_insert(uuid);
    it.used = Some(time);
    if it.rooted && it.machine.start(now).is_ok() {
        it.status = Status::Running;
        it.first = Some((pid, time));
        return Ok(());
    }
    stopped(world, key);
    world.tell_instance(key, "instance-shutdown", By::Nobody, None);
    Err(Ending::new(why))
}

/// What the daemons say if the first process cannot be started.
fn not_started(world: &World, key: &Named) -> String {
    let (directory, name) = (world.directory(), container(key));
    let (program, configuration) = world.either(
        ("/usr/bin/lxd", format!("{directory}/logs/{name}")),
        ("/usr/libexec/incus/incusd", format!("{directory}/run/{name}")),
    );
    format!(
        "Failed to run: {program} forkstart {name} {directory}/containers {configuration}/lxc.conf: exit status 1"
    )
}

/// What LXD says if there are no files.
fn no_files(world: &World, key: &Named) -> String {
    let rootfs = format!("{}/storage-pools/default/containers/{}/rootfs", world.directory(), container(key));
    format!("Failed to handle idmapped storage: No such file or directory: \"{rootfs}\"")
}

/// The name of an instance among those of all projects.
fn container((project, name): &Named) -> String {
    if project == "default" { name.clone() } else { format!("{project}_{name}") }
}

impl World {
    /// Where the daemon would keep its files.
    pub(crate) fn directory(&self) -> &str {
        self.setup.directory.as_deref().unwrap_or(self.either("/var/lib/lxd", "/var/lib/incus"))
    }
}

/// Writes down that an instance does not run.
fn stopped(world: &mut World, key: &Named) {
    let is_lxd = world.is_lxd();
    let Ok(it) = world.instance_mut(&key.0, &key.1) else { return };
    it.status = Status::Stopped;
    it.first = None;
    it.wake = None;
    it.settings.config.insert("volatile.last_state.power".into(), "STOPPED".into());
    if !is_lxd {
        it.settings.config.insert("volatile.last_state.ready".into(), "false".into());
    }
}

/// Ends all processes at once, and tells nobody but those who wait for it.
pub(super) fn kill(world: &mut World, key: &Named) {
    if let Ok(it) = world.instance_mut(&key.0, &key.1) {
        it.machine.kill_all();
    }
    stopped(world, key);
    let waiters = world.waiters(key, &[Wanted::Stopped, Wanted::ShutDown, Wanted::Restarted]);
    waiters.into_iter().for_each(|it| it.end(world, Ok(())));
}

/// How an instance is to be stopped.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop {
    pub(super) force: bool,
    /// It is started again.
    pub(super) restart: bool,
    /// How long it may take to stop by itself; `None` is for ever.
    pub(super) within: Option<Duration>,
}

/// Stops an instance. `done` is told when it has stopped, or was started again.
pub(super) fn stop(world: &mut World, key: &Named, how: Stop, done: Done) {
    if let Err(busy) = world.busy(key) {
        return done(world, Err(busy));
    }
    let it = match world.instance(&key.0, &key.1) {
        Ok(it) => it,
        Err(gone) => return done(world, Err(gone.into())),
    };
    let status = it.status;
    if status == Status::Stopped || how.force && world.is_lxd() && it.is_being_stopped() {
        return done(world, Err(Ending::new("The instance is already stopped").code(400)));
    }
    if how.restart && !how.force && status == Status::Frozen {
        return done(world, Err(Ending::new("Instance is not running")));
    }
    let wanted = match how {
        Stop { restart: true, .. } => Wanted::Restarted,
        Stop { force: true, .. } => Wanted::Stopped,
        _ => Wanted::ShutDown,
    };
    let token = world.wait_for(key, wanted, done);
    let key = key.clone();
    if how.force {
        let after = world.about_ms(50);
        world.later(after, move |world| {
            if let Ok(it) = world.instance_mut(&key.0, &key.1)
                && it.pending.iter().any(|it| it.token == token)
            {
                it.machine.freeze(false);
                it.machine.kill_all();
            }
            Step::Done
        });
        return;
    }
    // LXD lets a frozen one hear what it is asked for.
    if status == Status::Frozen && world.is_lxd() {
        freeze(world, &key, false);
        world.tell_instance(&key, "instance-resumed", By::Client, None);
    }
    if let Ok(it) = world.instance_mut(&key.0, &key.1) {
        it.machine.halt();
    }
    if let Some(within) = how.within {
        world.later(within, move |world| {
            let why = world.either("shutting down the container failed", "context deadline exceeded");
            let text = format!("Failed shutting down instance, status is \"Running\": {why}");
            let it = world.state.instances.get_mut(&key);
            let late = it.and_then(|it| it.pending.extract_if(.., |it| it.token == token).next());
            if let Some(late) = late {
                late.end(world, Err(Ending::new(text)));
            }
            Step::Done
        });
    }
}

/// Freezes or thaws the processes of an instance that runs.
pub(super) fn freeze(world: &mut World, key: &Named, frozen: bool) {
    if let Ok(it) = world.instance_mut(&key.0, &key.1) {
        it.machine.freeze(frozen);
        it.status = if frozen { Status::Frozen } else { Status::Running };
    }
}

/// All processes of an instance have ended.
fn has_ended(world: &mut World, key: &Named) {
    stopped(world, key);
    let waiters = world.waiters(key, &[Wanted::Stopped, Wanted::ShutDown, Wanted::Restarted]);
    let wants = |wanted| waiters.iter().any(|it| it.wanted == wanted);
    if wants(Wanted::Restarted) {
        let (key, after) = (key.clone(), world.about_ms(100));
        world.later(after, move |world| {
            let how = boot(world, &key);
            if how.is_ok() {
                world.tell_instance(&key, "instance-restarted", By::Client, None);
            }
            waiters.into_iter().for_each(|it| it.end(world, how.clone()));
            Step::Done
        });
        return;
    }
    if waiters.is_empty() {
        world.tell_instance(key, "instance-shutdown", By::Nobody, None);
    }
    if wants(Wanted::ShutDown) {
        world.tell_instance(key, "instance-shutdown", By::Client, None);
    }
    if wants(Wanted::Stopped) {
        world.tell_instance(key, "instance-stopped", By::Client, None);
    }
    if world.state.instances.get(key).is_some_and(|it| it.settings.ephemeral) {
        super::change::remove(world, key);
    }
    waiters.into_iter().for_each(|it| it.end(world, Ok(())));
}

/// The progress that LXD tells of when an instance is started for the first time.
pub(super) fn remapping(world: &mut World, key: &Named, id: &OperationId) {
    let first = world.state.instances.get(key).is_some_and(|it| {
        let of = |name: &str| it.settings.config.get(name);
        it.status == Status::Stopped && of("volatile.last_state.idmap") != of("volatile.idmap.next")
    });
    if world.is_lxd() && first {
        let rooted = world.state.instances.get(key).is_some_and(|it| it.rooted);
        // It comes to an end if there are files.
        for text in ["Remapping container filesystem"].into_iter().chain(rooted.then_some("")) {
            world.progress(id, Map::from_iter([("container_progress".to_owned(), text.into())]));
        }
    }
}
