//! The rooms of the core and the crates know only what is below them; read from the sources themselves.
#![allow(clippy::unwrap_used)]

#[path = "layers/source.rs"]
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use source::{Dependency, dependencies, paths};

/// What each room of the core may use of the others. `session` stands beside `api`: only adapters use it.
const ROOMS: &[(&str, &[&str])] = &[
    ("bytes", &[]),
    ("wire", &["bytes"]),
    ("model", &["bytes"]),
    ("call", &["bytes", "wire", "model"]),
    ("flow", &["bytes", "wire", "model", "call"]),
    ("api", &["bytes", "wire", "model", "call", "flow"]),
    ("session", &["bytes", "wire", "model", "call", "flow"]),
];

/// What the core gets as an argument and may not reach for.
const IMPURE: &[&str] = &["net", "fs", "env", "thread", "process", "os"];

/// What each crate may depend on. What is not named here is not checked.
const CRATES: &[(&str, &[&str])] = &[
    (
        "core",
        &[
            "bytes",
            "data-encoding",
            "http",
            "httparse",
            "jiff",
            "memchr",
            "rustls",
            "serde",
            "serde_json",
            "sha2",
            "tungstenite",
            "proptest",
        ],
    ),
    (
        "runtimes/host",
        &[
            "lxio-core",
            "data-encoding",
            "proptest",
            "rcgen",
            "rustix",
            "rustls-native-certs",
            "serde_json",
            "yaml-rust2",
        ],
    ),
    ("runtimes/blocking", &["lxio-core", "lxio-host", "rustix"]),
    (
        "runtimes/smol",
        &[
            "lxio-core",
            "lxio-host",
            "async-io",
            "blocking",
            "futures-core",
            "futures-io",
            "futures-lite",
            "rustix",
            "smol",
        ],
    ),
    ("runtimes/tokio", &["lxio-core", "lxio-host", "futures-core", "rustix", "tokio"]),
    (
        "tests/sim",
        &[
            "lxio-core",
            "bytes",
            "flate2",
            "httparse",
            "jiff",
            "rcgen",
            "rustix",
            "rustls",
            "serde",
            "serde_json",
            "sha2",
            "tar",
            "tungstenite",
        ],
    ),
];

const ADAPTERS: &[&str] = &["blocking", "smol", "tokio"];

/// A file with more lines is two.
const LONGEST: usize = 600;

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The files below `directory` whose name ends in `.rs`, as paths relative to it.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![directory.to_owned()]);
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    open.push(path);
                }
            } else if name.ends_with(".rs") {
                found.push(path.strip_prefix(directory).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// What is wrong with the paths in the text of a file of the core.
fn faults(file: &Path, text: &str) -> Vec<String> {
    let place: Vec<String> =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let room = place.first().cloned().unwrap_or_default();
    let allowed = ROOMS.iter().find(|(name, _)| *name == room).map(|(_, allowed)| *allowed);
    let mut depth = place.len();
    if place.last().is_some_and(|last| last == "mod") {
        depth -= 1;
    }
    let mut faults = Vec::new();
    for path in paths(text) {
        let segments: Vec<&str> = path.iter().map(String::as_str).collect();
        // The standard `core` and `alloc` reach nothing: `core::net` is addresses alone.
        if let ["std", module, ..] = segments.as_slice()
            && IMPURE.contains(module)
        {
            faults.push(format!("{} uses {}", file.display(), segments.join("::")));
        }
        if segments.iter().any(|part| matches!(*part, "Instant" | "SystemTime" | "RandomState")) {
            faults.push(format!("{} uses {}", file.display(), segments.join("::")));
        }
        let climbs = segments.iter().take_while(|part| **part == "super").count();
        let from_top = match segments.as_slice() {
            ["crate", rest @ ..] => rest,
            rest if climbs >= depth => &rest[climbs..],
            _ => continue,
        };
        let Some(used) = from_top.first() else { continue };
        if !ROOMS.iter().any(|(name, _)| name == used) || *used == room {
            continue;
        }
        if allowed.is_some_and(|allowed| !allowed.contains(used)) {
            faults.push(format!("{} uses {}", file.display(), segments.join("::")));
        }
    }
    faults
}

#[test]
fn rooms_know_only_what_is_below_them() {
    let core = top().join("core/src");
    let files = sources(&core);
    assert!(files.len() > 60, "the core was not found: {files:?}");
    let faults: Vec<_> =
        files.iter().flat_map(|file| faults(file, &fs::read_to_string(core.join(file)).unwrap())).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_directory_of_the_core_is_a_known_room() {
    for entry in fs::read_dir(top().join("core/src")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        let known = ROOMS.iter().any(|(room, _)| *room == name);
        assert!(known || name == "lib.rs", "core/src/{name} is no room that this test knows");
    }
}

#[test]
fn an_upward_import_is_found() {
    let bad = |file: &str, text: &str| faults(Path::new(file), text);
    for (file, text) in [
        ("bytes/inbox.rs", "use crate::wire::Exchange;"),
        ("wire/head.rs", "use crate::{bytes::Limits, model::Answer};"),
        ("model/text.rs", "fn f() -> crate::wire::Reply { todo() }"),
        ("call/target.rs", "use crate::flow;"),
        ("flow/exec.rs", "use crate::{call, api::instance as x};"),
        ("api/images.rs", "use crate :: session :: { Error };"),
        ("api/images.rs", "use super::super::session::Error;"),
        ("wire/websocket/sender.rs", "use super::super::super::model::Answer;"),
        ("session/drive.rs", "mod tests { use crate::api::instance; }"),
        ("bytes/moment.rs", "use std::{fmt, time::{Duration, Instant}};"),
        ("wire/head.rs", "use std::fs::File;"),
        ("flow/wait.rs", "let home = std::env::var(\"HOME\");"),
        ("flow/wait.rs", "use std::{io, thread};"),
        ("session/remote.rs", "let _ = ::std::net::TcpStream::connect(x);"),
    ] {
        assert_eq!(bad(file, text).len(), 1, "{file}: {text}: {:?}", bad(file, text));
    }
    for (file, text) in [
        (
            "api/images.rs",
            "/// See [`is_already_exists`](crate::session::Error::is_already_exists).\nfn f() {}",
        ),
        ("api/images.rs", "/* use crate::session::Error; */ const A: &str = \"crate::session\";"),
        ("wire/head.rs", "use crate::bytes::{Inbox, Limits}; const Q: char = '\"'; use std::io;"),
        ("session/drive.rs", "use crate::{flow, call::Request}; use std::{io, path::PathBuf};"),
        ("wire/websocket/sender.rs", "use super::super::frame::Kind;"),
        ("wire/origin.rs", "use core::net::IpAddr;"),
    ] {
        assert_eq!(bad(file, text), [""; 0], "{file}: {text}");
    }
}

#[test]
fn crates_depend_on_nothing_beside_or_above_them() {
    for (directory, allowed) in CRATES {
        let manifest = fs::read_to_string(top().join(directory).join("Cargo.toml")).unwrap();
        let found = dependencies(&manifest);
        assert!(!found.is_empty(), "{directory} has no dependencies at all?");
        for Dependency { name, dev } in found {
            // The suites are above all crates, and may lend a hand to their examples.
            let lent = dev && name == "lxio-tests";
            assert!(lent || allowed.contains(&name.as_str()), "{directory} depends on {name}");
        }
    }
    let sideways = "[package]\nname = \"x\"\n[dependencies]\nlxio-core.workspace = true\n\
        [target.'cfg(unix)'.dependencies]\nlxio-tokio = { workspace = true }\n[dev-dependencies.smol]\nversion = \"2\"\n";
    let found: Vec<_> = dependencies(sideways).into_iter().map(|found| (found.name, found.dev)).collect();
    let expected = [("lxio-core", false), ("lxio-tokio", false), ("smol", true)];
    assert_eq!(found, expected.map(|(name, dev)| (name.to_owned(), dev)));
}

#[test]
fn adapters_have_the_same_files() {
    let of = |adapter: &str| {
        let mut files = sources(&top().join("runtimes").join(adapter).join("src"));
        files.retain(|file| !file.starts_with("tests") && file != Path::new("tests.rs"));
        files
    };
    let first = of(ADAPTERS[0]);
    assert!(first.len() >= 5, "{first:?}");
    for adapter in ADAPTERS {
        assert_eq!(of(adapter), first, "{adapter}");
    }
}

#[test]
fn no_file_is_too_long() {
    let files = sources(&top());
    assert!(files.len() > 100);
    let long: Vec<_> = files
        .iter()
        .map(|file| (fs::read_to_string(top().join(file)).unwrap().lines().count(), file))
        .filter(|(lines, _)| *lines > LONGEST)
        .collect();
    assert!(long.is_empty(), "more than {LONGEST} lines: {long:?}");
}
