//! Replies that are cut, too long, contradictory, or not what was asked for.

use lxio_core::api::{instance, raw};
use lxio_core::bytes::Limits;
use lxio_core::session::{Error, ErrorKind, Remote};
use lxio_core::wire::WireError;
use lxio_tests::actor::Connect;
use lxio_tests::script::{Server, Then};
use lxio_tests::{answers, on_all_adapters};
use serde_json::{Value, json};

use super::{client, fresh, get, wire};

on_all_adapters!(
    a_reply_cut_anywhere_is_an_error,
    contradictions_are_refused,
    bytes_after_a_reply_end_the_connection,
    what_is_larger_than_the_limits_is_refused,
    interim_replies_are_read_over_but_not_for_ever,
    an_upgrade_that_nobody_asked_for,
    an_upgrade_that_is_none,
    replies_without_a_body,
    no_json_where_json_was_promised,
);

fn cut<A: Connect>(reply: &[u8], until_close: bool) {
    let cuts = (0..reply.len()).map(|at| (reply[..at].to_vec(), Then::Close));
    let server = Server::answering(cuts.chain([(reply.to_vec(), Then::Close)]).collect()).unwrap();
    let mut actor: A = fresh(&server);
    let head = reply.windows(4).position(|part| part == b"\r\n\r\n").unwrap() + 4;
    for at in 0..reply.len() {
        let error = get(&mut actor, "/1.0/x").expect_err("a part was taken for the whole");
        let expected = match at {
            0 => ErrorKind::Transport,
            at if at < head => ErrorKind::Transport,
            // Only the JSON shows that it is cut.
            _ if until_close => ErrorKind::Protocol,
            _ => ErrorKind::Truncated,
        };
        assert_eq!(error.kind(), expected, "cut at {at} of {}: {error:?}", reply.len());
        assert_eq!(wire(&error).is_some(), expected != ErrorKind::Protocol);
    }
    assert_eq!(get(&mut actor, "/1.0/x").unwrap(), json!({"a": 1}));
    assert_eq!(server.lines().len(), reply.len() + 1, "something was sent twice");
}

fn a_reply_cut_anywhere_is_an_error<A: Connect>() {
    let whole = answers::sync(&json!({"a": 1}));
    cut::<A>(&whole, false);
    let body = answers::envelope(&json!({"a": 1})).to_string();
    let (one, two) = body.as_bytes().split_at(40);
    cut::<A>(&answers::chunked("application/json", &[one, two]), false);
    let open = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{body}");
    cut::<A>(open.as_bytes(), true);
}

/// The error of each reply, and that the client goes on after each.
fn errors<A: Connect>(replies: &[Vec<u8>]) -> Vec<Error> {
    let server =
        Server::answering(replies.iter().map(|reply| (reply.clone(), Then::Keep)).collect()).unwrap();
    let mut actor: A = client(&server);
    let errors: Vec<_> = replies
        .iter()
        .map(|reply| get(&mut actor, "/1.0/x").expect_err(&String::from_utf8_lossy(reply)))
        .collect();
    assert_eq!(server.lines().len(), replies.len(), "something was sent twice");
    errors
}

fn contradictions_are_refused<A: Connect>() {
    let with = |fields: &str, body: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{body}").into_bytes();
    let chunked = |body: &str| with("Transfer-Encoding: chunked", body);
    let cases = [
        (with("Content-Length: 2\r\nContent-Length: 3", "{}"), WireError::ConflictingLengths),
        (with("Content-Length: 2, 3", "{}"), WireError::ConflictingLengths),
        (with("Content-Length: 2\r\nTransfer-Encoding: chunked", "{}"), WireError::ConflictingLengths),
        (with("Content-Length: -2", "{}"), WireError::BadLength),
        (with("Content-Length: 0x2", "{}"), WireError::BadLength),
        (with("Content-Length: 18446744073709551616", "{}"), WireError::BadLength),
        (with("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"), WireError::UnknownCoding),
        (with("Content-Length : 2", "{}"), WireError::BadHead { what: "a field name is malformed" }),
        (with("A\0: b", "{}"), WireError::BadHead { what: "a field name is malformed" }),
        (with(" folded: x", "{}"), WireError::BadHead { what: "a field name is malformed" }),
        (b"HTTP/1.1 2000 OK\r\n\r\n".to_vec(), WireError::BadHead { what: "" }),
        (b"HTTP/1.1 20\r\n\r\n".to_vec(), WireError::BadHead { what: "" }),
        (chunked("x\r\n"), WireError::BadChunk { what: "" }),
        (chunked("2\r\n{}X\r\n0\r\n\r\n"), WireError::BadChunk { what: "" }),
        (chunked("ffffffffffffffff1\r\n"), WireError::BadChunk { what: "" }),
        (chunked("2\r\n{}\r\n0\r\nbad trailer\r\n\r\n"), WireError::BadChunk { what: "" }),
    ];
    let replies: Vec<_> = cases.iter().map(|(reply, _)| reply.clone()).collect();
    for ((reply, expected), error) in cases.iter().zip(errors::<A>(&replies)) {
        let shown = String::from_utf8_lossy(reply);
        assert_eq!(error.kind(), ErrorKind::Protocol, "{shown}: {error:?}");
        let found = wire(&error).unwrap_or_else(|| panic!("{shown}: {error:?}"));
        let same = std::mem::discriminant(found) == std::mem::discriminant(expected);
        assert!(same, "{shown}: {found:?}");
    }
}

fn bytes_after_a_reply_end_the_connection<A: Connect>() {
    let good = |n: u32| answers::sync(&json!({ "n": n }));
    let smuggled = answers::sync(&json!("smuggled"));
    let mut no_content = b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n".to_vec();
    no_content.extend_from_slice(b"hello");
    let server = Server::answering(vec![
        ([good(1), smuggled.clone()].concat(), Then::Keep),
        ([good(2), b"x".to_vec()].concat(), Then::Keep),
        (no_content, Then::Keep),
        ([answers::chunked("application/json", &[]), smuggled].concat(), Then::Keep),
        (good(5), Then::Keep),
        (good(6), Then::Keep),
    ])
    .unwrap();
    let mut actor: A = client(&server);
    assert_eq!(get(&mut actor, "/1.0/x").unwrap(), json!({"n": 1}));
    assert_eq!(get(&mut actor, "/1.0/x").unwrap(), json!({"n": 2}));
    let third = actor.call(raw::get("/1.0/x").reply()).unwrap();
    assert_eq!((third.status.as_u16(), third.body.len()), (204, 0));
    assert_eq!(actor.call(raw::get("/1.0/x").reply()).unwrap().body, b"");
    assert_eq!(get(&mut actor, "/1.0/x").unwrap(), json!({"n": 5}));
    assert_eq!(get(&mut actor, "/1.0/x").unwrap(), json!({"n": 6}));
    let used: Vec<_> = server.requests().iter().map(|request| request.conn).collect();
    assert_eq!(used, [0, 0, 1, 2, 3, 4, 4]);
}

fn what_is_larger_than_the_limits_is_refused<A: Connect>() {
    let mut limits = Limits::default();
    (limits.head, limits.fields, limits.body) = (600, 8, 2000);
    let head = |bytes: usize| format!("HTTP/1.1 200 OK\r\nA: {}\r\n", "x".repeat(bytes));
    let fields = "A: b\r\n".repeat(9);
    let body = "x".repeat(2001);
    let replies = [
        (format!("{}\r\n", head(600)), ErrorKind::TooLong),
        (head(100_000), ErrorKind::TooLong),
        (format!("HTTP/1.1 200 OK\r\n{fields}\r\n"), ErrorKind::Protocol),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2001\r\n\r\n".into(), ErrorKind::TooLong),
        ("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n".into(), ErrorKind::TooLong),
        (format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7d1\r\n{body}"), ErrorKind::TooLong),
        (format!("HTTP/1.1 200 OK\r\n\r\n{body}"), ErrorKind::TooLong),
        (
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: {}", "x".repeat(700)),
            ErrorKind::Protocol,
        ),
        (
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;{}", "x".repeat(5000)),
            ErrorKind::Protocol,
        ),
    ];
    let script = replies.iter().map(|(reply, _)| (reply.clone().into_bytes(), Then::Keep));
    let server = Server::answering(script.chain([(answers::sync(&json!(1)), Then::Keep)]).collect()).unwrap();
    let mut actor = A::connect(Remote::socket(server.path()).limits(limits)).unwrap();
    for (reply, expected) in &replies {
        let error = get(&mut actor, "/1.0/x").unwrap_err();
        assert_eq!(error.kind(), *expected, "{}: {error}", &reply[..60.min(reply.len())]);
    }
    assert_eq!(get(&mut actor, "/1.0/x").unwrap(), json!(1));
}

fn interim_replies_are_read_over_but_not_for_ever<A: Connect>() {
    let interim =
        |count: usize| b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n".repeat(count);
    let good = answers::sync(&json!(7));
    let server = Server::answering(vec![
        ([interim(8), good.clone()].concat(), Then::Keep),
        ([interim(9), good.clone()].concat(), Then::Keep),
        (interim(50_000), Then::Keep),
        (interim(1), Then::Close),
        (good, Then::Keep),
    ])
    .unwrap();
    let mut actor: A = client(&server);
    assert_eq!(get(&mut actor, "/1.0/x").unwrap(), json!(7));
    for _ in 0..2 {
        let error = get(&mut actor, "/1.0/x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert_eq!(wire(&error), Some(&WireError::TooManyInterim { limit: 16 }));
    }
    assert_eq!(wire(&get(&mut actor, "/1.0/x").unwrap_err()), Some(&WireError::CutHead));
    assert_eq!(get(&mut actor, "/1.0/x").unwrap(), json!(7));
}

fn an_upgrade_that_nobody_asked_for<A: Connect>() {
    let switch = answers::upgraded("dGhlIHNhbXBsZSBub25jZQ==");
    for error in errors::<A>(&[switch, b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec()]) {
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(matches!(wire(&error), Some(WireError::BadUpgrade { .. })), "{error:?}");
    }
}

fn an_upgrade_that_is_none<A: Connect>() {
    let switch = |fields: &str| format!("HTTP/1.1 101 Switching Protocols\r\n{fields}\r\n").into_bytes();
    let wrong = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    for reply in [
        switch(&format!("Upgrade: websocket\r\nConnection: Upgrade\r\n{wrong}")),
        switch("Upgrade: websocket\r\nConnection: Upgrade\r\n"),
        switch(&format!("Upgrade: h2c\r\nConnection: Upgrade\r\n{wrong}")),
        switch(wrong),
    ] {
        let server = Server::answering(vec![(reply, Then::Keep)]).unwrap();
        let mut actor: A = client(&server);
        let (none, seen, error) = actor.watch(lxio_core::api::events(), |_| (), 1);
        let error = error.unwrap();
        assert!(none.is_none() && seen.is_empty());
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(matches!(wire(&error), Some(WireError::BadUpgrade { .. })), "{error:?}");
        server.until_open(0);
    }
}

fn replies_without_a_body<A: Connect>() {
    let head = |status: &str| format!("HTTP/1.1 {status}\r\nContent-Length: 300\r\n\r\n").into_bytes();
    let stat =
        b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\nX-LXD-Type: file\r\nX-LXD-Mode: 0644\r\n\r\n".to_vec();
    let server = Server::answering(vec![
        (head("204 No Content"), Then::Keep),
        (head("304 Not Modified"), Then::Keep),
        (stat, Then::Keep),
        (head("501 Not Implemented"), Then::Keep),
        (head("304 Not Modified"), Then::Keep),
        (answers::sync(&json!(1)), Then::Keep),
    ])
    .unwrap();
    let mut actor: A = client(&server);
    assert_eq!(actor.call(raw::get("/1.0/x").reply()).unwrap().status.as_u16(), 204);
    assert_eq!(actor.call(raw::get("/1.0/x").reply()).unwrap().status.as_u16(), 304);
    assert_eq!(actor.call(instance("web").file("/x").stat()).unwrap().size, Some(300));
    let error = actor.call(instance("web").file("/x").stat()).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Refused, Some(501)));
    let error = actor.pull(instance("web").file("/x").pull(), std::io::sink()).unwrap_err();
    assert_eq!(error.code(), Some(304));
    assert_eq!(get(&mut actor, "/1.0/x").unwrap(), json!(1));
    assert_eq!(server.accepted(), 1, "one connection was enough for all");
}

fn no_json_where_json_was_promised<A: Connect>() {
    let json = |body: &str| answers::http("200 OK", &[("Content-Type", "application/json")], body.as_bytes());
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let begun = answers::begun(&answers::operation(103, "", &Value::Null));
    let replies = [
        json(""),
        json("null"),
        json("{}"),
        json("[1]"),
        json("\"sync\""),
        json("{\"type\":\"sync\",\"metadata\":"),
        json("{\"type\":\"odd\",\"metadata\":{}}"),
        json("{\"type\":7,\"metadata\":{}}"),
        json(&format!("{{\"type\":\"sync\",\"metadata\":{deep}}}")),
        json("{\"type\":\"sync\",\"metadata\":\"\u{fffd}\"} trailing"),
        answers::http("200 OK", &[], b"\xff\xfe"),
        begun,
    ];
    for (reply, error) in replies.iter().zip(errors::<A>(&replies)) {
        let shown: String = String::from_utf8_lossy(reply).chars().take(200).collect();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{shown}: {error:?}");
        assert!(error.to_string().len() < 1000, "{shown}: the error is as long as the answer");
    }
    // A refusal is one in whatever shape it comes.
    let plain =
        |status: &str, body: &str| answers::http(status, &[("Content-Type", "text/plain")], body.as_bytes());
    let mixed = format!("Bad Request\n{}", answers::refusal(500, "inner"));
    let replies = [
        (plain("400 Bad Request", "Bad Request\n"), 400),
        (plain("400 Bad Request", &mixed), 400),
        (plain("502 Bad Gateway", ""), 502),
        (answers::json_reply("200 OK", &answers::refusal(412, "odd")), 412),
        (answers::refused(403, "not authorized"), 403),
        (b"HTTP/1.1 431 Too Large\r\nConnection: close\r\n\r\n431 Too Large".to_vec(), 431),
    ];
    let script: Vec<_> = replies.iter().map(|(reply, _)| (reply.clone(), Then::Close)).collect();
    let server = Server::answering(script).unwrap();
    let mut actor: A = fresh(&server);
    for (_, code) in &replies {
        let error = get(&mut actor, "/1.0/x").unwrap_err();
        assert_eq!(error.code(), Some(*code), "{error}");
        assert!(!error.to_string().contains("{\"type\""), "{error}");
    }
}
