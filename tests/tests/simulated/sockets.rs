//! Websockets that say what they should not, slowly, or for ever.

use std::time::Duration;

use lxio_core::api::events;
use lxio_core::flow::FlowError;
use lxio_core::session::{Cause, ErrorKind};
use lxio_sim::Scripted;
use lxio_tests::{answers, daemon};

use super::{goes_on, limits, stage, taken};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn frames_that_no_server_may_send_end_the_stream() {
    let event = daemon::event("instance-started");
    for (name, bad, kind) in [
        ("masked", vec![0x81, 0x81, 1, 2, 3, 4, b'x'], ErrorKind::Truncated),
        ("reserved bits", vec![0xc1, 0], ErrorKind::Truncated),
        ("unknown kind", vec![0x8b, 0], ErrorKind::Truncated),
        ("a long ping", [vec![0x89, 126, 0, 126], vec![0; 126]].concat(), ErrorKind::Truncated),
        ("a ping in parts", vec![0x09, 0], ErrorKind::Truncated),
        ("a fragment of nothing", vec![0x80, 1, b'x'], ErrorKind::Truncated),
        ("no UTF-8", vec![0x81, 1, 0xff], ErrorKind::Truncated),
        ("a huge text", vec![0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0], ErrorKind::Truncated),
        ("no JSON", answers::text("hello"), ErrorKind::Protocol),
        ("a goodbye", answers::frame(8, &[3, 0xe8]), ErrorKind::Truncated),
        ("a short goodbye", answers::frame(8, &[3]), ErrorKind::Truncated),
    ] {
        let script = Scripted::upgraded([event.clone(), bad, event.clone()].concat());
        for script in [script.clone(), script.slowly(1, SECOND)] {
            let (sim, client) = stage();
            sim.next_reply(script);
            let mut watch = client.start(events().lifecycle()).unwrap();
            assert!(watch.next().unwrap().is_ok(), "{name}");
            let error = watch.next().unwrap().expect_err(name);
            assert_eq!(error.kind(), kind, "{name}: {error:?}");
            drop(watch);
            goes_on(&sim, &client, 2);
        }
    }
}

#[test]
fn a_message_without_end_is_left_at_the_limit() {
    // A text in parts, of which none is the last.
    let part = |kind: u8| [vec![kind, 126, 1, 0], vec![b'x'; 256]].concat();
    let (sim, client) = stage();
    sim.record();
    sim.next_reply(Scripted::upgraded(part(1)).then_endlessly(part(0)));
    let mut watch = client.start(events()).unwrap();
    let error = watch.next().unwrap().unwrap_err();
    assert!(matches!(error.cause(), Cause::Flow(FlowError::EventsEnded { fault: Some(_) })), "{error:?}");
    assert!(taken(&sim) < limits().message + (512 << 10));
    drop(watch);
    goes_on(&sim, &client, 2);
}

#[test]
fn a_stream_that_falls_silent_is_dead() {
    let (sim, client) = stage();
    sim.next_reply(Scripted::upgraded(answers::frame(9, b"keepalive")));
    let mut watch = client.start(events()).unwrap();
    let before = sim.now();
    let error = watch.next().unwrap().unwrap_err();
    assert!(matches!(error.cause(), Cause::Flow(FlowError::EventsSilent)), "{error:?}");
    assert!(sim.now().since(before) <= Duration::from_secs(31));
    drop(watch);
    goes_on(&sim, &client, 2);
}
