use std::io::{Read as _, Write as _};

use lxio_core::api::{events, instance, instances, operation, operations, profile, profiles, server};
use lxio_core::flow::{Flow, IntoFlow, Piece};
use lxio_core::model::{InstanceCreate, InstanceSource, Profile, ProfileCreate};
use lxio_core::session::{Cause, Error};
use lxio_sim::{Client, Task};

use super::outcome::Got;
use super::{Deed, Step};

/// The profile that all clients count in.
pub(super) const COUNTER: &str = "counter";
/// The key that they count in.
pub(super) const COUNT: &str = "user.count";
/// The instance that commands run in.
pub(super) const BASE: &str = "base";

/// What is asked of a step that goes on: what came of it, once that is known.
pub(super) type Ask = Box<dyn FnMut() -> Option<Result<Got, Error>>>;

/// The text that marks what a step makes.
pub(super) fn mark(number: usize) -> String {
    format!("m{number}m")
}

/// The bytes that a step sends.
pub(super) fn content(number: usize, size: usize) -> Vec<u8> {
    let mut chance = lxio_core::bytes::Chance::seeded(number as u64);
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        bytes.extend_from_slice(&chance.draw().to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// The path of the file that a step uploads.
pub(super) fn path(number: usize) -> String {
    format!("/root/f{number}")
}

fn create(number: usize) -> ProfileCreate {
    let mut create = ProfileCreate::new(format!("p{number}"));
    create.description = mark(number);
    create
}

/// A container to be made.
pub(super) fn container(name: &str, mark: String) -> InstanceCreate {
    let mut create = InstanceCreate::new(name, InstanceSource::image_alias("busybox"));
    create.description = mark;
    create
}

fn sign(number: usize) -> impl FnMut(&mut Profile) {
    move |profile: &mut Profile| {
        let count: u64 = profile.config.get(COUNT).and_then(|it| it.parse().ok()).unwrap_or_default();
        profile.config.insert(COUNT.into(), (count + 1).to_string());
        profile.config.insert(format!("user.{}", mark(number)), "1".into());
    }
}

fn described(profile: &Profile) -> (String, String) {
    (profile.name().to_string(), profile.description.clone())
}

fn exec(number: usize, deed: Deed) -> lxio_core::flow::Exec {
    let base = instance(BASE);
    let exec = match deed {
        Deed::Exit(code) => base.exec(["sh".into(), "-c".into(), format!("exit {code}")]),
        Deed::Missing => base.exec(["no-such-program"]),
        Deed::Cat(size) => base.exec(["cat"]).stdin(content(number, size)),
        _ => base.exec(["cat"]),
    };
    exec.env("MARK", mark(number))
}

fn ask<F: Flow + 'static>(task: Task<F>, got: impl Fn(F::Output) -> Got + 'static) -> Ask {
    Box::new(move || task.take_result().map(|result| result.map(&got)))
}

/// Begins a step that goes on by itself. Those that somebody has to take part in are [taken](take) at once.
pub(super) fn begin(client: &Client, step: &Step) -> Option<Ask> {
    let number = step.number;
    fn spawn<C: IntoFlow<Flow: 'static>>(
        client: &Client,
        it: C,
        got: impl Fn(<C::Flow as Flow>::Output) -> Got + 'static,
    ) -> Option<Ask> {
        Some(ask(client.spawn(it), got))
    }
    match step.deed {
        Deed::Server => spawn(client, server().get(), |_| Got::Nothing),
        Deed::List => spawn(client, profiles().all(), |it| Got::Profiles(it.iter().map(described).collect())),
        Deed::Make => spawn(client, profiles().create(&create(number)), |()| Got::Nothing),
        Deed::Get(it) => {
            spawn(client, profile(format!("p{it}")).get(), |it| Got::Profiles(vec![described(&it)]))
        }
        Deed::Delete(it) => spawn(client, profile(format!("p{it}")).delete(), |()| Got::Nothing),
        Deed::Edit => spawn(client, profile(COUNTER).edit(sign(number)), |_| Got::Nothing),
        Deed::Instances => spawn(client, instances().all(), |_| Got::Nothing),
        Deed::Create => {
            let create = instances().create(&container(&format!("c{number}"), mark(number)));
            spawn(client, create, |_| Got::Nothing)
        }
        Deed::Start(it) => spawn(client, instance(format!("c{it}")).start(), |()| Got::Nothing),
        Deed::Stop(it) => spawn(client, instance(format!("c{it}")).stop().force(), |()| Got::Nothing),
        Deed::Erase(it) => spawn(client, instance(format!("c{it}")).delete(), |()| Got::Nothing),
        Deed::Cat(_) | Deed::Exit(_) | Deed::Missing => spawn(client, exec(number, step.deed), Got::Output),
        _ => None,
    }
}

/// Follows events.
pub(super) fn watch(client: &Client) -> Task<lxio_core::flow::Watch> {
    client.spawn(events().lifecycle())
}

/// Takes a step to its end.
pub(super) fn take(client: &Client, step: &Step) -> Result<Got, Error> {
    let number = step.number;
    match step.deed {
        Deed::Server => client.call(server().get()).map(|_| Got::Nothing),
        Deed::List => {
            client.call(profiles().all()).map(|it| Got::Profiles(it.iter().map(described).collect()))
        }
        Deed::Get(it) => {
            client.call(profile(format!("p{it}")).get()).map(|it| Got::Profiles(vec![described(&it)]))
        }
        Deed::Cancel => {
            let found = client.call(operations().all())?;
            for it in found.0.iter().filter(|it| !it.is_final()) {
                let _ = client.call(operation(it.id()).cancel());
            }
            Ok(Got::Nothing)
        }
        Deed::Talk(size) => talk(client, number, &content(number, size)),
        Deed::Push(size) => {
            let upload = client.start(instance(BASE).file(path(number)).push(size as u64))?;
            upload.copy_from(&mut content(number, size).as_slice()).map(|()| Got::Nothing)
        }
        Deed::Break(size) => {
            let bytes = content(number, size);
            let mut upload = client.start(instance(BASE).file(path(number)).push(size as u64))?;
            let all = upload.write_all(&bytes[..size / 2]);
            all.map_err(|error| Error::new(Cause::Output(error))).map(|()| Got::Nothing)
        }
        Deed::Pull(it) => {
            let mut download = client.start(instance(BASE).file(path(it)).pull())?;
            let mut bytes = Vec::new();
            download.read_to_end(&mut bytes).map_err(inner)?;
            download.finish().map(|_| Got::Content(bytes))
        }
        // The rest goes on by itself; who takes it waits.
        _ => Ok(Got::Nothing),
    }
}

/// Talks to a command: gives it a piece, takes what there is, gives it the next.
fn talk(client: &Client, number: usize, bytes: &[u8]) -> Result<Got, Error> {
    let mut live = client.start(exec(number, Deed::Talk(0)))?;
    let mut printed = Vec::new();
    let mut keep = |piece: &Piece| {
        if let Piece::Stdout(bytes) = piece {
            printed.extend_from_slice(bytes);
        }
    };
    let mut sent = 0;
    for piece in bytes.chunks(bytes.len() / 3 + 1) {
        // A command that no longer listens is no error; a conversation that has ended in one is.
        match live.write_all(piece) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => break,
            written => written.map_err(inner)?,
        }
        sent += piece.len();
        if sent < bytes.len()
            && let Some(piece) = live.next()
        {
            keep(&piece?);
        }
    }
    live.close_stdin();
    for piece in &mut live {
        keep(&piece?);
    }
    let mut output = live.finish()?;
    output.stdout = printed;
    Ok(Got::Output(output))
}

fn inner(error: std::io::Error) -> Error {
    error.downcast::<Error>().unwrap_or_else(|error| Error::new(Cause::Output(error)))
}
