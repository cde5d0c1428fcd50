//! A daemon without a memory: every path has its answer, whatever was asked before.
//!
//! | request | answer |
//! |---|---|
//! | `GET /1.0` | the greeting |
//! | `POST .../exec` | an operation whose sockets print [`STDOUT`] and [`STDERR`] and then end |
//! | `GET .../operations/ID/wait` | success, with the exit code [`CODE`] |
//! | `PUT .../state` | an operation that runs |
//! | `GET .../files` | [`file()`] |
//! | `POST`, `PUT`, `PATCH`, `DELETE` of anything else | an answer at once |
//! | `GET` of anything else | a value with the request's own path in it, see [`own`] |

use std::io;

use serde_json::{Value, json};

use crate::answers::{self, OPERATION};
use crate::script::{Request, Server, Talk};

/// What its command prints.
pub const STDOUT: &[u8] = b"hello world\n";
/// What its command complains.
pub const STDERR: &[u8] = b"oops\n";
/// How its command ends.
pub const CODE: i32 = 3;

/// A server that is such a daemon.
///
/// # Errors
/// When there is no socket to be had.
pub fn start() -> io::Result<Server> {
    serve(false)
}

/// A server that is such a daemon, and says everything in pieces.
///
/// # Errors
/// When there is no socket to be had.
pub fn start_slow() -> io::Result<Server> {
    serve(true)
}

fn serve(slow: bool) -> io::Result<Server> {
    Server::start(move |talk| {
        talk.slow = slow;
        while let Some(request) = talk.request()? {
            if !answer(talk, &request)? {
                break;
            }
        }
        Ok(())
    })
}

/// Answers one request; whether the connection goes on.
///
/// # Errors
/// When the client is gone.
pub fn answer(talk: &mut Talk, request: &Request) -> io::Result<bool> {
    let line = request.line();
    let (method, target) = line.split_once(' ').unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    match method {
        "GET" if path == "/1.0" => talk.send(&answers::greeting("incus"))?,
        "GET" if path == "/1.0/events" => {
            talk.upgrade(request)?;
            talk.send(&event("instance-started"))?;
            talk.until_closed();
            return Ok(false);
        }
        "POST" if path.ends_with("/exec") => talk.send(&answers::begun(&command(103, "")))?,
        "GET" if path.ends_with("/websocket") => {
            talk.upgrade(request)?;
            return socket(talk, query).map(|()| false);
        }
        "GET" if path.starts_with("/1.0/operations/") => talk.send(&answers::sync(&command(200, "")))?,
        "PUT" if path.ends_with("/state") => {
            talk.send(&answers::begun(&answers::operation(103, "", &Value::Null)))?;
        }
        "GET" if path.ends_with("/files") => talk.send(&answers::http("200 OK", FILE, &file()))?,
        "GET" => talk.send(&answers::sync(&own(path)))?,
        _ => talk.send(&answers::sync(&json!({})))?,
    }
    Ok(true)
}

/// The value that a `GET` of `path` gives.
#[must_use]
pub fn own(path: &str) -> Value {
    json!({ "asked": path })
}

/// The fields of a file's answer.
pub const FILE: &[(&str, &str)] = &[
    ("Content-Type", "application/octet-stream"),
    ("X-Incus-Uid", "0"),
    ("X-Incus-Gid", "0"),
    ("X-Incus-Mode", "0644"),
    ("X-Incus-Type", "file"),
];

/// The file: more than any buffer holds, and no byte like its neighbours.
#[must_use]
pub fn file() -> Vec<u8> {
    (0..700_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// A lifecycle event as a frame.
#[must_use]
pub fn event(action: &str) -> Vec<u8> {
    let event = json!({
        "type": "lifecycle", "timestamp": "2026-01-02T03:04:05.6Z", "location": "none", "project": "default",
        "metadata": {"action": action, "source": "/1.0/instances/web"},
    });
    answers::text(&format!("{event}\n"))
}

/// The operation of the command.
#[must_use]
pub fn command(status: u16, err: &str) -> Value {
    let fds = json!({"0": "s0", "1": "s1", "2": "s2", "control": "sc"});
    let mut operation = answers::operation(status, err, &json!({ "fds": fds, "interactive": false }));
    operation["class"] = json!("websocket");
    operation["id"] = json!(OPERATION);
    if status != 103 {
        operation["metadata"]["return"] = json!(CODE);
    }
    operation
}

/// What happens on one of the command's sockets.
fn socket(talk: &mut Talk, query: &str) -> io::Result<()> {
    talk.send(&answers::frame(9, b"keepalive"))?;
    match query {
        "secret=s1" => {
            talk.send(&answers::binary(&STDOUT[..6]))?;
            talk.send(&answers::binary(&STDOUT[6..]))?;
            talk.send(&answers::text(""))
        }
        "secret=s2" => talk.send(&[answers::binary(STDERR), answers::text("")].concat()),
        // Input until its end; control until the client goes.
        _ => loop {
            let (kind, _) = talk.frame()?;
            if query == "secret=s0" && matches!(kind, 1 | 8) {
                return Ok(());
            }
        },
    }
}
