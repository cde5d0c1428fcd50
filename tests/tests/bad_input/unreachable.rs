//! Sockets where nobody is, where nobody may, and where somebody else is.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use lxio_core::flow::{Fault, FlowError};
use lxio_core::session::{Cause, Error, ErrorKind, Remote};
use lxio_core::wire::WireError;
use lxio_tests::actor::{Blocking, Connect, Smol, Tokio};
use lxio_tests::script::{Server, Then, room};
use lxio_tests::{answers, daemon, on_all_adapters};

use super::{fresh, get, wire};

on_all_adapters!(
    nobody_is_there_at_first,
    nobody_is_there_any_more,
    not_permitted,
    what_answers_is_no_http,
    what_answers_is_another_server,
);

/// The error of connecting to nobody: the path that was tried, and how it failed.
fn no_daemon(path: &Path, error: &Error) -> io::ErrorKind {
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    assert!(error.is_retryable());
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    match error.cause() {
        Cause::NoDaemon { tried } if tried.len() == 1 && tried[0].0 == path => tried[0].1.kind(),
        other => panic!("{other:?}"),
    }
}

fn refusal<A: Connect>(path: &Path) -> io::ErrorKind {
    let Err(error) = A::connect(Remote::socket(path)) else { panic!("{} was connected to", path.display()) };
    no_daemon(path, &error)
}

fn nobody_is_there_at_first<A: Connect>() {
    let room = room().unwrap();
    assert_eq!(refusal::<A>(&room.join("missing")), io::ErrorKind::NotFound);
    assert_eq!(refusal::<A>(&room.join("no/directory")), io::ErrorKind::NotFound);
    let stale = room.join("stale");
    drop(UnixListener::bind(&stale).unwrap());
    assert_eq!(refusal::<A>(&stale), io::ErrorKind::ConnectionRefused);
    let file = room.join("file");
    fs::write(&file, "x").unwrap();
    assert_eq!(refusal::<A>(&file), io::ErrorKind::ConnectionRefused);
    fs::remove_dir_all(room).unwrap();
}

fn nobody_is_there_any_more<A: Connect>() {
    let server = daemon::start().unwrap();
    let mut actor: A = fresh(&server);
    drop(server);
    let error = get(&mut actor, "/1.0/x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert_eq!(error.request(), Some("GET /1.0/x"));
    let Cause::Flow(FlowError::Fault(Fault::Dial(error))) = error.cause() else { panic!("{error:?}") };
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

/// Which socket the child is not permitted to use.
const FORBIDDEN: &str = "LXIO_TEST_FORBIDDEN_SOCKET";

/// Root may use every socket, so that as root a child that is nobody looks.
fn not_permitted<A: Connect>() {
    let server = daemon::start().unwrap();
    fs::set_permissions(server.path(), Permissions::from_mode(0o600)).unwrap();
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        fs::set_permissions(server.path(), Permissions::from_mode(0o000)).unwrap();
        assert_eq!(refusal::<A>(server.path()), io::ErrorKind::PermissionDenied);
        return;
    }
    // Nobody may not be able to reach the directory of this program.
    let copy = server.path().with_file_name("child");
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let child = Command::new(&copy)
        .args(["--exact", "unreachable::as_nobody"])
        .env(FORBIDDEN, server.path())
        .current_dir("/")
        .uid(65534)
        .gid(65534)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(server.accepted(), 0);
}

/// What `not_permitted` starts as another user. On its own it makes sure of what that test builds upon: that
/// the socket of a test server can be used by those who may.
#[test]
fn as_nobody() {
    let Some(path) = std::env::var_os(FORBIDDEN) else {
        let server = daemon::start().unwrap();
        assert!(Blocking::connect(Remote::socket(server.path())).is_ok());
        return;
    };
    let path = Path::new(&path);
    for refused in [refusal::<Blocking>(path), refusal::<Smol>(path), refusal::<Tokio>(path)] {
        assert_eq!(refused, io::ErrorKind::PermissionDenied);
    }
    let Err(error) = Blocking::connect(Remote::socket(path)) else { panic!("it is permitted") };
    assert!(error.to_string().contains("group root"), "it does not say who may: {error}");
}

fn what_answers_is_no_http<A: Connect>() {
    for (said, shown) in [
        (&b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"[..], "SSH-2.0-"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "\\x15\\x03\\x01"),
        (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64", "\\x00\\x00\\x12\\x04"),
        (b"\xff\xfe\x00garbage", "\\xff\\xfe\\x00garbage"),
        (b"HTTP/2 200\r\n\r\n", "HTTP/2 200"),
        (b"\r\n\r\n", "\\r\\n"),
        (b"{\"type\":\"sync\"}", "{\\\"type"),
    ] {
        for then in [Then::Keep, Then::Close] {
            let server = saying(said, then);
            let Err(error) = A::connect(Remote::socket(server.path())) else { panic!("{shown} is a server") };
            assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
            assert!(!error.is_retryable());
            let Some(WireError::NotHttp { start }) = wire(&error) else { panic!("{error:?}") };
            assert!(start.starts_with(shown) && start.is_ascii(), "{start}");
        }
    }
    let silent = saying(b"", Then::Close);
    let Err(error) = A::connect(Remote::socket(silent.path())) else { panic!("silence is a server") };
    assert_eq!((error.kind(), wire(&error)), (ErrorKind::Transport, Some(&WireError::Closed)));
}

/// A server that says these bytes to every request.
fn saying(bytes: &[u8], then: Then) -> Server {
    let bytes = bytes.to_vec();
    Server::start(move |talk| {
        while talk.request()?.is_some() {
            talk.send(&bytes)?;
            if then == Then::Close {
                break;
            }
        }
        Ok(())
    })
    .unwrap()
}

fn what_answers_is_another_server<A: Connect>() {
    let kind = |answer: Vec<u8>| {
        let server = saying(&answer, Then::Keep);
        let Err(error) = A::connect(Remote::socket(server.path())) else { panic!("connected") };
        error.kind()
    };
    let html = answers::http("200 OK", &[("Content-Type", "text/html")], b"<html>Welcome to nginx!</html>");
    assert_eq!(kind(html), ErrorKind::Protocol);
    let missing = answers::http("404 Not Found", &[("Content-Type", "text/html")], b"<html>404</html>");
    assert_eq!(kind(missing), ErrorKind::NotFound);
    assert_eq!(kind(answers::http("200 OK", &[], b"")), ErrorKind::Protocol);
    assert_eq!(kind(answers::http("200 OK", &[], b"{\"ApiVersion\":\"1.41\"}")), ErrorKind::Protocol);
    assert_eq!(kind(answers::greeting("podman")), ErrorKind::Protocol);
    let untrusted = serde_json::json!({"auth": "untrusted", "api_extensions": []});
    assert_eq!(kind(answers::sync(&untrusted)), ErrorKind::Protocol);
}
