//! What goes on inside of instances, as the recorded scenes have it: played with a simulated daemon, each step
//! has the outcome that it had with the real one.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use lxio_core::api::{instance, instances};
use lxio_core::call::Flavour;
use lxio_core::model::{InstanceCreate, InstanceSource};
use lxio_core::session::Remote;
use lxio_sim::{Server, Setup};
use lxio_tests::actor::{Actor, Blocking, Connect};
use lxio_tests::recorder::Recorder;
use lxio_tests::scenes::play;

/// Times are another matter.
fn without_times(line: &str) -> String {
    let mut parts = line.split("modified: ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |line, part| line + "modified: " + part.trim_start_matches(|it| it != ','))
}

fn scene(name: &str) {
    for (flavour, daemon) in [(Flavour::Lxd, "lxd-5.0.2"), (Flavour::Incus, "incus-6.0.4")] {
        let server = Arc::new(Server::temporary(Setup::of(flavour)).unwrap());
        // They were recorded through a proxy, and one can be told from a daemon that is dead.
        let socket = server.path().unwrap();
        let proxy = socket.with_file_name("proxy.socket");
        let recorder = Recorder::start(&proxy, socket, Vec::new()).unwrap();
        let mut actor = Blocking::connect(Remote::socket(&proxy)).unwrap();
        let create = InstanceCreate::new("c1", InstanceSource::image_alias("busybox"));
        actor.run(instances().create(&create)).unwrap();
        actor.run(instance("c1").start()).unwrap();
        let dying = Arc::clone(&server);
        actor.fault = Box::new(move || dying.kill());
        let told = play(name, &mut actor);
        drop(actor);
        recorder.stop();

        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("transcripts/{name}.{daemon}.txt"));
        let expected = fs::read_to_string(path).unwrap();
        let [told, expected] =
            [told.join("\n"), expected].map(|it| it.lines().map(without_times).collect::<Vec<_>>());
        assert_eq!(told, expected, "{name} with {daemon}");
    }
}

#[test]
fn exec() {
    scene("exec");
}

#[test]
fn talk() {
    scene("talk");
}

#[test]
fn files() {
    scene("files");
}

#[test]
fn kill() {
    scene("kill");
}
