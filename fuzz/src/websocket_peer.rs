//! What a websocket of this library tells of any bytes of a server is what tungstenite's tells of them, and what
//! either end sends the other reads as it was sent.
//!
//! Frame heads are read by the same function in both: the state of messages, the limits, the masks, the texts and
//! the closing are not. The differences that are meant:
//!
//! | bytes | here | tungstenite |
//! |---|---|---|
//! | the end between two messages, without a close frame | an end | an error |
//! | a close frame inside a message | an error: the message is cut | a close |
//! | a close frame whose code may not be sent | an error | a close |

use std::io::{self, Read, Write};

use lxio_core::bytes::{Chance, Inbox, Limits};
use lxio_core::wire::{Websocket, WebsocketError};
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame};
use tungstenite::protocol::{Message, Role, WebSocketConfig};
use tungstenite::{Error, WebSocket};

use crate::input::{Cuts, Input, hash};
use crate::websocket::{Told, listen};

/// The longest frame that both take: a longer one is longer than any input.
const LONGEST: usize = 1 << 20;

/// The bytes of a server, and then the same bytes as an order of what both ends say.
///
/// # Panics
/// Where the invariant does not hold.
pub fn check(bytes: &[u8]) {
    compare(bytes);
    spoken_by_the_other(bytes);
    spoken_here(bytes);
}

/// A stream in memory: reads are cut, writes are kept.
struct Stream<'a> {
    unread: &'a [u8],
    written: Vec<u8>,
    cuts: Cuts,
}

impl<'a> Stream<'a> {
    fn of(unread: &'a [u8]) -> Self {
        Self { unread, written: Vec::new(), cuts: Cuts::Mixed(Chance::seeded(hash(unread))) }
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let count = self.cuts.next(self.unread.len().min(space.len()));
        space[..count].copy_from_slice(&self.unread[..count]);
        self.unread = &self.unread[count..];
        Ok(count)
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn limits() -> Limits {
    let mut limits = Limits::DEFAULT;
    limits.message = LONGEST;
    limits
}

fn peer(unread: &[u8], role: Role) -> WebSocket<Stream<'_>> {
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .max_frame_size(Some(LONGEST))
        .max_message_size(Some(LONGEST));
    WebSocket::from_raw_socket(Stream::of(unread), role, Some(config))
}

/// All messages up to the close frame or the error.
fn read(socket: &mut WebSocket<Stream<'_>>) -> (Vec<Message>, Option<Error>) {
    let mut all = Vec::new();
    loop {
        match socket.read() {
            Ok(message @ Message::Close(_)) => {
                all.push(message);
                return (all, None);
            }
            Ok(message) => all.push(message),
            Err(error) => return (all, Some(error)),
        }
    }
}

fn told(message: &Message) -> Option<Told> {
    match message {
        Message::Binary(bytes) => Some(Told::Binary(bytes.to_vec())),
        Message::Text(text) => Some(Told::Text(text.to_string())),
        Message::Close(None) => Some(Told::Closing(None, String::new())),
        Message::Close(Some(frame)) => Some(Told::Closing(Some(frame.code.into()), frame.reason.to_string())),
        _ => None,
    }
}

/// Both ends of a client read the same bytes.
fn compare(server: &[u8]) {
    let [whole, single, mixed] = Cuts::all(server);
    let (theirs, error) = read(&mut peer(server, Role::Client));
    let theirs: Vec<_> = theirs.iter().filter_map(told).collect();
    for cuts in [whole, single, mixed] {
        let (mut ours, _) = listen(server, 0, cuts, &limits());
        let last = ours.pop().expect("an end or an error");
        if matches!(ours.last(), Some(Told::Begun(_))) {
            ours.pop();
        }
        if let Told::Failed(error) = &last {
            assert!(!error.to_string().is_empty());
        }
        let closed = matches!(ours.last(), Some(Told::Closing(..)));
        match (&last, &error) {
            (Told::End, None) => assert!(closed && ours == theirs, "{ours:?}, the other {theirs:?}"),
            (Told::End, Some(error)) => {
                assert!(!closed && matches!(error, Error::Protocol(_)), "{error}");
                assert_eq!(ours, theirs);
            }
            (Told::Failed(_), Some(_)) => assert_eq!(ours, theirs),
            // What the other ends by a close frame.
            (Told::Failed(WebsocketError::EndInMessage | WebsocketError::CloseCode(_)), None) => {
                assert_eq!(Some(ours.as_slice()), theirs.split_last().map(|(_, before)| before));
            }
            (last, None) => panic!("{last:?}, but the other told {theirs:?}"),
            (last, Some(_)) => panic!("{last:?} is no end"),
        }
    }
}

/// Messages out of an input: a kind and a size each.
fn messages(bytes: &[u8]) -> impl Iterator<Item = (u8, Vec<u8>)> {
    bytes.chunks(3).take(8).map(|part| {
        let mut input = Input::new(part);
        let kind = input.byte();
        let size = [0, 1, 16, 124, 125, 126, 127, 300, 4097][usize::from(input.byte()) % 9];
        (kind, vec![b'a' + input.byte() % 26; size])
    })
}

/// What the other end of a server sends is what is read here.
fn spoken_by_the_other(bytes: &[u8]) {
    let mut socket = peer(&[], Role::Server);
    let mut sent = Vec::new();
    let mut begun: Option<(Data, Vec<u8>)> = None;
    for (kind, payload) in messages(bytes) {
        let short = payload[..payload.len().min(125)].to_vec();
        let message = match kind % 8 {
            0 => Message::Ping(short.into()),
            1 => Message::Pong(short.into()),
            // A part of a message, its first or a later one.
            2 | 3 => {
                let last = kind % 8 == 3;
                let code = begun
                    .as_ref()
                    .map_or(if kind & 8 == 0 { Data::Text } else { Data::Binary }, |_| Data::Continue);
                let (kind, mut whole) = begun.take().unwrap_or((code, Vec::new()));
                whole.extend_from_slice(&payload);
                match (last, kind) {
                    (true, Data::Text) => sent.push(Told::Text(String::from_utf8(whole).unwrap())),
                    (true, _) => sent.push(Told::Binary(whole)),
                    (false, _) => begun = Some((kind, whole)),
                }
                Message::Frame(Frame::message(payload, OpCode::Data(code), last))
            }
            _ if begun.is_some() => continue,
            4 | 5 => Message::Text(String::from_utf8(payload).unwrap().into()),
            _ => Message::Binary(payload.into()),
        };
        sent.extend(told(&message));
        socket.write(message).expect("memory takes all");
    }
    if begun.is_none() {
        let frame =
            bytes.len().is_multiple_of(2).then(|| CloseFrame { code: 1001.into(), reason: "bye".into() });
        sent.extend(told(&Message::Close(frame.clone())));
        socket.close(frame).expect("memory takes all");
    }
    socket.flush().expect("memory takes all");
    let wire = socket.get_ref().written.clone();
    let [whole, _, mixed] = Cuts::all(bytes);
    for cuts in [whole, mixed] {
        let (mut ours, _) = listen(&wire, 0, cuts, &limits());
        let last = ours.pop();
        if begun.is_some() {
            assert_eq!(last, Some(Told::Failed(WebsocketError::EndInMessage)));
            if matches!(ours.last(), Some(Told::Begun(_))) {
                ours.pop();
            }
        } else {
            assert_eq!(last, Some(Told::End));
        }
        assert_eq!(ours, sent);
    }
}

/// What is sent here is what the other end of a server reads.
fn spoken_here(bytes: &[u8]) {
    let mut cuts = Cuts::Mixed(Chance::seeded(hash(bytes)));
    let mut socket = Websocket::client(Inbox::new(), &limits(), Chance::seeded(hash(bytes)));
    let (mut sent, mut wire) = (Vec::new(), Vec::new());
    for (kind, payload) in messages(bytes) {
        match kind % 8 {
            0 => {
                // A ping that comes, and the pong that answers it.
                let short = &payload[..payload.len().min(125)];
                let space = socket.space();
                space[..2].copy_from_slice(&[0x89, short.len() as u8]);
                space[2..2 + short.len()].copy_from_slice(short);
                socket.read(2 + short.len());
                assert_eq!(socket.next(), Ok(None));
                // All of it leaves: a pong that waits would give its place to the next.
                wire.extend_from_slice(socket.outgoing());
                let count = socket.outgoing().len();
                socket.wrote(count);
                sent.push(Message::Pong(short.to_vec().into()));
                continue;
            }
            1..4 => {
                let text = String::from_utf8(payload).unwrap();
                assert!(socket.send_text(&text));
                sent.push(Message::Text(text.into()));
            }
            _ => {
                assert!(socket.send_binary(&payload));
                sent.push(Message::Binary(payload.into()));
            }
        }
        let count = cuts.next(socket.outgoing().len());
        wire.extend_from_slice(&socket.outgoing()[..count]);
        socket.wrote(count);
    }
    socket.close(1000, "bye");
    sent.push(Message::Close(Some(CloseFrame { code: 1000.into(), reason: "bye".into() })));
    wire.extend_from_slice(socket.outgoing());
    assert!(!format!("{socket:?}").contains("bye"), "what is said is not shown");
    let (theirs, error) = read(&mut peer(&wire, Role::Server));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(theirs, sent);
}
