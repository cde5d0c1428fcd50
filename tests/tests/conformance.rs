//! The comparison of daemons is not blind: whatever is changed in what a daemon said is found, but for what is
//! naturally different. And the golden answers are what they must be.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lxio_tests::conformance::{Body, Collector, Exchange, Place, Story, Told, compare, golden};
use lxio_tests::recorder::{Observer, Seen};
use lxio_tests::transcript::{Transcript, What};
use serde_json::{Value, json};

const KINDS: [&str; 2] = ["lxd-5.0.2", "incus-6.0.4"];
const SCENES: [&str; 7] = ["life", "exec", "files", "images", "profiles", "operations", "events"];

fn at(directory: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)
}

/// What passed in a recorded transcript.
fn exchanges(scene: &str, kind: &str) -> Vec<Exchange> {
    let transcript = Transcript::load(at(&format!("transcripts/{scene}.{kind}.jsonl"))).unwrap();
    let collector = Collector::default();
    for entry in &transcript.entries {
        let seen = match &entry.what {
            What::Open(_) => Seen::Open,
            What::Data(direction, bytes) => Seen::Data(*direction, bytes),
            What::Eof(direction) => Seen::Eof(*direction),
            What::Reset(direction, number) => Seen::Reset(*direction, *number),
            What::WriteFailed(direction, number) => Seen::WriteFailed(*direction, *number),
            What::ConnectFailed(number) => Seen::ConnectFailed(*number),
            _ => continue,
        };
        collector.seen(entry.conn, seen);
    }
    collector.take()
}

fn story(exchanges: &[Exchange]) -> Story {
    Story::of(&Place::default(), exchanges)
}

/// The paths to all members and elements; of a long list only the ends.
fn paths(value: &Value, path: &str, to: &mut Vec<String>) {
    let mut below = |name: String, value: &Value| {
        let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
        to.push(path.clone());
        paths(value, &path, to);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| below(name.clone(), value)),
        Value::Array(list) => {
            let ends = |at: &usize| *at < 2 || *at + 2 > list.len();
            list.iter()
                .enumerate()
                .filter(|(at, _)| ends(at))
                .for_each(|(at, value)| below(at.to_string(), value));
        }
        _ => {}
    }
}

fn remove(value: &mut Value, path: &str) {
    let (parent, name) = path.rsplit_once('/').unwrap();
    match value.pointer_mut(parent).unwrap() {
        Value::Object(map) => drop(map.remove(&name.replace("~1", "/").replace("~0", "~"))),
        Value::Array(list) => drop(list.remove(name.parse().unwrap())),
        _ => {}
    }
}

/// Something else of the same kind; nothing for what has members.
fn other(value: &Value) -> Option<Value> {
    match value {
        Value::Null => Some(json!("x")),
        Value::Bool(it) => Some(json!(!it)),
        Value::Number(it) => Some(json!(it.as_i64().unwrap_or_default() + 1)),
        Value::String(it) => Some(json!(format!("{it}x"))),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// Every one of some changes to the answer of an exchange: what was done, and the exchange afterwards.
fn changes(exchange: &Exchange) -> Vec<(String, Exchange)> {
    let mut changed = Vec::new();
    let Some(answer) = exchange.answer.as_ref().filter(|it| it.whole || it.socket.is_some()) else {
        return changed;
    };
    let mut change = |what: String, edit: &dyn Fn(&mut lxio_tests::conformance::Answer)| {
        let mut exchange = exchange.clone();
        edit(exchange.answer.as_mut().unwrap());
        changed.push((what, exchange));
    };
    change("status".into(), &|it| it.status += 1);
    for (at, (name, _)) in answer.fields.iter().enumerate() {
        change(format!("field {name} removed"), &|it| drop(it.fields.remove(at)));
        change(format!("field {name}"), &|it| it.fields[at].1.push('x'));
    }
    if answer.socket.is_some() {
        change("socket".into(), &|it| it.socket.as_mut().unwrap().binary.push(b"x"));
        return changed;
    }
    let Ok(body) = serde_json::from_slice::<Value>(answer.body.bytes().unwrap()) else {
        change("bytes".into(), &|it| it.body.push(b"x"));
        return changed;
    };
    let mut all = Vec::new();
    paths(&body, "", &mut all);
    for path in all {
        let mut less = body.clone();
        remove(&mut less, &path);
        change(format!("{path} removed"), &|it| it.body = Body::from(&*less.to_string().into_bytes()));
        if let Some(value) = other(body.pointer(&path).unwrap()) {
            let mut more = body.clone();
            *more.pointer_mut(&path).unwrap() = value;
            change(path, &|it| it.body = Body::from(&*more.to_string().into_bytes()));
        }
    }
    changed
}

/// What may be changed and not be found, by a part of what is done: what is naturally different.
const MASKED: &[&str] = &[
    // The host, and what is used of it.
    "/environment/",
    "/volatile.idmap.",
    "/volatile.last_state.idmap",
    "/cpu/",
    "/memory/",
    "/network/lo/",
    "/metadata/pid",
    "/metadata/processes",
    // Chance: what an operation has come to when it is told of, and how far; who used an image before.
    "/metadata/status",
    "/metadata/err",
    "progress",
    "last_used_at",
    // Of a header: how a body is framed, when it was sent.
    "field date",
    "field content-length",
    "field transfer-encoding",
    "field sec-websocket-accept",
    "field last-modified",
    "field etag",
    // Of a command that was ended.
    "socket",
];
/// Of these a removal must be found.
const THERE: &[&str] =
    &["/metadata/status", "/metadata/err", "last_used_at", "field last-modified", "field etag"];
/// Which share of the changes is tried: all take minutes.
const SHARE: usize = 23;

#[test]
fn what_is_changed_is_found() {
    let (mut made, mut count, mut missed) = (0, 0, BTreeSet::new());
    for kind in KINDS {
        for scene in SCENES {
            let mut all = exchanges(scene, kind);
            // The greeting is long, and in every scene.
            let greeting = |it: &Exchange| it.target == "/1.0";
            if scene != "profiles" {
                all.retain(|it| !greeting(it));
            }
            let expected = story(&all);
            assert_eq!(compare::stories(&expected, &story(&all), true), [], "{scene}");
            for at in 0..all.len() {
                for (what, changed) in changes(&all[at]) {
                    made += 1;
                    if made % SHARE != 0 {
                        continue;
                    }
                    let was = std::mem::replace(&mut all[at], changed);
                    let found = !compare::stories(&expected, &story(&all), true).is_empty();
                    all[at] = was;
                    count += 1;
                    let among = |list: &[&str]| list.iter().any(|it| what.contains(it));
                    if !found && (!among(MASKED) || what.ends_with("removed") && among(THERE)) {
                        missed.insert(format!("{} {what}", all[at].method));
                    }
                }
            }
        }
    }
    assert!(
        missed.is_empty(),
        "of {count} changes were missed:\n{}",
        missed.into_iter().collect::<Vec<_>>().join("\n")
    );
    assert!(count > 400, "{count} changes");
}

fn golden_of(kind: &str) -> Told {
    golden::read(&at("conformance").join(kind)).unwrap()
}

#[test]
fn golden_answers_are_whole() {
    for kind in KINDS {
        let told = golden_of(kind);
        assert!(told.len() > 65, "{} scenarios of {kind}", told.len());
        assert_eq!(compare::runs(&told, &told, true), []);
        for story in told.values() {
            let requests: BTreeSet<_> = story.entries.iter().map(|it| it.request.to_string()).collect();
            assert_eq!(requests.len(), story.entries.len(), "{} has a request twice", story.scenario);
            assert!(
                story.entries.iter().any(|it| !it.answers.is_empty()),
                "{} has no answers",
                story.scenario
            );
        }
    }
}
