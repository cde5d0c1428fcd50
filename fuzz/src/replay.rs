//! Files instead of a fuzzer.

use std::fs;
use std::path::{Path, PathBuf};

/// Runs a target over the files that the command line names: `cargo run --bin TARGET FILE...`
///
/// # Panics
/// Where an invariant does not hold, or a file cannot be read.
pub fn arguments(check: fn(&[u8])) {
    for path in std::env::args_os().skip(1) {
        let path = PathBuf::from(path);
        println!("{}", path.display());
        check(&fs::read(&path).expect("the file can be read"));
    }
}

/// The files of a target: its corpus, and what once failed.
#[must_use]
pub fn files(target: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    for room in ["corpus", "regressions"] {
        let entries = fs::read_dir(root.join(room).join(target)).into_iter().flatten().flatten();
        all.extend(entries.map(|entry| entry.path()).filter(|path| path.is_file()));
    }
    all.sort();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TARGETS;

    /// The largest file of a corpus.
    const LARGEST: u64 = 8 << 10;

    fn replay(target: &str) {
        let (_, check) = TARGETS.iter().find(|(name, _)| *name == target).expect("a known target");
        let files = files(target);
        assert!(files.len() > 5, "the corpus of {target} is missing");
        for file in files {
            let bytes = fs::read(&file).unwrap();
            assert!(bytes.len() as u64 <= LARGEST, "{} is too large", file.display());
            if std::panic::catch_unwind(|| check(&bytes)).is_err() {
                panic!("{} fails", file.display());
            }
            // What a file is cut to is an input too.
            for part in 1..4 {
                check(&bytes[..bytes.len() * part / 4]);
            }
        }
        check(&[]);
    }

    macro_rules! targets {
        ($($name:ident),+) => {
            $(#[test] fn $name() { replay(stringify!($name)); })+

            #[test]
            fn every_target_is_replayed() {
                let mut replayed = vec![$(stringify!($name)),+];
                let mut known: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
                replayed.sort_unstable();
                known.sort_unstable();
                assert_eq!(replayed, known);
            }
        };
    }

    targets!(
        head,
        body,
        exchange,
        http_peer,
        websocket,
        websocket_peer,
        envelope,
        resource,
        event,
        text,
        names,
        config,
        tunnel,
        tls,
        flow,
        drive
    );
}
