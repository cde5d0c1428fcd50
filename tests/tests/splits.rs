//! Any cut of the same bytes and any order among connections gives the same results; what is short is never
//! a success; what is corrupt never panics and never goes on for ever.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use lxio_core::bytes::Chance;
use lxio_tests::replay::{Net, Order, Pieces, Player, Tape};
use lxio_tests::scenes::{SCENES, play};
use lxio_tests::transcript::Transcript;
use proptest::prelude::*;

/// A recorded scene, and what came of its steps.
struct Scene {
    name: String,
    flow: String,
    tape: Arc<Tape>,
    told: Vec<String>,
}

fn scenes() -> &'static [Scene] {
    static SCENES: OnceLock<Vec<Scene>> = OnceLock::new();
    SCENES.get_or_init(|| {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
        let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
        paths.sort();
        paths
            .iter()
            .map(|path| {
                let transcript = Transcript::load(path).unwrap();
                let told = fs::read_to_string(path.with_extension("txt")).unwrap();
                Scene {
                    name: path.file_stem().unwrap().to_string_lossy().into_owned(),
                    flow: transcript.header.flow.clone(),
                    tape: Arc::new(Tape::new(&transcript)),
                    told: told.lines().map(str::to_owned).collect(),
                }
            })
            .collect()
    })
}

/// Plays a scene with this server; what came of the greeting stands for all if it failed.
fn run(flow: &str, net: Net) -> Vec<String> {
    match Player::connect(net) {
        Ok(mut player) => {
            let lines = play(flow, &mut player);
            assert_eq!(player.net.fault(), None);
            lines
        }
        Err((error, net)) => {
            assert_eq!(net.fault(), None);
            vec![format!("connect: error {:?}: {error}", error.kind())]
        }
    }
}

fn any(scene: &Scene, seed: u64, pieces: Pieces) -> Net {
    Net::new(Arc::clone(&scene.tape), Order::Any(Chance::seeded(seed), pieces))
}

fn is_error(line: &str) -> bool {
    line.contains("error ")
}

/// Where the daemon was killed, chance decides what of it is seen first.
fn is_fault(scene: &Scene) -> bool {
    matches!(scene.flow.as_str(), "kill" | "lost")
}

/// Checks that a scene in this order came to what was recorded.
fn same(scene: &Scene, lines: &[String], how: &str) {
    if !is_fault(scene) {
        assert_eq!(lines, scene.told, "{} {how}", scene.name);
        return;
    }
    assert_eq!(lines.len(), scene.told.len(), "{} {how}", scene.name);
    for (line, told) in lines.iter().zip(&scene.told) {
        assert!(line == told || is_error(line) && is_error(told), "{} {how}: {line}, not {told}", scene.name);
    }
}

#[test]
fn byte_by_byte_and_all_at_once() {
    assert!(scenes().len() >= 2 * SCENES.len());
    for scene in scenes() {
        for pieces in [Pieces::Single, Pieces::All] {
            for seed in 0..3 {
                let lines = run(&scene.flow, any(scene, seed, pieces));
                same(scene, &lines, &format!("{pieces:?}, seed {seed}"));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_and_any_order(at: prop::sample::Index, seed: u64) {
        let scene = &scenes()[at.index(scenes().len())];
        let lines = run(&scene.flow, any(scene, seed, Pieces::Some));
        same(scene, &lines, &format!("seed {seed}"));
    }

    /// The order among the sockets of a command is where most can go wrong.
    #[test]
    fn any_order_among_the_sockets_of_a_command(at: prop::sample::Index, seed: u64, single: bool) {
        let commands: Vec<_> = scenes().iter().filter(|scene| matches!(scene.flow.as_str(), "exec" | "talk")).collect();
        let scene = commands[at.index(commands.len())];
        let pieces = if single { Pieces::Single } else { Pieces::Some };
        same(scene, &run(&scene.flow, any(scene, seed, pieces)), &format!("seed {seed}"));
    }

    /// Some bytes of a server are others: nothing is promised but an end.
    #[test]
    fn corruption_ends(at: prop::sample::Index, seed: u64, flips in 1..6_u32) {
        let scene = &scenes()[at.index(scenes().len())];
        let mut chance = Chance::seeded(seed);
        let mut tape = (*scene.tape).clone();
        for _ in 0..flips {
            let mut draw = |below: usize| usize::try_from(chance.draw() >> 1).unwrap() % below;
            let conn = draw(tape.conns.len());
            let length = tape.conns[conn].received.len();
            if length > 0 {
                let (place, value) = (draw(length), draw(256));
                tape = tape.with(conn, |received| received[place] = value as u8);
            }
        }
        run(&scene.flow, Net::new(Arc::new(tape), Order::Any(chance, Pieces::Some)));
    }
}

/// Where `conn` of the scene may end without a success that is none: what follows is not needed.
fn enough(scene: &Scene, conn: usize) -> usize {
    let conn = &scene.tape.conns[conn];
    let answers = conn.answers();
    match conn.upgrade {
        None => conn.received.len(),
        // A websocket counts up to the mark of its end; one without a mark may end when it likes.
        Some(_) => conn.mark().unwrap_or(answers[answers.len() - 2]),
    }
}

/// Ends each connection after each number of bytes: the scene comes to what it came to, or to an error at
/// the first step that differs; and it does differ where what is missing was needed.
#[test]
fn what_is_short_is_never_a_success() {
    let mut played = 0;
    for scene in scenes().iter().filter(|scene| !is_fault(scene)) {
        let failed = scene.told.iter().filter(|line| line.contains("NotExecuted")).count();
        let mut unmoved = Vec::new();
        for conn in 0..scene.tape.conns.len() {
            let (length, enough) = (scene.tape.conns[conn].received.len(), enough(scene, conn));
            let answers = scene.tape.conns[conn].answers();
            // Near the edges of answers every byte, between them some.
            let near =
                |at: usize| answers.iter().any(|edge| at.abs_diff(*edge) < 3) || at.abs_diff(enough) < 4;
            for after in (0..length).filter(|at| near(*at) || at % 499 == 0) {
                let lines = run(&scene.flow, any(scene, 7, Pieces::All).cut(conn, after));
                played += 1;
                let how = format!("{}: connection {conn} ended after {after} of {length} bytes", scene.name);
                let differs = lines.iter().zip(&scene.told).find(|(line, told)| line != told);
                match differs {
                    Some((line, told)) => assert!(is_error(line), "{how}: {line}, not {told}"),
                    None => {
                        assert!(lines.len() >= scene.told.len(), "{how}: steps are missing");
                        if after < enough && !answers.contains(&after) {
                            unmoved.push((conn, after, enough));
                        }
                    }
                }
            }
        }
        // Of a command that never ran, nobody needs the output.
        unmoved.dedup_by_key(|(conn, ..)| *conn);
        assert!(unmoved.len() <= 2 * failed, "{}: nobody missed {unmoved:?}", scene.name);
    }
    assert!(played > 1000, "only {played} were played");
}
