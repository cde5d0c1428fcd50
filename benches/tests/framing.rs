//! The layer of heads and bodies allocates nothing for a call on a warm connection.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use http::Method;
use lxio_benches::allocations::{Count, Counting, count};
use lxio_benches::samples;
use lxio_core::bytes::Limits;
use lxio_core::wire::{Buffers, Draft, Need, Plan, Reuse};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One GET on the buffers of a connection.
fn get(buffers: Buffers, answer: &[u8]) -> Buffers {
    let draft = Draft::new(buffers, &Method::GET, "/1.0/instances/c1", "lxio").unwrap();
    let mut exchange = draft.send(Plan::default(), &Limits::DEFAULT).unwrap();
    let mut unread = answer;
    loop {
        match exchange.need().unwrap() {
            Need::Write(bytes) => {
                let count = bytes.len();
                exchange.wrote(count);
            }
            Need::Read(space) => {
                let count = unread.len().min(space.len());
                space[..count].copy_from_slice(&unread[..count]);
                unread = &unread[count..];
                exchange.read(count);
            }
            Need::Done => break,
            other => panic!("{other:?}"),
        }
    }
    let reply = exchange.reply().unwrap();
    assert!(reply.body().starts_with(b"{\"type\"") && reply.field("etag").is_some());
    let (buffers, reuse) = exchange.finish();
    assert_eq!(reuse, Reuse::Yes);
    buffers
}

// One test only: every thread of the process is counted.
#[test]
fn a_warm_call_allocates_nothing() {
    let chunked = {
        let (head, body) =
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nEtag: x\r\n\r\n", samples::INSTANCE);
        let (first, second) = body.split_at(1000);
        format!("{head}{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n", first.len(), second.len())
            .into_bytes()
    };
    for answer in [samples::response(samples::INSTANCE), chunked] {
        let mut buffers = get(Buffers::new(), &answer);
        for _ in 0..3 {
            let (warm, spent) = count(|| get(buffers, &answer));
            assert_eq!(spent, Count { calls: 0, bytes: 0 });
            buffers = warm;
        }
    }
}
