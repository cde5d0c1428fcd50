use std::cell::{Cell, RefCell, RefMut};
use std::rc::Weak;
use std::time::Duration;

use lxio_core::bytes::Moment;

use crate::network::Network;

/// More turns than any wait takes: who needs more does not come forward.
const TURNS: u32 = 4_000_000;

/// Something that goes on by itself.
pub(super) trait Work {
    /// Goes as far as it can; when it does something by itself next. It is over when it says so.
    fn go(&mut self) -> Going;
}

/// How far work has come.
pub(super) enum Going {
    /// It waits, perhaps for a moment.
    Waits(Option<Moment>),
    /// It has ended.
    Over,
}

/// What everybody in a simulation shares.
pub(crate) struct Core {
    network: RefCell<Network>,
    tasks: RefCell<Vec<Weak<RefCell<dyn Work>>>>,
    pub(super) patience: Cell<Duration>,
}

/// How long somebody goes on waiting.
pub(super) struct Patience {
    end: Moment,
    turns: u32,
}

impl Core {
    pub(super) fn new(network: Network) -> Self {
        Self {
            network: RefCell::new(network),
            tasks: RefCell::default(),
            patience: Cell::new(Duration::from_secs(3600)),
        }
    }

    /// The network. It is never held while anything else goes on.
    pub(crate) fn network(&self) -> RefMut<'_, Network> {
        self.network.borrow_mut()
    }

    pub(super) fn now(&self) -> Moment {
        self.network.borrow().now()
    }

    pub(super) fn patience(&self) -> Patience {
        Patience { end: self.now().plus(self.patience.get()), turns: TURNS }
    }

    /// Adds work that goes on as long as somebody holds it.
    pub(super) fn add(&self, work: Weak<RefCell<dyn Work>>) {
        self.tasks.borrow_mut().push(work);
    }

    /// Lets everybody go as far as they can, and then time to what is next, be it `until`. `false` if nothing is
    /// as long as patience lasts.
    pub(super) fn turn(&self, until: Option<Moment>, patience: &mut Patience) -> bool {
        let wake = self.go();
        let mut network = self.network();
        let next = [until, wake, network.next()].into_iter().flatten().min();
        patience.turns = patience.turns.saturating_sub(1);
        match next.filter(|next| *next <= patience.end && patience.turns > 0) {
            Some(next) => network.advance(next),
            None => return false,
        }
        true
    }

    /// A turn that is over by `end`.
    pub(super) fn turn_by(&self, end: Moment) -> bool {
        self.turn(None, &mut Patience { end, turns: TURNS })
    }

    /// Lets a while pass, with all that happens in it.
    pub(super) fn pass(&self, time: Duration) {
        let mut patience = Patience { end: self.now().plus(time), turns: TURNS };
        while self.turn(None, &mut patience) {}
        self.network().advance(patience.end);
        self.go();
    }

    /// Waits for a moment.
    pub(super) fn wait(&self, until: Moment, patience: &mut Patience) {
        while self.now() < until && self.turn(Some(until), patience) {}
    }

    /// Lets work go; when some of it does something by itself next.
    fn go(&self) -> Option<Moment> {
        if self.tasks.borrow().is_empty() {
            return None;
        }
        let mut wake: Option<Moment> = None;
        let mut tasks = self.tasks.take();
        tasks.retain(|task| {
            let Some(task) = task.upgrade() else { return false };
            let going = task.borrow_mut().go();
            match going {
                Going::Waits(until) => {
                    wake = wake.into_iter().chain(until).min();
                    true
                }
                Going::Over => false,
            }
        });
        // Work may have added work.
        let mut added = self.tasks.borrow_mut();
        tasks.append(&mut added);
        *added = tasks;
        wake
    }
}
