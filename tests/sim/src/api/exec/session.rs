use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use lxio_core::bytes::Moment;
use lxio_core::call::Flavour;
use serde_json::{Map, Value, json};

use super::Control;
use super::control::Order;
use super::streams::{Input, Running};
use crate::api::instances::By;
use crate::api::state::Named;
use crate::machine::files::Errno;
use crate::machine::process::{Command, CommandId, SpawnError, Stream};
use crate::world::{Channel, Ending, OperationId, Outcome, Step, World};

/// Incus waits no longer for what children of a command that has ended may write.
pub(super) const AFTER: Duration = Duration::from_secs(1);
const SIGKILL: u8 = 9;
pub(super) const STREAMS: [(&str, Stream); 2] = [("1", Stream::Stdout), ("2", Stream::Stderr)];

pub(super) type Channels = BTreeMap<String, Channel>;

/// A command that the daemon runs for a client.
#[derive(Debug)]
pub(crate) struct Session {
    instance: Named,
    command: Command,
    pub(super) outlet: Outlet,
    pub(super) phase: Phase,
    control: Control,
    pub(super) input: Input,
    /// The client was told of the end of standard output, and of standard error.
    pub(super) marked: [bool; 2],
    /// Socket 1 was, and there was no control socket.
    disturbed: bool,
}

/// Where input comes from and output goes.
#[derive(Debug)]
pub(super) enum Outlet {
    /// Three sockets.
    Pipes,
    /// One socket, for both ways.
    Terminal,
    /// No sockets; files of these names, or nowhere.
    Files(Option<[String; 2]>),
}

/// How far it is.
#[derive(Debug)]
pub(super) enum Phase {
    /// Sockets are missing.
    Waiting,
    Starting,
    Running(CommandId),
    /// It has ended; what it has written is still on its way.
    Ended(End),
}

/// How a command ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// None if there never was one.
    command: Option<CommandId>,
    code: i32,
    pub(super) at: Moment,
}

/// What a step sees of the daemon.
pub(super) struct Scene {
    pub(super) lxd: bool,
    pub(super) now: Moment,
    pub(super) time: Timestamp,
}

impl Session {
    pub(super) fn with_sockets(instance: Named, command: Command) -> Self {
        let outlet = if command.terminal.is_some() { Outlet::Terminal } else { Outlet::Pipes };
        Self::new(instance, command, outlet)
    }

    /// With `record`, its output goes into files that are named after an operation, and are there at once.
    pub(super) fn without_sockets(
        world: &mut World,
        instance: Named,
        command: Command,
        record: Option<&OperationId>,
    ) -> Self {
        let names = record.map(|id| ["stdout", "stderr"].map(|it| format!("exec_{}.{it}", id.0)));
        let now = world.time_of_day();
        if let (Some(names), Some(it)) = (&names, world.state.instances.get_mut(&instance)) {
            names.iter().for_each(|name| it.kept.record(name, Bytes::new(), now));
        }
        Self::new(instance, command, Outlet::Files(names))
    }

    fn new(instance: Named, command: Command, outlet: Outlet) -> Self {
        let (phase, control) = (Phase::Waiting, Control::default());
        Self {
            instance,
            command,
            outlet,
            phase,
            control,
            input: Input::Open,
            marked: [false; 2],
            disturbed: false,
        }
    }

    pub(super) const fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting)
    }

    /// All sockets that it needs are there.
    fn is_connected(&self, channels: &Channels) -> bool {
        let needed: &[&str] = match self.outlet {
            Outlet::Pipes => &["0", "1", "2"],
            Outlet::Terminal => &["0", "control"],
            Outlet::Files(_) => &[],
        };
        needed.iter().all(|it| channels.get(*it).is_some_and(|it| it.connected))
    }

    /// Goes on as far as it can. Whether anything moved.
    fn step(&mut self, world: &mut World, id: &OperationId) -> bool {
        let scene = Scene { lxd: world.is_lxd(), now: world.now, time: world.time_of_day() };
        let Some(operation) = world.operations.get_mut(id) else { return false };
        if self.is_waiting() && self.is_connected(&operation.channels) {
            self.phase = Phase::Starting;
            let (id, after) = (id.clone(), world.short_while() * 4);
            world.later(after, move |world| {
                start(world, &id);
                Step::Done
            });
            return true;
        }
        let instance = world.state.instances.get_mut(&self.instance);
        let (machine, rest) = instance.map(|it| (&mut it.machine, (&mut it.kept, &mut it.touched))).unzip();
        let (kept, touched) = rest.unzip();
        let command = match self.phase {
            Phase::Waiting | Phase::Starting => return false,
            Phase::Running(command) => Some(command),
            Phase::Ended(end) => end.command,
        };
        let mut running = command.zip(machine).map(|(command, machine)| Running { machine, command });
        let mut moved = false;
        if matches!(self.phase, Phase::Running(_)) {
            let code = match &mut running {
                Some(running) => {
                    moved |= self.steer(&mut operation.channels, running);
                    running.machine.exit(running.command)
                }
                // Its instance is gone.
                None => Some(128 + i32::from(SIGKILL)),
            };
            if let Some(code) = code {
                self.phase = Phase::Ended(End { command, code, at: scene.now });
                operation.channels.get_mut("control").into_iter().for_each(|it| it.over = true);
                moved = true;
            }
        }
        moved |= match self.outlet {
            Outlet::Pipes => self.pipes(&scene, &mut operation.channels, running.as_mut()),
            Outlet::Terminal => self.terminal(&scene, &mut operation.channels, running.as_mut()),
            Outlet::Files(_) => self.files(&scene, kept, running.as_mut()),
        };
        touched.into_iter().for_each(|it| *it |= moved);
        moved
    }

    /// Does what is asked for on the control socket. Its end is the command's, too; without it, that of
    /// socket 1 is.
    fn steer(&mut self, channels: &mut Channels, running: &mut Running<'_>) -> bool {
        let (machine, command) = (&mut *running.machine, running.command);
        let mut moved = false;
        match channels.get_mut("control") {
            Some(channel) if channel.connected => {
                while let Some(order) = self.control.next(channel) {
                    moved = true;
                    match order {
                        Order::Resize(columns, rows) => machine.resize(command, columns, rows),
                        Order::Signal(number) => machine.signal(command, number),
                        Order::Over => machine.signal(command, SIGKILL),
                    }
                }
            }
            _ => {
                let disturbed = channels.get_mut("1").is_some_and(|it| it.is_ended() || it.next().is_some());
                if disturbed && !std::mem::replace(&mut self.disturbed, true) {
                    machine.signal(command, SIGKILL);
                    moved = true;
                }
            }
        }
        moved
    }

    /// How it ended, when nothing is left to be done.
    fn end(&self) -> Option<End> {
        let Phase::Ended(end) = self.phase else { return None };
        let is_done = match (&self.outlet, self.input) {
            (Outlet::Pipes, _) => self.marked == [true; 2],
            // The client has to say goodbye.
            (Outlet::Terminal, Input::Open) => false,
            (Outlet::Terminal, Input::Ended) => self.marked[0],
            (Outlet::Terminal, Input::Left) | (Outlet::Files(_), _) => true,
        };
        is_done.then_some(end)
    }

    /// Lets go of the command.
    fn release(&self, world: &mut World) {
        let (Phase::Running(command) | Phase::Ended(End { command: Some(command), .. })) = self.phase else {
            return;
        };
        if let Some(it) = world.state.instances.get_mut(&self.instance) {
            it.machine.forget(command);
            it.touched = true;
        }
    }

    /// What the operation tells of the end.
    fn outcome(&self, world: &World, code: i32) -> Outcome {
        let mut metadata = Map::from_iter([("return".to_owned(), Value::from(code))]);
        if let Outlet::Files(Some([out, err])) = &self.outlet {
            let place = world.either("logs", "logs/exec-output");
            let url = |file: &str| format!("/1.0/instances/{}/{place}/{file}", self.instance.1);
            metadata.insert("output".into(), json!({ "1": url(out), "2": url(err) }));
        }
        // Also a shell's own 127 is taken for that.
        let err = match code {
            126 => "Command not executable",
            127 => "Command not found",
            _ => return Ok(metadata),
        };
        Err(Ending { code: 400, err: err.into(), metadata })
    }
}

impl Scene {
    /// As much is told in one message at most.
    pub(super) const fn piece(&self) -> usize {
        if self.lxd { 65536 } else { 32768 }
    }
}

/// Runs the command of a session.
fn start(world: &mut World, id: &OperationId) {
    let now = world.now;
    let Some(session) = world.state.execs.get_mut(id) else { return };
    let command = std::mem::take(&mut session.command);
    let argv: Vec<_> = command.argv.iter().map(|it| String::from_utf8_lossy(it).into_owned()).collect();
    let is_deaf = matches!(session.outlet, Outlet::Files(_));
    let spawned = match world.state.instances.get_mut(&session.instance) {
        Some(it) if !argv.is_empty() => {
            it.touched = true;
            it.machine.spawn(command, now).inspect(|command| {
                if is_deaf {
                    it.machine.close(*command);
                }
            })
        }
        _ => Err(SpawnError::Refused(Errno::NoProcess)),
    };
    let code = match spawned {
        Ok(_) => 0,
        Err(SpawnError::NotFound) => 127,
        Err(SpawnError::NotExecutable(_)) => 126,
        Err(SpawnError::Refused(_)) => {
            world.state.execs.remove(id);
            let metadata = Map::from_iter([("return".to_owned(), Value::from(-1))]);
            let err = "Failed to retrieve PID of executing child process".into();
            world.end(id, Err(Ending { code: 500, err, metadata }));
            return;
        }
    };
    session.phase = match spawned {
        Ok(command) => Phase::Running(command),
        Err(_) => Phase::Ended(End { command: None, code, at: now }),
    };
    let key = session.instance.clone();
    if spawned.is_err()
        && let Some(operation) = world.operations.get_mut(id)
    {
        operation.channels.get_mut("control").into_iter().for_each(|it| it.over = true);
    }
    world.tell_instance(&key, "instance-exec", By::Work, Some(json!({ "command": argv })));
}

/// Lets all commands go on. Whether anything moved.
pub(crate) fn step(world: &mut World) -> bool {
    if world.state.execs.is_empty() {
        return false;
    }
    let mut moved = false;
    let mut sessions = std::mem::take(&mut world.state.execs);
    sessions.retain(|id, session| {
        let was_running = matches!(session.phase, Phase::Running(_));
        moved |= session.step(world, id);
        // Whoever ends an operation from outside, as the end of the daemon does, lets go of the command.
        let is_lost = world.operations.get(id).is_none_or(|it| it.status.is_final());
        let end = session.end();
        if is_lost || end.is_some() {
            session.release(world);
        } else if was_running && matches!(session.phase, Phase::Ended(_)) && !world.is_lxd() {
            world.later(AFTER, |_| Step::Done);
        }
        if let Some(end) = end.filter(|_| !is_lost) {
            let outcome = session.outcome(world, end.code);
            // LXD has not read what came on this one.
            if let Some(operation) =
                world.operations.get_mut(id).filter(|_| world.setup.flavour == Flavour::Lxd)
            {
                operation.channels.get_mut("2").into_iter().for_each(|it| it.reset = it.ponged);
            }
            world.end(id, outcome);
        }
        !is_lost && end.is_none()
    });
    world.state.execs = sessions;
    moved
}
