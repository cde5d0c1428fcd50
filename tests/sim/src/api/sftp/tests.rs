use crate::Conn;
use crate::api::probe::{Frame, Probe, each};

fn open(probe: &mut Probe) -> Conn {
    let conn = probe.connect();
    probe.send(conn, b"GET /1.0/instances/c1/sftp HTTP/1.1\r\nHost: x\r\nUpgrade: sftp\r\n\r\n");
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: sftp\r\nConnection: Upgrade\r\n\r\n";
    assert_eq!(probe.take(conn), head.as_bytes());
    conn
}

fn text(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

fn packet(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&(body.len() as u32 + 1).to_be_bytes(), &[kind][..], &body].concat()
}

/// Sends a packet of this kind, with number 7: what its answer has behind kind and number.
fn ask(probe: &mut Probe, conn: Conn, kind: u8, parts: &[&[u8]]) -> (u8, Vec<u8>) {
    let mut all: Vec<&[u8]> = vec![&[0, 0, 0, 7]];
    all.extend(parts);
    probe.send(conn, &packet(kind, &all));
    let answer = probe.take(conn);
    assert_eq!(answer[..4], (answer.len() as u32 - 4).to_be_bytes());
    (answer[4], answer[9..].to_vec())
}

fn told(code: u8, why: &str) -> (u8, Vec<u8>) {
    (101, [&[0, 0, 0, code][..], &text(why.as_bytes()), &text(b"")].concat())
}

#[test]
fn a_session() {
    each(|mut probe, _| {
        let conn = open(&mut probe);
        probe.send(conn, &packet(1, &[&3_u32.to_be_bytes()]));
        let answer = probe.take(conn);
        assert_eq!(answer[..9], [0, 0, 0, 0x5f, 2, 0, 0, 0, 3]);

        // Open for writing, made anew; written, and read.
        let path = text(b"/tmp/f");
        let (kind, handle) = ask(&mut probe, conn, 3, &[&path, &[0, 0, 0, 0x1b], &[0; 4]]);
        assert_eq!((kind, &handle[..]), (102, &text(b"1")[..]));
        let written = ask(&mut probe, conn, 6, &[&handle, &[0; 8], &text(b"hello")]);
        assert_eq!(written, told(0, ""));
        let range = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3];
        assert_eq!(ask(&mut probe, conn, 5, &[&handle, &range]), (103, text(b"ell")));
        let past = [0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 3];
        assert_eq!(ask(&mut probe, conn, 5, &[&handle, &past]), told(1, "EOF"));
        assert_eq!(ask(&mut probe, conn, 4, &[&handle]), told(0, ""));
        assert_eq!(ask(&mut probe, conn, 4, &[&handle]), told(4, "bad file descriptor"));
        assert!(probe.raw("GET /1.0/instances/c1/files?path=/tmp/f", b"").ends_with(b"\r\n\r\nhello"));

        let (kind, known) = ask(&mut probe, conn, 17, &[&path]);
        assert_eq!((kind, &known[..12]), (105, &[0, 0, 0, 15, 0, 0, 0, 0, 0, 0, 0, 5][..]));
        let none = text(b"/none");
        assert_eq!(ask(&mut probe, conn, 17, &[&none]), told(2, "stat /none: no such file or directory"));
        let up = ask(&mut probe, conn, 16, &[&text(b"a/../../b/.")]);
        assert_eq!(up, (104, [&[0, 0, 0, 1][..], &text(b"/b"), &text(b"/b"), &[0; 4]].concat()));
        assert_eq!(ask(&mut probe, conn, 14, &[&text(b"/tmp/d"), &[0; 4]]), told(0, ""));
        let (_, directory) = ask(&mut probe, conn, 11, &[&text(b"/tmp")]);
        let (kind, names) = ask(&mut probe, conn, 12, &[&directory]);
        assert_eq!((kind, &names[..4]), (104, &[0, 0, 0, 2][..]));
        assert_eq!(ask(&mut probe, conn, 12, &[&directory]), told(1, "EOF"));
        let other = text(b"/tmp/g");
        assert_eq!(ask(&mut probe, conn, 18, &[&path, &other]), told(0, ""));
        assert_eq!(ask(&mut probe, conn, 13, &[&other]), told(0, ""));
        let statvfs = text(b"statvfs@openssh.com");
        assert_eq!(ask(&mut probe, conn, 200, &[&statvfs, &path]), told(8, "operation unsupported"));

        // Not a packet: the end.
        probe.send(conn, &packet(99, &[&[0; 4]]));
        assert_eq!(probe.frames(conn), [Frame::End]);
    });
}

/// Packets in pieces and many at once are the same packets.
#[test]
fn any_cut() {
    each(|mut probe, _| {
        let packets: Vec<u8> =
            (0..20_u32).flat_map(|id| packet(17, &[&id.to_be_bytes(), &text(b"/etc/passwd")])).collect();
        let mut answers = Vec::new();
        for cut in [packets.len(), 7, 1] {
            let conn = open(&mut probe);
            packets.chunks(cut).for_each(|piece| probe.send(conn, piece));
            answers.push(probe.take(conn));
        }
        assert_eq!(answers[0].len(), 20 * 41);
        assert!(answers.iter().all(|it| *it == answers[0]));
    });
}

#[test]
fn refusals() {
    each(|mut probe, _| {
        for (name, upgrade, status) in [("c1", "SFTP", "400"), ("none", "sftp", "404"), ("c1", "", "400")] {
            let conn = probe.connect();
            let head =
                format!("GET /1.0/instances/{name}/sftp HTTP/1.1\r\nHost: x\r\nUpgrade: {upgrade}\r\n\r\n");
            probe.send(conn, head.as_bytes());
            assert_eq!(&probe.take(conn)[9..12], status.as_bytes());
        }
    });
}
