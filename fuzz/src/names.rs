//! A text of a user is refused before a byte is sent, or the request that carries it, split and unescaped by another
//! reading, holds it whole in its place: one segment, one value of the query, one field, one string of the body.

use std::sync::LazyLock;

use lxio_core::api::{image_alias, images, instance, instances, operation, profile, raw};
use lxio_core::bytes::{Chance, Moment};
use lxio_core::call::Request;
use lxio_core::flow::{Effect, Flow, IntoFlow};
use lxio_core::model::{Answer, OperationId, Server};
use lxio_core::session::{Remote, Session};
use lxio_core::wire::{Buffers, Need};
use serde_json::Value;

use crate::input::Input;
use crate::oracle::{self, Head};

const PROJECT: &str = "q&=#/%";

/// Sessions with either server; every other with a project of its own.
static SESSIONS: LazyLock<[Session; 4]> = LazyLock::new(|| {
    let greeted = |body: &[u8], project: Option<&str>| {
        let Ok(Answer::Sync(server)) = Answer::<Server>::parse(body) else {
            panic!("the sample is a server")
        };
        let mut remote = Remote::local();
        remote.project = project.map(str::to_owned);
        let mut session = Session::greeted(&remote, server).expect("the sample is of a known server");
        session.dialect.extensions = ["projects", "api_filtering"].into_iter().collect();
        session
    };
    let lxd = include_bytes!("../../core/src/model/samples/server.lxd.json");
    let incus = include_bytes!("../../core/src/model/samples/server.incus.json");
    [greeted(lxd, None), greeted(incus, None), greeted(lxd, Some(PROJECT)), greeted(incus, Some(PROJECT))]
});

/// Where a text is found again.
#[derive(Default)]
struct Expected<'a> {
    /// The segments behind `/1.0`, as texts.
    path: Vec<&'a str>,
    /// The segments of a path that came as a whole, before the others.
    foreign: Option<Vec<Vec<u8>>>,
    query: Vec<(&'a str, &'a [u8])>,
    fields: Vec<(&'a str, &'a [u8])>,
    /// Where in the JSON of the body.
    body: Vec<(&'a str, &'a str)>,
    /// Whether one of the texts cannot be sent.
    bad: bool,
}

/// Two control bytes (what is asked for, of whom), then the texts.
///
/// # Panics
/// Where the invariant does not hold.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (which, whom) = (input.byte() % 13, input.byte());
    let pieces = input.pieces();
    let piece = |at: usize| pieces.get(at).copied().unwrap_or_default();
    let texts: Vec<_> = (0..3).map(|at| String::from_utf8_lossy(piece(at))).collect();
    let (a, b, c): (&str, &str, &str) = (&texts[0], &texts[1], &texts[2]);
    let bytes = piece(1);
    let (request, expected) = match which {
        0 => (
            instance(a).in_project(c).get().request,
            Expected {
                path: vec!["instances", a],
                query: vec![("project", c.as_bytes())],
                bad: bad(a),
                ..Expected::default()
            },
        ),
        1 => {
            let own = b.strip_prefix(a).and_then(|rest| rest.strip_prefix('/')).unwrap_or(b);
            (
                instance(a).snapshot(b).get().request,
                Expected {
                    path: vec!["instances", a, "snapshots", own],
                    bad: bad(a) || bad(own),
                    ..Expected::default()
                },
            )
        }
        2 => (
            instance(a).file(bytes).get().request,
            Expected {
                path: vec!["instances", a, "files"],
                query: vec![("path", bytes)],
                bad: bad(a) || bytes.is_empty() || bytes.contains(&0),
                ..Expected::default()
            },
        ),
        3 => (
            image_alias(a).get().request,
            Expected {
                path: vec!["images", "aliases", a],
                bad: a.split('/').any(bad),
                ..Expected::default()
            },
        ),
        4 => (
            begun(profile(a).rename(b)),
            Expected {
                path: vec!["profiles", a],
                body: vec![("/name", b)],
                bad: bad(a) || bad(b),
                ..Expected::default()
            },
        ),
        5 => {
            let id = OperationId::parse(a).ok();
            let request = operation(a).get().request;
            // The id is in no piece as it is sent, so that the place is all there is to look at.
            return sent(&request, whom, &Expected { bad: id.is_none(), ..Expected::default() }, false);
        }
        6 => {
            let path = foreign(a).filter(|_| !a.contains('?'));
            (
                raw::get(a).then(b).query(c, &texts[1]).json().request,
                Expected {
                    path: vec![b],
                    query: vec![(c, b.as_bytes())],
                    bad: path.is_none() || bad(b),
                    foreign: path,
                    ..Expected::default()
                },
            )
        }
        7 => (
            raw::post("/1.0/x").field("X-Text", bytes).json().request,
            Expected {
                path: vec!["x"],
                fields: vec![("x-text", bytes)],
                bad: bytes.iter().any(|byte| *byte < 0x20 && *byte != b'\t' || *byte == 0x7f),
                ..Expected::default()
            },
        ),
        8 => (
            instances().in_project(c).filter(a).all().request,
            Expected {
                path: vec!["instances"],
                query: vec![("project", c.as_bytes()), ("recursion", b"1"), ("filter", a.as_bytes())],
                ..Expected::default()
            },
        ),
        9 => (
            first(instance("web").exec([a, b]).cwd(c).env(b, c).user(1).group(2)),
            Expected {
                path: vec!["instances", "web", "exec"],
                body: vec![("/command/0", a), ("/command/1", b), ("/cwd", c)],
                ..Expected::default()
            },
        ),
        10 => (
            begun(images().import().property(a, b).filename(c).bytes(&b"x"[..])),
            Expected {
                path: vec!["images"],
                fields: vec![("filename", c.as_bytes())],
                bad: c.bytes().any(|byte| byte < 0x20 && byte != b'\t' || byte == 0x7f),
                ..Expected::default()
            },
        ),
        11 => (
            begun(image_alias(a).create(b, c)),
            Expected {
                path: vec!["images", "aliases"],
                body: vec![("/name", a), ("/target", b), ("/description", c)],
                bad: a.split('/').any(bad),
                ..Expected::default()
            },
        ),
        _ => (
            begun(instance(a).snapshots().create(b).into_flow()),
            Expected {
                path: vec!["instances", a, "snapshots"],
                body: if b.is_empty() { vec![] } else { vec![("/name", b)] },
                bad: bad(a) || !b.is_empty() && bad(b),
                ..Expected::default()
            },
        ),
    };
    sent(&request, whom, &expected, true);
}

fn begun<T>(settle: lxio_core::flow::Settle<T>) -> Request {
    settle.begin().expect("it begins with a call").request
}

fn first<F: Flow>(mut flow: F) -> Request {
    match flow.poll(Moment::default()) {
        Effect::Send(_, request) => request,
        _ => panic!("it begins with a call"),
    }
}

/// Whether a name cannot be sent.
fn bad(name: &str) -> bool {
    matches!(name, "" | "." | "..")
        || name.chars().any(|c| matches!(c, '/' | '?' | '#' | '%') || c.is_control())
}

/// The segments of a path that a user gives as it is sent, if it can be.
fn foreign(path: &str) -> Option<Vec<Vec<u8>>> {
    let way = path.split('?').next().unwrap_or_default();
    let segments: Vec<_> = way.strip_prefix('/')?.split('/').map(unescaped).collect();
    let fits = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
        && !path.starts_with("//")
        && !segments.iter().any(|segment| matches!(segment.as_slice(), b"." | b".."));
    fits.then_some(segments)
}

/// Looks at what leaves for a request.
fn sent(request: &Request, whom: u8, expected: &Expected<'_>, whole: bool) {
    let session = &SESSIONS[usize::from(whom) % SESSIONS.len()];
    assert!(!format!("{request:?}").contains(['\r', '\n']), "what is shown is one line");
    let begun = session.begin(request, Buffers::new(), &mut Chance::seeded(7));
    let mut exchange = match begun {
        Ok(exchange) => exchange,
        Err(error) => {
            assert!(error.is_misuse() && expected.bad, "{error}");
            assert!(!error.to_string().contains(['\r', '\n', '\0']), "{error}");
            return;
        }
    };
    assert!(!expected.bad, "it leaves: {request:?}");
    let Ok(Need::Write(bytes)) = exchange.need() else { panic!("nothing is to be written") };
    let head = Head::read(bytes).expect("a request has a head");
    let line: Vec<_> = head.line.split(|byte| *byte == b' ').collect();
    let [_, target, b"HTTP/1.1"] = line[..] else { panic!("{line:?}") };
    assert!(target.iter().all(u8::is_ascii_graphic));
    let target = std::str::from_utf8(target).expect("ASCII");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let segments: Vec<_> = path.split('/').map(unescaped).collect();
    assert!(segments[0].is_empty() && segments.len() > 1);
    assert!(!segments.iter().any(|segment| matches!(segment.as_slice(), b"." | b"..")), "{target}");
    let query: Vec<_> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (unescaped(key), unescaped(value)))
        .collect();
    for (key, value) in &expected.query {
        let there = query.iter().any(|(name, got)| name == key.as_bytes() && got == value);
        assert!(there, "{key}={value:?} is not in {target}");
    }
    let known = ["host", "content-length", "content-type", "if-match"];
    assert!(head.fields.iter().all(|(name, _)| name.iter().all(u8::is_ascii_graphic)));
    assert_eq!(
        head.fields.len(),
        1 + request.fields.len() + head.values("content-length").count(),
        "{:?}",
        head.fields
    );
    for (name, value) in &expected.fields {
        let own = head.fields.iter().filter(|(field, _)| {
            let field = String::from_utf8_lossy(field).to_ascii_lowercase();
            !known.contains(&field.as_str()) && field.ends_with(name)
        });
        let values: Vec<_> = own.map(|(_, value)| *value).collect();
        assert_eq!(values, [value.trim_ascii()], "{name}");
    }
    if !whole {
        return;
    }
    let begin = expected.foreign.clone().unwrap_or_else(|| vec![b"1.0".to_vec()]);
    let path = expected.path.iter().map(|text| text.as_bytes().to_vec());
    assert!(segments[1..].iter().cloned().eq(begin.into_iter().chain(path)), "{target}");
    let project = session.project.iter().filter(|_| !expected.query.iter().any(|(key, _)| *key == "project"));
    assert_eq!(query.len(), expected.query.len() + project.clone().count(), "{target}");
    for project in project {
        assert!(query.contains(&(b"project".to_vec(), project.as_bytes().to_vec())), "{target}");
    }
    if !expected.body.is_empty() {
        let body: Value = serde_json::from_slice(&bytes[head.end..]).expect("the body is JSON");
        for (place, text) in &expected.body {
            // What is empty is left out.
            assert_eq!(body.pointer(place).and_then(Value::as_str).unwrap_or_default(), *text, "{body}");
        }
    }
}

fn unescaped(text: &str) -> Vec<u8> {
    oracle::unescaped(text.as_bytes())
}
