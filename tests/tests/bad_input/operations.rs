//! Operations that vanish, fail in one of three shapes, or do not end, and commands that do not run.

use std::time::Duration;

use lxio_core::api::{instance, operation};
use lxio_core::flow::FlowError;
use lxio_core::session::{Cause, ErrorKind};
use lxio_tests::actor::{Act, Connect};
use lxio_tests::answers::{self, OPERATION};
use lxio_tests::script::{Server, Then};
use lxio_tests::{daemon, on_all_adapters};
use serde_json::{Value, json};

use super::{client, get};

on_all_adapters!(
    an_operation_that_vanished_is_no_success,
    the_three_shapes_of_a_failed_wait,
    a_wait_that_ran_out_of_time_is_no_failure,
    an_operation_that_was_over_at_once,
    the_time_of_the_caller,
    a_wait_that_is_cut_is_asked_again,
    a_command_that_does_not_exist,
    output_without_its_end_mark_is_no_output,
    what_comes_behind_the_end_mark_is_no_output,
    a_recorded_command_that_failed_leaves_no_files,
);

fn server(replies: Vec<Vec<u8>>) -> Server {
    Server::answering(replies.into_iter().map(|reply| (reply, Then::Keep)).collect()).unwrap()
}

fn begun() -> Vec<u8> {
    answers::begun(&answers::operation(103, "", &Value::Null))
}

fn over(status: u16, err: &str) -> Vec<u8> {
    answers::sync(&answers::operation(status, err, &Value::Null))
}

/// What an Incus says to a wait that failed, or lasted too long.
fn incus(code: u16, text: &str) -> Vec<u8> {
    answers::json_reply("200 OK", &answers::refusal(code, text))
}

fn path(rest: &str) -> String {
    format!("GET /1.0/operations/{OPERATION}{rest}")
}

fn an_operation_that_vanished_is_no_success<A: Connect>() {
    let gone = || answers::refused(404, "Operation not found");
    for wait in [gone(), incus(500, "context deadline exceeded"), incus(404, "Operation not found")] {
        let server = server(vec![begun(), wait, gone(), over(200, "")]);
        let error = client::<A>(&server).run(instance("web").start()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OperationUnknown, "{error:?}");
        let Cause::Flow(FlowError::OperationVanished { id, .. }) = error.cause() else { panic!("{error:?}") };
        assert_eq!(id.as_str(), OPERATION);
        assert!(!error.is_retryable() && !error.is_not_found());
        assert_eq!(server.lines().len(), 3);
    }
    let server = server(vec![gone(), gone()]);
    let error = client::<A>(&server).run(operation(OPERATION).settle()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OperationUnknown);
}

fn the_three_shapes_of_a_failed_wait<A: Connect>() {
    let failed = || over(400, "it broke");
    for (name, replies, lines) in [
        ("as a value", vec![begun(), failed()], 2),
        ("as an error with status 200", vec![begun(), incus(400, "it broke"), failed()], 3),
        ("as an error with its own status", vec![begun(), answers::refused(500, "it broke"), failed()], 3),
    ] {
        let server = server(replies);
        let mut actor: A = client(&server);
        let error = actor.run(instance("web").start()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OperationFailed, "{name}: {error:?}");
        assert_eq!(error.operation().unwrap().err(), "it broke", "{name}");
        assert!(error.to_string().contains("it broke"), "{name}: {error}");
        assert_eq!(error.request(), Some("PUT /1.0/instances/web/state"));
        assert_eq!(server.lines().len(), lines, "{name}");
    }
    let cancelled = server(vec![begun(), over(401, "")]);
    let error = client::<A>(&cancelled).run(instance("web").start()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OperationFailed);
    assert!(matches!(error.cause(), Cause::Flow(FlowError::OperationCancelled(_))));
}

fn a_wait_that_ran_out_of_time_is_no_failure<A: Connect>() {
    let lxd = server(vec![begun(), over(103, ""), over(103, ""), over(200, "")]);
    client::<A>(&lxd).run(instance("web").start()).unwrap();
    assert_eq!(lxd.lines().len(), 4);

    let late = || incus(500, "context deadline exceeded");
    let both = server(vec![begun(), late(), over(103, ""), late(), over(103, ""), over(200, "")]);
    client::<A>(&both).run(instance("web").start()).unwrap();
    assert_eq!(both.lines()[1..4], [path("/wait?timeout=30"), path(""), path("/wait?timeout=30")]);
    assert_eq!(both.lines().len(), 6);
}

fn an_operation_that_was_over_at_once<A: Connect>() {
    for (status, kind) in
        [(200, None), (400, Some(ErrorKind::OperationFailed)), (401, Some(ErrorKind::OperationFailed))]
    {
        let server = server(vec![answers::begun(&answers::operation(status, "", &Value::Null))]);
        let result = client::<A>(&server).run(instance("web").start());
        assert_eq!(result.err().map(|error| error.kind()), kind);
        assert_eq!(server.lines().len(), 1, "nothing is left to wait for");
    }
}

fn the_time_of_the_caller<A: Connect>() {
    let server = server(vec![begun(); 1].into_iter().chain(vec![over(103, ""); 100]).collect());
    let mut actor: A = client(&server);
    let within = Duration::from_millis(300);
    let error = actor.run(instance("web").start().settle().within(within)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error:?}");
    assert!(error.is_timeout());
    assert_eq!(error.operation().unwrap().id().as_str(), OPERATION);
    let lines = server.lines();
    assert_eq!(lines[1], path("/wait?timeout=1"));
    assert!(lines.len() < 20, "it was asked {} times in 0.3 s", lines.len());
}

fn a_wait_that_is_cut_is_asked_again<A: Connect>() {
    let half = over(200, "")[..40].to_vec();
    let script = |second: Vec<u8>| {
        Server::answering(vec![(begun(), Then::Keep), (half.clone(), Then::Close), (second, Then::Close)])
            .unwrap()
    };
    let server = script(over(200, ""));
    client::<A>(&server).run(instance("web").start()).unwrap();
    assert_eq!(server.lines()[1..], [path("/wait?timeout=30"), path("")]);

    let server = script(half.clone());
    let error = client::<A>(&server).run(instance("web").start()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OperationUnknown, "{error:?}");
    assert!(matches!(error.cause(), Cause::Flow(FlowError::OperationLost { .. })), "{error:?}");
}

/// A daemon whose command's sockets do `socket` (by their secret) and whose operation ends as `end`.
fn commander(
    end: Value,
    socket: impl Fn(&mut lxio_tests::script::Talk, &str) -> std::io::Result<()> + Send + Sync + 'static,
) -> Server {
    Server::start(move |talk| {
        while let Some(request) = talk.request()? {
            let line = request.line();
            if let Some((_, secret)) = line.split_once("?secret=") {
                talk.upgrade(&request)?;
                return socket(talk, secret);
            } else if line.starts_with("GET /1.0/operations/") {
                talk.send(&answers::sync(&end))?;
            } else if !daemon::answer(talk, &request)? {
                break;
            }
        }
        Ok(())
    })
    .unwrap()
}

fn a_command_that_does_not_exist<A: Connect>() {
    for code in [126, 127] {
        let mut end = daemon::command(400, "Command not found");
        end["metadata"]["return"] = json!(code);
        // The sockets close without the end mark: nothing ever ran.
        let server = commander(end, |_, _| Ok(()));
        let mut actor: A = client(&server);
        let error = actor.run(instance("web").exec(["nope"])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotExecuted, "{error:?}");
        assert!(error.to_string().contains("Command not found"), "{error}");
        let Cause::Flow(FlowError::NotExecuted { code: found, .. }) = error.cause() else {
            panic!("{error:?}")
        };
        assert_eq!(*found, code);
        let error = actor.talk(instance("web").exec(["nope"]), &[Act::Close]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotExecuted, "{error:?}");
    }
}

fn output_without_its_end_mark_is_no_output<A: Connect>() {
    let good = commander(daemon::command(200, ""), |talk, secret| match secret {
        "s1" | "s2" => talk.send(&[answers::binary(b"all"), answers::text("")].concat()),
        _ => Ok(()),
    });
    let out = client::<A>(&good).run(instance("web").exec(["x"])).unwrap();
    assert_eq!(
        (out.stdout_text(), out.stderr_text(), out.status.code()),
        ("all".into(), "all".into(), daemon::CODE)
    );

    for odd in ["s1", "s2"] {
        for (name, bytes) in [
            ("nothing", vec![]),
            ("data alone", answers::binary(b"all")),
            ("half a frame", vec![0x82, 5, b'h']),
            ("half a message", vec![0x02, 3, b'a', b'l', b'l']),
            ("a masked frame", vec![0x82, 0x83, 0, 0, 0, 0, b'a', b'l', b'l']),
            ("a close frame", [answers::binary(b"all"), answers::frame(8, &[3, 0xe8])].concat()),
            ("an unknown frame", vec![0x83, 0]),
            ("a mark cut in two", [answers::binary(b"all"), vec![0x81]].concat()),
        ] {
            let server = commander(daemon::command(200, ""), move |talk, secret| match secret {
                _ if secret == odd => talk.send(&bytes),
                "s1" | "s2" => talk.send(&[answers::binary(b"all"), answers::text("")].concat()),
                _ => Ok(()),
            });
            let mut actor: A = client(&server);
            let error = actor.run(instance("web").exec(["x"])).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::Truncated, "{name} on {odd}: {error:?}");
            let which = if odd == "s1" { "standard output" } else { "standard error" };
            assert!(error.to_string().contains(which), "{name}: {error}");
            assert_eq!(get(&mut actor, "/1.0/x").unwrap(), daemon::own("/1.0/x"));
        }
    }
}

fn what_comes_behind_the_end_mark_is_no_output<A: Connect>() {
    let server = commander(daemon::command(200, ""), |talk, secret| match secret {
        "s1" => talk.send(&[answers::binary(b"all"), answers::text(""), answers::binary(b"more")].concat()),
        "s2" => {
            // The verdict waits for this one, so that all of the other is seen before.
            std::thread::sleep(Duration::from_millis(50));
            talk.send(&answers::text(""))
        }
        _ => Ok(()),
    });
    let mut actor: A = client(&server);
    assert_eq!(actor.run(instance("web").exec(["x"])).unwrap().stdout_text(), "all");
    assert_eq!(actor.talk(instance("web").exec(["x"]), &[Act::Close]).unwrap().stdout_text(), "all");
}

fn a_recorded_command_that_failed_leaves_no_files<A: Connect>() {
    let files =
        json!({"1": "/1.0/instances/web/logs/exec_1.stdout", "2": "/1.0/instances/web/logs/exec_1.stderr"});
    let end = |status: u16, code: i32, err: &str| {
        answers::sync(&answers::operation(status, err, &json!({"return": code, "output": files})))
    };
    let text = |text: &str| {
        answers::http("200 OK", &[("Content-Type", "application/octet-stream")], text.as_bytes())
    };
    let done = || answers::sync(&json!({}));

    let good = server(vec![begun(), end(200, 5, ""), text("out"), text("err"), done(), done()]);
    let out = client::<A>(&good).run(instance("web").exec(["x"]).recorded()).unwrap();
    assert_eq!((out.stdout_text(), out.stderr_text(), out.status.code()), ("out".into(), "err".into(), 5));

    let missing = server(vec![begun(), end(400, 127, "Command not found"), done(), done()]);
    let error = client::<A>(&missing).run(instance("web").exec(["x"]).recorded()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotExecuted, "{error:?}");
    assert!(missing.lines()[2..].iter().all(|line| line.starts_with("DELETE /1.0/instances/web/logs/")));

    let half =
        server(vec![begun(), end(200, 0, ""), text("out"), answers::refused(404, "gone"), done(), done()]);
    let error = client::<A>(&half).run(instance("web").exec(["x"]).recorded()).unwrap_err();
    assert!(error.is_not_found(), "half of the output was taken for all of it: {error:?}");

    let refused = server(vec![answers::refused(500, "nobody should have asked")]);
    let input = instance("web").exec(["x"]).stdin("y").recorded();
    assert_eq!(client::<A>(&refused).run(input).unwrap_err().kind(), ErrorKind::Misuse);
    assert!(refused.lines().is_empty());
}
