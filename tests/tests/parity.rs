//! The same conversations through blocking, smol and tokio, against a server that plays a transcript over a
//! real socket: the same requests, and the results that were recorded.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;

use lxio_core::session::Remote;
use lxio_tests::actor::Connect;
use lxio_tests::on_all_adapters;
use lxio_tests::replay::{SEED, Tape, serve, units};
use lxio_tests::scenes::play;
use lxio_tests::transcript::Transcript;

on_all_adapters!(life, files, images, profiles, exec, talk, events, operations, kill, lost);

/// Plays a scene of both daemons.
fn parity<A: Connect>(scene: &str) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let mut played = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with(&format!("{scene}.")) || !name.ends_with(".jsonl") {
            continue;
        }
        played += 1;
        let tape = Tape::new(&Transcript::load(&path).unwrap());
        let server = serve(tape.clone()).unwrap();
        let mut actor = A::connect(Remote::socket(server.path()).seed(SEED)).unwrap();
        let lines = play(scene, &mut actor);
        drop(actor);
        assert!(server.until_left(), "{name}: {} leaves a connection behind", A::NAME);
        let told = fs::read_to_string(path.with_extension("txt")).unwrap();
        assert_eq!(server.strays(), [[0_u8; 0]; 0], "{name}: {} sends what nobody else does", A::NAME);
        assert_eq!(lines, told.lines().collect::<Vec<_>>(), "{name} through {}", A::NAME);
        for (conn, (sent, tape)) in server.sent().iter().zip(&tape.conns).enumerate() {
            let show = |sent: &[u8]| -> Vec<String> {
                units(sent).iter().map(|unit| unit.escape_ascii().to_string()).collect()
            };
            assert_eq!(show(sent), show(&tape.sent), "{name} through {}: connection {conn}", A::NAME);
        }
    }
    assert_eq!(played, 2, "{scene} of both daemons");
}

fn life<A: Connect>() {
    parity::<A>("life");
}

fn files<A: Connect>() {
    parity::<A>("files");
}

fn images<A: Connect>() {
    parity::<A>("images");
}

fn profiles<A: Connect>() {
    parity::<A>("profiles");
}

fn exec<A: Connect>() {
    parity::<A>("exec");
}

fn talk<A: Connect>() {
    parity::<A>("talk");
}

fn events<A: Connect>() {
    parity::<A>("events");
}

fn operations<A: Connect>() {
    parity::<A>("operations");
}

fn kill<A: Connect>() {
    parity::<A>("kill");
}

fn lost<A: Connect>() {
    parity::<A>("lost");
}
