use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lxio_core::bytes::{Chance, Moment};
use lxio_core::call::Flavour;

use super::{Event, Operation, OperationId, Schedule, Step, Work};
use crate::Setup;
use crate::api::State;

/// Everything that a daemon knows, without its connections.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) setup: Setup,
    pub(crate) now: Moment,
    pub(crate) chance: Chance,
    /// What survives a restart.
    pub(crate) state: State,
    pub(crate) operations: BTreeMap<OperationId, Operation>,
    /// Operations that have ended and whose waiters were not told yet.
    pub(crate) ended: Vec<OperationId>,
    /// Events that listeners were not told yet.
    pub(crate) told: Vec<Event>,
    /// How many listen to events; nothing is written down for nobody.
    pub(crate) listeners: usize,
    /// Paths and methods that nothing here answers, and how often they were asked for.
    pub(crate) unknown: BTreeMap<String, u64>,
    /// The daemon dies of what it has just done.
    pub(crate) crashed: bool,
    schedule: Schedule,
}

impl World {
    pub(crate) fn new(setup: Setup) -> Self {
        let mut chance = Chance::seeded(setup.seed);
        let state = State::new(&setup, &mut chance);
        Self {
            setup,
            now: Moment::default(),
            chance,
            state,
            operations: BTreeMap::new(),
            ended: Vec::new(),
            told: Vec::new(),
            listeners: 0,
            unknown: BTreeMap::new(),
            crashed: false,
            schedule: Schedule::default(),
        }
    }

    /// The daemon's process has ended: operations and what was due are gone.
    pub(crate) fn die(&mut self) {
        self.operations.clear();
        self.forget_pending();
        self.ended.clear();
        self.told.clear();
        self.listeners = 0;
        self.schedule = Schedule::default();
    }

    pub(crate) const fn is_lxd(&self) -> bool {
        matches!(self.setup.flavour, Flavour::Lxd)
    }

    /// The one or the other, by flavour.
    pub(crate) fn either<T>(&self, lxd: T, incus: T) -> T {
        if self.is_lxd() { lxd } else { incus }
    }

    pub(crate) fn has(&self, extension: &str) -> bool {
        self.setup.has(extension)
    }

    /// The time of day.
    pub(crate) fn time_of_day(&self) -> Timestamp {
        let since = SignedDuration::try_from(self.now.since(Moment::default())).unwrap_or_default();
        self.setup.epoch.saturating_add(since).unwrap_or(Timestamp::MAX)
    }

    /// The time of day, as text.
    pub(crate) fn time(&self) -> String {
        self.time_of_day().to_string()
    }

    /// A random UUID.
    pub(crate) fn uuid(&mut self) -> String {
        uuid(&mut self.chance)
    }

    /// A secret: 64 hexadecimal digits.
    pub(crate) fn secret(&mut self) -> String {
        (0..4).map(|_| format!("{:016x}", self.chance.draw())).collect()
    }

    /// The time that a small thing takes.
    pub(crate) fn short_while(&mut self) -> Duration {
        Duration::from_micros(200 + self.chance.draw() % 3000)
    }

    /// Does something after a while.
    pub(crate) fn later(&mut self, after: Duration, work: impl FnOnce(&mut Self) -> Step + Send + 'static) {
        self.schedule.at(self.now.plus(after), Box::new(work));
    }

    /// When something is to be done next.
    pub(crate) fn next(&self) -> Option<Moment> {
        [self.schedule.next(), self.state.next()].into_iter().flatten().min()
    }

    /// Does what is due by now; whether anything was.
    pub(crate) fn advance(&mut self, now: Moment) -> bool {
        let mut did = false;
        while let Some((moment, work)) = self.schedule.take(now) {
            did = true;
            // Work sees the time that it was due at, so that a late caller changes nothing.
            self.now = self.now.max(moment);
            let mut next: Option<Work> = Some(work);
            while let Some(work) = next.take() {
                if let Step::Again(after, work) = work(self) {
                    if after.is_zero() {
                        next = Some(work);
                    } else {
                        self.schedule.at(self.now.plus(after), work);
                    }
                }
            }
        }
        self.now = self.now.max(now);
        did
    }
}

/// A random UUID.
pub(crate) fn uuid(chance: &mut Chance) -> String {
    let (high, low) = (chance.draw(), chance.draw());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}
