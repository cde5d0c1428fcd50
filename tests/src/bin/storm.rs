//! Random programs of client calls against the simulated daemon, in bad weather and virtual time.
//!
//! ```text
//! storm --seeds 100000            runs so many seeds
//!       --from 5000               beginning with this one
//!       --flavour lxd             with this daemon only
//!       --jobs 2                  on so many threads; as many as there are cores if not said
//! storm --seed 123                runs one and tells all of it
//! storm --program '123 incus …'   runs this program and tells all of it
//! ```
//!
//! Of a seed that fails it prints the smallest program that still does, as the line that runs it.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use lxio_core::call::Flavour;
use lxio_tests::storm::{Program, Verdict, Word, draw, play, shrink};

/// More failures are not shown.
const SHOWN: usize = 5;

#[derive(Default)]
struct Args {
    seeds: u64,
    from: u64,
    flavour: Option<Flavour>,
    jobs: usize,
    told: Option<Program>,
}

fn args() -> Result<Args, String> {
    let mut args = Args { seeds: 10_000, ..Args::default() };
    let mut one = None;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or(format!("{word} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("no number: {value}"));
        match word.as_str() {
            "--seeds" => args.seeds = number()?,
            "--from" => args.from = number()?,
            "--seed" => one = Some(number()?),
            "--jobs" => args.jobs = usize::try_from(number()?).unwrap_or(1),
            "--flavour" => args.flavour = Some(Flavour::named(&value).ok_or(format!("no flavour: {value}"))?),
            "--program" => args.told = Some(value.parse()?),
            _ => return Err(format!("what is {word}?")),
        }
    }
    if let Some(seed) = one {
        args.told = Some(draw(seed, args.flavour));
    }
    if args.jobs == 0 {
        args.jobs = std::thread::available_parallelism().map_or(1, usize::from);
    }
    Ok(args)
}

/// Plays a program; a panic is a fault, too.
fn fault(program: &Program) -> (Option<String>, Verdict) {
    match catch_unwind(AssertUnwindSafe(|| play(program, false))) {
        Ok(mut verdict) => (verdict.fault.take(), verdict),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()));
            (Some(format!("panic: {}", text.unwrap_or_default())), Verdict::default())
        }
    }
}

fn tell(program: &Program) -> ExitCode {
    println!("{program}");
    let verdict = play(program, true);
    for line in &verdict.story {
        println!("{line}");
    }
    match verdict.fault {
        Some(fault) => {
            println!("FAULT {fault}");
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}

fn show(program: &Program, what: &str) {
    let small = shrink(program, |it| fault(it).0.is_some());
    let now = fault(&small).0.unwrap_or_default();
    println!("seed {}: {what}\n  smallest: {now}\n  storm --program '{small}'", program.seed);
}

fn main() -> ExitCode {
    let args = match args() {
        Ok(args) => args,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    if let Some(program) = &args.told {
        return tell(program);
    }
    // A panic is told with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    let (begun, next, end) = (Instant::now(), AtomicU64::new(args.from), args.from + args.seeds);
    let failed = Mutex::new(Vec::new());
    let words = Mutex::new(HashMap::<Word, u64>::new());
    std::thread::scope(|scope| {
        for _ in 0..args.jobs {
            scope.spawn(|| {
                let mut own = HashMap::<Word, u64>::new();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    let program = draw(seed, args.flavour);
                    let (fault, verdict) = fault(&program);
                    for (word, count) in verdict.words {
                        *own.entry(word).or_default() += count;
                    }
                    if let Some(fault) = fault {
                        let Ok(mut failed) = failed.lock() else { break };
                        if failed.len() < SHOWN {
                            show(&program, &fault);
                        }
                        failed.push(seed);
                    }
                    let done = seed + 1 - args.from;
                    if done.is_multiple_of(20_000) {
                        eprintln!(
                            "{done} seeds, {:.0} a second",
                            done as f64 / begun.elapsed().as_secs_f64()
                        );
                    }
                }
                let Ok(mut words) = words.lock() else { return };
                for (word, count) in own {
                    *words.entry(word).or_default() += count;
                }
            });
        }
    });
    let time = begun.elapsed().as_secs_f64();
    let mut words: Vec<_> = words.into_inner().unwrap_or_default().into_iter().collect();
    words.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (word, count) in words {
        println!("{count:>10} {word:?}");
    }
    let failed = failed.into_inner().unwrap_or_default();
    println!(
        "{} seeds in {time:.1} s, {:.0} a second on {} threads; {} failed",
        args.seeds,
        args.seeds as f64 / time,
        args.jobs,
        failed.len()
    );
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
