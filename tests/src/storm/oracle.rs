use lxio_core::session::Error;
use lxio_sim::Simulation;
use serde_json::Value;

/// What the daemon answers to a `GET`, asked past the network and in no time. `Null` where it says no.
pub(super) fn ask(sim: &Simulation, path: &str) -> Value {
    let Some(answer) = raw(sim, path).filter(|it| it.starts_with(b"HTTP/1.1 200 ")) else {
        return Value::Null;
    };
    let body = body(&answer);
    let mut envelope: Value = serde_json::from_slice(body).unwrap_or_default();
    envelope["metadata"].take()
}

/// The bytes of a file in an instance.
pub(super) fn file(sim: &Simulation, instance: &str, path: &str) -> Option<Vec<u8>> {
    let answer = raw(sim, &format!("/1.0/instances/{instance}/files?path={path}"))?;
    answer.starts_with(b"HTTP/1.1 200 ").then(|| body(&answer).to_vec())
}

fn raw(sim: &Simulation, path: &str) -> Option<Vec<u8>> {
    let now = sim.now();
    sim.daemon(|daemon| {
        let conn = daemon.connect(now)?;
        daemon.receive(conn, format!("GET {path} HTTP/1.1\r\nHost: oracle\r\n\r\n").as_bytes(), now);
        let mut answer = Vec::new();
        loop {
            let bytes = daemon.outgoing(conn);
            if bytes.is_empty() {
                break;
            }
            answer.extend_from_slice(bytes);
            let count = bytes.len();
            daemon.sent(conn, count);
        }
        daemon.forget(conn);
        Some(answer)
    })
}

/// The body, whose chunks the daemon makes one of.
fn body(answer: &[u8]) -> &[u8] {
    let head = answer.windows(4).position(|it| it == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    let (head, body) = answer.split_at(head);
    if !head.windows(7).any(|it| it == b"chunked") {
        return body;
    }
    let size = body.windows(2).position(|it| it == b"\r\n").unwrap_or_default();
    let length = std::str::from_utf8(&body[..size]).ok().and_then(|it| usize::from_str_radix(it, 16).ok());
    body.get(size + 2..size + 2 + length.unwrap_or_default()).unwrap_or_default()
}

/// Whether an error tells the secret of a websocket: 64 hexadecimal digits.
pub(super) fn tells_secrets(error: &Error) -> bool {
    let text = format!("{error} {error:?}");
    text.split(|it: char| !it.is_ascii_hexdigit()).any(|it| it.len() >= 64)
}
