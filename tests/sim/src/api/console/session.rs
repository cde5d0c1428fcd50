use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, json};

use crate::api::exec::{Control, Order, resources};
use crate::api::instances::{By, Status};
use crate::api::members::Members;
use crate::api::state::Named;
use crate::http::{Answer, Answered, Refusal, Request};
use crate::world::{Begin, Channel, Class, Ending, Message, OperationId, Outcome, World};

/// A client at a console, or on its way there.
#[derive(Debug)]
pub(crate) struct Session {
    instance: Named,
    control: Control,
    phase: Phase,
    /// The client types no more.
    silent: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Its socket is missing: for ever, if need be.
    Waiting,
    Talking,
    /// Somebody else is at the console of an LXD.
    Refused,
    /// The instance has stopped.
    Stopped,
}

/// What came of a step.
enum Stepped {
    Still,
    Moved,
    Over(Outcome),
    /// The daemon dies of it.
    Crash,
}

/// `POST /1.0/instances/{name}/console`.
pub(crate) fn post(world: &mut World, request: &Request, name: &str) -> Answered {
    let members = Members::read(request, "InstanceConsolePost")?;
    let (kind, force) = (members.text("type")?, members.flag("force")?);
    let (project, refused) = (request.project(), |text: String| Err(Refusal::new(400, text)));
    if !matches!(kind.as_str(), "" | "console" | "vga") {
        return refused(format!("Unknown console type \"{kind}\""));
    }
    let status = world.instance(project, name)?.status;
    if kind == "vga" {
        return refused("VGA console is only supported by virtual machines".into());
    }
    match status {
        Status::Stopped => return refused("Instance is not running".into()),
        Status::Frozen => return refused("Instance is frozen".into()),
        Status::Running => {}
    }
    let instance = (project.to_owned(), name.to_owned());
    if !world.is_lxd() {
        let others: Vec<_> = world
            .state
            .consoles
            .iter()
            .filter(|it| it.1.instance == instance)
            .map(|it| it.0.clone())
            .collect();
        if !others.is_empty() && !force {
            let text = "This console is already connected. Force is required to take it over.";
            return Err(Refusal::new(500, text));
        }
        for other in others {
            world.state.consoles.remove(&other);
            world.end(&other, Ok(Map::new()));
        }
    }
    let resources = resources(world, &instance, true);
    let mut begin = Begin::task("Showing console", project, resources);
    begin.class = Class::Websocket;
    begin.may_cancel = !world.is_lxd();
    begin.pings = false;
    begin.channels = ["0", "control"].map(|it| (it.to_owned(), Channel::new(world.secret()))).into();
    let fds: BTreeMap<_, _> =
        begin.channels.iter().map(|(name, it)| (name.clone(), it.secret.clone())).collect();
    begin.metadata = json!({ "fds": fds });
    let id = world.open(begin);
    let session = Session { instance, control: Control::default(), phase: Phase::Waiting, silent: false };
    world.state.consoles.insert(id.clone(), session);
    Ok(Answer::Async(id))
}

/// Lets all consoles go on. Whether anything moved.
pub(crate) fn step(world: &mut World) -> bool {
    if world.state.consoles.is_empty() {
        return false;
    }
    let mut moved = false;
    let mut sessions = std::mem::take(&mut world.state.consoles);
    let mut taken: Vec<_> =
        sessions.values().filter(|it| it.phase == Phase::Talking).map(|it| it.instance.clone()).collect();
    sessions.retain(|id, session| {
        let before = session.phase;
        let stepped = session.step(world, id, &taken);
        if before == Phase::Waiting && session.phase == Phase::Talking {
            taken.push(session.instance.clone());
            let context = json!({ "type": "console" });
            world.tell_instance(&session.instance, "instance-console", By::Work, Some(context));
        }
        if !matches!(stepped, Stepped::Still) {
            moved = true;
            let instance = world.state.instances.get_mut(&session.instance);
            instance.into_iter().for_each(|it| it.touched = true);
        }
        match stepped {
            Stepped::Still | Stepped::Moved => return true,
            Stepped::Over(outcome) => world.end(id, outcome),
            Stepped::Crash => world.crashed = true,
        }
        false
    });
    world.state.consoles = sessions;
    moved
}

impl Session {
    fn step(&mut self, world: &mut World, id: &OperationId, taken: &[Named]) -> Stepped {
        let (lxd, now) = (world.is_lxd(), world.time_of_day());
        let Some(operation) = world.operations.get_mut(id).filter(|it| !it.status.is_final()) else {
            return Stepped::Over(Ok(Map::new()));
        };
        let mut channels = operation.channels.values_mut();
        // In the order of their names.
        let (Some(screen), Some(control)) = (channels.next(), channels.next()) else { return Stepped::Still };
        if !screen.connected {
            return Stepped::Still;
        }
        let mut moved = false;
        if self.phase == Phase::Waiting {
            moved = true;
            self.phase = Phase::Talking;
            if taken.contains(&self.instance) {
                self.phase = Phase::Refused;
                let text = "Error: Failed running forkconsole: \"attaching to the container failed\"\n";
                screen.tell(Message::Binary(Bytes::from_static(text.as_bytes())));
                screen.tell(Message::Binary(Bytes::from_static(b"\r")));
                mark(screen);
            }
        }
        let mut instance = world.state.instances.get_mut(&self.instance);
        let is_running = instance.as_ref().is_some_and(|it| it.machine.is_running());
        if self.phase == Phase::Talking && !is_running {
            self.phase = Phase::Stopped;
            mark(screen);
            moved = true;
        }
        while control.connected
            && let Some(order) = self.control.next(control)
        {
            moved = true;
            // The size of a console is its own.
            if order == Order::Over {
                if lxd && !screen.gone {
                    screen.tell(Message::Binary(Bytes::from_static(b"\n\r")));
                }
                return Stepped::Over(Ok(Map::new()));
            }
        }
        let mut left = screen.is_ended();
        while !self.silent {
            match screen.next() {
                Some(Message::Binary(bytes)) if self.phase == Phase::Talking => {
                    let taken = instance.as_mut().map_or(bytes.len(), |it| it.machine.console_push(&bytes));
                    moved |= taken > 0;
                    if taken < bytes.len() {
                        screen.unread(bytes.slice(taken..));
                        break;
                    }
                }
                Some(Message::Binary(_)) => moved = true,
                Some(Message::Text(_)) => self.silent = true,
                Some(Message::Close(_)) => (self.silent, left) = (true, true),
                None => break,
            }
            moved |= self.silent;
        }
        match self.phase {
            Phase::Talking | Phase::Stopped
                if !control.connected && (left || self.phase == Phase::Stopped) =>
            {
                return Stepped::Crash;
            }
            Phase::Stopped if self.silent || left => return Stepped::Over(Ok(Map::new())),
            Phase::Refused if self.silent || left => {
                screen.tell(Message::Binary(Bytes::from_static(b"\n\r")));
                return Stepped::Over(Err(Ending::new("write /dev/pts/ptmx: file already closed")));
            }
            _ => {}
        }
        if let Some(it) = instance.filter(|_| self.phase == Phase::Talking && screen.space() > 0) {
            let bytes = it.machine.console_take();
            if !bytes.is_empty() {
                moved = true;
                it.kept.console.show(&bytes, now);
                screen.tell(Message::Binary(bytes.into()));
            }
        }
        if moved { Stepped::Moved } else { Stepped::Still }
    }
}

/// Tells the client that there is no more.
fn mark(screen: &mut Channel) {
    screen.tell(Message::Text(Bytes::new()));
}
