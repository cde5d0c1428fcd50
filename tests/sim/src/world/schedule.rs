use std::collections::BTreeMap;
use std::time::Duration;

use lxio_core::bytes::Moment;

use super::World;

/// What is done when its time has come.
pub(crate) type Work = Box<dyn FnOnce(&mut World) -> Step + Send>;

/// What becomes of work.
pub(crate) enum Step {
    /// Over.
    Done,
    /// This is to be done, so much later.
    Again(Duration, Work),
}

/// Work that is due later, in order of time, and of arrival where the time is the same.
#[derive(Default)]
pub(crate) struct Schedule {
    due: BTreeMap<(Moment, u64), Work>,
    count: u64,
}

impl std::fmt::Debug for Schedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.due.keys()).finish()
    }
}

impl Schedule {
    pub(crate) fn at(&mut self, moment: Moment, work: Work) {
        self.count += 1;
        self.due.insert((moment, self.count), work);
    }

    pub(crate) fn next(&self) -> Option<Moment> {
        self.due.first_key_value().map(|((moment, _), _)| *moment)
    }

    /// The first work that is due by now, and when it was.
    pub(crate) fn take(&mut self, now: Moment) -> Option<(Moment, Work)> {
        let entry = self.due.first_entry().filter(|it| it.key().0 <= now)?;
        let ((moment, _), work) = entry.remove_entry();
        Some((moment, work))
    }
}
