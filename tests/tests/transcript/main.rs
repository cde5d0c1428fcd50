//! A transcript that an adapter writes: it has all that passed but what must not be told, and the core does the
//! same again. Every recorded scene is played to each adapter by a server, with secrets that are none.
#![allow(clippy::unwrap_used, clippy::panic)]

mod hidden;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use lxio_core::session::{Cause, ErrorKind, Remote, TranscriptFile};
use lxio_tests::actor::Connect;
use lxio_tests::on_all_adapters;
use lxio_tests::recorder::Direction;
use lxio_tests::replay::{Playing, SEED, Tape, again, serve, serve_at, show, units};
use lxio_tests::scenes::play;
use lxio_tests::script::room;
use lxio_tests::transcript::{Entry, Transcript, What};

on_all_adapters!(what_passed_is_told, commands_and_files_are_told_by_their_shape, one_client_writes_one_file);

/// What the replacement of a secret begins with.
const FAKE: &str = "5ec2e7";
/// The scenes in which nothing happens to the server.
const SCENES: &[&str] = &["life", "files", "images", "profiles", "exec", "talk", "events", "operations"];

fn recorded() -> Vec<(PathBuf, Transcript)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), Transcript::load(&path).unwrap())).collect()
}

/// All bytes of a transcript that can be read, those of websockets without their masks.
fn readable(transcript: &Transcript) -> Vec<u8> {
    let mut all = Vec::new();
    for conn in transcript.connections() {
        all.extend(units(&transcript.bytes(conn, Direction::ToServer)).concat());
        all.extend(transcript.bytes(conn, Direction::ToClient));
    }
    all
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

/// Gives a transcript secrets that look like a daemon's, and says which.
fn with_secrets(transcript: &mut Transcript) -> Vec<String> {
    let bytes = readable(transcript);
    let mut fakes: Vec<String> = bytes
        .windows(64)
        .filter(|part| part.starts_with(FAKE.as_bytes()))
        .map(|part| String::from_utf8(part.to_vec()).unwrap())
        .collect();
    fakes.sort();
    fakes.dedup();
    let secrets: Vec<_> = (1..)
        .map(|n: u32| format!("{:08x}", n.wrapping_mul(0x9e37_79b9)).repeat(8))
        .take(fakes.len())
        .collect();
    for (fake, secret) in fakes.iter().zip(&secrets) {
        assert!(transcript.replace(fake, secret));
    }
    secrets
}

/// Plays a scene to an adapter, which writes a transcript: the server, the text of the file, and the file read.
fn written<A: Connect>(scene: &str, tape: &Tape, content: bool) -> (Playing, String, Transcript) {
    let server = serve(tape.clone()).unwrap();
    let path = server.path().with_file_name("bug.jsonl");
    let file = TranscriptFile::new(&path);
    let file = if content { file.with_content() } else { file };
    let mut actor = A::connect(Remote::socket(server.path()).seed(SEED).transcript(file)).unwrap();
    play(scene, &mut actor);
    drop(actor);
    assert!(server.until_left());
    let transcript = Transcript::load(&path).unwrap();
    (server, fs::read_to_string(&path).unwrap(), transcript)
}

/// All secrets as one, since they are numbered as they come.
fn alike(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let fakes: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(FAKE.as_bytes())).collect();
    for at in fakes {
        let end = bytes.len().min(at + 64);
        bytes[at..end].fill(b'0');
    }
    bytes
}

fn what_passed_is_told<A: Connect>() {
    for (path, mut served) in recorded() {
        let (name, scene) = (path.display(), served.header.flow.clone());
        if !SCENES.contains(&&*scene) {
            continue;
        }
        let secrets = with_secrets(&mut served);
        let tape = Tape::new(&served);
        let (server, text, transcript) = written::<A>(&scene, &tape, true);
        assert_eq!(server.strays(), [[0_u8; 0]; 0], "{name}");
        let told = readable(&transcript);
        assert!(secrets.iter().all(|secret| !contains(&told, secret) && !text.contains(secret)), "{name}");
        // What is told of each connection is what the server saw of it.
        let mut masked = served.clone();
        masked.mask_secrets();
        let masked = Tape::new(&masked);
        let mut conns = transcript.connections();
        for (number, conn) in masked.conns.iter().enumerate() {
            let sent = alike(&units(&conn.sent).concat());
            let same =
                |told: &u64| alike(&units(&transcript.bytes(*told, Direction::ToServer)).concat()) == sent;
            let found = conns.iter().position(same);
            let found =
                conns.remove(found.unwrap_or_else(|| panic!("{name}: connection {number} is missing")));
            let received = alike(&transcript.bytes(found, Direction::ToClient));
            assert!(alike(&conn.received).starts_with(&received), "{name}: connection {number}");
        }
        assert_eq!(conns, [0_u64; 0], "{name}");
        let again = again(&transcript);
        assert_eq!(again.differences, [], "{name}");
        assert!(!again.lines.iter().any(|line| line.contains("Protocol")), "{name}: {:#?}", again.lines);
    }
}

fn commands_and_files_are_told_by_their_shape<A: Connect>() {
    let typed =
        ["hello\n", "nobody reads this", "one\ntwo", "first\n", "edited", "no-such-command", "creation_date"];
    for (path, mut served) in recorded() {
        let (name, scene) = (path.display(), served.header.flow.clone());
        if !SCENES.contains(&&*scene) {
            continue;
        }
        let secrets = with_secrets(&mut served);
        let (_, text, transcript) = written::<A>(&scene, &Tape::new(&served), false);
        let told = readable(&transcript);
        for secret in typed.into_iter().chain(secrets.iter().map(String::as_str)) {
            assert!(!contains(&told, secret) && !text.contains(secret), "{name} tells {secret:?}");
        }
        let again = again(&transcript);
        assert_eq!(again.differences, [], "{name}");
        assert!(
            show(&transcript).iter().any(|line| line.contains("hidden") || scene == "operations"),
            "{name}"
        );
    }
}

fn one_client_writes_one_file<A: Connect>() {
    let (_, served) = recorded().remove(0);
    let tape = Tape::new(&served);
    let server = serve(tape).unwrap();
    let path = server.path().with_file_name("bug.jsonl");
    let remote = Remote::socket(server.path()).seed(SEED).transcript(&*path);
    let first = A::connect(remote.clone()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let error = A::connect(remote).err().unwrap();
    assert!(matches!(error.cause(), Cause::Transcript { path: named, .. } if *named == path), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Output);
    drop(first);
    let kept = Transcript::load(&path).unwrap();
    assert_eq!(kept.header.seed, Some(SEED));
    assert!(kept.bytes(0, Direction::ToServer).starts_with(b"GET /1.0 HTTP/1.1\r\n"));
}

#[test]
fn the_recorded_scenes_are_said_again() {
    for (path, transcript) in recorded() {
        let again = again(&transcript);
        assert_eq!(again.differences, [], "{}", path.display());
        assert!(
            again.lines.len() > 2 && again.lines[0].ends_with("GET /1.0: 200 Tagged<Server>"),
            "{:#?}",
            again.lines
        );
        let shown = show(&transcript).join("\n");
        assert!(shown.contains("-> GET /1.0 HTTP/1.1") && shown.contains("<- HTTP/1.1 200 OK"), "{shown}");
    }
}

/// The proof that the tests above can fail.
#[test]
fn a_difference_is_told() {
    let of = |name: &str| recorded().into_iter().find(|(path, _)| path.ends_with(name)).unwrap().1;
    let change = |transcript: &mut Transcript, old: &str, new: &str| assert!(transcript.replace(old, new));
    let mut target = of("exec.lxd-5.0.2.jsonl");
    change(&mut target, "Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 12");
    let found = again(&target).differences;
    assert!(found[0].to_string().contains("expected \"2\\r\\nSec-WebSocket-Key"), "{}", found[0]);

    // A mask that does not follow from the key.
    let mut masked = of("exec.lxd-5.0.2.jsonl");
    let frame = masked.entries.iter_mut().find_map(|entry| match &mut entry.what {
        What::Data(Direction::ToServer, bytes) if bytes[0] == 0x8a || bytes[0] == 0x82 => Some(bytes),
        _ => None,
    });
    frame.unwrap()[2] ^= 1;
    assert_eq!(again(&masked).differences.len(), 1);

    // An answer that is not what was asked for.
    let mut answer = of("life.incus-6.0.4.jsonl");
    change(&mut answer, "\"api_extensions\":[", "\"api_extensions\":{");
    let lines = again(&answer).lines;
    assert!(lines[0].contains("Protocol"), "{}", lines[0]);
}

/// A program can be run once more against the server's side of its transcript.
#[test]
fn the_servers_side_is_served_again() {
    let (path, served) =
        recorded().into_iter().find(|(path, _)| path.ends_with("exec.incus-6.0.4.jsonl")).unwrap();
    type Actor = lxio_tests::actor::Blocking;
    let (_, _, transcript) = written::<Actor>("exec", &Tape::new(&served), true);
    let room = room().unwrap();
    let tape = Tape::new(&transcript);
    let server = serve_at(tape.clone(), room.join("again.socket")).unwrap();
    let mut actor =
        Actor::connect(Remote::socket(server.path()).seed(transcript.header.seed.unwrap())).unwrap();
    let lines = play("exec", &mut actor);
    drop(actor);
    server.until_over();
    assert_eq!(lines, fs::read_to_string(path.with_extension("txt")).unwrap().lines().collect::<Vec<_>>());
    for (conn, sent) in tape.conns.iter().zip(server.sent()) {
        assert_eq!(conn.differs(0, &sent), None);
    }
    fs::remove_dir_all(room).unwrap();
}

/// Where the lines of a file are cut does not matter to those who read it.
#[test]
fn any_cut_is_said_again() {
    let (_, transcript) =
        recorded().into_iter().find(|(path, _)| path.ends_with("talk.lxd-5.0.2.jsonl")).unwrap();
    let mut cut = Transcript { header: transcript.header.clone(), entries: Vec::new() };
    for Entry { conn, at, what } in transcript.entries {
        match what {
            What::Data(direction, bytes) => cut.entries.extend(bytes.chunks(5).map(|piece| Entry {
                conn,
                at,
                what: What::Data(direction, piece.to_vec()),
            })),
            what => cut.entries.push(Entry { conn, at, what }),
        }
    }
    assert_eq!(again(&cut).differences, []);
}
