use super::*;
use proptest::prelude::*;
use tungstenite::Message;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame as TheirFrame, FrameHeader};
use tungstenite::protocol::{Role, WebSocket};

/// A frame as a server may send it, or nearly.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..6),
        4 => "[a-zé]{0,9}".prop_map(String::into_bytes),
        1 => prop::collection::vec(Just(b'z'), 120..140),
        1 => (8000_usize..20_000).prop_map(|length| vec![b'y'; length]),
        1 => prop::sample::select(vec![1000_u16, 1001, 1005, 3000]).prop_map(|code| code.to_be_bytes().to_vec()),
    ];
    let first = prop_oneof![
        20 => prop::sample::select(vec![0x81_u8, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8a]),
        1 => Just(0x88),
        1 => any::<u8>(),
    ];
    let frame = (first, payload).prop_map(|(first, payload)| {
        let head: &[u8] = match payload.len() {
            length @ 0..126 => &[first, length as u8],
            length => &[first, 126, (length >> 8) as u8, length as u8],
        };
        [head, &payload].concat()
    });
    prop::collection::vec(frame, 0..12).prop_map(|frames| frames.concat())
}

/// Their view of the same stream, up to its end.
fn hear_theirs(bytes: &[u8]) -> (Vec<Told>, tungstenite::Error) {
    struct Stream<'a>(&'a [u8]);
    impl std::io::Read for Stream<'_> {
        fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(space)
        }
    }
    impl std::io::Write for Stream<'_> {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut theirs = WebSocket::from_raw_socket(Stream(bytes), Role::Client, None);
    let mut told = Vec::new();
    loop {
        match theirs.read() {
            Ok(Message::Binary(bytes)) => told.push(Told::Binary(bytes.to_vec())),
            Ok(Message::Text(text)) => told.push(Told::Text(text.to_string())),
            Ok(Message::Close(None)) => told.push(Told::Closing(None, String::new())),
            Ok(Message::Close(Some(CloseFrame { code, reason }))) => {
                told.push(Told::Closing(Some(code.into()), reason.to_string()));
            }
            Ok(_) => {}
            Err(error) => return (told, error),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_cut_gives_the_same(bytes in frames(), cuts in prop::collection::vec(1_usize..5000, 0..20)) {
        let whole = hear_all(&bytes);
        prop_assert_eq!(&hear(socket(), bytes.chunks(1)), &whole);
        let (mut rest, mut pieces) = (&bytes[..], Vec::new());
        for cut in cuts {
            let (piece, more) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = more;
        }
        pieces.push(rest);
        pieces.retain(|piece| !piece.is_empty());
        prop_assert_eq!(&hear(socket(), pieces), &whole);
        let mut inbox = Inbox::new();
        inbox.push(&bytes);
        prop_assert_eq!(hear(Websocket::client(inbox, &Limits::DEFAULT, Chance::seeded(1)), []), whole);
    }

    #[test]
    fn noise_never_panics_and_never_stalls(noise: Vec<u8>, limit in 0_usize..50, ops: Vec<(u8, u8)>) {
        let mut socket = socket_with(limit);
        let mut rest = &noise[..];
        for (op, count) in ops {
            let count = usize::from(count);
            match op % 8 {
                0 => { socket.send_binary(&vec![op; count]); }
                1 => { socket.send_text(&"é".repeat(count)); }
                2 if op > 250 => socket.close(u16::from(op) * 256 + count as u16, &"é".repeat(count)),
                3 => socket.wrote(count * 7),
                4 if op > 250 => socket.read(count * 99_999),
                5 => { let _ = socket.next(); }
                _ => {
                    let (piece, more) = rest.split_at(count.min(rest.len()));
                    feed(&mut socket, piece);
                    rest = more;
                }
            }
        }
        let mut told = Vec::new();
        drain(&mut socket, &mut told);
        prop_assert!(socket.text.capacity() <= limit);
        socket.read(0);
        prop_assert!(!drain(&mut socket, &mut told));
    }

    #[test]
    fn another_implementation_reads_the_same(bytes in frames()) {
        let mut ours = hear_all(&bytes);
        let (theirs, error) = hear_theirs(&bytes);
        let end = ours.pop();
        ours.retain(|told| !matches!(told, Told::Part(_)));
        match end {
            // A close frame inside a message is no error to them.
            Some(Told::Failed(WebsocketError::EndInMessage)) if theirs.len() == ours.len() + 1 => {
                prop_assert_eq!(&theirs[..ours.len()], &ours[..]);
                prop_assert!(matches!(theirs.last(), Some(Told::Closing(..))));
            }
            // A wrong code they only answer, as if the peer had said 1002.
            Some(Told::Failed(WebsocketError::CloseCode(_))) => {
                prop_assert_eq!(&theirs[..ours.len()], &ours[..]);
                prop_assert!(matches!(theirs[ours.len()..], [] | [Told::Closing(Some(1002), _)]));
            }
            Some(Told::End) => {
                prop_assert_eq!(&theirs, &ours);
                // They also look into what follows a close frame.
                let closed = matches!(ours.last(), Some(Told::Closing(..)));
                let ended = tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
                prop_assert!(
                    closed || matches!(&error, tungstenite::Error::Protocol(why) if *why == ended),
                    "{}",
                    error
                );
            }
            Some(Told::Failed(_)) => {
                prop_assert_eq!(theirs, ours);
                prop_assert!(!matches!(error, tungstenite::Error::ConnectionClosed));
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn another_implementation_reads_what_we_write(
        messages in prop::collection::vec((any::<bool>(), "[a-zé]{0,200}", 0_usize..3), 0..9),
        seed: u64,
    ) {
        let mut ours = Websocket::client(Inbox::new(), &Limits::DEFAULT, Chance::seeded(seed));
        let mut expected = Vec::new();
        for (binary, payload, times) in messages {
            let payload = payload.repeat(1 << (times * 5));
            if binary {
                ours.send_binary(payload.as_bytes());
                expected.push(Message::binary(payload.into_bytes()));
            } else {
                ours.send_text(&payload);
                expected.push(Message::text(payload));
            }
        }
        ours.close(1000, "bye");
        let mut theirs = WebSocket::from_partially_read(std::io::Cursor::new(vec![]), ours.outgoing().to_vec(), Role::Server, None);
        for message in expected {
            prop_assert_eq!(theirs.read().unwrap(), message);
        }
        let Ok(Message::Close(Some(CloseFrame { code, reason }))) = theirs.read() else { panic!() };
        prop_assert_eq!((u16::from(code), reason.as_str()), (1000, "bye"));
    }

    #[test]
    fn we_read_what_another_implementation_writes(
        messages in prop::collection::vec((0_u8..4, "[a-zé]{0,200}", 0_usize..3), 0..9),
        chunk in 1_usize..3000,
    ) {
        let mut theirs = WebSocket::from_raw_socket(std::io::Cursor::new(vec![]), Role::Server, None);
        let mut expected = Vec::new();
        for (kind, payload, times) in messages {
            let payload = payload.repeat(1 << (times * 5));
            match kind {
                0 => {
                    theirs.write(Message::binary(payload.clone().into_bytes())).unwrap();
                    expected.push(Told::Binary(payload.into_bytes()));
                }
                1 => {
                    theirs.write(Message::text(payload.clone())).unwrap();
                    expected.push(Told::Text(payload));
                }
                2 => theirs.write(Message::Ping(payload.into_bytes().into_iter().take(125).collect::<Vec<_>>().into())).unwrap(),
                _ => {
                    let (parts, bytes) = (payload.len() / 3, payload.as_bytes());
                    for (first, last, part) in [
                        (Data::Text, false, &bytes[..parts]),
                        (Data::Continue, false, &bytes[parts..2 * parts]),
                        (Data::Continue, true, &bytes[2 * parts..]),
                    ] {
                        let header = FrameHeader { is_final: last, opcode: OpCode::Data(first), ..FrameHeader::default() };
                        theirs.write(Message::Frame(TheirFrame::from_payload(header, part.to_vec().into()))).unwrap();
                    }
                    expected.push(Told::Text(payload));
                }
            }
        }
        theirs.close(Some(CloseFrame { code: 1001.into(), reason: "later".into() })).unwrap();
        expected.extend([Told::Closing(Some(1001), "later".into()), Told::End]);
        let bytes = theirs.into_inner().into_inner();
        prop_assert_eq!(hear(socket(), bytes.chunks(chunk)), expected);
    }
}
