//! What real daemons (LXD 5.0.2, Incus 6.0.4) answered to requests of all kinds, good and bad, and what they told
//! listeners then; and a test that the simulated ones do the same.
//!
//! One JSON object a line: perhaps `as` (who asks by the network: `stranger`, or one of the certificates beside
//! this file; otherwise somebody local), `method`, `target`, perhaps `headers` and `body` (`raw` if it is no JSON), then the
//! answer of `lxd` and `incus`, or of `both`: its `code`, some `fields`, `error` or `metadata`, how its
//! `operation` ended, and `events` (where it is `in`, `nobody` if no requestor is told). The lines of a file are
//! asked in order, of a daemon that has just been installed and has no image; after some there is a `pause`, in
//! seconds. A file without any `events` was recorded without a listener.
//!
//! | text | stands for |
//! |---|---|
//! | `{hash}`, `{uuid}`, `{time}`, `{etag}` | any |
//! | `{dir}` | the daemon's directory |
//! | `{token}` in a body | the trust token that was issued last |
//! | `X-@-` in a header | `X-LXD-` or `X-Incus-` |

use std::time::Duration;

use lxio_core::bytes::Moment;
use lxio_core::call::Flavour;
use lxio_core::model::TrustToken;
use serde_json::{Map, Value, json};

use crate::api::certificates::bytes_of;
use crate::{Conn, Daemon, Peer, Setup};

/// A daemon, somebody who asks, and somebody who listens.
struct Asker {
    daemon: Daemon,
    now: Moment,
    events: Conn,
    flavour: Flavour,
    /// The trust token that was issued last.
    token: String,
}

impl Asker {
    fn new(flavour: Flavour) -> Self {
        let mut daemon = Daemon::new(Setup::of(flavour).seed(5));
        let now = Moment::default();
        let events = daemon.connect(now).unwrap();
        let head = b"GET /1.0/events?type=lifecycle&all-projects=true HTTP/1.1\r\nHost: x\r\n\
            Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        let mut it = Self { daemon, now, events, flavour, token: String::new() };
        let images = it.ask(Peer::Local, "GET", "/1.0/images", &[], b"").2["metadata"].clone();
        it.ask(Peer::Local, "DELETE", images[0].as_str().unwrap(), &[], b"");
        it.pass(1);
        it.daemon.receive(events, head, it.now);
        it.bytes(events);
        it
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
        self.daemon.advance(self.now);
    }

    fn bytes(&mut self, conn: Conn) -> Vec<u8> {
        let mut all = Vec::new();
        while !self.daemon.outgoing(conn).is_empty() {
            let piece = self.daemon.outgoing(conn).to_vec();
            self.daemon.sent(conn, piece.len());
            all.extend(piece);
        }
        all
    }

    /// The code of an answer, its fields, and its JSON.
    fn ask(
        &mut self,
        peer: Peer,
        method: &str,
        target: &str,
        fields: &[String],
        body: &[u8],
    ) -> (u64, String, Value) {
        let conn = self.daemon.connect_as(peer, self.now).unwrap();
        let mut request = format!("{method} {target} HTTP/1.1\r\nHost: x\r\n");
        fields.iter().for_each(|it| request.push_str(&format!("{it}\r\n")));
        request.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        self.daemon.receive(conn, &[request.as_bytes(), body].concat(), self.now);
        let bytes = self.bytes(conn);
        self.daemon.reset(conn, self.now);
        let end = bytes.windows(4).position(|it| it == b"\r\n\r\n").unwrap_or_default();
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut body = &bytes[(end + 4).min(bytes.len())..];
        if head.contains("Transfer-Encoding: chunked") {
            // One chunk is all that there is in JSON.
            let line = body.iter().position(|it| *it == b'\n').unwrap();
            body = &body[line + 1..body.len() - b"\r\n0\r\n\r\n".len()];
        }
        let code = head.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or_default();
        (code, head, serde_json::from_slice(body).unwrap_or_default())
    }

    /// What listeners were told since: the JSON of frames without mask.
    fn told(&mut self) -> Vec<Value> {
        let bytes = self.bytes(self.events);
        let (mut at, mut all) = (0, Vec::new());
        while let Some(head) = bytes.get(at..at + 2) {
            let (start, length) = match head[1] {
                126 => (4, usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]))),
                length => (2, usize::from(length)),
            };
            let payload = &bytes[at + start..at + start + length];
            at += start + length;
            let Ok(event) = serde_json::from_slice::<Value>(payload) else { continue };
            let mut metadata = event["metadata"].as_object().cloned().unwrap();
            if metadata.remove("requestor").is_none() {
                metadata.insert("nobody".into(), true.into());
            }
            metadata.insert("in".into(), event["project"].clone());
            all.push(Value::Object(metadata));
        }
        all
    }

    /// Asks what a line says; what came, in the words of the answer that was measured.
    fn answer(&mut self, line: &Value) -> Value {
        let prefix = if self.flavour == Flavour::Lxd { "X-LXD-" } else { "X-Incus-" };
        let fields = line["headers"].as_object().into_iter().flatten();
        let fields: Vec<_> = fields
            .map(|(name, it)| format!("{}: {}", name.replace("X-@-", prefix), it.as_str().unwrap()))
            .collect();
        let body = match &line["body"] {
            Value::Null => Vec::new(),
            Value::Object(raw) if raw.contains_key("raw") => raw["raw"].as_str().unwrap().as_bytes().to_vec(),
            body => body.to_string().replace("{token}", &self.token).into_bytes(),
        };
        let (method, target) = (line["method"].as_str().unwrap(), line["target"].as_str().unwrap());
        let (code, head, json) = self.ask(peer(&line["as"]), method, target, &fields, &body);
        self.pass(line["pause"].as_u64().unwrap_or_default());
        let mut came = json!({ "code": code });
        let metadata = &json["metadata"];
        match json["type"].as_str() {
            Some("error") => came["error"] = json["error"].clone(),
            Some("async") => {
                let members = ["class", "description", "may_cancel", "resources"];
                came["metadata"] =
                    members.iter().map(|it| ((*it).to_owned(), metadata[*it].clone())).collect();
                if let Ok(operation) = serde_json::from_value(metadata.clone())
                    && let Ok(token) = TrustToken::from_operation(&operation)
                {
                    self.token = token.encode().reveal().to_owned();
                }
                if metadata["class"] == "task" {
                    self.pass(2);
                    let at = json["operation"].as_str().unwrap();
                    let ended = self.ask(Peer::Local, "GET", at, &[], b"").2["metadata"].clone();
                    let members = ["status", "err", "metadata", "resources", "description"];
                    came["operation"] =
                        members.iter().map(|it| ((*it).to_owned(), ended[*it].clone())).collect();
                }
            }
            Some(_) if target.split('?').next() == Some("/1.0") && method == "GET" => {
                let members = ["config", "auth", "public"];
                came["metadata"] =
                    members.iter().map(|it| ((*it).to_owned(), metadata[*it].clone())).collect();
            }
            Some(_) => came["metadata"] = metadata.clone(),
            None => came["bytes"] = 0.into(),
        }
        let mut fields = Map::new();
        for line in head.lines().filter(|_| code != 202) {
            match line.split_once(": ") {
                Some(("Location", at)) => _ = fields.insert("location".into(), at.into()),
                Some(("Etag", _)) => _ = fields.insert("etag".into(), "{etag}".into()),
                _ => {}
            }
        }
        if !fields.is_empty() {
            came["fields"] = fields.into();
        }
        let events = self.told();
        if !events.is_empty() {
            came["events"] = events.into();
        }
        came
    }
}

/// Who asks.
fn peer(name: &Value) -> Peer {
    let pem = match name.as_str() {
        None => return Peer::Local,
        Some("a") => include_str!("a.pem"),
        Some("b") => include_str!("b.pem"),
        Some("c") => include_str!("c.pem"),
        Some(_) => return Peer::Network { certificate: None },
    };
    Peer::Network { certificate: bytes_of(pem).map(Into::into) }
}

/// Puts in place of a text what stands for it.
fn masked(text: &str) -> String {
    let text = text.replace("/var/lib/lxd", "{dir}").replace("/var/lib/incus", "{dir}");
    let mut out = String::new();
    let mut word = String::new();
    for char in text.chars().chain(['"']) {
        if char.is_ascii_hexdigit() || "-TZ:.".contains(char) {
            word.push(char);
            continue;
        }
        let is_hash = word.len() == 64 && word.bytes().all(|it| it.is_ascii_hexdigit());
        let is_uuid = word.len() == 36 && word.bytes().filter(|it| *it == b'-').count() == 4;
        let is_time = word.len() > 18 && word.starts_with("20") && word.contains('T') && word.ends_with('Z');
        out.push_str(match () {
            () if is_hash => "{hash}",
            () if is_uuid => "{uuid}",
            () if is_time => "{time}",
            () => &word,
        });
        word.clear();
        out.push(char);
    }
    out.pop();
    out
}

/// Lists in another order are the same: no daemon promises one.
fn sorted(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(sorted);
            items.sort_by_key(Value::to_string);
        }
        Value::Object(members) => members.values_mut().for_each(sorted),
        _ => {}
    }
}

fn agrees(area: &str, lines: &str) {
    let mut wrong = Vec::new();
    for flavour in [Flavour::Lxd, Flavour::Incus] {
        let name = if flavour == Flavour::Lxd { "lxd" } else { "incus" };
        let mut asker = Asker::new(flavour);
        for line in lines.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let mut should = line.get(name).or_else(|| line.get("both")).unwrap().clone();
            let came = asker.answer(&line).to_string();
            let mut came: Value = serde_json::from_str(&masked(&came)).unwrap();
            sorted(&mut should);
            sorted(&mut came);
            if !lines.contains("\"events\"") {
                came.as_object_mut().unwrap().remove("events");
            }
            if came != should {
                let (method, target, body) = (&line["method"], &line["target"], &line["body"]);
                wrong.push(format!("{name} {method} {target} {body}\n  should {should}\n  came   {came}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{area}: {}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn projects() {
    agrees("projects", include_str!("projects.jsonl"));
}

#[test]
fn profiles() {
    agrees("profiles", include_str!("profiles.jsonl"));
}

#[test]
fn the_server() {
    agrees("server", include_str!("server.jsonl"));
}

#[test]
fn networks() {
    agrees("networks", include_str!("net.jsonl"));
}

#[test]
fn storage() {
    agrees("storage", include_str!("storage.jsonl"));
}

#[test]
fn certificates() {
    agrees("certificates", include_str!("certs.jsonl"));
}

#[test]
fn tokens() {
    agrees("tokens", include_str!("tok.jsonl"));
}

#[test]
fn joining() {
    agrees("joining", include_str!("joining.jsonl"));
}
