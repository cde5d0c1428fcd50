//! The conversations of the recorded transcripts, in one place: they are recorded from real daemons, replayed
//! through the core alone, cut in all ways, and run against a server that plays the transcript.
//!
//! A scene goes on whatever happens and tells the outcome of each step in a line. It expects an instance `c1`
//! that runs, made of an image with the alias `lxio`.

use std::fmt::Debug;
use std::time::Duration;

use lxio_core::api::{
    FileContent, events, image, image_alias, images, instance, instances, operation, operations, profile,
    profiles, raw,
};
use lxio_core::call::{Change, ETag};
use lxio_core::flow::Output;
use lxio_core::model::{Answer, InstanceCreate, InstanceSource, OperationId, ProfileCreate};
use lxio_core::session::{Error, ErrorKind};
use serde_json::json;

use crate::actor::{Act, Actor};

/// A scene's name, and what happens in it.
pub type Scene = (&'static str, &'static str);

/// All scenes, those that end the daemon last.
pub const SCENES: &[Scene] = &[
    ("life", "an instance is made, started, changed, stopped, renamed, snapshotted and deleted"),
    ("files", "files are written, read, listed and deleted, in memory and streamed"),
    ("images", "a small image is imported, named, described, exported and deleted"),
    ("profiles", "a profile is made, changed with a right and a wrong ETag, edited, renamed, deleted"),
    ("exec", "commands: a pipe, an exit code, one that is missing, settings, a recorded one"),
    (
        "talk",
        "commands that are talked to: a signal, lines back and forth, many lines, input that nobody reads",
    ),
    ("events", "events of a profile's life are followed"),
    ("operations", "an operation is waited for in all ways, past its time, and after it was forgotten"),
    ("kill", "the daemon is killed while a command runs"),
    ("lost", "the daemon is killed while an operation is waited for"),
];

/// Plays a scene; a line for each step.
pub fn play<A: Actor>(scene: &str, actor: &mut A) -> Vec<String> {
    let mut told = Told(Vec::new());
    match scene {
        "life" => life(actor, &mut told),
        "files" => files(actor, &mut told),
        "images" => all_images(actor, &mut told),
        "profiles" => all_profiles(actor, &mut told),
        "exec" => exec(actor, &mut told),
        "talk" => talk(actor, &mut told),
        "events" => follow(actor, &mut told),
        "operations" => all_operations(actor, &mut told),
        "kill" => kill(actor, &mut told),
        "lost" => lost(actor, &mut told),
        other => told.0.push(format!("there is no scene {other}")),
    }
    told.0
}

/// The outcomes so far.
struct Told(Vec<String>);

impl Told {
    /// Writes down how a step went, and gives what came of it.
    fn step<T: Debug>(&mut self, step: &str, result: Result<T, Error>) -> Option<T> {
        self.0.push(format!("{step}: {}", outcome(result.as_ref())));
        result.ok()
    }

    fn output(&mut self, step: &str, result: Result<Output, Error>) {
        let told = result.map(|output| {
            let (out, err) = (output.stdout.escape_ascii(), output.stderr.escape_ascii());
            format!("{}; out {out}; err {err}", output.status)
        });
        self.step(step, told);
    }

    fn content(&mut self, step: &str, result: Result<FileContent, Error>) {
        let told = result.map(|content| match content {
            FileContent::File(info, bytes) => format!("{info:?} {}", bytes.escape_ascii()),
            FileContent::Symlink(info, bytes) => format!("{info:?} -> {}", bytes.escape_ascii()),
            FileContent::Directory(info, mut names) => {
                names.sort();
                format!("{info:?} {names:?}")
            }
            other => format!("{other:?}"),
        });
        self.step(step, told);
    }
}

/// A result in a line. How exactly a connection failed is not told: that differs with who looked first.
pub fn outcome<T: Debug>(result: Result<&T, &Error>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => match error.kind() {
            kind @ (ErrorKind::Transport | ErrorKind::Unreachable | ErrorKind::OperationUnknown) => {
                format!("error {kind:?}")
            }
            kind => format!("error {kind:?}: {error}"),
        },
    }
}

fn life(actor: &mut impl Actor, told: &mut Told) {
    let (web, other) = (instance("c2"), instance("c3"));
    told.step("exists", actor.call(web.exists()));
    let mut create = InstanceCreate::new("c2", InstanceSource::image_alias("lxio"));
    create.description = "made for a transcript".into();
    told.step("create", actor.run(instances().create(&create)));
    told.step("create again", actor.run(instances().create(&create)));
    told.step("get", actor.call(web.get()));
    told.step("start", actor.run(web.start()));
    told.step("start again", actor.run(web.start()));
    told.step("state", actor.call(web.state()).map(|state| state.status()));
    told.step("delete while it runs", actor.run(web.delete()));
    told.step("stop", actor.run(web.stop().force()));
    told.step("snapshot", actor.run(web.snapshots().create("s0")));
    told.step("snapshots", actor.call(web.snapshots().names()));
    let edit = web.edit(|web| {
        web.config.insert("user.note".into(), "edited".into());
    });
    told.step("edit", actor.run(edit).map(|web| web.config));
    told.step("rename", actor.run(web.rename("c3")));
    told.step("names", actor.call(instances().names()));
    told.step("delete", actor.run(other.delete()));
    told.step("delete again", actor.run(other.delete()));
}

fn files(actor: &mut impl Actor, told: &mut Told) {
    let at = |path: &str| instance("c1").file(path);
    told.step("mkdir", actor.call(at("/root/d").mode(0o700).mkdir()));
    told.step("put", actor.call(at("/root/d/a").owner(5, 6).mode(0o640).put("hello\n")));
    told.step("append", actor.call(at("/root/d/a").append("world\n")));
    told.content("get", actor.call(at("/root/d/a").get()));
    told.step("stat", actor.call(at("/root/d/a").stat()));
    told.step("symlink", actor.call(at("/root/d/l").symlink("a")));
    told.content("get the link", actor.call(at("/root/d/l").get()));
    told.content("get the directory", actor.call(at("/root/d").get()));
    told.step("missing", actor.call(at("/root/none").stat()));
    told.step("no parent", actor.call(at("/root/none/x").put("x")));
    let bytes: Vec<u8> = (0..3000_u32).map(|at| ((at * 7) >> 3) as u8).collect();
    told.step("push", actor.push(at("/root/d/sized").push(3000), bytes.as_slice()));
    told.step("push in chunks", actor.push(at("/root/d/chunked").push_all(), bytes.as_slice()));
    for name in ["sized", "chunked"] {
        let mut came = Vec::new();
        let info = actor.pull(at(&format!("/root/d/{name}")).pull(), &mut came);
        told.step("pull", info.map(|info| (info, came == bytes)));
    }
    told.step("pull the directory", actor.pull(at("/root/d").pull(), std::io::sink()));
    let odd = instance("c1").file(b"/root/d/\xff +&?".as_slice());
    told.step("put under a name that is no text", actor.call(odd.put("odd")));
    told.content("get it", actor.call(odd.get()));
    told.step("delete it", actor.call(odd.delete()));
    told.step("delete a directory that is not empty", actor.call(at("/root/d").delete()));
    for name in ["/a", "/l", "/sized", "/chunked", ""] {
        told.step("delete", actor.call(at(&format!("/root/d{name}")).delete()));
    }
}

/// An image of nothing but its description: a tarball of one small file.
#[must_use]
pub fn tiny_image() -> Vec<u8> {
    let metadata = "architecture: x86_64\ncreation_date: 1700000000\nproperties: {os: tiny}\n";
    let mut tarball = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(metadata.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(1_700_000_000);
    // Writing to memory cannot fail.
    let _ = tarball.append_data(&mut header, "metadata.yaml", metadata.as_bytes());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_size(0);
    header.set_mode(0o755);
    header.set_mtime(1_700_000_000);
    let _ = tarball.append_data(&mut header, "rootfs/", std::io::empty());
    tarball.into_inner().unwrap_or_default()
}

fn all_images(actor: &mut impl Actor, told: &mut Told) {
    let tarball = tiny_image();
    let import = || images().import().alias("tiny/one").property("note", "a & b").filename("tiny.tar");
    let Some(print) = told.step("import", actor.run(import().bytes(tarball.clone()))) else { return };
    told.step("import again", actor.push(import().sized(tarball.len() as u64), tarball.as_slice()));
    told.step("alias", actor.call(image_alias("tiny/one").get()));
    told.step("by alias", actor.run(images().by_alias("tiny/one")));
    let edit = image(print.clone()).edit(|image| {
        image.properties.insert("more".into(), "yes".into());
    });
    told.step("edit", actor.run(edit).map(|image| image.properties));
    let mut came = Vec::new();
    let export = actor.pull(image(print.clone()).export(), &mut came);
    told.step("export", export.map(|head| (head, came == tarball)));
    told.step("delete", actor.run(image(print.clone()).delete()));
    told.step("get", actor.call(image(print.clone()).get()));
    told.step("import in chunks", actor.push(images().import().streamed(), tarball.as_slice()));
    told.step("no image", actor.run(images().import().bytes(&b"this is no tarball"[..])));
    told.step("delete that too", actor.run(image(print).delete()));
}

fn all_profiles(actor: &mut impl Actor, told: &mut Told) {
    let (p1, p2) = (profile("p1"), profile("p2"));
    let mut create = ProfileCreate::new("p1");
    create.config.insert("user.a".into(), "1".into());
    told.step("create", actor.run(profiles().create(&create)));
    told.step("create again", actor.run(profiles().create(&create)));
    let Some(mut got) = told.step("get", actor.call(p1.get())) else { return };
    got.value.description = "changed".into();
    told.step("put with a wrong ETag", actor.run(p1.replace(&got.value, Some(&ETag::from(&b"\"0\""[..])))));
    told.step("put", actor.run(p1.replace(&got.value, got.etag.as_ref())));
    told.step("put with an old ETag", actor.run(p1.replace(&got.value, got.etag.as_ref())));
    told.step("patch", actor.run(p1.patch(&json!({"config": {"user.b": "2"}}))));
    let edit = p1.edit(|profile| {
        profile.config.remove("user.a");
        profile.config.insert("user.c".into(), "3".into());
    });
    told.step("edit", actor.run(edit));
    told.step("edit nothing", actor.run(p1.edit(|_| {})).map(|profile| profile.config));
    told.step("a bad key", actor.run(p1.patch(&json!({"config": {"no.such.key": "1"}}))));
    told.step("rename", actor.run(p1.rename("p2")));
    told.step("names", actor.call(profiles().names()));
    told.step("delete", actor.run(p2.delete()));
    told.step("get what is gone", actor.call(p2.get()));
}

fn exec(actor: &mut impl Actor, told: &mut Told) {
    let shell = |text: &str| instance("c1").exec(["sh", "-c", text]);
    told.output("cat", actor.run(instance("c1").exec(["cat"]).stdin("one\ntwo\n")));
    told.output("code", actor.run(shell("echo out; echo err >&2; exit 7")));
    told.output("missing", actor.run(instance("c1").exec(["no-such-command"])));
    let set =
        instance("c1").exec(["sh", "-c", "echo $A $(id -u) $PWD"]).env("A", "b c").user(1000).cwd("/tmp");
    told.output("settings", actor.run(set));
    told.output("recorded", actor.run(shell("echo out; echo err >&2; exit 3").recorded()));
    told.output("recorded and missing", actor.run(instance("c1").exec(["no-such-command"]).recorded()));
    told.output("no instance", actor.run(instance("none").exec(["true"])));
}

fn talk(actor: &mut impl Actor, told: &mut Told) {
    let shell = |text: &str| instance("c1").exec(["sh", "-c", text]);
    let trap = "trap 'echo got it; exit 9' TERM; echo ready; while :; do sleep 0.1; done";
    told.output("signal", actor.talk(shell(trap), &[Act::Await(6), Act::Signal(15), Act::Close]));
    let echo = [Act::Write(b"first\n"), Act::Await(6), Act::Write(b"second\n"), Act::Await(13), Act::Close];
    told.output("talk", actor.talk(shell("while read line; do echo $line; done; echo end >&2"), &echo));
    told.output("much", actor.run(shell("i=0; while [ $i -lt 50 ]; do echo line $i; i=$((i+1)); done")));
    let unread = [Act::Write(b"nobody reads this\n"), Act::Close];
    told.output("unread", actor.talk(shell("echo ready; exit 4"), &unread));
}

fn follow(actor: &mut impl Actor, told: &mut Told) {
    let deed = |actor: &mut _| {
        let mut inner = Told(Vec::new());
        inner.step("create", Actor::run(actor, profiles().create(&ProfileCreate::new("seen"))));
        inner.step("rename", Actor::run(actor, profile("seen").rename("seen2")));
        inner.step("delete", Actor::run(actor, profile("seen2").delete()));
        inner.0
    };
    let (done, seen, error) = actor.watch(events().lifecycle(), deed, 3);
    told.0.extend(done.unwrap_or_default());
    for event in &seen {
        told.0.push(format!("event: {event:?}"));
    }
    told.step("end", error.map_or(Ok(seen.len()), Err));
    let deed = |actor: &mut _| outcome(Actor::run(actor, instance("c1").exec(["true"])).as_ref());
    let (done, seen, error) = actor.watch(events().operations(), deed, 2);
    told.0.extend(done);
    for event in &seen {
        told.0.push(format!("event: {event:?}"));
    }
    told.step("end", error.map_or(Ok(seen.len()), Err));
}

/// Begins a command that nobody listens to.
fn begin(actor: &mut impl Actor, told: &mut Told, seconds: &str) -> Option<OperationId> {
    let body = json!({"command": ["sleep", seconds]});
    let answer = actor.call(raw::post("/1.0/instances/c1/exec").body(&body).answer());
    match told.step("begin", answer)? {
        Answer::Async(operation) => Some(operation.id().clone()),
        _ => None,
    }
}

fn all_operations(actor: &mut impl Actor, told: &mut Told) {
    let Some(id) = begin(actor, told, "3") else { return };
    told.step("names", actor.call(operations().names()));
    told.step("get", actor.call(operation(id.as_str()).get()));
    told.step("wait for no time", actor.call(operation(id.as_str()).wait(Some(Duration::ZERO))));
    told.step("wait for a second", actor.call(operation(id.as_str()).wait(Some(Duration::from_secs(1)))));
    told.step("cancel", actor.call(operation(id.as_str()).cancel()));
    let settle = operation(id.as_str()).settle();
    told.step("settle", actor.run(settle));
    told.step("settle again", actor.run(operation(id.as_str()).settle()));
    let frozen = instance("c1").freeze().settle().within(Duration::from_secs(20));
    told.step("freeze", actor.run(frozen));
    told.step("unfreeze", actor.run(instance("c1").unfreeze()));
    let unknown = "00000000-0000-4000-8000-000000000000";
    told.step("unknown", actor.run(operation(unknown).settle()));
    told.step("wait for an unknown one", actor.call(operation(unknown).wait(None)));
    let change = instance("c1").unfreeze().settle().begin();
    if let Some(call) = change {
        let begun = actor.call(call).map(|change| match change {
            Change::Done => "done".to_owned(),
            Change::Operation(operation) => format!("{operation:?}"),
        });
        told.step("unfreeze what is not frozen", begun);
    }
}

fn kill(actor: &mut impl Actor, told: &mut Told) {
    let shell = instance("c1").exec(["sh", "-c", "echo ready; sleep 60"]);
    told.output("killed", actor.talk(shell, &[Act::Await(6), Act::Fault]));
    told.step("afterwards", actor.call(instance("c1").exists()));
}

fn lost(actor: &mut impl Actor, told: &mut Told) {
    let Some(id) = begin(actor, told, "60") else { return };
    actor.fault();
    told.step("settle", actor.run(operation(id.as_str()).settle()));
    told.step("afterwards", actor.run(instance("c1").start()));
}
