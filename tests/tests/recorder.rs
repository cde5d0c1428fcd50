//! The recorder between a client and a scripted server, and what its observers make of it.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use lxio_tests::coverage::Coverage;
use lxio_tests::recorder::{Direction, End, Observer, Recorder, Seen};
use lxio_tests::transcript::{Header, Transcript, What, Writer};

/// A directory that is removed with what is in it.
struct Room(PathBuf);

impl Room {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("lxio-rec-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A server that does the same with every one of `count` connections, each on a thread.
    fn server(&self, count: usize, script: impl Fn(UnixStream) + Send + Sync + 'static) -> JoinHandle<()> {
        let listener = UnixListener::bind(self.at("daemon")).unwrap();
        let script = Arc::new(script);
        thread::spawn(move || {
            let mut talks = Vec::new();
            for _ in 0..count {
                let (stream, _) = listener.accept().unwrap();
                let script = Arc::clone(&script);
                talks.push(thread::spawn(move || script(stream)));
            }
            for talk in talks {
                talk.join().unwrap();
            }
        })
    }

    fn recorder(&self, observers: Vec<Arc<dyn Observer>>) -> Recorder {
        Recorder::start(self.at("proxy"), self.at("daemon"), observers).unwrap()
    }

    fn client(&self) -> UnixStream {
        let stream = UnixStream::connect(self.at("proxy")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    fn writer(&self) -> Writer {
        Writer::create(self.at("t.jsonl"), Header { flow: "f".into(), ..Header::default() }).unwrap()
    }

    fn transcript(&self) -> Transcript {
        Transcript::load(self.at("t.jsonl")).unwrap()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Reads up to the end of a head.
fn head(stream: &mut UnixStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        bytes.push(byte[0]);
    }
    bytes
}

fn rest(stream: &mut UnixStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

const ASK: &[u8] = b"GET /1.0 HTTP/1.1\r\nHost: x\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

#[test]
fn what_passes_is_written() {
    let room = Room::new();
    let server = room.server(1, |mut stream| {
        head(&mut stream);
        stream.write_all(ANSWER).unwrap();
        assert_eq!(rest(&mut stream), b"tail");
        stream.write_all(b"bye").unwrap();
    });
    let writer = room.writer();
    let recorder = room.recorder(vec![writer.observer()]);
    let mut client = room.client();
    client.write_all(ASK).unwrap();
    let mut answer = vec![0; ANSWER.len()];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(answer, ANSWER);
    client.write_all(b"tail").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut client), b"bye");
    server.join().unwrap();
    drop(client);
    recorder.stop();
    writer.finish().unwrap();

    let got = room.transcript();
    assert_eq!(got.header.flow, "f");
    let what: Vec<_> = got.of(0).cloned().collect();
    let up = |b: &[u8]| What::Data(Direction::ToServer, b.to_vec());
    let down = |b: &[u8]| What::Data(Direction::ToClient, b.to_vec());
    assert_eq!(
        what,
        [
            What::Open(None),
            up(ASK),
            down(ANSWER),
            up(b"tail"),
            What::Eof(Direction::ToServer),
            down(b"bye"),
            What::Eof(Direction::ToClient),
        ]
    );
    assert!(got.entries.is_sorted_by_key(|e| e.at));
    assert!(!room.at("proxy").exists());
}

#[test]
fn an_early_answer_is_read_although_the_write_failed() {
    const NO: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let room = Room::new();
    let server = room.server(1, |mut stream| {
        head(&mut stream);
        stream.write_all(NO).unwrap();
        // Closed with unread data in it: that is a reset.
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        thread::sleep(Duration::from_millis(50));
    });
    let writer = room.writer();
    let recorder = room.recorder(vec![writer.observer()]);
    let mut client = room.client();
    client.write_all(b"POST /1.0/nowhere HTTP/1.1\r\nContent-Length: 50000000\r\n\r\n").unwrap();
    let mut sent = 0;
    while let Ok(n) = client.write(&[0; 8192]) {
        sent += n;
        assert!(sent < 50_000_000, "nobody stopped the upload");
    }
    assert_eq!(head(&mut client), NO);
    // Its end is an end or a reset.
    assert!(matches!(client.read(&mut [0; 8]), Ok(0) | Err(_)));
    server.join().unwrap();
    drop(client);
    recorder.stop();
    writer.finish().unwrap();
    let got = room.transcript();
    // EPIPE or ECONNRESET, as the kernel likes.
    assert!(got.of(0).any(|w| matches!(w, What::WriteFailed(Direction::ToServer, 32 | 104))));
}

#[test]
fn a_reset_is_recorded() {
    let room = Room::new();
    let server = room.server(1, |mut stream| {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        stream.write_all(b"part").unwrap();
        // Closed with unread data in it.
    });
    let writer = room.writer();
    let recorder = room.recorder(vec![writer.observer()]);
    let mut client = room.client();
    client.write_all(b"two bytes and more").unwrap();
    assert_eq!(rest(&mut client), b"part");
    server.join().unwrap();
    drop(client);
    recorder.stop();
    writer.finish().unwrap();
    let got = room.transcript();
    assert_eq!(got.bytes(0, Direction::ToClient), b"part");
    assert!(got.of(0).any(|w| *w == What::Reset(Direction::ToClient, 104)));
    assert!(got.of(0).any(|w| *w == What::Eof(Direction::ToServer)));
}

#[test]
fn a_daemon_that_is_gone() {
    let room = Room::new();
    drop(UnixListener::bind(room.at("daemon")).unwrap());
    let writer = room.writer();
    let recorder = room.recorder(vec![writer.observer()]);
    let mut client = room.client();
    assert!(matches!(client.read(&mut [0; 8]), Ok(0) | Err(_)));
    recorder.stop();
    writer.finish().unwrap();
    assert_eq!(room.transcript().of(0).collect::<Vec<_>>(), [&What::ConnectFailed(111)]);
}

#[test]
fn stop_cuts_what_stays_open() {
    let room = Room::new();
    let server = room.server(1, |mut stream| {
        rest(&mut stream);
    });
    let writer = room.writer();
    let recorder = room.recorder(vec![writer.observer()]);
    let mut client = room.client();
    client.write_all(b"x").unwrap();
    while room.transcript().entries.len() < 2 {
        thread::sleep(Duration::from_millis(5));
    }
    recorder.stop_within(Duration::from_millis(20));
    assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
    server.join().unwrap();
    writer.finish().unwrap();
    let got = room.transcript();
    let what: Vec<_> = got.of(0).collect();
    assert_eq!(what, [&What::Open(None), &What::Data(Direction::ToServer, b"x".to_vec())]);
}

#[test]
fn several_daemons_on_one_transcript() {
    let (a, b) = (Room::new(), Room::new());
    let servers = [&a, &b].map(|room| {
        room.server(1, |mut stream| {
            head(&mut stream);
        })
    });
    let writer = a.writer();
    let recorders = [a.recorder(vec![writer.peer("source")]), b.recorder(vec![writer.peer("target")])];
    for room in [&b, &a] {
        let mut client = room.client();
        client.write_all(ASK).unwrap();
        rest(&mut client);
    }
    servers.into_iter().for_each(|s| s.join().unwrap());
    recorders.into_iter().for_each(Recorder::stop);
    writer.finish().unwrap();
    let got = a.transcript();
    assert_eq!(got.of(0).next(), Some(&What::Open(Some("target".into()))));
    assert_eq!(got.of(1).next(), Some(&What::Open(Some("source".into()))));
    assert_eq!(got.bytes(1, Direction::ToServer), ASK);
}

#[test]
fn secrets_are_replaced_in_the_file_and_not_on_the_wire() {
    const SECRET: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
    let room = Room::new();
    let server = room.server(1, |mut stream| {
        let asked = head(&mut stream);
        assert!(String::from_utf8(asked).unwrap().contains(SECRET));
        // Cut in the middle, in two reads.
        stream.write_all(format!("{{\"secret\":\"{}", &SECRET[..20]).as_bytes()).unwrap();
        thread::sleep(Duration::from_millis(50));
        stream.write_all(format!("{}\"}}", &SECRET[20..]).as_bytes()).unwrap();
    });
    let writer = Writer::masked(room.at("t.jsonl"), Header::default()).unwrap();
    let recorder = room.recorder(vec![writer.observer()]);
    let mut client = room.client();
    client.write_all(format!("GET /x/websocket?secret={SECRET} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(rest(&mut client), format!("{{\"secret\":\"{SECRET}\"}}").as_bytes());
    server.join().unwrap();
    recorder.stop();
    writer.finish().unwrap();
    let got = room.transcript();
    let fake = format!("5ec2e7{:058x}", 1);
    assert_eq!(got.bytes(0, Direction::ToClient), format!("{{\"secret\":\"{fake}\"}}").as_bytes());
    assert!(String::from_utf8(got.bytes(0, Direction::ToServer)).unwrap().contains(&fake));
}

/// 200 connections at once, each with calls, an upgrade and raw bytes both ways after it.
#[test]
fn many_connections_at_once() {
    const MANY: usize = 200;
    const SWITCH: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
    let room = Room::new();
    let server = room.server(MANY, |mut stream| {
        for _ in 0..5 {
            head(&mut stream);
            stream.write_all(ANSWER).unwrap();
        }
        head(&mut stream);
        stream.write_all(SWITCH).unwrap();
        let mut buffer = [0; 4096];
        loop {
            match stream.read(&mut buffer).unwrap() {
                0 => return,
                n => stream.write_all(&buffer[..n]).unwrap(),
            }
        }
    });
    let coverage = Coverage::new();
    let closed = Arc::new(Mutex::new(0));
    let counter = {
        let closed = Arc::clone(&closed);
        move |_: u64, what: Seen<'_>| {
            if what == Seen::Closed {
                *closed.lock().unwrap() += 1;
            }
        }
    };
    let recorder = room.recorder(vec![coverage.of("lxd"), Arc::new(counter)]);
    let together = Arc::new(Barrier::new(MANY));
    let clients: Vec<_> = (0..MANY)
        .map(|n| {
            let mut client = room.client();
            let together = Arc::clone(&together);
            thread::spawn(move || {
                together.wait();
                let mut answer = vec![0; ANSWER.len()];
                for _ in 0..5 {
                    client.write_all(ASK).unwrap();
                    client.read_exact(&mut answer).unwrap();
                }
                client.write_all(b"GET /1.0/operations/x/websocket?secret=s HTTP/1.1\r\n\r\n").unwrap();
                assert_eq!(head(&mut client), SWITCH);
                let sent: Vec<u8> = (0..100_000).map(|i| (i * n) as u8).collect();
                let mut sender = client.try_clone().unwrap();
                let copy = sent.clone();
                let sender = thread::spawn(move || {
                    sender.write_all(&copy).unwrap();
                    sender.shutdown(Shutdown::Write).unwrap();
                });
                assert!(rest(&mut client) == sent, "connection {n}");
                sender.join().unwrap();
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    server.join().unwrap();
    recorder.stop();
    assert_eq!(*closed.lock().unwrap(), MANY);
    assert_eq!(
        coverage.to_tsv(),
        "lxd\tGET\t/1.0\t1000\nlxd\tGET\t/1.0/operations/{operation}/websocket\t200\n"
    );
}

#[test]
fn ports_are_recorded_as_sockets_are() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = End::Tcp(listener.local_addr().unwrap().to_string());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        stream.read_to_end(&mut asked).unwrap();
        stream.write_all(&asked).unwrap();
        listener
    });
    let opened = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&opened);
    let observer: Arc<dyn Observer> = Arc::new(move |_: u64, seen: Seen<'_>| {
        if seen == Seen::Open {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    let recorder = Recorder::start(End::Tcp("127.0.0.1:0".into()), upstream, vec![observer]).unwrap();
    let at = recorder.listens_on().to_string();
    let client = || {
        let stream = TcpStream::connect(&at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    };
    let mut whole = client();
    whole.write_all(ASK).unwrap();
    whole.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    whole.read_to_end(&mut answer).unwrap();
    assert_eq!((&*answer, opened.load(Ordering::SeqCst)), (ASK, 1));
    // One that is cut ends.
    let listener = server.join().unwrap();
    let mut cut = client();
    let _held = listener.accept().unwrap();
    recorder.stop_within(Duration::ZERO);
    assert_eq!(cut.read(&mut [0; 9]).unwrap(), 0);
    assert!(TcpStream::connect(&at).is_err());
}

/// The kept transcripts load, hold no secret, and say what was used.
#[test]
fn kept_transcripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts/cli");
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    assert!(names.len() >= 4, "{names:?}");
    for name in names {
        let transcript = Transcript::load(&name).unwrap();
        let text = fs::read_to_string(&name).unwrap();
        assert_eq!(transcript.to_text(), text, "{}", name.display());
        let mut masked = transcript.clone();
        masked.mask_secrets();
        assert!(masked == transcript, "{} holds secrets", name.display());

        let coverage = Coverage::new();
        let observer = coverage.of("daemon");
        for entry in &transcript.entries {
            if let What::Data(direction, bytes) = &entry.what {
                observer.seen(entry.conn, Seen::Data(*direction, bytes));
            }
        }
        let used = coverage.to_tsv();
        assert!(used.contains("GET\t/1.0\t"), "{}", name.display());
        assert!(!used.contains("UNKNOWN"), "{}: {used}", name.display());
        if transcript.header.flow == "cli-exec" {
            for template in ["exec\t1", "{operation}/websocket\t4", "/1.0/events\t1"] {
                assert!(used.contains(template), "{}: {used}", name.display());
            }
        }
    }
}
