mod properties;

use super::*;

/// What arrived, owned; the pieces of one binary message joined.
#[derive(Debug, Clone, PartialEq)]
enum Told {
    Binary(Vec<u8>),
    Part(Vec<u8>),
    Text(String),
    Closing(Option<u16>, String),
    End,
    Failed(WebsocketError),
}

fn socket_with(message: usize) -> Websocket {
    let mut limits = Limits::DEFAULT;
    limits.message = message;
    Websocket::client(Inbox::new(), &limits, Chance::seeded(1))
}

fn socket() -> Websocket {
    socket_with(1 << 20)
}

/// Hands `bytes` to the socket, as many as fit at a time.
fn feed(socket: &mut Websocket, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let space = socket.space();
        let count = bytes.len().min(space.len());
        assert!(count > 0, "room is never empty");
        space[..count].copy_from_slice(&bytes[..count]);
        socket.read(count);
        bytes = &bytes[count..];
    }
}

/// Takes everything there is; false after the end or an error.
fn drain(socket: &mut Websocket, told: &mut Vec<Told>) -> bool {
    // Each answer stands for at least one byte.
    for _ in 0..1_000_000 {
        match socket.next() {
            Ok(None) => return true,
            Ok(Some(Incoming::Binary { piece, last })) => {
                assert!(last || !piece.is_empty());
                let mut whole = match told.pop() {
                    Some(Told::Part(part)) => part,
                    other => {
                        told.extend(other);
                        Vec::new()
                    }
                };
                whole.extend_from_slice(piece);
                told.push(if last { Told::Binary(whole) } else { Told::Part(whole) });
            }
            Ok(Some(Incoming::Text(text))) => told.push(Told::Text(text.into())),
            Ok(Some(Incoming::Closing { code, reason })) => told.push(Told::Closing(code, reason.into())),
            Ok(Some(Incoming::End)) => {
                assert_eq!(socket.next(), Ok(Some(Incoming::End)));
                told.push(Told::End);
                return false;
            }
            Err(error) => {
                assert_eq!(socket.next(), Err(error.clone()));
                told.push(Told::Failed(error));
                return false;
            }
        }
    }
    panic!("no progress");
}

/// What a stream of these pieces and then its end amounts to.
fn hear<'a>(mut socket: Websocket, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Told> {
    let mut told = Vec::new();
    for piece in pieces {
        feed(&mut socket, piece);
        if !drain(&mut socket, &mut told) {
            return told;
        }
    }
    socket.read(0);
    drain(&mut socket, &mut told);
    told
}

fn hear_all(bytes: &[u8]) -> Vec<Told> {
    hear(socket(), [bytes])
}

fn fails(bytes: &[u8]) -> WebsocketError {
    let told = hear_all(bytes);
    assert_eq!(told, hear(socket(), bytes.chunks(1)));
    match told.last() {
        Some(Told::Failed(error)) => error.clone(),
        other => panic!("{other:?}"),
    }
}

fn text(text: &str) -> Told {
    Told::Text(text.into())
}

#[test]
fn examples_of_the_rfc() {
    let hello = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    assert_eq!(hear_all(&hello), [text("Hello"), Told::End]);
    let fragments = [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f];
    assert_eq!(hear_all(&fragments), [text("Hello"), Told::End]);
    let mut long = vec![0x82, 0x7e, 0x01, 0x00];
    long.resize(4 + 256, 5);
    assert_eq!(hear_all(&long), [Told::Binary(vec![5; 256]), Told::End]);
    let mut longer = vec![0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0];
    longer.resize(10 + 65536, 6);
    assert_eq!(hear_all(&longer), [Told::Binary(vec![6; 65536]), Told::End]);
}

#[test]
fn a_session_of_an_exec() {
    let mut rest = Inbox::new();
    rest.push(b"\x89\x09keepalive");
    // The mask stands in the place of the first that this seed draws.
    let mut socket = Websocket::client(rest, &Limits::DEFAULT, Chance::seeded(7));
    assert!(socket.heard());
    assert!(!socket.heard());
    assert!(socket.outgoing().is_empty());
    assert_eq!(socket.next(), Ok(None));
    let mask = Chance::seeded(7).mask();
    let mut pong = b"keepalive".to_vec();
    crate::wire::frame::apply(mask, &mut pong);
    assert_eq!(socket.outgoing(), [&[0x8a, 0x89][..], &mask, &pong].concat());
    socket.wrote(3);
    socket.wrote(12);
    assert!(socket.outgoing().is_empty());

    assert!(socket.send_binary(b"hello\n"));
    assert_eq!(socket.outgoing()[..2], [0x82, 0x86]);
    assert_eq!(socket.outgoing().len(), 12);
    socket.wrote(12);
    assert!(socket.send_text(""));
    assert_eq!(socket.outgoing()[..2], [0x81, 0x80]);
    assert_eq!(socket.outgoing().len(), 6);
    socket.wrote(6);

    feed(&mut socket, b"\x82\x06hello\n\x81");
    assert_eq!(socket.next(), Ok(Some(Incoming::Binary { piece: b"hello\n", last: true })));
    assert_eq!(socket.next(), Ok(None));
    feed(&mut socket, b"\x00");
    assert_eq!(socket.next(), Ok(Some(Incoming::Text(""))));
    assert_eq!(socket.next(), Ok(None));
    socket.read(0);
    for _ in 0..3 {
        assert_eq!(socket.next(), Ok(Some(Incoming::End)));
    }
    assert!(socket.outgoing().is_empty());
}

#[test]
fn each_fault_has_its_error() {
    use WebsocketError as E;
    let head = |length: u64| [&[0x81, 127][..], &length.to_be_bytes()].concat();
    for (bytes, error) in [
        (&[0x81, 0x81, 1, 2, 3, 4, 5][..], E::Masked),
        (&[0xc1, 0], E::ReservedBits),
        (&[0x83, 0], E::UnknownOpcode(3)),
        (&[0x8b, 0], E::UnknownOpcode(11)),
        (&head(1 << 63), E::BadLength(1 << 63)),
        (&[0x09, 0], E::FragmentedControl),
        (&[0x89, 126, 0, 200], E::LongControl(200)),
        (&[0x80, 0], E::NothingToContinue),
        (&[0x81, 0, 0x80, 0], E::NothingToContinue),
        (&[0x01, 0, 0x81, 0], E::Interleaved),
        (&[0x02, 1, 7, 0x82, 0], E::Interleaved),
        (&[0x81, 1, 0xff], E::InvalidText),
        (&[0x01, 1, 0xc3, 0x80, 1, b'a'], E::InvalidText),
        (&[0x01, 1, b'a', 0x80, 1, 0xc3], E::InvalidText),
        (&head((1 << 20) + 1), E::LongText { limit: 1 << 20 }),
        (&[&[0x01, 1, b'a', 0x80][..], &head(1 << 20)[1..]].concat(), E::LongText { limit: 1 << 20 }),
        (&[0x88, 1, 3], E::ShortClose),
        (&[0x88, 2, 3, 0xed], E::CloseCode(1005)),
        (&[0x88, 2, 0, 0], E::CloseCode(0)),
        (&[0x88, 3, 3, 0xe8, 0xff], E::CloseReason),
        (&[0x82], E::EndInFrame),
        (&[0x82, 2, 1], E::EndInFrame),
        (&[0x81, 2, b'a'], E::EndInFrame),
        (&[0x89, 2, b'a'], E::EndInFrame),
        (&head(1 << 20), E::EndInFrame),
        (&[0x02, 1, 7], E::EndInMessage),
        (&[0x01, 0, 0x89, 0], E::EndInMessage),
        (&[0x02, 1, 7, 0x88, 2, 3, 0xe8], E::EndInMessage),
    ] {
        assert_eq!(fails(bytes), error, "{bytes:x?}");
        assert!(!error.to_string().is_empty());
    }
}

#[test]
fn a_fault_is_told_to_the_peer_and_ends_all() {
    let mut socket = socket();
    feed(&mut socket, b"\x81\x02ok\xc1\x00\x81\x02no");
    assert_eq!(socket.next(), Ok(Some(Incoming::Text("ok"))));
    assert_eq!(socket.next(), Err(WebsocketError::ReservedBits));
    assert_eq!(socket.outgoing()[..2], [0x88, 0x82]);
    let length = socket.outgoing().len();
    assert!(!socket.is_open() && !socket.send_text("more"));
    feed(&mut socket, b"\x81\x02no");
    socket.read(0);
    assert_eq!(socket.next(), Err(WebsocketError::ReservedBits));
    assert_eq!(socket.outgoing().len(), length);
}

#[test]
fn empty_messages_and_fragments() {
    assert_eq!(hear_all(&[0x82, 0, 0x81, 0]), [Told::Binary(vec![]), text(""), Told::End]);
    assert_eq!(hear_all(&[2, 0, 0, 0, 0x80, 0]), [Told::Binary(vec![]), Told::End]);
    assert_eq!(hear_all(&[1, 0, 0, 0, 0x80, 0]), [text(""), Told::End]);
    assert_eq!(hear_all(&[1, 0, 0, 1, b'a', 0x8a, 1, b'x', 0x80, 0]), [text("a"), Told::End]);
    assert_eq!(hear_all(&[2, 1, 7, 0, 0, 0x89, 0, 0x80, 0]), [Told::Binary(vec![7]), Told::End]);
    assert_eq!(hear_all(&[]), [Told::End]);
}

#[test]
fn a_character_may_be_split_between_fragments() {
    assert_eq!(hear_all(&[1, 1, 0xc3, 0x80, 1, 0xa9]), [text("é"), Told::End]);
}

#[test]
fn a_close_frame_is_echoed_once() {
    let mut socket = socket();
    feed(&mut socket, b"\x88\x05\x03\xe8bye\x81\x01x\x83");
    assert_eq!(socket.next(), Ok(Some(Incoming::Closing { code: Some(1000), reason: "bye" })));
    assert_eq!(socket.outgoing()[..2], [0x88, 0x82]);
    let length = socket.outgoing().len();
    socket.close(1000, "");
    assert_eq!(socket.next(), Ok(None));
    feed(&mut socket, &[0xff; 100_000]);
    assert_eq!(socket.next(), Ok(None));
    socket.read(0);
    assert_eq!(socket.next(), Ok(Some(Incoming::End)));
    assert_eq!(socket.outgoing().len(), length);
    assert_eq!(hear_all(&[0x88, 0]), [Told::Closing(None, String::new()), Told::End]);
}

#[test]
fn what_comes_after_our_close_frame_is_dropped() {
    let mut socket = socket_with(10);
    feed(&mut socket, &[0x02, 3, 1]);
    assert!(matches!(socket.next(), Ok(Some(Incoming::Binary { piece: [1], last: false }))));
    socket.close(1000, "done");
    let sent = socket.outgoing().to_vec();
    // The rest of the message, a text past the limit that is no UTF-8, a ping, the peer's close frame.
    feed(&mut socket, &[2, 3, 0x80, 0, 0x81, 20]);
    feed(&mut socket, &[0xff; 20]);
    feed(&mut socket, &[0x89, 0, 0x88, 2, 3, 0xe8]);
    assert_eq!(socket.next(), Ok(Some(Incoming::Closing { code: Some(1000), reason: "" })));
    socket.read(0);
    assert_eq!(socket.next(), Ok(Some(Incoming::End)));
    assert_eq!(socket.outgoing(), sent);

    let mut socket = socket_with(10);
    socket.close(1000, "");
    feed(&mut socket, &[0x82, 9, 1]);
    assert_eq!(socket.next(), Ok(None));
    socket.read(0);
    assert_eq!(socket.next(), Ok(Some(Incoming::End)));
}

#[test]
fn a_text_that_is_there_is_lent_from_the_inbox() {
    let mut socket = socket();
    let event = [&[0x81, 126, 0x1f, 0x40][..], &[b'e'; 8000]].concat();
    feed(&mut socket, &event[..5000]);
    assert_eq!(socket.next(), Ok(None));
    feed(&mut socket, &event[5000..]);
    assert!(matches!(socket.next(), Ok(Some(Incoming::Text(text))) if text.len() == 8000));
    assert_eq!(socket.text.capacity(), 0);
}

#[test]
fn memory_is_bounded() {
    // Pings to a client that does not write.
    let mut socket = socket();
    for _ in 0..1000 {
        feed(&mut socket, &b"\x89\x09keepalive\x89\x00".repeat(50));
        assert_eq!(socket.next(), Ok(None));
    }
    assert_eq!(socket.outgoing().len(), 6);
    // A text as long as may be, and one that is only announced.
    let mut socket = socket_with(300_000);
    let head = [&[0x81, 127][..], &300_000_u64.to_be_bytes()].concat();
    for bytes in [&head, &[b'x'; 300_000][..], &head] {
        for piece in bytes.chunks(9999) {
            feed(&mut socket, piece);
            while socket.next().unwrap().is_some() {}
        }
        assert!(socket.text.capacity() <= 300_000);
    }
    assert!(socket.text.capacity() <= Inbox::ROOM);
    assert!(socket.space().len() <= Inbox::ROOM);
    // A binary message without end.
    feed(&mut socket, &[b'x'; 100]);
    let mut socket = socket_with(10);
    feed(&mut socket, &[0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    for _ in 0..1000 {
        feed(&mut socket, &[1; 9000]);
        assert!(matches!(socket.next(), Ok(Some(Incoming::Binary { last: false, .. }))));
    }
    assert!(socket.space().len() <= Inbox::ROOM);
}

#[test]
fn a_reader_that_holds_off_loses_nothing() {
    let mut socket = socket();
    for turn in 0..100_u8 {
        feed(&mut socket, &[0x82, 2, turn, turn]);
        if turn % 7 == 0 {
            assert!(matches!(socket.next(), Ok(Some(_))));
        }
    }
    let mut told = Vec::new();
    drain(&mut socket, &mut told);
    assert_eq!(told.len(), 100 - 15);
    assert_eq!(told.last(), Some(&Told::Binary(vec![99, 99])));
}

#[test]
fn debug_shows_no_bytes() {
    let mut socket = socket();
    socket.send_text("hunter2");
    feed(&mut socket, b"\x01\x07hunter2");
    assert_eq!(socket.next(), Ok(None));
    let shown = format!("{socket:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("104"), "{shown}");
}

#[test]
fn a_message_of_20_mb_leaves_in_one_frame() {
    let mut socket = socket();
    let payload: Vec<u8> = (0..20_000_000_u32).map(|at| (at % 251) as u8).collect();
    assert!(socket.send_binary(&payload));
    let mut sent = Vec::new();
    while !socket.outgoing().is_empty() {
        let count = socket.outgoing().len().min(1 << 20);
        sent.extend_from_slice(&socket.outgoing()[..count]);
        socket.wrote(count);
    }
    assert_eq!(sent[..10], [0x82, 0xff, 0, 0, 0, 0, 0x01, 0x31, 0x2d, 0]);
    let mask = [sent[10], sent[11], sent[12], sent[13]];
    crate::wire::frame::apply(mask, &mut sent[14..]);
    assert!(sent[14..] == payload);
}
