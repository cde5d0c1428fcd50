//! A call on a warm connection by TLS allocates what one without TLS does, and twice more: what rustls itself
//! needs for a record that it seals, and for one that it opens.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::io::Read;
use std::io::Write;

use lxio_benches::allocations::{Counting, count};
use lxio_benches::server::config;
use lxio_benches::{papers, samples};
use lxio_core::api::instance;
use lxio_core::bytes::Chance;
use lxio_core::model::Answer;
use lxio_core::session::{Attempt, Remote, Session};
use lxio_core::wire::{Authorities, Line, Need, Origin, Reuse, TlsWorld};
use rustls::ServerConnection;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One GET on a connection: the line afterwards, and how often the client allocated. `serve` is what a server
/// makes of bytes.
fn get(session: &Session, line: Line, mut serve: impl FnMut(&[u8]) -> Vec<u8>) -> (Line, u64) {
    let (call, mut spent, mut unread) = (instance("c1").get(), 0, Vec::new());
    macro_rules! counted {
        ($work:expr) => {{
            let (result, count) = count(|| $work);
            spent += count.calls;
            result
        }};
    }
    let begun = counted!(Attempt::begin(session, &call.request, line, false, &mut Chance::seeded(1)));
    let mut attempt = begun.unwrap();
    loop {
        match counted!(attempt.need()).unwrap() {
            Need::Write(bytes) => {
                unread.extend(serve(bytes));
                let length = bytes.len();
                counted!(attempt.wrote(length));
            }
            Need::Read(space) => {
                let length = unread.len().min(space.len());
                assert_ne!(length, 0, "the server says nothing");
                space[..length].copy_from_slice(&unread[..length]);
                unread.drain(..length);
                counted!(attempt.read(length));
            }
            Need::Done => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(attempt.reply().unwrap().body().starts_with(b"{\"type\""));
    let (line, reuse) = counted!(attempt.finish());
    assert_eq!(reuse, Reuse::Yes);
    (line, spent)
}

/// How often the last of some calls on one line allocates.
fn warm(session: &Session, mut line: Line, mut serve: impl FnMut(&[u8]) -> Vec<u8>) -> u64 {
    let mut spent = 0;
    for _ in 0..4 {
        (line, spent) = get(session, line, &mut serve);
    }
    spent
}

// One test only: every thread of the process is counted.
#[test]
fn nothing_is_added_to_what_rustls_needs() {
    let remote = Remote::https("127.0.0.1").unwrap();
    let remote = remote.trust(papers::trust().unwrap()).identity(papers::identity().unwrap());
    let Ok(Answer::Sync(server)) = Answer::parse(samples::SERVER.as_bytes()) else {
        panic!("not the server")
    };
    let session = Session::greeted(&remote, server).unwrap();
    let answer = samples::response(samples::INSTANCE);

    let plain = warm(&session, Line::new(), |_| answer.clone());

    let world = TlsWorld { clock: || 1_763_800_000, authorities: Authorities::NONE };
    let tls = remote.tls.build(&world).unwrap().connect(&Origin::parse("127.0.0.1", 8443).unwrap()).unwrap();
    let mut server = ServerConnection::new(config(true).unwrap()).unwrap();
    let sealed = warm(&session, Line::new().through(tls), |mut bytes| {
        let (mut heard, mut said) = (Vec::new(), Vec::new());
        while !bytes.is_empty() {
            server.read_tls(&mut bytes).unwrap();
            server.process_new_packets().unwrap();
            let _ = server.reader().read_to_end(&mut heard);
        }
        if heard.ends_with(b"\r\n\r\n") {
            server.writer().write_all(&answer).unwrap();
        }
        while server.wants_write() {
            server.write_tls(&mut said).unwrap();
        }
        said
    });
    assert_eq!(sealed, plain + 2);
}
