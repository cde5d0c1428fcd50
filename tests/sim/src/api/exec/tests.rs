use serde_json::{Value, json};

use crate::Conn;
use crate::api::probe::{Frame, Probe, each};

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PONG: u8 = 10;
const BYE: &[u8] = &[3, 232];

fn mark() -> Frame {
    Frame::Text(Vec::new())
}

fn bytes(text: &str) -> Frame {
    Frame::Binary(text.as_bytes().to_vec())
}

/// Begins a shell's script, with these sockets.
fn shell(probe: &mut Probe, script: &str, fds: &[&str]) -> (Value, Vec<Conn>) {
    run(probe, &json!(["sh", "-c", script]), fds, false)
}

fn run(probe: &mut Probe, command: &Value, fds: &[&str], interactive: bool) -> (Value, Vec<Conn>) {
    let body = json!({ "command": command, "wait-for-websocket": true, "interactive": interactive });
    let it = probe.begin("POST", "/1.0/instances/c1/exec", &body);
    let sockets = fds.iter().map(|fd| probe.socket(&it, fd)).collect();
    probe.pass(100);
    (it, sockets)
}

fn code(probe: &mut Probe, it: &Value) -> Value {
    probe.operation(it)["metadata"]["return"].clone()
}

const ALL: &[&str] = &["control", "0", "1", "2"];

#[test]
fn the_end() {
    each(|mut probe, _| {
        let (it, sockets) = shell(&mut probe, "echo out; echo err >&2; exit 3", ALL);
        probe.say(sockets[3], PONG, b"keepalive");
        let frames: Vec<_> = sockets.iter().map(|it| probe.frames(*it)).collect();
        let outs = [vec![Frame::End], vec![Frame::End], vec![bytes("out\n"), mark(), Frame::End]];
        assert_eq!(frames[..3], outs);
        assert_eq!(frames[3], [bytes("err\n"), mark(), Frame::End]);
        assert_eq!(code(&mut probe, &it), 3);
    });
}

#[test]
fn unread_pongs_reset_a_socket_of_lxd() {
    each(|mut probe, lxd| {
        let (_, sockets) = shell(&mut probe, "sleep 1", ALL);
        sockets.iter().for_each(|it| probe.say(*it, PONG, b"keepalive"));
        probe.pass(2000);
        assert_eq!(probe.frames(sockets[2]), [mark(), Frame::End]);
        assert_eq!(probe.frames(sockets[3]), [mark(), if lxd { Frame::Reset } else { Frame::End }]);
    });
}

#[test]
fn input() {
    each(|mut probe, _| {
        for ends in [TEXT, CLOSE] {
            let (it, sockets) = run(&mut probe, &json!(["cat"]), ALL, false);
            probe.say(sockets[1], BINARY, b"a");
            probe.say(sockets[1], BINARY, b"");
            probe.say(sockets[1], BINARY, b"b");
            probe.say(sockets[1], ends, BYE);
            probe.pass(50);
            assert_eq!(probe.frames(sockets[2]), [bytes("ab"), mark(), Frame::End]);
            assert_eq!(code(&mut probe, &it), 0);
        }
    });
}

/// Much input, and then the end of the direction, without a word: all of it arrives, and so does the output.
#[test]
fn a_half_that_is_closed() {
    each(|mut probe, _| {
        let (it, sockets) = shell(&mut probe, "sleep 1; wc -c", ALL);
        for _ in 0..3000 {
            probe.say(sockets[1], BINARY, &[b'x'; 100]);
        }
        sockets[1..].iter().for_each(|it| probe.end(*it));
        probe.pass(1000);
        assert_eq!(probe.frames(sockets[2]), [bytes("300000\n"), mark(), Frame::End]);
        assert_eq!(code(&mut probe, &it), 0);
    });
}

#[test]
fn what_kills() {
    each(|mut probe, _| {
        let (it, sockets) = shell(&mut probe, "sleep 30", ALL);
        probe.leave(sockets[0]);
        probe.pass(50);
        assert_eq!(code(&mut probe, &it), 137);
        let (it, sockets) = shell(&mut probe, "sleep 30", ALL);
        probe.say(sockets[0], CLOSE, BYE);
        probe.pass(50);
        assert_eq!(probe.frames(sockets[0]), [Frame::Close(1000), Frame::End]);
        assert_eq!(code(&mut probe, &it), 137);
        let (it, sockets) = shell(&mut probe, "sleep 30", &ALL[1..]);
        probe.say(sockets[1], TEXT, b"x");
        probe.pass(50);
        assert_eq!(code(&mut probe, &it), 137);
        // With a control socket that is harmless.
        let (it, sockets) = shell(&mut probe, "sleep 1; echo x; exit 6", ALL);
        probe.leave(sockets[2]);
        probe.pass(2000);
        assert_eq!(code(&mut probe, &it), 6);
        let (it, sockets) = shell(&mut probe, "sleep 30", ALL);
        probe.say(sockets[0], TEXT, br#"{"command":"signal","signal":15}"#);
        probe.pass(50);
        assert_eq!(code(&mut probe, &it), 143);
    });
}

#[test]
fn sockets_that_do_not_come() {
    each(|mut probe, _| {
        let (it, sockets) = shell(&mut probe, "true", &["0", "1"]);
        probe.pass(4000);
        assert_eq!(probe.operation(&it)["status"], "Running");
        probe.pass(1000);
        assert_eq!(probe.operation(&it)["err"], "Timed out waiting for websockets to connect");
        assert_eq!(probe.frames(sockets[0]), [Frame::End]);
    });
}

/// A child in the background still writes: one daemon waits for it, the other a second.
#[test]
fn children() {
    each(|mut probe, lxd| {
        let (it, sockets) = shell(&mut probe, "(sleep 0.4; echo soon; sleep 2; echo late) & echo now", ALL);
        probe.pass(200);
        assert_eq!(probe.frames(sockets[0]), [Frame::End]);
        assert_eq!(probe.frames(sockets[2]), [bytes("now\n")]);
        probe.pass(2000);
        let status = if lxd { "Running" } else { "Success" };
        assert_eq!(probe.operation(&it)["status"], status);
        let mut frames = probe.frames(sockets[2]);
        if lxd {
            assert_eq!(frames, [bytes("soon\n")]);
            probe.pass(1000);
            frames = probe.frames(sockets[2]);
            assert_eq!(frames, [bytes("late\n"), mark(), Frame::End]);
        } else {
            assert_eq!(frames, [bytes("soon\n"), mark(), Frame::End]);
        }
        assert_eq!(code(&mut probe, &it), 0);
    });
}

#[test]
fn no_commands() {
    each(|mut probe, _| {
        for (command, code, err) in [
            (json!(["no-such"]), 127, "Command not found"),
            (json!(["/etc/passwd"]), 126, "Command not executable"),
            (json!([]), -1, "Failed to retrieve PID of executing child process"),
        ] {
            let (it, _) = run(&mut probe, &command, ALL, false);
            let told = probe.operation(&it);
            assert_eq!((&told["metadata"]["return"], &told["err"]), (&json!(code), &json!(err)));
        }
        let body = json!({ "command": ["true"] });
        assert_eq!(probe.ask("POST", "/1.0/instances/s1/exec", &body).0, 400);
        assert_eq!(probe.ask("POST", "/1.0/instances/none/exec", &body).0, 404);
        let (status, said) = probe.ask("POST", "/1.0/instances/c1/exec", &json!({ "command": "x" }));
        let text =
            "json: cannot unmarshal string into Go struct field InstanceExecPost.command of type []string";
        assert_eq!((status, &said["error"]), (400, &json!(text)));
    });
}

#[test]
fn a_terminal() {
    each(|mut probe, lxd| {
        let sockets = ["control", "0"];
        let script = |text: &str| json!(["sh", "-c", text]);
        let (it, on) = run(&mut probe, &script("stty size; read x; stty size; exit 5"), &sockets, true);
        assert_eq!(probe.frames(on[1]), [bytes("25 80\r\n")]);
        probe.say(on[0], TEXT, br#"{"command":"window-resize","args":{"width":"132","height":"50"}}"#);
        probe.say(on[1], BINARY, b"\n");
        probe.pass(50);
        assert_eq!(probe.frames(on[1]), [bytes("\r\n50 132\r\n"), mark()]);
        assert_eq!(probe.frames(on[0]), [Frame::End]);
        // It waits for the client.
        probe.pass(60_000);
        assert_eq!(probe.operation(&it)["status"], "Running");
        probe.say(on[1], TEXT, b"");
        assert_eq!(probe.frames(on[1]), [Frame::End]);
        assert_eq!(code(&mut probe, &it), 5);

        // Or until it is gone, in one way or the other.
        for gone in [false, true] {
            let (it, on) = run(&mut probe, &script("exit 6"), &sockets, true);
            assert_eq!(probe.operation(&it)["status"], "Running");
            if gone {
                probe.leave(on[1])
            } else {
                probe.end(on[1])
            }
            assert_eq!(code(&mut probe, &it), 6);
        }

        // An end of the input is no good idea on LXD.
        let (it, on) = run(&mut probe, &script("sleep 1; echo a; sleep 1; echo b; exit 3"), &sockets, true);
        probe.say(on[1], TEXT, b"");
        probe.pass(3000);
        let output =
            if lxd { vec![mark(), Frame::End] } else { vec![bytes("a\r\nb\r\n"), mark(), Frame::End] };
        assert_eq!(probe.frames(on[1]), output);
        assert_eq!(code(&mut probe, &it), if lxd { 129 } else { 3 });
    });
}

#[test]
fn recorded() {
    each(|mut probe, lxd| {
        let body = json!({ "command": ["sh", "-c", "echo out; exit 4"], "record-output": true });
        let it = probe.begin("POST", "/1.0/instances/c1/exec", &body);
        let place = format!("/1.0/instances/c1/logs{}", if lxd { "" } else { "/exec-output" });
        let list = probe.get(&place)["metadata"].clone();
        let count =
            list.as_array().unwrap().iter().filter(|it| it.as_str().unwrap().contains("exec_")).count();
        assert_eq!(count, 2, "{list}");
        probe.pass(200);
        let told = probe.operation(&it)["metadata"].clone();
        assert_eq!(told["return"], 4);
        let url = told["output"]["1"].as_str().unwrap().to_owned();
        assert!(url.starts_with(&format!("{place}/exec_")), "{url}");
        assert!(probe.raw(&format!("GET {url}"), b"").ends_with(b"\r\n\r\nout\n"));
        assert_eq!(probe.ask("DELETE", &url, &Value::Null).0, 200);
        assert_eq!(probe.ask("GET", &url, &Value::Null).0, if lxd { 500 } else { 404 });
    });
}

/// A used secret is answered as if it were good, and then there is nothing.
#[test]
fn a_secret_is_used_once() {
    each(|mut probe, _| {
        let (it, _) = shell(&mut probe, "sleep 20", ALL);
        let again = probe.socket(&it, "0");
        probe.pass(15_000);
        assert_eq!(probe.frames(again), []);
    });
}

#[test]
fn the_daemon_is_killed() {
    each(|mut probe, _| {
        let (it, sockets) = shell(&mut probe, "echo a; sleep 2; touch /tmp/later", ALL);
        assert_eq!(probe.frames(sockets[2]), [bytes("a\n")]);
        probe.daemon.kill();
        sockets.iter().for_each(|it| assert_eq!(probe.frames(*it), [Frame::End]));
        sockets.iter().for_each(|it| probe.daemon.forget(*it));
        probe.daemon.start();
        assert_eq!(probe.operation(&it), Value::Null);
        // The command goes on.
        probe.pass(3000);
        assert_eq!(probe.ask("HEAD", "/1.0/instances/c1/files?path=/tmp/later", &Value::Null).0, 200);
    });
}

#[test]
fn floods_are_bounded_and_whole() {
    each(|mut probe, _| {
        let (it, sockets) = shell(&mut probe, "head -c 3000000 /dev/zero", ALL);
        // Nobody reads: it waits.
        probe.pass(1000);
        assert_eq!(probe.operation(&it)["status"], "Running");
        let (mut count, mut ended) = (0, false);
        while !ended {
            for frame in probe.frames(sockets[2]) {
                match frame {
                    Frame::Binary(bytes) => count += bytes.len(),
                    Frame::Text(_) => {}
                    other => ended = other == Frame::End,
                }
            }
            probe.pass(10);
        }
        assert_eq!(count, 3_000_000);
        assert_eq!(code(&mut probe, &it), 0);
    });
}
