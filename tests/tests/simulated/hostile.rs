//! Answers that no server may give: each is a typed error, at once and byte by byte, and the client goes on.

use std::time::Duration;

use lxio_core::flow::{Fault, Limit};
use lxio_core::session::ErrorKind;
use lxio_sim::Scripted;
use lxio_tests::answers;
use serde_json::{Value, json};

use super::{get, goes_on, stage};

const MINUTE: Duration = Duration::from_secs(60);

fn ok(fields: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{body}").into_bytes()
}

fn chunked(body: &str) -> Vec<u8> {
    ok("Transfer-Encoding: chunked", body)
}

fn said(body: &str) -> Vec<u8> {
    answers::http("200 OK", &[("Content-Type", "application/json")], body.as_bytes())
}

/// What is said, and what kind of error that is. The connection stays open, and is not waited for.
fn answers() -> Vec<(Vec<u8>, ErrorKind)> {
    use ErrorKind::{Conflict, NotFound, Protocol, Refused, TooLong, Untrusted};
    let long = "x".repeat(5000);
    vec![
        // Heads.
        (b"nonsense\r\n\r\n".to_vec(), Protocol),
        (b"HTTP/1.1 2000 OK\r\n\r\n".to_vec(), Protocol),
        (b"HTTP/1.1 20\r\n\r\n".to_vec(), Protocol),
        (b"HTTP/2 200 OK\r\n\r\n".to_vec(), Protocol),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS handshake".to_vec(), Protocol),
        (ok("Content-Length : 2", "{}"), Protocol),
        (ok("A\0: b", "{}"), Protocol),
        (ok(" folded: x", "{}"), Protocol),
        (ok(&format!("A: {long}"), ""), TooLong),
        (ok(&"A: b\r\n".repeat(41), ""), Protocol),
        // Lengths.
        (ok("Content-Length: 2\r\nContent-Length: 3", "{}"), Protocol),
        (ok("Content-Length: 2, 3", "{}"), Protocol),
        (ok("Content-Length: 2\r\nTransfer-Encoding: chunked", "{}"), Protocol),
        (ok("Content-Length: -2", "{}"), Protocol),
        (ok("Content-Length: 0x2", "{}"), Protocol),
        (ok("Content-Length: 18446744073709551616", "{}"), Protocol),
        (ok("Content-Length: 18446744073709551615", "{}"), TooLong),
        (ok("Content-Length: 262145", "{}"), TooLong),
        // Chunks.
        (ok("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"), Protocol),
        (chunked("x\r\n"), Protocol),
        (chunked("2\r\n{}X\r\n0\r\n\r\n"), Protocol),
        (chunked("ffffffffffffffff1\r\n"), Protocol),
        (chunked("2\r\n{}\r\n0\r\nbad trailer\r\n\r\n"), Protocol),
        (chunked(&format!("1;{long}")), Protocol),
        (chunked(&format!("0\r\nA: {long}")), Protocol),
        // Upgrades and interim answers.
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec(), Protocol),
        (answers::upgraded("dGhlIHNhbXBsZSBub25jZQ=="), Protocol),
        (b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n".repeat(17), Protocol),
        // Bodies.
        (said(""), Protocol),
        (said("null"), Protocol),
        (said("{}"), Protocol),
        (said("[1]"), Protocol),
        (said("\"sync\""), Protocol),
        (said("{\"type\":\"sync\",\"metadata\":"), Protocol),
        (said("{\"type\":\"odd\",\"metadata\":{}}"), Protocol),
        (said("{\"type\":7,\"metadata\":{}}"), Protocol),
        (said(&format!("{{\"type\":\"sync\",\"metadata\":{}}}", "[".repeat(3000))), Protocol),
        (said("{\"type\":\"sync\",\"metadata\":\"\u{fffd}\"} trailing"), Protocol),
        (answers::http("200 OK", &[], b"\xff\xfe"), Protocol),
        (answers::begun(&answers::operation(103, "", &Value::Null)), Protocol),
        // Refusals, in whatever shape.
        (answers::http("400 Bad Request", &[("Content-Type", "text/plain")], b"Bad Request\n"), Refused),
        (answers::http("502 Bad Gateway", &[], b""), Refused),
        (answers::json_reply("200 OK", &answers::refusal(412, "odd")), Conflict),
        (answers::refused(403, "not authorized"), Untrusted),
        (answers::refused(404, "not found"), NotFound),
    ]
}

#[test]
fn every_bad_answer_is_an_error_of_its_kind() {
    for (bytes, kind) in answers() {
        let shown = bytes[..bytes.len().min(80)].escape_ascii().to_string();
        let at_once = Scripted::raw(&bytes);
        for script in [at_once.clone(), at_once.clone().slowly(1, MINUTE), at_once.then_close()] {
            let (sim, client) = stage();
            sim.next_reply(script);
            let error = get(&client).expect_err(&shown);
            assert_eq!(error.kind(), kind, "{shown}: {error:?}");
            assert!(error.to_string().len() < 1000, "{shown}: the error is as long as the answer");
            goes_on(&sim, &client, 2);
        }
    }
}

#[test]
fn an_answer_that_is_cut_anywhere_is_an_error() {
    let body = answers::envelope(&json!({"a": 1})).to_string();
    let (one, two) = body.as_bytes().split_at(40);
    for whole in [answers::sync(&json!({"a": 1})), answers::chunked("application/json", &[one, two])] {
        let head = whole.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
        // One that says nothing at all is a connection that was dead, and it is asked again on another.
        for at in 1..whole.len() {
            let (sim, client) = stage();
            sim.next_reply(Scripted::raw(&whole[..at]).then_close());
            let error = get(&client).unwrap_err();
            let kind = if at < head { ErrorKind::Transport } else { ErrorKind::Truncated };
            assert_eq!(error.kind(), kind, "cut at {at}: {error:?}");
            goes_on(&sim, &client, 2);
        }
    }
}

/// Who says nothing, or nothing more, is waited for as long as there is patience.
#[test]
fn silence_is_waited_for_as_long_as_there_is_patience() {
    let begun = answers::sync(&json!(1));
    for script in [Scripted::silence(), Scripted::raw(&begun[..20]), Scripted::raw(&begun[..begun.len() - 1])]
    {
        let (sim, client) = stage();
        sim.next_reply(script);
        let error = get(&client).unwrap_err();
        let fault = Fault::TimedOut { limit: Limit::Read, left: true };
        assert!(error.to_string().ends_with(&fault.to_string()), "{error:?}");
        assert!(error.is_timeout() && !error.is_retryable());
        goes_on(&sim, &client, 2);
    }
}
