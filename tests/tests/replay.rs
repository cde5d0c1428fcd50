//! Every recorded transcript through the core alone: the same bytes leave it, and the same results come.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lxio_tests::replay::{Net, Order, Player, Tape};
use lxio_tests::scenes::{SCENES, play};
use lxio_tests::transcript::Transcript;

/// The transcripts of the scenes, with what came of each step when they were recorded.
fn transcripts() -> Vec<(PathBuf, Transcript, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            let told = fs::read_to_string(path.with_extension("txt")).unwrap();
            found.push((path.clone(), Transcript::load(&path).unwrap(), told));
        }
    }
    found.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    found
}

#[test]
fn every_scene_is_there_from_both_daemons() {
    let found: Vec<_> = transcripts()
        .into_iter()
        .map(|(_, transcript, _)| (transcript.header.flow, transcript.header.daemon))
        .collect();
    for (scene, _) in SCENES {
        for daemon in ["lxd-", "incus-"] {
            let there = found.iter().any(|(flow, name)| flow == scene && name.starts_with(daemon));
            assert!(there, "there is no {scene} of {daemon}");
        }
    }
    for (path, transcript, told) in transcripts() {
        assert!(fs::metadata(&path).unwrap().len() < 60 << 10, "{} is large", path.display());
        assert!(!told.is_empty() && !transcript.header.note.is_empty());
    }
}

#[test]
fn the_same_bytes_and_the_same_results() {
    for (path, transcript, told) in transcripts() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let tape = Arc::new(Tape::new(&transcript));
        let Ok(mut player) = Player::connect(Net::new(Arc::clone(&tape), Order::Recorded)) else {
            panic!("{name}: the greeting failed")
        };
        let again = play(&transcript.header.flow, &mut player);
        assert_eq!(player.net.fault(), None, "{name}");
        let recorded: Vec<_> = told.lines().collect();
        assert_eq!(again, recorded, "{name}");
        for (conn, (sent, tape)) in player.net.sent().iter().zip(&tape.conns).enumerate() {
            assert!(*sent == tape.sent, "{name}: not all was sent on connection {conn}");
        }
    }
}

/// The proof that the test above can fail: a changed request and a changed answer are both noticed.
#[test]
fn a_difference_is_noticed() {
    let (_, transcript, told) = transcripts().remove(0);
    let tape = Tape::new(&transcript);
    let mut asked = tape.clone();
    let at = asked.conns[0].sent.windows(5).rposition(|part| part == b"HTTP/").unwrap();
    asked.conns[0].sent[at] = b'X';
    let mut player = Player::connect(Net::new(Arc::new(asked), Order::Recorded)).ok().unwrap();
    play(&transcript.header.flow, &mut player);
    assert!(player.net.fault().is_some());

    let digit = b"2026-";
    let answered = tape.with(0, |received| {
        let at = received.windows(5).rposition(|part| part == digit).unwrap();
        received[at] = b'3';
    });
    let mut player = Player::connect(Net::new(Arc::new(answered), Order::Recorded)).ok().unwrap();
    let again = play(&transcript.header.flow, &mut player);
    assert_ne!(again, told.lines().collect::<Vec<_>>());
}

/// No secret of a daemon is kept in git, and no answer that would tell one is told.
#[test]
fn secrets_are_masked() {
    for (path, transcript, told) in transcripts() {
        let mut again = transcript.clone();
        again.mask_secrets();
        assert!(again == transcript, "{}", path.display());
        assert!(!told.contains("5ec2e7"), "{}: the outcome of a step shows a secret", path.display());
    }
}
