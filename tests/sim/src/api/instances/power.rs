use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::run::{self, Done, Stop};
use super::tell::By;
use super::{Status, input};
use crate::api::body::{self, flag, text};
use crate::api::state::Named;
use crate::http::{Answer, Answered, Refusal, Request};
use crate::world::{Begin, Ending, Step, World};

/// A change of state.
#[derive(Debug, Clone, Copy)]
struct Change {
    action: Action,
    stateful: bool,
    stop: Stop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Start,
    Stop,
    Restart,
    Freeze,
    Unfreeze,
}

impl Change {
    fn read(object: &Map<String, Value>) -> Result<Self, Refusal> {
        const MEMBERS: [(&str, &str); 4] =
            [("action", "string"), ("timeout", "int"), ("force", "bool"), ("stateful", "bool")];
        input::typed(object, "InstanceStatePut", &MEMBERS)?;
        let action = match text(object, "action") {
            "start" => Action::Start,
            "stop" => Action::Stop,
            "restart" => Action::Restart,
            "freeze" => Action::Freeze,
            "unfreeze" => Action::Unfreeze,
            other => return Err(Refusal::new(400, format!("Unknown action: '{other}'"))),
        };
        let seconds = object.get("timeout").and_then(Value::as_u64).filter(|it| *it > 0);
        let stop = Stop {
            force: flag(object, "force"),
            restart: action == Action::Restart,
            within: seconds.map(Duration::from_secs),
        };
        Ok(Self { action, stateful: flag(object, "stateful"), stop })
    }

    const fn description(self) -> &'static str {
        match self.action {
            Action::Start => "Starting instance",
            Action::Stop => "Stopping instance",
            Action::Restart => "Restarting instance",
            Action::Freeze => "Freezing instance",
            Action::Unfreeze => "Unfreezing instance",
        }
    }

    /// Whether a change of all instances is about one that is like this.
    fn concerns(self, world: &World, status: Status) -> bool {
        match self.action {
            Action::Start => status == Status::Stopped,
            Action::Stop | Action::Restart => status != Status::Stopped,
            Action::Freeze => status == Status::Running,
            // LXD thaws those that run, so none.
            Action::Unfreeze => status == Status::Frozen && !world.is_lxd(),
        }
    }

    fn make(self, world: &mut World, key: &Named, done: Done) {
        let status = match world.instance(&key.0, &key.1) {
            Ok(it) => it.status,
            Err(gone) => return done(world, Err(gone.into())),
        };
        if let Some(why) = self.stateful.then(|| self.stateful(world, status)).flatten() {
            return done(world, Err(Ending::new(why)));
        }
        match self.action {
            Action::Start => run::start(world, key, done),
            Action::Stop | Action::Restart => run::stop(world, key, self.stop, done),
            Action::Freeze | Action::Unfreeze => self.freeze(world, key, status, done),
        }
    }

    /// Why memory cannot be kept: nothing here can do that.
    fn stateful(self, world: &World, status: Status) -> Option<&'static str> {
        match self.action {
            Action::Stop if world.is_lxd() => {
                Some("Unable to perform container live migration. CRIU isn't installed")
            }
            Action::Stop => {
                Some("Stateful stop requires the instance to have migration.stateful be set to true")
            }
            Action::Start if !world.is_lxd() => {
                Some("Stateful start requires that the instance migration.stateful be set to true")
            }
            Action::Start if status == Status::Stopped => Some("Container has no existing state to restore"),
            _ => None,
        }
    }

    fn freeze(self, world: &mut World, key: &Named, status: Status, done: Done) {
        let frozen = self.action == Action::Freeze;
        let why = match (frozen, status) {
            (true, Status::Stopped) => {
                world.either("The container isn't running", "The instance isn't running")
            }
            (false, Status::Stopped) => "The container isn't running",
            (true, Status::Frozen) => "The container is already frozen",
            (false, Status::Running) => "The container is already running",
            (true, Status::Running) | (false, Status::Frozen) => {
                run::freeze(world, key, frozen);
                let event = if frozen { "instance-paused" } else { "instance-resumed" };
                world.tell_instance(key, event, By::Client, None);
                return done(world, Ok(()));
            }
        };
        done(world, Err(Ending::new(why)));
    }
}

/// `PUT /1.0/instances/{name}/state`.
pub(crate) fn put(world: &mut World, request: &Request, name: &str) -> Answered {
    let key = (request.project().to_owned(), name.to_owned());
    world.instance(&key.0, name)?;
    let change = Change::read(&body::of(request, "InstanceStatePut")?)?;
    let resources = json!({ "instances": [world.resource(&key.0, &["instances", name])] });
    let id = world.open(Begin::task(change.description(), &key.0, resources));
    let (begun, after) = (id.clone(), world.short_while());
    world.later(after, move |world| {
        if change.action == Action::Start {
            run::remapping(world, &key, &begun);
        }
        change.make(world, &key, run::ends(&begun));
        Step::Done
    });
    Ok(Answer::Async(id))
}

/// `PUT /1.0/instances`: all of a project whose state would change.
pub(crate) fn put_all(world: &mut World, request: &Request) -> Answered {
    let object = body::of(request, "InstancesPut")?;
    let none = Map::new();
    let change = Change::read(object.get("state").and_then(Value::as_object).unwrap_or(&none))?;
    let project = request.project().to_owned();
    let all = world
        .state
        .instances
        .iter()
        .filter(|((of, _), it)| *of == project && change.concerns(world, it.status));
    let keys: Vec<Named> = all.map(|(key, _)| key.clone()).collect();
    let urls: Vec<_> = keys.iter().map(|it| world.resource(&it.0, &["instances", &it.1])).collect();
    let resources = json!({ "instances": if urls.is_empty() { Value::Null } else { urls.into() } });
    let id = world.open(Begin::task(change.description(), &project, resources));
    let (begun, after) = (id.clone(), world.short_while());
    world.later(after, move |world| {
        if keys.is_empty() {
            world.end(&begun, Ok(Map::new()));
        }
        // What is left to be done, and what has failed.
        let course = Arc::new(Mutex::new((keys.len(), Vec::<String>::new())));
        for key in keys {
            if change.action == Action::Start {
                run::remapping(world, &key, &begun);
            }
            let (course, id, name) = (Arc::clone(&course), begun.clone(), key.1.clone());
            let done: Done = Box::new(move |world, how| {
                let mut course = course.lock().unwrap_or_else(PoisonError::into_inner);
                course.0 -= 1;
                course.1.extend(how.err().map(|it| format!(" - Instance: {name}: {}", it.err)));
                if course.0 == 0 {
                    let lines = course.1.join("\n");
                    let text = format!("The following instances failed to update state:\n{lines}");
                    world.end(&id, if lines.is_empty() { Ok(Map::new()) } else { Err(Ending::new(text)) });
                }
            });
            change.make(world, &key, done);
        }
        Step::Done
    });
    Ok(Answer::Async(id))
}
