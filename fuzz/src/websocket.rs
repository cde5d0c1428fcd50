//! A websocket over any bytes of a server, with sends in between, progresses in bounded memory, tells the
//! same whatever the cuts, and what it tells is what whole, legal frames say.

use lxio_core::bytes::{Chance, Inbox, Limits};
use lxio_core::wire::{Incoming, Websocket, WebsocketError};

use crate::input::{Cuts, Input, hash};
use crate::oracle::{Frame, frames};
use crate::play::small_limits;

/// What was told, with the pieces of a binary message put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Binary(Vec<u8>),
    /// A binary message of which this came.
    Begun(Vec<u8>),
    Text(String),
    Closing(Option<u16>, String),
    End,
    Failed(WebsocketError),
}

/// The first byte: how many of the bytes came with the upgrade; then what the server says.
///
/// # Panics
/// Where the invariant does not hold.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let early = usize::from(input.byte());
    let server = input.rest();
    let early = early.min(server.len());
    let [whole, single, mixed] = Cuts::all(bytes);
    let limits = small_limits();

    let ((told, outgoing), held) = crate::memory::peak(|| listen(server, early, whole, &limits));
    assert!(held < (256 << 10) + 8 * server.len(), "{held} bytes held for {}", server.len());
    assert_eq!(listen(server, 0, single, &limits).0, told, "cut after each byte");
    assert_eq!(listen(server, early / 2, mixed.clone(), &limits).0, told, "cut by chance");
    as_frames_say(&told, server, &limits);
    answers(&told, server, &outgoing);
    talk(server, mixed, &limits);
}

/// Only listens; what is told, and what is answered.
pub(crate) fn listen(server: &[u8], early: usize, mut cuts: Cuts, limits: &Limits) -> (Vec<Told>, Vec<u8>) {
    let mut rest = Inbox::new();
    rest.push(&server[..early]);
    let mut socket = Websocket::client(rest, limits, Chance::seeded(7));
    let (mut unread, mut ended) = (&server[early..], false);
    let (mut told, mut outgoing) = (Vec::new(), Vec::new());
    let most = 3 * server.len() + 64;
    for _ in 0..most {
        let over = tell(&mut socket, &mut told, limits);
        outgoing.extend_from_slice(socket.outgoing());
        let count = socket.outgoing().len();
        socket.wrote(count);
        match over {
            Some(true) => return (told, outgoing),
            Some(false) => {}
            None => {
                assert!(!ended, "more is wanted after the end");
                let space = socket.space();
                assert!(!space.is_empty());
                let count = cuts.next(unread.len().min(space.len()));
                space[..count].copy_from_slice(&unread[..count]);
                unread = &unread[count..];
                ended = count == 0;
                socket.read(count);
            }
        }
    }
    panic!("no end after {most} turns: {told:?}");
}

/// Asks once: `None` if more has to be read, else whether it is over.
fn tell(socket: &mut Websocket, told: &mut Vec<Told>, limits: &Limits) -> Option<bool> {
    match socket.next() {
        Ok(None) => return None,
        Ok(Some(Incoming::Binary { piece, last })) => {
            assert!(last || !piece.is_empty(), "an empty piece is no progress");
            let mut message = match told.pop() {
                Some(Told::Begun(message)) => message,
                other => {
                    told.extend(other);
                    Vec::new()
                }
            };
            message.extend_from_slice(piece);
            told.push(if last { Told::Binary(message) } else { Told::Begun(message) });
        }
        Ok(Some(Incoming::Text(text))) => {
            assert!(text.len() <= limits.message);
            told.push(Told::Text(text.to_owned()));
        }
        Ok(Some(Incoming::Closing { code, reason })) => {
            assert!(reason.len() <= 123);
            told.push(Told::Closing(code, reason.to_owned()));
        }
        Ok(Some(Incoming::End)) => {
            told.push(Told::End);
            assert_eq!(socket.next(), Ok(Some(Incoming::End)), "the end stays the end");
            return Some(true);
        }
        Err(error) => {
            assert_eq!(socket.next().unwrap_err(), error, "the error changes");
            assert!(!socket.is_open());
            told.push(Told::Failed(error));
            return Some(true);
        }
    }
    Some(false)
}

/// What was told is what the frames say, up to where it ended.
fn as_frames_say(told: &[Told], server: &[u8], limits: &Limits) {
    let mut expected = Vec::new();
    let (mut message, mut text) = (None::<Vec<u8>>, false);
    let (frames, end) = frames(server);
    for Frame { first, payload, .. } in frames {
        let last = first & 0x80 != 0;
        match first & 0x0f {
            8 => {
                let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                let reason = payload.get(2..).unwrap_or_default();
                expected.push(Told::Closing(code, String::from_utf8_lossy(reason).into_owned()));
                break;
            }
            0..=2 => {
                text = if first & 0x0f == 0 { text } else { first & 0x0f == 1 };
                let whole = message.get_or_insert_default();
                whole.extend_from_slice(&payload);
                if last {
                    let whole = message.take().unwrap_or_default();
                    expected.push(if text {
                        Told::Text(String::from_utf8_lossy(&whole).into_owned())
                    } else {
                        Told::Binary(whole)
                    });
                }
            }
            _ => {}
        }
    }
    let mut expected = expected.iter();
    for (at, one) in told.iter().enumerate() {
        match one {
            Told::Binary(_) | Told::Text(_) | Told::Closing(..) => assert_eq!(Some(one), expected.next()),
            Told::Begun(begun) => {
                assert!(at + 2 >= told.len(), "a message that did not end is the last: {told:?}");
                assert!(server.len() >= begun.len());
            }
            Told::End => {
                assert_eq!(expected.next(), None, "the end came before all was told");
                let closed = told.iter().any(|it| matches!(it, Told::Closing(..)));
                assert!(
                    closed || (end == server.len() && message.is_none()),
                    "an end inside a frame or a message"
                );
            }
            Told::Failed(WebsocketError::LongText { limit }) => assert_eq!(*limit, limits.message),
            Told::Failed(_) => {}
        }
    }
}

/// What was answered: pongs to pings that came, in order, and one close frame at the end if there was cause.
fn answers(told: &[Told], server: &[u8], outgoing: &[u8]) {
    let (answers, end) = frames(outgoing);
    assert_eq!(end, outgoing.len(), "whole frames leave");
    assert!(answers.iter().all(|frame| frame.masked && frame.first & 0x70 == 0));
    let (came, _) = frames(server);
    let mut pings = came.iter().filter(|frame| frame.first & 0x0f == 9);
    let mut closes = 0;
    for answer in &answers {
        assert_eq!(closes, 0, "nothing follows a close frame");
        match answer.first {
            0x8a => assert!(pings.any(|ping| ping.payload == answer.payload), "a pong without its ping"),
            0x88 => closes += 1,
            other => panic!("a frame {other:#x} that nobody sent"),
        }
    }
    let closing = told.iter().any(|it| matches!(it, Told::Closing(..)));
    assert!(!closing || closes == 1, "a close frame is answered");
}

/// Sends in between, closes at some point, and writes by chance: what leaves is what was sent.
fn talk(server: &[u8], mut cuts: Cuts, limits: &Limits) {
    let mut chance = Chance::seeded(hash(server));
    let mut socket = Websocket::client(Inbox::new(), limits, chance.fork());
    let (mut unread, mut told, mut outgoing, mut sent) = (server, Vec::new(), Vec::new(), Vec::new());
    let mut closed = false;
    let (mut over, mut turns) = (false, 0_usize);
    while !over {
        turns += 1;
        assert!(turns < 4 * server.len() + 256, "no end: {told:?}");
        let draw = chance.draw();
        let payload = vec![b'a'; (draw >> 40) as usize % 300];
        match draw % 16 {
            0..4 if socket.send_binary(&payload) => sent.push(Frame { first: 0x82, masked: true, payload }),
            4..6 if socket.send_text("text") => {
                sent.push(Frame { first: 0x81, masked: true, payload: b"text".into() })
            }
            6 if turns > 40 => {
                socket.close(1000, "bye");
                closed = true;
            }
            _ => {}
        }
        assert!(!closed || !socket.is_open());
        // Pings must not fill the memory of a client that does not write.
        let own: usize = sent.iter().map(|frame| frame.payload.len() + 14).sum();
        assert!(outgoing.len() + socket.outgoing().len() <= own + 131 * (turns + 2));
        let count = cuts.next(socket.outgoing().len());
        outgoing.extend_from_slice(&socket.outgoing()[..count]);
        socket.wrote(count);
        match tell(&mut socket, &mut told, limits) {
            Some(end) => over = end,
            None => {
                let space = socket.space();
                let count = cuts.next(unread.len().min(space.len()));
                space[..count].copy_from_slice(&unread[..count]);
                unread = &unread[count..];
                socket.read(count);
            }
        }
    }
    outgoing.extend_from_slice(socket.outgoing());
    let (left, end) = frames(&outgoing);
    assert_eq!(end, outgoing.len(), "whole frames leave");
    let messages: Vec<_> = left.into_iter().filter(|frame| frame.first & 0x08 == 0).collect();
    assert_eq!(messages, sent);
}
