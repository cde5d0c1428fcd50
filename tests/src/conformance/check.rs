//! Runs beside the golden answers.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::{Book, Difference, Run, Told, compare, golden};
use crate::adapter::{Adapter, Blocking};
use crate::coverage::Coverage;
use crate::live::{Daemon, Failure, Fixture, Options, Report, pair};
use crate::scenarios;

/// Runs the scenarios on a daemon, with the blocking adapter and without what is costly, and tells in what
/// its answers differ from those of the real daemon of its flavour and version. `golden` is the directory
/// that has one for each of these; `only`, as in [`Options`].
///
/// # Errors
/// When there are no such answers, or a scenario does not go as it must: why is in the report.
pub fn conform(
    daemon: &Arc<Daemon>,
    fixture: &Arc<Fixture>,
    golden: &Path,
    only: Option<String>,
) -> Result<Vec<Difference>, Failure> {
    let (book, report) = (Arc::new(Book::default()), Report::default());
    let options = Options {
        only,
        jobs: 3,
        daemons: vec![daemon.name.clone()],
        adapter: 0,
        quick: true,
        coverage: Coverage::new(),
        book: Some(Arc::clone(&book)),
    };
    pair::<Blocking>(scenarios::all(), daemon, fixture, &options, &report);
    if !report.close() {
        return Err(Failure::new("not every scenario went as it must"));
    }
    let all = against(&book, golden)?;
    Ok(all.into_iter().flat_map(|(_, differences)| differences).collect())
}

/// In what each run of a book differs from the golden answers below `golden`.
///
/// # Errors
/// When there are none for a kind of daemon, or they cannot be read; the text names the file.
pub fn against(book: &Book, golden: &Path) -> io::Result<Vec<(Run, Vec<Difference>)>> {
    let differences = |(run, told): (&Run, &Told)| {
        let expected = golden::read(&golden.join(&run.kind))?;
        Ok((run.clone(), compare::runs(&expected, told, run.adapter == Blocking::NAME)))
    };
    book.runs().iter().map(differences).collect()
}

/// Writes `conformance-DAEMON.txt` into a directory for each daemon: adapter, scenario, request, path, what
/// was expected and what was found, with tabs between them.
///
/// # Errors
/// When a file cannot be written.
pub fn write(all: &[(Run, Vec<Difference>)], directory: &Path) -> io::Result<()> {
    for (run, _) in all {
        let own = all.iter().filter(|(it, _)| it.daemon == run.daemon);
        let lines = own.flat_map(|(it, list)| list.iter().map(|line| format!("{}\t{line}\n", it.adapter)));
        fs::write(directory.join(format!("conformance-{}.txt", run.daemon)), lines.collect::<String>())?;
    }
    Ok(())
}
