use serde_json::{Value, json};

use crate::Conn;
use crate::api::probe::{Frame, Probe, each};

const PATH: &str = "/1.0/instances/c1/console";
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;

fn begin(probe: &mut Probe, force: bool) -> Value {
    probe.begin("POST", PATH, &json!({ "type": "console", "force": force }))
}

fn both(probe: &mut Probe, it: &Value) -> [Conn; 2] {
    ["control", "0"].map(|fd| probe.socket(it, fd))
}

fn status(probe: &mut Probe, it: &Value) -> String {
    probe.operation(it)["status"].as_str().unwrap().to_owned()
}

fn stop(probe: &mut Probe) {
    probe.begin("PUT", "/1.0/instances/c1/state", &json!({ "action": "stop", "force": true }));
    probe.pass(2000);
}

#[test]
fn there_and_away() {
    each(|mut probe, lxd| {
        let it = begin(&mut probe, false);
        let [control, screen] = both(&mut probe, &it);
        probe.say(screen, BINARY, b"hello\r");
        let [Frame::Binary(echo)] = &probe.frames(screen)[..] else { panic!("no echo") };
        assert!(echo.starts_with(b"hello"));
        probe.say(control, CLOSE, &[3, 232]);
        let bye = if lxd { vec![Frame::Binary(b"\n\r".to_vec()), Frame::End] } else { vec![Frame::End] };
        assert_eq!(probe.frames(screen), bye);
        assert_eq!(status(&mut probe, &it), "Success");
        // What was shown can be had once.
        assert!(probe.raw(&format!("GET {PATH}"), b"").windows(5).any(|it| it == b"hello"));
        assert_eq!(probe.ask("GET", PATH, &Value::Null).0, if lxd { 500 } else { 200 });
    });
}

#[test]
fn the_second_one() {
    each(|mut probe, lxd| {
        let first = begin(&mut probe, false);
        let [_, screen] = both(&mut probe, &first);
        if lxd {
            let second = begin(&mut probe, false);
            let [_, other] = both(&mut probe, &second);
            let frames = probe.frames(other);
            let [Frame::Binary(text), Frame::Text(_)] = &frames[..] else { panic!("{frames:?}") };
            assert!(text.starts_with(b"Error: Failed running forkconsole"));
            assert_eq!(status(&mut probe, &second), "Running");
            probe.say(other, TEXT, b"");
            assert_eq!(status(&mut probe, &second), "Failure");
            assert_eq!(status(&mut probe, &first), "Running");
        } else {
            assert_eq!(probe.ask("POST", PATH, &json!({ "type": "console" })).0, 500);
            let second = begin(&mut probe, true);
            assert_eq!(probe.frames(screen), [Frame::End]);
            assert_eq!(status(&mut probe, &first), "Success");
            let path = format!("/1.0/operations/{}", second["id"].as_str().unwrap());
            assert_eq!(probe.ask("DELETE", &path, &Value::Null).0, 200);
            assert_eq!(status(&mut probe, &second), "Cancelled");
            begin(&mut probe, false);
        }
    });
}

/// The socket alone is not the end; that of the instance is, when the client has said so, too.
#[test]
fn ends_that_are_none() {
    each(|mut probe, _| {
        let it = begin(&mut probe, false);
        let [control, screen] = both(&mut probe, &it);
        probe.leave(screen);
        assert_eq!(status(&mut probe, &it), "Running");
        probe.leave(control);
        assert_eq!(status(&mut probe, &it), "Success");
        let it = begin(&mut probe, false);
        let [_, screen] = both(&mut probe, &it);
        stop(&mut probe);
        assert_eq!(probe.frames(screen).last(), Some(&Frame::Text(Vec::new())));
        assert_eq!(status(&mut probe, &it), "Running");
        probe.say(screen, TEXT, b"");
        assert_eq!(status(&mut probe, &it), "Success");
    });
}

/// Both daemons die of a console whose control socket never came.
#[test]
fn a_crash() {
    each(|mut probe, _| {
        let it = begin(&mut probe, false);
        let screen = probe.socket(&it, "0");
        probe.leave(screen);
        assert!(!probe.daemon.is_alive());
        probe.daemon.start();
        let it = begin(&mut probe, false);
        let screen = probe.socket(&it, "0");
        stop(&mut probe);
        assert!(!probe.daemon.is_alive());
        assert_eq!(probe.frames(screen), [Frame::End]);
    });
}

#[test]
fn refusals() {
    each(|mut probe, lxd| {
        for (name, kind, status, text) in [
            ("s1", "console", 400, "Instance is not running"),
            ("c1", "vga", 400, "VGA console is only supported by virtual machines"),
            ("c1", "what", 400, "Unknown console type \"what\""),
        ] {
            let path = format!("/1.0/instances/{name}/console");
            let (code, said) = probe.ask("POST", &path, &json!({ "type": kind }));
            assert_eq!((code, said["error"].as_str()), (status, Some(text)));
        }
        let never = "/1.0/instances/s1/console";
        assert_eq!(probe.ask("GET", never, &Value::Null).0, if lxd { 500 } else { 200 });
        assert_eq!(probe.ask("DELETE", never, &Value::Null).0, 404);
    });
}
