//! A whole exchange in any plan over any bytes of a server progresses, keeps its limits, ends the same
//! whatever the cuts, and a connection is used again only if the response ended where its bytes do.

use ::bytes::Bytes;
use ::http::Method;
use lxio_core::wire::{Payload, Reuse, Upgrade, Want, WireError};

use crate::input::Input;
use crate::oracle::Head;
use crate::play::{Setup, play_all};

/// Four control bytes (plan, payload, how much is given, where writing fails), then what the server says.
///
/// # Panics
/// Where the invariant does not hold.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (plan, payload, gives, writes) = (input.byte(), input.byte(), input.byte(), input.byte());
    let server = input.rest();
    let methods = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::PATCH];
    let gives = usize::from(gives) * 29;
    let setup = Setup {
        method: methods[usize::from(plan >> 2) % methods.len()].clone(),
        want: match plan & 3 {
            0 => Want::Collect,
            1 => Want::Stream,
            2 => Want::Upgrade(Upgrade::Websocket),
            _ => Want::Upgrade(Upgrade::Raw("sftp")),
        },
        payload: match payload % 6 {
            0 => Payload::Empty,
            1 => Payload::Bytes(Bytes::from(vec![b'y'; gives])),
            // More than goes with the head in one write.
            2 => Payload::Bytes(Bytes::from(vec![b'z'; (32 << 10) + gives])),
            3 => Payload::Sized(gives as u64),
            4 => Payload::Sized(gives as u64 + u64::from(payload / 6)),
            _ => Payload::Chunked,
        },
        gives,
        writes: (writes > 0).then(|| usize::from(writes) * 3 - 3),
        ..Setup::get()
    };
    let outcome = play_all(&setup, server);

    assert!(outcome.sent.len() <= setup.writes.unwrap_or(usize::MAX));
    let all_sent = setup.writes.is_none_or(|most| outcome.sent.len() < most);
    if let Some(WireError::ShortUpload { missing }) = outcome.failed {
        assert_eq!((payload % 6, missing), (4, u64::from(payload / 6)));
    } else if all_sent {
        whole_request(&setup, &outcome.sent);
    }
    match outcome.reuse {
        Reuse::Yes => {
            let (start, head) = Head::read_final(server).expect("a response has a head");
            assert!(all_sent && head.status() != 101);
            assert!(start + head.end + outcome.collected.len() + outcome.taken.len() <= server.len());
        }
        Reuse::Upgraded => {
            let (start, head) = Head::read_final(server).expect("a response has a head");
            assert!(matches!(setup.want, Want::Upgrade(_)) && head.status() == 101);
            assert_eq!(outcome.rest, &server[start + head.end..]);
        }
        _ => {}
    }
}

/// What was sent is one request whose body is as long as its head says.
fn whole_request(setup: &Setup, sent: &[u8]) {
    let head = Head::read(sent).expect("a request has a head");
    let body = &sent[head.end..];
    let length =
        head.values("content-length").next().map(|length| std::str::from_utf8(length).unwrap().parse());
    match &setup.payload {
        Payload::Empty => assert!(body.is_empty() && !matches!(length, Some(Ok(1..)))),
        Payload::Bytes(bytes) => assert!(body == bytes && length == Some(Ok(bytes.len()))),
        Payload::Sized(_) => assert!(body.iter().all(|byte| *byte == b'x') && length == Some(Ok(body.len()))),
        Payload::Chunked => {
            let (body, end) = crate::oracle::chunked(body).expect("the chunks end");
            assert!(body.len() == setup.gives && head.end + end == sent.len());
        }
    }
}
