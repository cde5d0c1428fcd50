//! An answer that this library takes is the same to another client: its status, its fields, its body and where
//! it ends; and what this library refuses, the other takes only where this one is stricter on purpose.
//!
//! The other is `ureq-proto`: pure, kept, with a chunk decoder and rules of framing of its own. Heads it
//! tokenizes by the same crate as this library, so that half is compared with [`crate::oracle`] by the target
//! `head`. The differences that are meant:
//!
//! | answer | here | `ureq-proto` |
//! |---|---|---|
//! | a length and a coding | refused: two readings of one body | the coding counts |
//! | a coding other than `chunked`, or two | refused | read over |
//! | a coding in HTTP/1.0 | counts | does not count |
//! | empty lines before the status line | refused | read over |
//! | `Connection` with bytes beyond ASCII | its words count | it does not count |
//! | 101 that nobody asked for | refused | an answer |
//! | 100 with fields | read over | refused |
//! | a line of trailers that ends without a return | ends | goes on |
//! | a long chunk extension, odd white space or a sign at a chunk's size, a trailer without a colon | by the grammar | by its own limits |

use std::collections::BTreeMap;

use http::{Request, Response};
use lxio_core::bytes::Limits;
use lxio_core::wire::{Reuse, WireError};
use ureq_proto::client::{Call, RecvBodyResult, RecvResponseResult, SendRequestResult};

use crate::input::{Cuts, Input};
use crate::oracle::Head;
use crate::play::{Outcome, Setup, play};

/// What the other client made of an answer.
#[derive(Debug)]
struct Answer {
    head: Response<()>,
    body: Vec<u8>,
    used: usize,
    closes: bool,
}

/// The first byte: whether it is the answer to a HEAD; then what the server says.
///
/// # Panics
/// Where the invariant does not hold.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let method = if input.byte() & 1 == 0 { http::Method::GET } else { http::Method::HEAD };
    let server = input.rest();
    let mut limits = Limits::DEFAULT;
    (limits.fields, limits.interim) = (128, usize::MAX);
    let setup = Setup { method: method.clone(), limits, ..Setup::get() };
    let ours = play(&setup, server, Cuts::Whole);
    let theirs = read(&Request::builder().method(method).uri("http://lxio/1.0/x").body(()).unwrap(), server);
    match (&ours.failed, theirs) {
        (None, Ok(Some(theirs))) => same(&ours, &theirs, server),
        (None, theirs) => assert!(only_here(server), "taken by this library alone: {theirs:?}"),
        (Some(error), Ok(None) | Err(_)) => assert!(!error.to_string().contains(['\r', '\n'])),
        (Some(error), Ok(Some(theirs))) => assert!(
            matches!(
                error,
                WireError::ConflictingLengths
                    | WireError::UnknownCoding
                    | WireError::BadChunk { .. }
                    | WireError::NotHttp { .. }
                    | WireError::BadUpgrade { .. }
            ) || coded_in_old(server),
            "{error}, but the other took it: {theirs:?}"
        ),
    }
}

/// The other client reads the bytes, then the end of the stream; nothing if the answer did not end before it.
fn read(request: &Request<()>, server: &[u8]) -> Result<Option<Answer>, ureq_proto::Error> {
    let mut call = Call::new(request.clone())?.proceed();
    call.write(&mut [0; 1000])?;
    let Some(SendRequestResult::RecvResponse(mut call)) = call.proceed()? else {
        panic!("a request without a body is sent at once");
    };
    let mut used = 0;
    let head = loop {
        match call.try_response(&server[used..], false)? {
            (count, Some(head)) => {
                used += count;
                break head;
            }
            (0, None) => return Ok(None),
            (count, None) => used += count,
        }
    };
    let mut body = Vec::new();
    let closes = match call.proceed() {
        Some(RecvResponseResult::RecvBody(mut call)) => {
            let mut space = [0; 5000];
            loop {
                let (count, filled) = call.read(&server[used..], &mut space)?;
                if (count, filled) == (0, 0) {
                    break;
                }
                used += count;
                body.extend_from_slice(&space[..filled]);
            }
            match call.proceed() {
                Some(RecvBodyResult::Cleanup(call)) => call.must_close_connection(),
                Some(RecvBodyResult::Redirect(call)) => call.must_close_connection(),
                None => return Ok(None),
            }
        }
        Some(RecvResponseResult::Cleanup(call)) => call.must_close_connection(),
        Some(RecvResponseResult::Redirect(call)) => call.must_close_connection(),
        None => return Ok(None),
    };
    Ok(Some(Answer { head, body, used, closes }))
}

fn same(ours: &Outcome, theirs: &Answer, server: &[u8]) {
    assert_eq!(ours.status, Some(theirs.head.status().as_u16()));
    let (mut here, mut there) = (BTreeMap::<_, Vec<&[u8]>>::new(), BTreeMap::<_, Vec<&[u8]>>::new());
    for (name, value) in &ours.fields {
        here.entry(name.to_ascii_lowercase()).or_default().push(value.trim_ascii());
    }
    for (name, value) in theirs.head.headers() {
        there.entry(name.as_str().to_owned()).or_default().push(value.as_bytes().trim_ascii());
    }
    assert_eq!(here, there);
    if coded_in_old(server) {
        return;
    }
    assert_eq!(ours.collected, theirs.body);
    let odd_connection = here.get("connection").is_some_and(|values| !values.concat().is_ascii());
    if odd_connection || coded(server).is_some_and(odd_chunks) {
        return;
    }
    match ours.reuse {
        Reuse::Yes => assert!(!theirs.closes && theirs.used == server.len()),
        Reuse::Leftover => assert!(!theirs.closes && theirs.used < server.len()),
        Reuse::ServerCloses => assert!(theirs.closes),
        Reuse::BodyUntilClose => assert!(theirs.closes && theirs.used == server.len()),
        other => panic!("{other:?} after an answer that is whole"),
    }
}

/// Whether the final head is of HTTP/1.0 and names a coding.
fn coded_in_old(server: &[u8]) -> bool {
    Head::read_final(server).is_some_and(|(_, head)| {
        head.line.starts_with(b"HTTP/1.0") && head.values("transfer-encoding").next().is_some()
    })
}

/// What follows the final head, if that names a coding.
fn coded(server: &[u8]) -> Option<&[u8]> {
    let (start, head) = Head::read_final(server)?;
    head.values("transfer-encoding").next().map(|_| &server[start + head.end..])
}

/// Whether there is a reason for the other client to refuse what this one takes.
fn only_here(server: &[u8]) -> bool {
    let mut start = 0;
    while let Some(head) = Head::read(&server[start..]).filter(|head| head.status() < 200) {
        if head.status() == 100 && !head.fields.is_empty() {
            return true;
        }
        start += head.end;
    }
    coded(server).is_some_and(odd_chunks)
}

/// Whether a line of the chunked coding is one that the other client does not take: one that is long, has white
/// space, or holds a return that does not end it.
fn odd_chunks(body: &[u8]) -> bool {
    let (mut at, mut trailers) = (0, false);
    while let Some(length) = body[at..].iter().position(|byte| *byte == b'\n') {
        let Some(line) = body[at..at + length].strip_suffix(b"\r") else { return true };
        if line.len() > 20 || line.contains(&b'\r') {
            return true;
        }
        at += length + 1;
        let digits: String =
            line.iter().map(|byte| char::from(*byte)).take_while(char::is_ascii_hexdigit).collect();
        match usize::from_str_radix(&digits, 16) {
            Ok(size) if size > 0 && !trailers => {
                at = at.saturating_add(size).saturating_add(2).min(body.len())
            }
            _ => trailers = true,
        }
    }
    false
}
