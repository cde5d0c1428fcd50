use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lxio_core::call::Flavour;

use super::{Exchange, Place, Story, golden};
use crate::live::Daemon;

/// One daemon by one adapter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run {
    /// `lxd-5.0.2`: which answers are to be expected.
    pub kind: String,
    /// The daemon's name in reports.
    pub daemon: String,
    /// The adapter's.
    pub adapter: String,
}

/// The stories of one run, each with the area of its scenario.
pub type Told = BTreeMap<(String, String), Story>;

/// The stories of all runs.
#[derive(Debug, Default)]
pub struct Book {
    runs: Mutex<BTreeMap<Run, Told>>,
}

impl Book {
    /// Adds the story of a scenario of this area.
    pub fn tell(&self, daemon: &Daemon, adapter: &str, area: &str, place: &Place, exchanges: &[Exchange]) {
        let flavour = match daemon.flavour {
            Flavour::Lxd => "lxd",
            Flavour::Incus => "incus",
        };
        let run = Run {
            kind: format!("{flavour}-{}", daemon.version),
            daemon: daemon.name.clone(),
            adapter: adapter.to_owned(),
        };
        let story = Story::of(place, exchanges);
        self.runs().entry(run).or_default().insert((area.to_owned(), place.scenario.clone()), story);
    }

    /// What was told so far.
    pub fn runs(&self) -> MutexGuard<'_, BTreeMap<Run, Told>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the answers of every kind of daemon below `directory`: those of the first run of each.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        let runs = self.runs();
        let mut kinds: BTreeMap<&str, &Told> = BTreeMap::new();
        for (run, told) in &*runs {
            kinds.entry(&run.kind).or_insert(told);
        }
        kinds.into_iter().try_for_each(|(kind, told)| golden::write(&directory.join(kind), told))
    }
}
