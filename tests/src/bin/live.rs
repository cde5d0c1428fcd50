//! Runs every scenario through the three adapters on real daemons.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, exit};
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lxio_tests::adapter::{Adapter, Blocking, Smol, Tokio};
use lxio_tests::conformance::{Book, check};
use lxio_tests::coverage::Coverage;
use lxio_tests::live::{Daemon, Door, Failure, Fixture, Options, Report, child, interrupt, pair};
use lxio_tests::scenarios;

const USAGE: &str = "usage: live --daemon NAME=SERVER... --image TARBALL [--coverage FILE]
            [--https] [--cert FILE --key FILE --pin FILE]
            [--only TEXT]... [--adapter NAME]... [--jobs NUMBER] [--times]
            [--quick] [--golden DIRECTORY] [--against DIRECTORY] [--differences DIRECTORY]

Runs every scenario through every adapter on every daemon. NAME is the daemon's name
in the report; SERVER is its Unix socket, or https://HOST:PORT with a client certificate
that it trusts (--cert), its key (--key) and the server's own certificate (--pin), all PEM.
The daemon needs nothing but a storage pool, and everything that is made on it is removed
again. --https: reach it by HTTPS, where it is made to listen on the loopback and to trust
a new certificate. What reads the bytes between client and daemon - --coverage, --golden,
--against - goes with Unix sockets alone. --image: a container image that has a shell.
--coverage: where to write which endpoints gave good answers, and how often.
--only: only scenarios whose area and name, `exec exec_codes`, hold TEXT.
--adapter: only this one of blocking, smol and tokio. --jobs: so many scenarios at the
same time on each daemon. --times: say how long each took. --quick: without what takes
minutes or gigabytes. --golden: write what the daemons answered to DIRECTORY/lxd-5.0.2
and the like. --against: compare it with what such a directory has; --differences: where
to write conformance-NAME.txt, all in which they differ.";

#[derive(Debug, Default)]
struct Arguments {
    daemons: Vec<(String, String)>,
    https: bool,
    keys: [String; 3],
    image: PathBuf,
    coverage: Option<PathBuf>,
    only: Option<String>,
    adapters: Vec<String>,
    jobs: Option<usize>,
    times: bool,
    quick: bool,
    golden: Option<PathBuf>,
    against: Option<PathBuf>,
    differences: Option<PathBuf>,
}

fn main() -> ExitCode {
    let all: Vec<String> = env::args().skip(1).collect();
    if let Some((first, rest)) = all.split_first()
        && first == "--child"
    {
        return match child::main(rest) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("{why}");
                ExitCode::FAILURE
            }
        };
    }
    let arguments = match arguments(all) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprintln!("live: {why}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("live: {why}");
            ExitCode::FAILURE
        }
    }
}

fn arguments(all: Vec<String>) -> Result<Option<Arguments>, String> {
    let mut found = Arguments::default();
    let mut all = all.into_iter();
    while let Some(argument) = all.next() {
        let mut value = || all.next().ok_or(format!("{argument} wants a value"));
        match argument.as_str() {
            "--daemon" => {
                let text = value()?;
                let (name, server) = text.split_once('=').ok_or("--daemon wants NAME=SERVER")?;
                found.daemons.push((name.to_owned(), server.to_owned()));
            }
            "--https" => found.https = true,
            "--cert" => found.keys[0] = value()?,
            "--key" => found.keys[1] = value()?,
            "--pin" => found.keys[2] = value()?,
            "--image" => found.image = value()?.into(),
            "--coverage" => found.coverage = Some(value()?.into()),
            "--only" => found.only = Some(value()?),
            "--adapter" => found.adapters.push(value()?),
            "--jobs" => found.jobs = Some(value()?.parse().map_err(|_| "--jobs wants a number")?),
            "--times" => found.times = true,
            "--quick" => found.quick = true,
            "--golden" => found.golden = Some(value()?.into()),
            "--against" => found.against = Some(value()?.into()),
            "--differences" => found.differences = Some(value()?.into()),
            "--help" | "-h" => return Ok(None),
            other => return Err(format!("what is {other}?")),
        }
    }
    if found.daemons.is_empty() || found.image.as_os_str().is_empty() {
        return Err("--daemon and --image are needed".into());
    }
    let is_plain = !found.https && found.daemons.iter().all(|(_, server)| !server.contains("://"));
    if !is_plain && (found.coverage.is_some() || found.golden.is_some() || found.against.is_some()) {
        return Err("--coverage, --golden and --against read what TLS hides".into());
    }
    let known = [Blocking::NAME, Smol::NAME, Tokio::NAME];
    if let Some(unknown) = found.adapters.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("there is no adapter {unknown}"));
    }
    // The same flavour twice: both are told by their number.
    let mut seen = HashMap::new();
    for (name, _) in &mut found.daemons {
        let count: &mut usize = seen.entry(name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            *name = format!("{name}{count}");
        }
    }
    Ok(Some(found))
}

/// One daemon, with everything that stands around it.
struct Place {
    daemon: Arc<Daemon>,
    fixture: Arc<Fixture>,
}

/// Who looks on.
struct Witnesses {
    coverage: Arc<Coverage>,
    book: Option<Arc<Book>>,
}

fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let began = Instant::now();
    let tag = format!("lxio-{:06x}", lxio_host::seed() & 0x00ff_ffff);
    let directory = env::temp_dir().join(&tag);
    fs::create_dir(&directory)?;
    let book = arguments.golden.as_ref().or(arguments.against.as_ref()).map(|_| Arc::default());
    let witnesses = Witnesses { coverage: Coverage::new(), book };
    let mut places = Vec::new();
    let done = prepare(arguments, &tag, &directory, &mut places).map(|()| {
        let over = Arc::new(AtomicBool::new(false));
        watch_signals(&over, &places, directory.clone());
        let report = Report::new(arguments.times);
        adapter::<Blocking>(0, arguments, &places, &witnesses, &report);
        adapter::<Smol>(1, arguments, &places, &witnesses, &report);
        adapter::<Tokio>(2, arguments, &places, &witnesses, &report);
        over.store(true, Ordering::SeqCst);
        report
    });
    for Place { daemon, fixture } in places {
        for left in fixture.clean(&daemon.tag) {
            eprintln!("live: left on {}: {left}", daemon.name);
        }
    }
    fs::remove_dir_all(&directory)?;
    let report = done?;
    if let Some(path) = &arguments.coverage {
        witnesses.coverage.write(path)?;
    }
    if let Some(book) = &witnesses.book {
        conformance(arguments, book, &report)?;
    }
    eprintln!("live: {:.0} s", began.elapsed().as_secs_f64());
    Ok(report.close())
}

/// Writes golden answers, or compares with them.
fn conformance(arguments: &Arguments, book: &Book, report: &Report) -> Result<(), Failure> {
    const SHOWN: usize = 20;
    if let Some(path) = &arguments.golden {
        book.write(path)?;
    }
    let Some(path) = &arguments.against else { return Ok(()) };
    let all = check::against(book, path)?;
    if let Some(directory) = &arguments.differences {
        check::write(&all, directory)?;
    }
    for (run, differences) in &all {
        let line = format!("{} {} conformance", run.daemon, run.adapter);
        for difference in differences.iter().take(SHOWN) {
            println!("   {line}: {difference}");
        }
        if differences.is_empty() {
            report.ok(line, Duration::ZERO);
        } else {
            let why = format!(
                "{} differences from {}/{}; if the daemon is right: tests/live/run --golden",
                differences.len(),
                path.display(),
                run.kind
            );
            report.failed(line, why, Duration::ZERO);
        }
    }
    Ok(())
}

fn prepare(
    arguments: &Arguments,
    tag: &str,
    directory: &Path,
    places: &mut Vec<Place>,
) -> Result<(), Failure> {
    for (name, server) in &arguments.daemons {
        // Of its own: scenarios make sockets beside it, by names that they have on every daemon.
        let room = directory.join(name);
        fs::create_dir(&room)?;
        let words = [slice::from_ref(server), &arguments.keys].concat();
        let words = if server.contains("://") { &*words } else { slice::from_ref(server) };
        let prepared = Door::of(words)
            .and_then(|door| Fixture::prepare(name, door, &room, &arguments.image, tag, arguments.https));
        let (daemon, fixture) = prepared.map_err(|why| why.doing(name))?;
        places.push(Place { daemon: Arc::new(daemon), fixture: Arc::new(fixture) });
    }
    Ok(())
}

/// One adapter on all daemons at the same time.
fn adapter<A: Adapter>(
    number: usize,
    arguments: &Arguments,
    places: &[Place],
    witnesses: &Witnesses,
    report: &Report,
) {
    if !arguments.adapters.is_empty() && !arguments.adapters.iter().any(|name| name == A::NAME) {
        return;
    }
    let options = Options {
        only: arguments.only.clone(),
        jobs: arguments.jobs.unwrap_or(3),
        daemons: arguments.daemons.iter().map(|(name, _)| name.clone()).collect(),
        adapter: number,
        quick: arguments.quick,
        coverage: Arc::clone(&witnesses.coverage),
        book: witnesses.book.clone(),
    };
    thread::scope(|scope| {
        for place in places {
            scope.spawn(|| pair::<A>(scenarios::all(), &place.daemon, &place.fixture, &options, report));
        }
    });
}

/// At the first signal nothing new is started, and what runs has some seconds; whatever happens then, what
/// was made is removed.
fn watch_signals(over: &Arc<AtomicBool>, places: &[Place], directory: PathBuf) {
    const GRACE: Duration = Duration::from_secs(8);
    let over = Arc::clone(over);
    let places: Vec<_> = places.iter().map(|it| (Arc::clone(&it.daemon), Arc::clone(&it.fixture))).collect();
    thread::spawn(move || {
        if Tokio::block_on(signalled()).is_err() {
            return;
        }
        eprintln!("live: interrupted");
        interrupt();
        let until = Instant::now() + GRACE;
        while Instant::now() < until {
            if over.load(Ordering::SeqCst) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        for (daemon, fixture) in places {
            fixture.clean(&daemon.tag);
        }
        let _ = fs::remove_dir_all(directory);
        exit(130);
    });
}

async fn signalled() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
