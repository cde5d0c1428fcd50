use std::time::Duration;

use lxio_core::api::{InstanceHandle, events, instance, instances, operation, raw};
use lxio_core::call::Flavour;
use lxio_core::model::{Answer, InstanceCreate, InstanceSource, Status};
use lxio_core::session::Error;
use serde_json::{Value, json};

use crate::{Client, Setup, Simulation};

const SECOND: Duration = Duration::from_secs(1);

/// Both flavours.
fn each(test: impl Fn(&Simulation, &Client)) {
    for flavour in [Flavour::Lxd, Flavour::Incus] {
        let sim = Simulation::new(Setup::of(flavour).seed(3));
        test(&sim, &sim.client().unwrap());
    }
}

fn create(name: &str) -> InstanceCreate {
    InstanceCreate::new(name, InstanceSource::image_alias("busybox"))
}

fn made(client: &Client, name: &str) -> InstanceHandle {
    client.run(instances().create(&create(name))).unwrap();
    instance(name)
}

fn status(client: &Client, it: &InstanceHandle) -> Status {
    client.call(it.state()).unwrap().status()
}

fn why<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.unwrap_err().to_string()
}

/// Begins a change of state and does not wait for it: the operation's id.
fn begun(client: &Client, it: &InstanceHandle, body: &Value) -> String {
    let put = raw::put("/1.0/instances").then(it.name()).then("state").body(body);
    match client.call(put.answer()).unwrap() {
        Answer::Async(operation) => operation.id().as_str().to_owned(),
        other => panic!("no operation: {other:?}"),
    }
}

#[test]
fn a_life() {
    each(|_, client| {
        let it = made(client, "a");
        assert!(client.run(instances().create(&create("a"))).unwrap_err().is_already_exists());
        client.run(it.start()).unwrap();
        let pid = client.call(it.state()).unwrap().pid();
        assert!(pid > 0);
        assert!(why(client.run(it.start())).contains("already running"));
        client.run(it.freeze()).unwrap();
        assert_eq!(status(client, &it), Status::Frozen);
        client.run(it.unfreeze()).unwrap();
        client.run(it.restart().timeout(SECOND * 20)).unwrap();
        assert_ne!(client.call(it.state()).unwrap().pid(), pid);
        assert!(why(client.run(it.delete())).contains("Instance is running"));
        client.run(it.stop().timeout(SECOND * 20)).unwrap();
        assert_eq!(status(client, &it), Status::Stopped);
        client.run(it.delete()).unwrap();
        assert!(!client.call(it.exists()).unwrap());
    });
}

/// It goes on while the daemon is dead; who had waited for it waits no more.
#[test]
fn a_daemon_that_dies() {
    each(|sim, client| {
        let it = made(client, "a");
        client.run(it.start()).unwrap();
        let pid = client.call(it.state()).unwrap().pid();
        begun(client, &it, &json!({ "action": "stop", "force": true }));
        sim.kill();
        sim.pass(SECOND);
        sim.restart();
        let client = &sim.client().unwrap();
        let state = client.call(it.state()).unwrap();
        assert_eq!((state.status(), state.pid()), (Status::Running, pid));
        client.run(it.stop().force()).unwrap();
        assert_eq!(status(client, &it), Status::Stopped);
        // One that was about to be started is started by the next who wants it.
        begun(client, &it, &json!({ "action": "start" }));
        sim.pass(Duration::from_millis(20));
        sim.kill();
        sim.restart();
        let client = &sim.client().unwrap();
        client.run(it.start()).unwrap();
        assert_eq!(status(client, &it), Status::Running);
    });
}

#[test]
fn several_who_want_the_same() {
    each(|_, client| {
        let it = made(client, "a");
        let settle = |id: &str| client.run(operation(id).settle()).map(|it| it.status());
        let starts = [json!({ "action": "start" }), json!({ "action": "start" })]
            .map(|body| begun(client, &it, &body));
        assert!(starts.iter().all(|it| settle(it).unwrap() == Status::Success));
        // By force takes who waits for the other way along.
        let ways = [json!({ "action": "stop", "timeout": 30 }), json!({ "action": "stop", "force": true })];
        let stops = ways.map(|body| begun(client, &it, &body));
        assert!(stops.iter().all(|it| settle(it).unwrap() == Status::Success));
        assert_eq!(status(client, &it), Status::Stopped);
    });
}

/// Whatever is done to an instance in the meantime, who waits for it is told something.
#[test]
fn nobody_waits_for_ever() {
    each(|sim, client| {
        let settle = |id: String| client.run(operation(id).settle()).map(|it| it.status());
        // Deleted before it has started.
        let it = made(client, "a");
        let start = begun(client, &it, &json!({ "action": "start" }));
        sim.pass(Duration::from_millis(10));
        client.run(it.delete()).unwrap();
        assert!(why(settle(start)).contains("Instance not found"));
        // Put back while it is asked to stop.
        let it = made(client, "b");
        client.run(it.snapshots().create("s")).unwrap();
        client.run(it.start()).unwrap();
        client.call(it.file("/sbin/init").delete()).unwrap();
        client.call(it.file("/sbin/init").mode(0o755).put("#!/bin/sh\nexec sleep 1000\n")).unwrap();
        client.run(it.restart().force()).unwrap();
        let stop = begun(client, &it, &json!({ "action": "stop" }));
        client.run(it.snapshot("s").restore(false)).unwrap();
        assert_eq!(settle(stop).unwrap(), Status::Success);
        assert_eq!(status(client, &it), Status::Running);
        // Started by somebody else between the two halves of a restart.
        let restart = begun(client, &it, &json!({ "action": "restart", "force": true }));
        while status(client, &it) == Status::Running {
            sim.pass(Duration::from_millis(1));
        }
        client.run(it.start()).unwrap();
        assert_eq!(settle(restart).unwrap(), Status::Success);
        assert_eq!(status(client, &it), Status::Running);
    });
}

/// One that is being made is there, and nothing can be done with it.
#[test]
fn one_that_is_being_made() {
    each(|_, client| {
        let post = raw::post("/1.0/instances").body(&create("a"));
        let Answer::Async(making) = client.call(post.answer()).unwrap() else { panic!("no operation") };
        let it = instance("a");
        while !client.call(it.exists()).unwrap() {}
        let start = begun(client, &it, &json!({ "action": "start" }));
        assert!(why(client.run(operation(start).settle())).contains("busy running a \"create\" operation"));
        client.run(operation(making.id().as_str()).settle()).unwrap();
        client.run(it.start()).unwrap();
    });
}

#[test]
fn an_ephemeral_one_goes_when_it_stops() {
    each(|_, client| {
        let mut create = create("a");
        create.ephemeral = true;
        client.run(instances().create(&create)).unwrap();
        client.run(instance("a").start()).unwrap();
        client.run(instance("a").stop().force()).unwrap();
        assert!(!client.call(instance("a").exists()).unwrap());
    });
}

#[test]
fn back_to_a_snapshot() {
    each(|_, client| {
        let it = made(client, "a");
        client.run(it.patch(&json!({ "config": { "user.x": "1" }, "description": "then" }))).unwrap();
        client.run(it.snapshots().create("s")).unwrap();
        client.run(it.patch(&json!({ "config": { "user.x": "2" } }))).unwrap();
        client.run(it.start()).unwrap();
        client.run(it.snapshot("s").restore(false)).unwrap();
        let got = client.call(it.get()).unwrap();
        assert_eq!((got.status(), got.description.as_str()), (Status::Running, "then"));
        assert_eq!(got.config["user.x"], "1");
        assert!(
            why(client.run(it.snapshot("none").restore(false))).contains("Snapshot a/none does not exist")
        );
        client.run(it.stop().force()).unwrap();
        client.run(it.rename("b")).unwrap();
        assert_eq!(client.call(instance("b").snapshots().names()).unwrap().len(), 1);
    });
}

#[test]
fn what_listeners_are_told() {
    each(|sim, client| {
        let watch = client.spawn(events().lifecycle());
        sim.pass(SECOND);
        let it = made(client, "a");
        client.run(it.start()).unwrap();
        client.run(it.snapshots().create("s")).unwrap();
        client.run(it.stop().force()).unwrap();
        client.run(it.delete()).unwrap();
        sim.pass(SECOND);
        let told: Vec<_> = watch.items().iter().map(|it| format!("{it:?}")).collect();
        let expected = [
            "instance-created",
            "instance-started",
            "instance-snapshot-created",
            "instance-paused",
            "instance-resumed",
            "instance-stopped",
            "instance-snapshot-deleted",
            "instance-deleted",
        ];
        assert_eq!(told.len(), expected.len(), "{told:#?}");
        assert!(told.iter().zip(expected).all(|(told, expected)| told.contains(expected)), "{told:#?}");
    });
}

/// Names of both flavours' daemons for what is no name, no key, no device, no profile.
#[test]
fn what_is_refused() {
    each(|_, client| {
        let body = |more: Value| {
            let mut body = json!({ "name": "x", "source": { "type": "image", "alias": "busybox" } });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        for (more, text) in [
            (json!({ "name": "-x" }), "Invalid instance name: Name must not start with"),
            (json!({ "name": "a b" }), "Name can only contain alphanumeric and hyphen characters"),
            (json!({ "name": "x".repeat(64) }), "Name must be 1-63 characters long"),
            (json!({ "type": "odd" }), "Invalid instance type"),
            (json!({ "profiles": ["none"] }), "Requested profile \"none\" doesn't exist"),
            (json!({ "profiles": [] }), "Failed getting root disk: No root device could be found"),
            (json!({ "profiles": ["default", "default"] }), "Duplicate profile found in request"),
            (json!({ "source": { "type": "odd" } }), "Unknown source type odd"),
            (
                json!({ "source": { "type": "image" } }),
                "Must specify one of alias, fingerprint or properties",
            ),
            (json!({ "source": { "type": "copy", "source": "none" } }), "Failed to fetch instance \"none\""),
            (json!({ "config": { "no.such": "1" } }), "Unknown configuration key: no.such"),
            (json!({ "config": { "user.x": 1 } }), "cannot unmarshal number into Go struct field"),
            (json!({ "devices": { "d": { "type": "odd" } } }), "Invalid device type"),
        ] {
            let said = why(client.run(raw::post("/1.0/instances").body(&body(more)).settle()));
            assert!(said.contains(text), "{said} is not {text}");
        }
    });
}
