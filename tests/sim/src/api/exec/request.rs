use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::Session;
use crate::api::instances::Status;
use crate::api::members::Members;
use crate::api::state::Named;
use crate::http::{Answer, Answered, Refusal, Request};
use crate::machine::process::Command;
use crate::world::{Begin, Channel, Class, OperationId, Step, World};

/// All sockets that are needed have to be there by then.
const CONNECT: Duration = Duration::from_secs(5);
/// The size of a terminal that nobody said anything about.
const SIZE: (u16, u16) = (80, 25);

/// What a client wants of a command.
#[derive(Debug)]
struct Wanted {
    command: Vec<String>,
    environment: BTreeMap<String, String>,
    sockets: bool,
    interactive: bool,
    record: bool,
    user: u32,
    group: u32,
    cwd: String,
    size: (u16, u16),
}

impl Wanted {
    fn read(request: &Request) -> Result<Self, Refusal> {
        let members = Members::read(request, "InstanceExecPost")?;
        let side = |name: &str, default: u16| {
            let side = u16::try_from(members.number(name, "int")?).unwrap_or(u16::MAX);
            Ok(if side == 0 { default } else { side })
        };
        Ok(Self {
            command: members.texts("command")?,
            environment: members.map("environment")?.into_iter().collect(),
            sockets: members.flag("wait-for-websocket")?,
            interactive: members.flag("interactive")?,
            record: members.flag("record-output")?,
            user: members.number("user", "uint32")?,
            group: members.number("group", "uint32")?,
            cwd: members.text("cwd")?,
            size: (side("width", SIZE.0)?, side("height", SIZE.1)?),
        })
    }

    /// What is set where the client has set nothing.
    fn complete(&mut self) {
        let mut set = |name: &str, value: &str| {
            self.environment.entry(name.into()).or_insert_with(|| value.into());
        };
        set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        set("LANG", "C.UTF-8");
        if self.user == 0 {
            set("HOME", "/root");
            set("USER", "root");
            if self.cwd.is_empty() {
                self.cwd = "/root".into();
            }
        }
    }

    fn command(self) -> Command {
        Command {
            argv: self.command.into_iter().map(String::into_bytes).collect(),
            env: self
                .environment
                .iter()
                .map(|(name, value)| format!("{name}={value}").into_bytes())
                .collect(),
            uid: self.user,
            gid: self.group,
            cwd: self.cwd.into_bytes(),
            terminal: (self.sockets && self.interactive).then_some(self.size),
        }
    }
}

/// The resources that an operation inside of an instance is about. Commands without sockets are said to be
/// about containers, too, by both.
pub(crate) fn resources(world: &World, key: &Named, sockets: bool) -> Value {
    let instance = if world.is_lxd() { format!("/1.0/instances/{}", key.1) } else { world.instance_url(key) };
    let mut resources = json!({ "instances": [instance] });
    if world.is_lxd() {
        resources["containers"] = json!([format!("/1.0/containers/{}", key.1)]);
    } else if !sockets {
        resources["containers"] = json!([instance]);
    }
    resources
}

/// `POST /1.0/instances/{name}/exec`.
pub(crate) fn post(world: &mut World, request: &Request, name: &str) -> Answered {
    let mut wanted = Wanted::read(request)?;
    let project = request.project();
    let refused = |text: &str| Err(Refusal::new(400, text));
    match world.instance(project, name)?.status {
        Status::Stopped => return refused("Instance is not running"),
        Status::Frozen => return refused("Instance is frozen"),
        Status::Running => {}
    }
    if !world.is_lxd() && wanted.record {
        let with = [
            (wanted.sockets, "record-output", "wait-for-websocket"),
            (wanted.interactive, "interactive", "record-output"),
        ];
        if let Some((_, this, that)) = with.iter().find(|it| it.0) {
            return refused(&format!("Cannot use \"{this}\" in combination with \"{that}\""));
        }
    }
    for (key, value) in &world.instance(project, name)?.settings.config {
        if let Some(key) = key.strip_prefix("environment.") {
            wanted.environment.entry(key.to_owned()).or_insert_with(|| value.clone());
        }
    }
    wanted.complete();
    let key = (project.to_owned(), name.to_owned());
    let mut begin = Begin::task("Executing command", project, resources(world, &key, wanted.sockets));
    if !wanted.sockets {
        let record = wanted.record;
        let id = world.open(begin);
        let session = Session::without_sockets(world, key, wanted.command(), record.then_some(&id));
        world.state.execs.insert(id.clone(), session);
        return Ok(Answer::Async(id));
    }
    let names: &[&str] = if wanted.interactive { &["0", "control"] } else { &["0", "1", "2", "control"] };
    begin.class = Class::Websocket;
    begin.channels = names.iter().map(|it| ((*it).to_owned(), Channel::new(world.secret()))).collect();
    let fds: BTreeMap<_, _> =
        begin.channels.iter().map(|(name, it)| (name.clone(), it.secret.clone())).collect();
    begin.metadata = json!({
        "command": wanted.command,
        "environment": wanted.environment,
        "fds": fds,
        "interactive": wanted.interactive,
    });
    let id = world.open(begin);
    let session = Session::with_sockets(key, wanted.command());
    world.state.execs.insert(id.clone(), session);
    let late = id.clone();
    world.later(CONNECT, move |world| {
        too_late(world, &late);
        Step::Done
    });
    Ok(Answer::Async(id))
}

/// Ends an operation whose sockets did not come.
fn too_late(world: &mut World, id: &OperationId) {
    if world.state.execs.get(id).is_some_and(Session::is_waiting) {
        world.state.execs.remove(id);
        if let Some(operation) = world.operations.get_mut(id) {
            // Nobody has read what came.
            operation.channels.values_mut().for_each(|it| it.reset = it.ponged);
        }
        let why = "Timed out waiting for websockets to connect";
        world.end(id, Err(crate::world::Ending::new(why)));
    }
}
