//! A fixed set of storms. The program `storm` runs more, shrinks what fails, and tells it.

use lxio_tests::storm::{draw, play};

/// So many, from seed 0 on.
const SEEDS: u64 = 400;

#[test]
fn storms_pass() {
    let failed: Vec<_> = (0..SEEDS)
        .filter_map(|seed| {
            let program = draw(seed, None);
            play(&program, false).fault.map(|fault| format!("{fault}\n  storm --program '{program}'"))
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
