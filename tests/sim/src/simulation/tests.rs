use std::time::Duration;

use lxio_core::api::{certificate, certificates, events, profile, profiles, raw, server};
use lxio_core::bytes::Secret;
use lxio_core::call::{Flavour, Joining};
use lxio_core::model::ProfileCreate;
use lxio_core::session::{Cause, ErrorKind};
use serde_json::json;

use super::Simulation;
use crate::{Faults, Peer, Scripted, Setup, Trace, What};

const MINUTE: Duration = Duration::from_secs(60);

fn storm() -> Faults {
    Faults {
        jitter: Duration::from_millis(2),
        refuse: 0.1,
        dribble: 0.3,
        cut: 0.3,
        end: 0.2,
        stall: 0.2,
        corrupt: 0.1,
        ..Faults::default()
    }
}

/// What passes, and what comes of it, when three clients do things at once in bad weather.
fn recording(seed: u64) -> (Vec<Trace>, Vec<String>) {
    let sim = Simulation::new(Setup::lxd().seed(seed));
    sim.record();
    let clients: Vec<_> = (0..3).filter_map(|_| sim.client().ok()).collect();
    sim.set_faults(storm());
    let create = |name: &str| profiles().create(&ProfileCreate::new(name));
    let tasks: Vec<_> = clients.iter().map(|it| it.spawn(create("shared"))).collect();
    let watch = clients[0].spawn(events());
    sim.outage(Duration::from_millis(3), Duration::from_millis(5));
    let mut said = vec![format!("{:?}", clients[1].call(profile("default").get()))];
    sim.pass(MINUTE);
    said.extend(tasks.iter().map(|it| format!("{:?}", it.take_result())));
    said.push(format!("{:?}", watch.items()));
    (sim.trace(), said)
}

#[test]
fn the_same_seed_gives_the_same_bytes_at_the_same_moments() {
    let mut different = 0;
    let other = recording(0);
    for seed in 0..20 {
        let (one, two) = (recording(seed), recording(seed));
        assert_eq!(one, two);
        assert!(one.0.iter().any(|it| matches!(it.what, What::Up(_))));
        different += u32::from(one.0 != other.0);
    }
    assert_eq!(different, 19);
}

#[test]
fn nothing_is_left_open_when_clients_are_gone() {
    for seed in 0..50 {
        let sim = Simulation::seeded(seed);
        let client = sim.client().unwrap();
        sim.set_faults(storm());
        let watch = client.spawn(events());
        let tasks: Vec<_> = (0..5).map(|_| client.spawn(profiles().all())).collect();
        sim.pass(Duration::from_millis(seed));
        drop((client, tasks, watch));
        sim.set_faults(Faults::default());
        sim.pass(MINUTE + MINUTE);
        assert_eq!(sim.connections(), 0, "seed {seed}");
        assert_eq!(sim.daemon(|it| it.connections().count()), 0, "seed {seed}");
    }
}

#[test]
fn what_never_comes_is_stuck() {
    let sim = Simulation::seeded(1).patience(MINUTE);
    let client = sim.client().unwrap();
    sim.next_reply(Scripted::silence());
    let error = client.call(profiles().names()).unwrap_err();
    assert!(matches!(error.cause(), Cause::Stuck), "{error:?}");
    sim.next_reply(Scripted::silence());
    let error = client.run(profiles().names()).unwrap_err();
    assert!(matches!(error.cause(), Cause::Stuck), "{error:?}");
    assert!(client.call(profiles().names()).is_ok());
}

#[test]
fn a_dead_daemon_is_not_reached_and_a_living_one_is() {
    let sim = Simulation::seeded(1);
    let client = sim.client().unwrap();
    client.run(profiles().create(&ProfileCreate::new("web"))).unwrap();
    sim.kill();
    assert_eq!(client.call(profile("web").get()).unwrap_err().kind(), ErrorKind::Unreachable);
    sim.restart();
    assert!(client.call(profile("web").exists()).unwrap());
}

#[test]
fn events_come_while_others_act() {
    let sim = Simulation::seeded(3);
    let (one, two) = (sim.client().unwrap(), sim.client().unwrap());
    let mut watch = one.start(events().lifecycle()).unwrap();
    two.run(profiles().create(&ProfileCreate::new("web"))).unwrap();
    let event = watch.next().unwrap().unwrap();
    assert!(format!("{event:?}").contains("profile-created"), "{event:?}");
}

#[test]
fn a_dropped_task_is_gone_at_once() {
    let sim = Simulation::seeded(3);
    let client = sim.client().unwrap();
    let task = client.spawn(events());
    sim.pass(Duration::from_millis(10));
    let open = sim.connections();
    drop(task);
    sim.pass(Duration::from_millis(1));
    assert_eq!(sim.connections(), open - 1);
}

#[test]
fn bytes_that_dribble_make_the_same_answer() {
    let sim = Simulation::seeded(5);
    let client = sim.client().unwrap();
    let whole = client.call(raw::get("/1.0/profiles/default").json()).unwrap();
    sim.set_faults(Faults { dribble: 1.0, ..Faults::default() });
    for _ in 0..20 {
        sim.pass(MINUTE);
        assert_eq!(client.call(raw::get("/1.0/profiles/default").json()).unwrap().value, whole.value);
    }
}

#[test]
fn a_stranger_joins_by_a_token_or_by_the_password() {
    const PASSWORD: &str = "hunter2";
    for setup in [Setup::lxd(), Setup::incus()] {
        let is_lxd = setup.flavour == Flavour::Lxd;
        let sim = Simulation::new(setup);
        let stranger = sim.client().unwrap();
        // What it has is cut: it comes back as somebody from the network.
        sim.kill();
        sim.restart();
        let local = sim.client().unwrap();
        let config = |key: &str, value: &str| server().patch(&json!({ "config": { key: value } }));
        local.run(config("core.https_address", "127.0.0.1:8443")).unwrap();
        let issued = local.call(certificates().create_token("ci", Some(&["default"]))).unwrap();
        // The smallest that passes for a certificate.
        sim.set_peer(Peer::Network { certificate: Some(vec![0x30, 0x01, 0x00].into()) });

        let wrong = Joining::Password(Secret::new("no"));
        let refused = stranger.run(certificates().join(wrong, "me")).unwrap_err();
        assert_eq!(refused.kind(), if is_lxd { ErrorKind::Untrusted } else { ErrorKind::Misuse });
        let token = Joining::Token(issued.token);
        let server = stranger.run(certificates().join(token.clone(), "me")).unwrap();
        assert!(server.is_trusted() && server.environment().server_name() == "simulated");
        let all = local.call(certificates().all()).unwrap();
        assert_eq!((all.len(), all[0].name.as_str(), all[0].restricted), (1, "ci", true));
        // Trusted already, it sends none.
        let before = sim.daemon(|daemon| daemon.requests());
        stranger.run(certificates().join(token.clone(), "me")).unwrap();
        assert_eq!(sim.daemon(|daemon| daemon.requests()) - before, 1);

        local.run(certificate(all[0].fingerprint().clone()).delete()).unwrap();
        let used = stranger.run(certificates().join(token, "me")).unwrap_err();
        assert_eq!(used.kind(), ErrorKind::Untrusted);
        if is_lxd {
            local.run(config("core.trust_password", PASSWORD)).unwrap();
            let password = Joining::Password(Secret::new(PASSWORD));
            assert!(stranger.run(certificates().join(password, "me")).unwrap().is_trusted());
            assert_eq!(local.call(certificates().all()).unwrap()[0].name, "me");
        }
    }
}
