use super::*;
use Direction::{ToClient, ToServer};

/// A conversation in order of time; what every part of it is.
const TALK: &[(Direction, Kind, &[u8])] = &[
    (
        ToServer,
        Kind::Head,
        b"POST /1.0/instances/c/exec HTTP/1.1\r\nContent-Type: application/json\r\ncontent-length: 4\r\n\r\n",
    ),
    (ToServer, Kind::Text, b"{\"a\""),
    (ToClient, Kind::Head, b"HTTP/1.1 100 Continue\r\n\r\n"),
    (
        ToClient,
        Kind::Head,
        b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
    (ToClient, Kind::Chunk, b"5;x=y\r\n"),
    (ToClient, Kind::Text, b"HTTP/"),
    (ToClient, Kind::Chunk, b"\r\n0\r\nA: b\r\n\r\n"),
    (ToServer, Kind::Head, b"PUT /f HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"),
    (ToServer, Kind::Chunk, b"00000003\r\n"),
    (ToServer, Kind::Content, b"\r\n\r"),
    (ToServer, Kind::Chunk, b"\r\n0\r\n\r\n"),
    (ToClient, Kind::Head, b"HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\n"),
    (ToClient, Kind::Text, b"no!"),
    (ToServer, Kind::Head, b"HEAD /f HTTP/1.1\r\n\r\n"),
    (ToClient, Kind::Head, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
    (ToServer, Kind::Head, b"GET /1.0/events?type=x HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"),
    (ToClient, Kind::Head, b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n"),
    (ToClient, Kind::Frame, &[0x01, 2]),
    (ToClient, Kind::Text, b"{}"),
    (ToClient, Kind::Frame, &[0x89, 4]),
    (ToClient, Kind::Control, b"ping"),
    (ToClient, Kind::Frame, &[0x80, 126, 0, 3]),
    (ToClient, Kind::Text, b"[1]"),
    (ToServer, Kind::Frame, &[0x8a, 0x84, 1, 2, 3, 4]),
    (ToServer, Kind::Control, b"qkmc"),
    (ToServer, Kind::Frame, &[0x82, 0x80, 1, 2, 3, 4]),
    (ToServer, Kind::Frame, &[0x82, 0x82, 9, 9, 9, 9]),
    (ToServer, Kind::Content, b"zz"),
    (ToClient, Kind::Frame, &[0x82, 127, 0, 0, 0, 0, 0, 0, 0, 1]),
    (ToClient, Kind::Content, b"x"),
];

/// Neighbours of one kind as one.
fn join(runs: &mut Vec<(Direction, Kind, Vec<u8>)>, direction: Direction, kind: Kind, bytes: &[u8]) {
    match runs.last_mut() {
        Some((way, known, all)) if *way == direction && *known == kind => all.extend_from_slice(bytes),
        _ => runs.push((direction, kind, bytes.to_vec())),
    }
}

#[test]
fn any_cut_gives_the_same_kinds() {
    let mut wanted = Vec::new();
    for (direction, kind, bytes) in TALK {
        join(&mut wanted, *direction, *kind, bytes);
    }
    for size in [1, 2, 3, 5, 7, 1000] {
        let (mut anatomy, mut found) = (Anatomy::new(), Vec::new());
        for (direction, _, bytes) in TALK {
            for piece in bytes.chunks(size) {
                anatomy.push(*direction, piece, |run| join(&mut found, *direction, run.kind, run.bytes));
            }
        }
        assert_eq!(found, wanted, "in pieces of {size}");
    }
}

#[test]
fn ends_and_masks_are_told() {
    let (mut anatomy, mut ends, mut plain) = (Anatomy::new(), Vec::new(), Vec::new());
    for (direction, _, bytes) in TALK {
        anatomy.push(*direction, bytes, |run| {
            ends.push(run.last);
            plain.extend(run.bytes.iter().zip(run.mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        });
    }
    assert_eq!(ends[..10], [true, true, true, true, false, false, false, false, false, true]);
    assert_eq!(plain.windows(4).filter(|part| part == b"ping").count(), 2);
}

#[test]
fn what_is_no_http_is_unknown() {
    for (direction, bytes) in [
        (ToClient, &b"\x16\x03\x01\r\n\r\n"[..]),
        (ToServer, b"get /"),
        (ToClient, b"HTTP/1.1 abc\r\n\r\nrest"),
    ] {
        let mut last = None;
        Anatomy::new().push(direction, bytes, |run| last = Some(run.kind));
        assert_eq!(last, Some(Kind::Unknown), "{}", bytes.escape_ascii());
    }
}
