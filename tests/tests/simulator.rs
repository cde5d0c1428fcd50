//! The live suite's list of scenarios, through the three adapters, on simulated daemons of both flavours.
//!
//! It is the same list that real daemons are tested with, unchanged: what it takes for granted, the simulator
//! must do. And it must answer as the real daemons did, whose answers stand in `tests/conformance`; the live
//! suite sees to it that they still do. Some scenarios wait for time to pass, so the test takes a minute of
//! real time and little work. By HTTPS it is run by one adapter for each flavour.

#![allow(clippy::unwrap_used)]

use std::env;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use lxio_core::call::Flavour;
use lxio_tests::adapter::{Adapter, Blocking, Smol, Tokio};
use lxio_tests::conformance::{Book, check};
use lxio_tests::coverage::Coverage;
use lxio_tests::live::{Failure, Options, Report, pair, simulated};
use lxio_tests::scenarios;

/// One adapter on a daemon of its own.
fn on_one<A: Adapter>(
    flavour: Flavour,
    https: bool,
    room: &Path,
    report: &Report,
    book: &Arc<Book>,
) -> Result<(), Failure> {
    let kind = if flavour == Flavour::Lxd { "lxd" } else { "incus" };
    let name = format!("simulated-{kind}-{}{}", A::NAME, if https { "-https" } else { "" });
    let room = room.join(&name);
    fs::create_dir(&room)?;
    let (daemon, fixture) =
        simulated(flavour, &name, &room, "lxio-5eed00", Path::new(env!("CARGO_BIN_EXE_live")), https)?;
    let options = Options {
        only: env::var("LXIO_ONLY").ok(),
        jobs: 3,
        daemons: vec![name],
        adapter: 0,
        quick: false,
        coverage: Coverage::new(),
        book: Some(Arc::clone(book)),
    };
    pair::<A>(scenarios::all(), &Arc::new(daemon), &Arc::new(fixture), &options, report);
    Ok(())
}

#[test]
fn the_scenarios_hold_and_the_answers_are_those_of_real_daemons() {
    let room = env::temp_dir().join(format!("lxio-simulator-{}", std::process::id()));
    fs::create_dir(&room).unwrap();
    let report = Report::new(env::var_os("LXIO_TIMES").is_some());
    let book = Arc::<Book>::default();
    let all = [on_one::<Blocking>, on_one::<Smol>, on_one::<Tokio>];
    let mut runs: Vec<_> = all.into_iter().map(|one| (one, Flavour::Lxd, false)).collect();
    runs.extend(all.into_iter().map(|one| (one, Flavour::Incus, false)));
    runs.extend([(all[2], Flavour::Lxd, true), (all[1], Flavour::Incus, true)]);
    thread::scope(|scope| {
        for (one, flavour, https) in runs {
            let (room, report, book) = (&room, &report, &book);
            scope.spawn(move || one(flavour, https, room, report, book).unwrap());
        }
    });
    fs::remove_dir_all(&room).unwrap();
    assert!(report.close(), "some scenarios failed; see above");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let mut told = Vec::new();
    for (run, differences) in check::against(&book, &golden).unwrap() {
        told.extend(differences.iter().map(|it| format!("{} {}: {it}", run.daemon, run.adapter)));
    }
    assert!(told.is_empty(), "{} differences from the real daemons:\n{}", told.len(), told.join("\n"));
}
