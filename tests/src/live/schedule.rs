use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Context, Daemon, Failure, Fixture, Report};
use crate::adapter::Adapter;
use crate::conformance::{Book, Collector, Place};
use crate::coverage::Coverage;
use crate::recorder::Observer;

/// How a scenario ends.
pub type Verdict = Result<(), Failure>;

type Run<A> = for<'a> fn(&'a Context<A>) -> Pin<Box<dyn Future<Output = Verdict> + 'a>>;

/// What a scenario cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// An API extension of the daemon.
    Extension(&'static str),
    /// A daemon that can be killed and started.
    Hook,
    /// It is costly: once for each adapter, on the daemons in turn; the number shifts the turns.
    Once(usize),
}

/// What runs at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A few others of the same pair.
    Few,
    /// Anything: it mostly waits. It is started first.
    Aside,
    /// Nothing else of the same pair.
    Alone,
}

/// One line of the list.
pub struct Scenario<A: Adapter> {
    /// What it is about: the file it is in.
    pub area: &'static str,
    /// Its name.
    pub name: &'static str,
    needs: Vec<Need>,
    mode: Mode,
    within: Duration,
    run: Run<A>,
}

impl<A: Adapter> fmt::Debug for Scenario<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scenario")
            .field("name", &self.name)
            .field("needs", &self.needs)
            .finish_non_exhaustive()
    }
}

impl<A: Adapter> Scenario<A> {
    /// A scenario with no needs, beside a few others, that has to end within two minutes.
    pub fn new(area: &'static str, name: &'static str, run: Run<A>) -> Self {
        Self { area, name, needs: Vec::new(), mode: Mode::Few, within: Duration::from_secs(120), run }
    }

    /// It needs this, too.
    #[must_use]
    pub fn needs(mut self, need: Need) -> Self {
        self.needs.push(need);
        self
    }

    /// It runs in another way.
    #[must_use]
    pub const fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// It has to end within so many seconds.
    #[must_use]
    pub const fn within(mut self, seconds: u64) -> Self {
        self.within = Duration::from_secs(seconds);
        self
    }
}

/// What is asked of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Only scenarios whose area and name, `exec exec_codes`, hold this.
    pub only: Option<String>,
    /// How many scenarios of [`Mode::Few`] run at the same time on one pair.
    pub jobs: usize,
    /// The daemons' names, for what runs once for each adapter.
    pub daemons: Vec<String>,
    /// Which of the adapters this is, counted from 0.
    pub adapter: usize,
    /// Leaves out what is costly.
    pub quick: bool,
    /// Who counts the endpoints that gave good answers.
    pub coverage: Arc<Coverage>,
    /// Who keeps what was answered, if anybody does.
    pub book: Option<Arc<Book>>,
}

static STOP: AtomicBool = AtomicBool::new(false);

/// No scenario is started any more.
pub fn interrupt() {
    STOP.store(true, Ordering::SeqCst);
}

/// Runs the list on one daemon by one adapter.
pub fn pair<A: Adapter>(
    list: Vec<Scenario<A>>,
    daemon: &Arc<Daemon>,
    fixture: &Arc<Fixture>,
    options: &Options,
    report: &Report,
) {
    let prefix = format!("{}-{}", daemon.tag, &A::NAME[..1]);
    let pair = Pair::<A> {
        daemon,
        fixture,
        options,
        report,
        shared: format!("{prefix}-shared"),
        prefix,
        adapter: PhantomData,
    };
    let mut modes = [VecDeque::new(), VecDeque::new(), VecDeque::new()];
    for (number, scenario) in list.into_iter().enumerate() {
        let full = format!("{} {}", scenario.area, scenario.name);
        if options.only.as_ref().is_some_and(|only| !full.contains(only.as_str())) {
            continue;
        }
        match pair.lacks(&scenario) {
            Some(why) => report.not_applicable(pair.line(&scenario), why),
            None => modes[scenario.mode as usize].push_back((number, scenario)),
        }
    }
    if modes.iter().all(VecDeque::is_empty) {
        return;
    }
    let began = Instant::now();
    if let Err(why) = fixture.shared(daemon, &pair.shared) {
        report.failed(format!("{} {} shared container", daemon.name, A::NAME), why, began.elapsed());
    }
    let [few, aside, alone] = modes;
    let queue = Mutex::new(few);
    thread::scope(|scope| {
        for (number, scenario) in aside {
            let pair = &pair;
            scope.spawn(move || pair.one(number, &scenario));
        }
        for _ in 0..options.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some((number, scenario)) = next else { return };
                    pair.one(number, &scenario);
                }
            });
        }
    });
    for (number, scenario) in alone {
        pair.one(number, &scenario);
        if let Some(hook) = &daemon.hook {
            hook.mend();
        }
    }
    for left in fixture.clean(&pair.prefix) {
        report.failed(format!("{} {} removal", daemon.name, A::NAME), left, Duration::ZERO);
    }
}

struct Pair<'a, A: Adapter> {
    daemon: &'a Arc<Daemon>,
    fixture: &'a Arc<Fixture>,
    options: &'a Options,
    report: &'a Report,
    prefix: String,
    shared: String,
    adapter: PhantomData<fn() -> A>,
}

impl<A: Adapter> Pair<'_, A> {
    fn line(&self, scenario: &Scenario<A>) -> String {
        format!("{} {} {}", self.daemon.name, A::NAME, scenario.name)
    }

    /// Why a scenario cannot be run here.
    fn lacks(&self, scenario: &Scenario<A>) -> Option<String> {
        let options = self.options;
        scenario.needs.iter().find_map(|need| match need {
            Need::Hook if self.daemon.hook.is_none() => {
                Some("it kills the daemon, and this one is not the suite's own".to_owned())
            }
            Need::Once(_) if options.quick => Some("it is costly".to_owned()),
            Need::Once(shift) => {
                let turn = options.daemons.get((options.adapter + shift) % options.daemons.len().max(1))?;
                (*turn != self.daemon.name)
                    .then(|| format!("it is costly and runs on {turn} for this adapter"))
            }
            Need::Hook | Need::Extension(_) => None,
        })
    }

    fn one(&self, number: usize, scenario: &Scenario<A>) {
        let line = self.line(scenario);
        if STOP.load(Ordering::SeqCst) {
            return self.report.not_applicable(line, "the run was interrupted");
        }
        let began = Instant::now();
        let prefix = format!("{}{number:03}-", self.prefix);
        let verdict = self.recorded(scenario, &prefix);
        let time = began.elapsed();
        match verdict {
            Ok(()) => self.report.ok(&line, time),
            Err(failure) if failure.applies() => self.report.failed(&line, failure, time),
            Err(failure) => self.report.not_applicable(&line, failure),
        }
        for left in self.fixture.clean(&prefix) {
            self.report.failed(format!("{line} removal"), left, Duration::ZERO);
        }
    }

    /// Runs it by way of a recorder of its own.
    fn recorded(&self, scenario: &Scenario<A>, prefix: &str) -> Verdict {
        let (daemon, options) = (self.daemon, self.options);
        let collector = Arc::new(Collector::default());
        // By HTTPS there is nothing to read.
        let is_plain = daemon.direct.socket().is_some();
        let observers: Vec<Arc<dyn Observer>> = if is_plain {
            vec![options.coverage.of(&daemon.name), Arc::<Collector>::clone(&collector)]
        } else {
            Vec::new()
        };
        let name = format!("{}-{prefix}recorded", daemon.name);
        let (recorder, recorded) = daemon.direct.recorded(&daemon.room, &name, observers)?;
        let verdict = self.attend(scenario, prefix, Daemon { recorded, ..Daemon::clone(daemon) });
        recorder.stop();
        if let (Ok(()), Some(book), true) = (&verdict, &options.book, is_plain) {
            let place = Place::of(daemon, scenario.name, prefix, &self.shared);
            book.tell(daemon, A::NAME, scenario.area, &place, &collector.take());
        }
        verdict
    }

    /// Runs it in a thread of its own, to go on without it if it hangs or panics.
    fn attend(&self, scenario: &Scenario<A>, prefix: &str, daemon: Daemon) -> Verdict {
        let (to, from) = channel();
        let (daemon, fixture) = (Arc::new(daemon), Arc::clone(self.fixture));
        let (prefix, shared, line) = (prefix.to_owned(), self.shared.clone(), self.line(scenario));
        let (needs, run, within) = (scenario.needs.clone(), scenario.run, scenario.within);
        let work = move || {
            let verdict = catch_unwind(AssertUnwindSafe(|| {
                A::block_on(async {
                    let client = A::connect(daemon.recorded.remote()).await?;
                    let context = Context::<A>::new(client, daemon, fixture, prefix, shared);
                    for need in &needs {
                        if let Need::Extension(extension) = need
                            && !context.has(extension)
                        {
                            let why = format!("the daemon lacks the API extension {extension}");
                            return Err(Failure::not_applicable(why));
                        }
                    }
                    let verdict = run(&context).await;
                    Ok((verdict, context.figures()))
                })
            }));
            let _ = to.send(match verdict {
                Ok(Ok((verdict, figures))) => (verdict, figures),
                Ok(Err(failure)) => (Err(failure), Vec::new()),
                Err(panic) => (Err(Failure::new(format!("it panicked: {}", words(&*panic)))), Vec::new()),
            });
        };
        thread::Builder::new().name(line.clone()).spawn(work)?;
        match from.recv_timeout(within) {
            Ok((verdict, figures)) => {
                for figure in figures {
                    self.report.figure(&line, figure);
                }
                verdict
            }
            Err(RecvTimeoutError::Timeout) => Err(Failure::new(format!("it has not ended after {within:?}"))),
            Err(RecvTimeoutError::Disconnected) => Err(Failure::new("its thread ended without a word")),
        }
    }
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words")
}
