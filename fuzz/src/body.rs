//! A body comes out as its framing says, whatever the cuts, collected or streamed, and one that ends early is
//! an error and never a short success.

use lxio_core::wire::{Reuse, Want, WireError};

use crate::input::Input;
use crate::oracle;
use crate::play::{Outcome, Setup, play_all};

/// Reads an answer: the first byte chooses the framing, two more the length, the rest is the body.
///
/// # Panics
/// Where the invariant does not hold.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (framing, length) = (input.byte() % 3, input.number());
    let body = input.rest();
    let field = match framing {
        0 => format!("Content-Length: {length}\r\n"),
        1 => "Transfer-Encoding: chunked\r\n".to_owned(),
        _ => String::new(),
    };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n{field}\r\n");
    let server = [head.as_bytes(), body].concat();

    // The body that the bytes stand for, and how many of them it takes.
    let expected = match framing {
        0 => body.get(..length).map(|body| (body.to_vec(), length)),
        1 => oracle::chunked(body),
        _ => Some((body.to_vec(), body.len())),
    };
    for want in [Want::Collect, Want::Stream] {
        let setup = Setup { want, ..Setup::get() };
        let outcome = play_all(&setup, &server);
        let got = if outcome.streamed { &outcome.taken } else { &outcome.collected };
        match (&outcome.failed, &expected) {
            (None, None) => panic!("a body that did not end is a success: {outcome:?}"),
            (None, Some((body, end))) => {
                assert_eq!(got, body);
                assert_eq!(outcome.reuse, reuse(framing, server.len() > head.len() + end));
            }
            (Some(error), Some((body, _))) => refused(error, framing, body.len(), &setup, &outcome),
            (Some(WireError::CutBody { got: count, .. }), None) if outcome.streamed => {
                assert_eq!(*count, got.len() as u64);
            }
            (Some(_), None) => {}
        }
    }
}

/// A body that is whole may be refused for its size, or for a coding that is read more strictly than here.
fn refused(error: &WireError, framing: u8, length: usize, setup: &Setup, outcome: &Outcome) {
    match error {
        WireError::BodyTooLong { limit } => {
            assert!(!outcome.streamed && length > *limit && *limit == setup.limits.body)
        }
        WireError::BadChunk { .. } => assert_eq!(framing, 1),
        other => panic!("a whole body is refused: {other}"),
    }
}

const fn reuse(framing: u8, more: bool) -> Reuse {
    match framing {
        2 => Reuse::BodyUntilClose,
        _ if more => Reuse::Leftover,
        _ => Reuse::Yes,
    }
}
