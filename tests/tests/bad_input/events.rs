//! Streams of events that end, break the protocol, or fall silent.

use std::sync::Arc;
use std::time::Duration;

use lxio_core::api::events;
use lxio_core::bytes::{Chance, Moment};
use lxio_core::flow::{FlowError, IntoFlow};
use lxio_core::session::{Cause, Drive, ErrorKind, Remote, Session, Step};
use lxio_core::wire::Buffers;
use lxio_tests::actor::Connect;
use lxio_tests::script::{Server, Then};
use lxio_tests::{answers, daemon, on_all_adapters};

use super::{client, get};

on_all_adapters!(
    a_stream_that_ends_is_an_error,
    frames_that_no_server_may_send,
    a_subscription_that_is_refused,
    pings_are_answered,
);

/// A server whose stream of events is these bytes and then closes.
fn streaming(bytes: Vec<u8>) -> Server {
    Server::start(move |talk| {
        while let Some(request) = talk.request()? {
            if request.line().starts_with("GET /1.0/events") {
                talk.upgrade(&request)?;
                return talk.send(&bytes);
            }
            daemon::answer(talk, &request)?;
        }
        Ok(())
    })
    .unwrap()
}

fn a_stream_that_ends_is_an_error<A: Connect>() {
    let event = daemon::event("instance-started");
    for (name, end) in [
        ("nothing", vec![]),
        ("a close frame", answers::frame(8, &[3, 0xe8])),
        ("half an event", event[..event.len() / 2].to_vec()),
        ("a cut head", vec![0x81]),
    ] {
        let server = streaming([event.clone(), event.clone(), end].concat());
        let mut actor: A = client(&server);
        let (_, seen, error) = actor.watch(events().lifecycle(), |_| (), 3);
        let error = error.expect(name);
        assert_eq!(seen.len(), 2, "{name}");
        assert_eq!(error.kind(), ErrorKind::Truncated, "{name}: {error:?}");
        assert!(matches!(error.cause(), Cause::Flow(FlowError::EventsEnded { .. })), "{name}: {error:?}");
        assert_eq!(get(&mut actor, "/1.0/x").unwrap(), daemon::own("/1.0/x"));
    }
}

fn frames_that_no_server_may_send<A: Connect>() {
    let event = daemon::event("instance-started");
    for (name, bad, kind) in [
        ("masked", vec![0x81, 0x81, 1, 2, 3, 4, b'x'], ErrorKind::Truncated),
        ("reserved bits", vec![0xc1, 0], ErrorKind::Truncated),
        ("unknown kind", vec![0x8b, 0], ErrorKind::Truncated),
        ("a long ping", [vec![0x89, 126, 0, 126], vec![0; 126]].concat(), ErrorKind::Truncated),
        ("a fragment of nothing", vec![0x80, 1, b'x'], ErrorKind::Truncated),
        ("no UTF-8", vec![0x81, 1, 0xff], ErrorKind::Truncated),
        ("a huge text", vec![0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0], ErrorKind::Truncated),
        ("no JSON", answers::text("hello"), ErrorKind::Protocol),
    ] {
        // The stream stays open: the client must not wait for its end.
        let server = {
            let bytes = [event.clone(), bad, event.clone()].concat();
            Server::start(move |talk| {
                while let Some(request) = talk.request()? {
                    if request.line().starts_with("GET /1.0/events") {
                        talk.upgrade(&request)?;
                        talk.send(&bytes)?;
                        talk.until_closed();
                    }
                    daemon::answer(talk, &request)?;
                }
                Ok(())
            })
            .unwrap()
        };
        let mut actor: A = client(&server);
        let (_, seen, error) = actor.watch(events().lifecycle(), |_| (), 5);
        let error = error.expect(name);
        assert_eq!(seen.len(), 1, "{name}");
        assert_eq!(error.kind(), kind, "{name}: {error:?}");
    }
}

fn a_subscription_that_is_refused<A: Connect>() {
    let text = |status| answers::http(status, &[("Content-Type", "text/plain")], b"Bad Request\n");
    for (reply, code) in [
        (text("400 Bad Request"), 400),
        (answers::refused(404, "Project not found"), 404),
        (answers::refused(500, "not a supported event type"), 500),
    ] {
        let server = Server::answering(vec![(reply, Then::Keep)]).unwrap();
        let (none, seen, error) = client::<A>(&server).watch(events(), |_| (), 1);
        assert!(none.is_none() && seen.is_empty());
        assert_eq!(error.unwrap().code(), Some(code));
    }
}

fn pings_are_answered<A: Connect>() {
    let server = Server::start(|talk| {
        while let Some(request) = talk.request()? {
            if !request.line().starts_with("GET /1.0/events") {
                daemon::answer(talk, &request)?;
                continue;
            }
            talk.upgrade(&request)?;
            for at in 0..20_u8 {
                talk.send(&answers::frame(9, &[at]))?;
                // The event tells the test that the pong was the right one.
                if talk.frame()? == (10, vec![at]) {
                    talk.send(&daemon::event("instance-started"))?;
                }
            }
            talk.until_closed();
        }
        Ok(())
    })
    .unwrap();
    let (_, seen, error) = client::<A>(&server).watch(events().lifecycle(), |_| (), 20);
    assert_eq!((seen.len(), error.is_none()), (20, true));
}

/// In virtual time: three pings in a row missing mean that nobody is there.
#[test]
fn a_stream_that_falls_silent_is_dead() {
    let server =
        serde_json::from_value(serde_json::json!({"environment": {"server": "lxd"}, "auth": "trusted"}));
    let session = Session::greeted(&Remote::local(), server.unwrap()).unwrap();
    let mut drive = Drive::new(events().into_flow(), Arc::new(session), Chance::seeded(1));
    let at = |seconds| Moment::at(Duration::from_secs(seconds));
    let Step::Connect { slot, fresh: false, .. } = drive.step(at(100)) else { panic!("it does not connect") };
    drive.connected(slot, Buffers::new(), false, at(100));
    assert!(matches!(drive.step(at(100)), Step::Blocked(Some(until)) if until == at(700)));
    let head = String::from_utf8(drive.outgoing(slot).unwrap().to_vec()).unwrap();
    drive.wrote(slot, head.len());
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let mut hear = |bytes: &[u8], now| {
        drive.incoming(slot).unwrap()[..bytes.len()].copy_from_slice(bytes);
        drive.read(slot, bytes.len());
        drive.step(now)
    };
    let Step::Blocked(Some(until)) = hear(&answers::upgraded(key), at(100)) else {
        panic!("it does not wait")
    };
    // The first ping comes at once, and is not waited for any longer.
    assert_eq!(until, at(101));
    let Step::Blocked(Some(until)) = hear(&answers::frame(9, b"keepalive"), at(100)) else {
        panic!("it does not wait")
    };
    assert_eq!(until, at(130));
    // Anything at all is a sign of life, also half a frame.
    let Step::Blocked(Some(until)) = hear(&answers::frame(9, b"keepalive"), at(129)) else {
        panic!("it ended")
    };
    assert_eq!(until, at(159));
    assert!(matches!(hear(&[0x81], at(158)), Step::Blocked(Some(until)) if until == at(188)));
    assert!(matches!(drive.step(at(187)), Step::Blocked(Some(_))));
    let mut last = drive.step(at(188));
    if let Step::Release { line: None, .. } = last {
        last = drive.step(at(188));
    }
    let Step::Done(Err(error)) = last else { panic!("it goes on: {last:?}") };
    assert_eq!(error.kind(), ErrorKind::Truncated);
    assert!(matches!(error.cause(), Cause::Flow(FlowError::EventsSilent)));
}
