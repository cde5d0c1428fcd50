//! Makes the corpora out of recorded conversations: `cargo run --example seed -- DIRECTORY` with a directory of
//! transcripts. What is in the corpora already stays.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use data_encoding::BASE64;
use lxio_fuzz::input::{SEPARATOR, hash};
use lxio_fuzz::oracle::{self, Head};
use serde_json::Value;

/// The largest file, and the most files of one target that one recording gives.
const LARGEST: usize = 8 << 10;
const MOST: usize = 6;

/// One request and what was said before the next.
struct Turn {
    asked: Vec<u8>,
    said: Vec<u8>,
}

type Connection = Vec<Turn>;

#[derive(Default)]
struct Corpora {
    all: BTreeMap<(&'static str, String), Vec<Vec<u8>>>,
    known: BTreeSet<(&'static str, u64)>,
}

impl Corpora {
    fn add(&mut self, target: &'static str, from: &str, bytes: Vec<u8>) {
        // Ids, secrets and times differ everywhere; what is of one shape is one seed.
        let shape: Vec<u8> =
            bytes.iter().map(|byte| if byte.is_ascii_alphanumeric() { byte & 0x40 } else { *byte }).collect();
        if bytes.len() <= LARGEST && self.known.insert((target, hash(&shape[..shape.len().min(300)]))) {
            let files = self.all.entry((target, from.to_owned())).or_default();
            if files.len() < MOST {
                files.push(bytes);
            }
        }
    }
}

fn main() {
    let directory = std::env::args_os().nth(1).expect("a directory of transcripts");
    let entries = fs::read_dir(directory).expect("the directory can be read");
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|kind| kind == "jsonl"));
    paths.sort();
    let mut corpora = Corpora::default();
    for path in paths {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let connections = connections(&fs::read_to_string(&path).expect("the transcript can be read"));
        for connection in &connections {
            single(&mut corpora, &name, connection);
        }
        conversations(&mut corpora, &name, &connections);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for ((target, from), files) in &corpora.all {
        fs::create_dir_all(root.join(target)).expect("the corpus can be made");
        for (at, bytes) in files.iter().enumerate() {
            fs::write(root.join(target).join(format!("{from}-{at}")), bytes)
                .expect("the corpus can be written");
        }
    }
}

/// The connections of a transcript, as turns.
fn connections(text: &str) -> Vec<Connection> {
    let mut all = BTreeMap::<u64, Connection>::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("a line is JSON");
        let Some(data) = line["b64"].as_str() else { continue };
        let data = BASE64.decode(data.as_bytes()).expect("data is base64");
        let turns = all.entry(line["conn"].as_u64().unwrap_or_default()).or_default();
        if line["dir"] == "c2s" {
            match turns.last_mut() {
                Some(turn) if turn.said.is_empty() => turn.asked.extend(data),
                _ => turns.push(Turn { asked: data, said: Vec::new() }),
            }
        } else if let Some(turn) = turns.last_mut() {
            turn.said.extend(data);
        }
    }
    all.into_values().collect()
}

/// What the targets of one message take.
fn single(corpora: &mut Corpora, name: &str, connection: &Connection) {
    for (at, turn) in connection.iter().enumerate() {
        let Some((start, head)) = Head::read_final(&turn.said).filter(|_| turn.said.starts_with(b"HTTP/"))
        else {
            continue;
        };
        let end = start + head.end;
        corpora.add("head", name, turn.said[..end].to_vec());
        let method = [&b"GET"[..], b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH"];
        let method = method.iter().position(|method| turn.asked.starts_with(method)).unwrap_or(0) as u8;
        let want = match head.values("upgrade").next() {
            Some(b"websocket") => 2,
            Some(_) => 3,
            None if head.values("content-type").any(|kind| kind.starts_with(b"application/octet")) => 1,
            None => 0,
        };
        let payload = if method == 2 { 3 } else { 0 };
        corpora.add(
            "exchange",
            name,
            [&[method << 2 | want, payload, payload * 3, 0], &turn.said[..]].concat(),
        );
        corpora.add("http_peer", name, [&[u8::from(method == 1)], &turn.said[..]].concat());
        if head.status() == 101 {
            let rest: Vec<u8> =
                connection[at..].iter().flat_map(|turn| turn.said.iter().copied()).skip(end).collect();
            for frame in oracle::frames(&rest).0 {
                if frame.payload.starts_with(b"{") && frame.first & 0x0f == 1 {
                    corpora.add("event", name, frame.payload);
                }
            }
            corpora.add("websocket_peer", name, rest[..rest.len().min(LARGEST)].to_vec());
            corpora.add("websocket", name, [&[0], &rest[..rest.len().min(LARGEST - 1)]].concat());
            return;
        }
        let raw = &turn.said[end..];
        let (framing, body) = match head.values("transfer-encoding").next() {
            Some(_) => (1, oracle::chunked(raw).map_or_else(Vec::new, |(body, _)| body)),
            None => (0, raw.to_vec()),
        };
        if !raw.is_empty() {
            let length = u16::try_from(raw.len()).unwrap_or(u16::MAX).to_be_bytes();
            corpora.add("body", name, [&[framing, length[0], length[1]], raw].concat());
        }
        if let Ok(answer) = serde_json::from_slice::<Value>(&body) {
            resource(corpora, name, &turn.asked, &answer["metadata"]);
        }
        if body.starts_with(b"{\"type\"") {
            corpora.add("envelope", name, body);
        }
    }
}

/// A resource, and the number that the target has for it.
fn resource(corpora: &mut Corpora, name: &str, asked: &[u8], content: &Value) {
    let line = asked.split(|byte| matches!(byte, b'?' | b'\r')).next().unwrap_or_default();
    let path = String::from_utf8_lossy(line).replace(" HTTP/1.1", "");
    let words: Vec<_> = path.split('/').skip(2).collect();
    let which = match words[..] {
        [] => 6,
        ["instances", ..] if content["state"].is_object() => 1,
        ["instances", _, "state"] => 7,
        ["instances", _, "snapshots", ..] => 2,
        ["instances", _, "backups", ..] => 8,
        ["instances", ..] if content["fds"].is_null() && content["class"].is_null() => 0,
        ["profiles", ..] => 3,
        ["images", "aliases", ..] => 5,
        ["images", ..] => 4,
        _ => 9,
    };
    let each = content.as_array().map_or(std::slice::from_ref(content), Vec::as_slice);
    for content in each.iter().filter(|it| it.is_object()) {
        corpora.add("resource", name, [&[which], content.to_string().as_bytes()].concat());
    }
}

/// What the targets of whole conversations take.
fn conversations(corpora: &mut Corpora, name: &str, connections: &[Connection]) {
    let turns = || connections.iter().flatten().filter(|turn| turn.said.starts_with(b"HTTP/"));
    for turn in turns() {
        let body = body(&turn.said);
        let operation = body["metadata"]["id"].as_str().filter(|_| body["type"] == "async");
        let Some(id) = operation else {
            if turn.asked.starts_with(b"GET /1.0/instances/") && has(&turn.asked, b"/files?") {
                corpora.add("drive", name, told(6, &[&turn.said]));
                corpora.add("flow", name, told(5, &[&event(0, 1, &turn.said), &event(0, 0, &turn.said)]));
            }
            continue;
        };
        let later: Vec<_> =
            turns().filter(|it| it.asked.starts_with(b"GET ") && has(&it.asked, id.as_bytes())).collect();
        let waits: Vec<_> =
            later.iter().filter(|it| !it.said.starts_with(b"HTTP/1.1 101")).map(|it| &it.said[..]).collect();
        if !has(&turn.asked, b"/exec") {
            corpora.add("drive", name, told(0, &[&[&turn.said[..]], &waits[..]].concat()));
            let events: Vec<_> =
                [&[&turn.said[..]], &waits[..]].concat().iter().map(|said| event(0, 0, said)).collect();
            corpora.add("flow", name, told(0, &events.iter().map(Vec::as_slice).collect::<Vec<_>>()));
            continue;
        }
        exec(corpora, name, connections, turn, &body, &waits);
    }
    for connection in connections {
        if connection.first().is_some_and(|turn| turn.asked.starts_with(b"GET /1.0/events")) {
            let said =
                connection.iter().flat_map(|turn| turn.said.clone()).take(LARGEST - 2).collect::<Vec<_>>();
            corpora.add("drive", name, told(5, &[&said]));
            let texts = oracle::frames(&said[Head::read(&said).map_or(0, |head| head.end)..]).0;
            let mut events = vec![event(0, 2, b"")];
            events.extend(texts.iter().take(5).map(|frame| event(0, 4, &frame.payload)));
            corpora.add("flow", name, told(4, &events.iter().map(Vec::as_slice).collect::<Vec<_>>()));
        }
    }
}

/// A command: the call, its sockets in the order in which the library opens them, the wait.
fn exec(
    corpora: &mut Corpora,
    name: &str,
    connections: &[Connection],
    call: &Turn,
    body: &Value,
    waits: &[&[u8]],
) {
    let mut said = vec![call.said.clone()];
    let mut events = vec![event(0, 0, &call.said)];
    for (slot, fd) in [(4, "control"), (1, "0"), (2, "1"), (3, "2")] {
        let Some(secret) = body["metadata"]["metadata"]["fds"][fd].as_str() else { continue };
        let mut of = connections
            .iter()
            .filter(|it| it.first().is_some_and(|turn| has(&turn.asked, secret.as_bytes())));
        let all: Vec<u8> =
            of.next().map_or_else(Vec::new, |it| it.iter().flat_map(|turn| turn.said.clone()).collect());
        events.push(event(slot, 2, b""));
        for frame in oracle::frames(&all[Head::read(&all).map_or(0, |head| head.end)..]).0 {
            let kind = [0, 4, 3][usize::from(frame.first & 0x0f) % 3];
            if kind > 0 {
                events.push(event(slot, kind, &frame.payload));
            }
        }
        said.push(all);
    }
    said.extend(waits.iter().map(|wait| wait.to_vec()));
    events.extend(waits.iter().map(|wait| event(0, 0, wait)));
    let which = if body["metadata"]["metadata"]["fds"].is_object() { [1, 2] } else { [3, 3] };
    for which in which {
        corpora.add("drive", name, told(which, &said.iter().map(Vec::as_slice).collect::<Vec<_>>()));
    }
    let which = if which[0] == 1 { 1 } else { 2 };
    corpora.add("flow", name, told(which, &events.iter().map(Vec::as_slice).collect::<Vec<_>>()));
}

/// An input: which flow, no flags, the pieces.
fn told(which: u8, pieces: &[&[u8]]) -> Vec<u8> {
    [&[b'0' + which, b'0'], &pieces.join(SEPARATOR)[..]].concat()
}

/// A piece of the target `flow`.
fn event(slot: u8, kind: u8, payload: &[u8]) -> Vec<u8> {
    [&[b'0' + slot, b'0' + kind, b'0'], payload].concat()
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|at| at == part)
}

/// The JSON of a response.
fn body(said: &[u8]) -> Value {
    let Some((start, head)) = Head::read_final(said) else { return Value::Null };
    let raw = &said[start + head.end..];
    let body = match head.values("transfer-encoding").next() {
        Some(_) => oracle::chunked(raw).map_or_else(Vec::new, |(body, _)| body),
        None => raw.to_vec(),
    };
    serde_json::from_slice(&body).unwrap_or_default()
}
