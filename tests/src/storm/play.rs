use std::collections::HashMap;
use std::time::Duration;

use lxio_core::api::{instance, instances, profiles};
use lxio_core::bytes::Moment;
use lxio_core::flow::{Flow as _, Watch};
use lxio_core::model::ProfileCreate;
use lxio_core::session::{Cause, Error, Remote};
use lxio_sim::{Client, Faults, Setup, Simulation, Task, Trace};

use super::deeds::{self, Ask, BASE, COUNT, COUNTER};
use super::judge;
use super::outcome::{Got, Taken, Word};
use super::{Deed, How, Program};

/// What takes longer takes for ever: stalls and waits all end within minutes.
const PATIENCE: Duration = Duration::from_secs(3600);
/// What is on its way has arrived after so long.
const CALM: Duration = Duration::from_secs(150);

/// What came of a program.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What did not hold.
    pub fault: Option<String>,
    /// How many steps came to what.
    pub words: HashMap<Word, u64>,
    /// What passed on the network, if that was asked for, and what came of the steps.
    pub story: Vec<String>,
}

/// A program being played.
pub(super) struct Stage {
    pub(super) sim: Simulation,
    pub(super) clients: Vec<Client>,
    pub(super) taken: Vec<Taken>,
    pub(super) watches: Vec<Watching>,
    /// Steps that go on: which of `taken`, and how to ask.
    open: Vec<(usize, Ask)>,
}

/// A client that follows events.
pub(super) struct Watching {
    pub(super) task: Task<Watch>,
    /// Since when nothing can be missed.
    pub(super) stands: Option<Moment>,
}

/// Plays a program; with `told`, tells what passed.
#[must_use]
pub fn play(program: &Program, told: bool) -> Verdict {
    let mut verdict = Verdict::default();
    match Stage::set(program, told) {
        Ok(mut stage) => {
            for step in &program.steps {
                stage.take(step);
                stage.look();
            }
            stage.settle();
            let fault = judge::judge(program, &stage).err();
            for taken in &stage.taken {
                *verdict.words.entry(taken.word()).or_default() += 1;
            }
            if told || fault.is_some() {
                verdict.story.extend(stage.sim.trace().iter().map(Trace::to_string));
                verdict.story.extend(stage.taken.iter().map(story));
            }
            verdict.fault = fault.or_else(|| stage.leave().err());
        }
        Err(error) => verdict.fault = Some(format!("the stage cannot be set: {error:?}")),
    }
    verdict
}

fn story(it: &Taken) -> String {
    let time = |it: Moment| it.since(Moment::default());
    format!(
        "{:?}..{:?} {}: {:?}",
        time(it.began),
        it.ended.map(time),
        it.step,
        it.outcome.as_ref().map(|it| {
            it.as_ref().map(|got| match got {
                Got::Output(output) => format!("{:?}, {} bytes", output.status, output.stdout.len()),
                Got::Content(bytes) => format!("{} bytes", bytes.len()),
                other => format!("{other:?}"),
            })
        })
    )
}

impl Stage {
    /// Sets the stage, in calm.
    fn set(program: &Program, told: bool) -> Result<Self, Error> {
        let setup = Setup::of(program.flavour).seed(program.seed).only(["file_delete"]);
        let sim = Simulation::new(setup).patience(PATIENCE);
        sim.daemon(lxio_sim::Daemon::keep_journal);
        if told {
            sim.record();
        }
        let clients = (0..program.clients.max(1)).map(|at| sim.connect(Remote::local().idle(at + 1)));
        let clients = clients.collect::<Result<Vec<_>, _>>()?;
        let mut counter = ProfileCreate::new(COUNTER);
        counter.config.insert(COUNT.into(), "0".into());
        clients[0].run(profiles().create(&counter))?;
        if program.needs_instance() {
            clients[0].run(instances().create(&deeds::container(BASE, String::new())))?;
            clients[0].run(instance(BASE).start())?;
        }
        sim.set_faults(program.weather.faults());
        Ok(Self { sim, clients, taken: Vec::new(), watches: Vec::new(), open: Vec::new() })
    }

    fn take(&mut self, step: &super::Step) {
        let client = &self.clients[step.client % self.clients.len()];
        let at = self.taken.len();
        let began = self.sim.now();
        self.taken.push(Taken { step: step.clone(), began, ended: None, outcome: None });
        match step.deed {
            Deed::Outage(after, lasting) => {
                self.sim.outage(Duration::from_micros(after), Duration::from_micros(lasting));
                return self.end(at, Ok(Got::Nothing));
            }
            Deed::Pass(time) => {
                self.sim.pass(Duration::from_micros(time));
                return self.end(at, Ok(Got::Nothing));
            }
            Deed::Watch => {
                let task = deeds::watch(client);
                return self.watches.push(Watching { task, stands: None });
            }
            // Calls have a way of their own, which is taken here.
            Deed::Server | Deed::List | Deed::Get(_) if step.how == How::Wait => {
                let outcome = deeds::take(client, step);
                return self.end(at, outcome);
            }
            _ => {}
        }
        let Some(mut ask) = deeds::begin(client, step) else {
            let outcome = deeds::take(client, step);
            return self.end(at, outcome);
        };
        match step.how {
            How::Wait => {
                let outcome = self.wait(&mut ask);
                self.end(at, outcome);
            }
            How::Beside => self.open.push((at, ask)),
            How::Drop(turns) => {
                let end = began.plus(PATIENCE);
                let mut turns = (0..turns).take_while(|_| self.sim.turn(end));
                let outcome = turns.find_map(|_| ask());
                if let Some(outcome) = outcome.or_else(ask) {
                    self.end(at, outcome);
                }
            }
        }
    }

    fn wait(&self, ask: &mut Ask) -> Result<Got, Error> {
        let end = self.sim.now().plus(PATIENCE);
        loop {
            if let Some(outcome) = ask() {
                return outcome;
            }
            if !self.sim.turn(end) {
                return ask().unwrap_or_else(|| Err(Error::new(Cause::Stuck)));
            }
        }
    }

    fn end(&mut self, at: usize, outcome: Result<Got, Error>) {
        let taken = &mut self.taken[at];
        (taken.outcome, taken.ended) = (Some(outcome), Some(self.sim.now()));
    }

    /// Looks at what goes on beside.
    fn look(&mut self) {
        for (at, mut ask) in std::mem::take(&mut self.open) {
            match ask() {
                Some(outcome) => self.end(at, outcome),
                None => self.open.push((at, ask)),
            }
        }
        let now = self.sim.now();
        for watch in &mut self.watches {
            if watch.stands.is_none() && watch.task.look(Watch::ready) {
                watch.stands = Some(now);
            }
        }
    }

    /// Sees everything to its end, in calm.
    fn settle(&mut self) {
        self.sim.set_faults(Faults::default());
        for (at, mut ask) in std::mem::take(&mut self.open) {
            let outcome = self.wait(&mut ask);
            self.end(at, outcome);
        }
        self.sim.pass(CALM);
    }

    /// Drops everything; nothing may be left.
    fn leave(self) -> Result<(), String> {
        drop((self.clients, self.watches, self.open));
        self.sim.pass(CALM);
        let daemons = self.sim.daemon(|it| it.connections().count());
        match (self.sim.connections(), daemons) {
            (0, 0) => Ok(()),
            (links, conns) => Err(format!("{links} connections and {conns} of the daemon's are left open")),
        }
    }
}
