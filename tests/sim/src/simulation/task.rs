use std::cell::RefCell;
use std::rc::{Rc, Weak};

use lxio_core::flow::Flow;
use lxio_core::session::Error;

use super::Client;
use super::conversation::{Conversation, Turn};
use super::core::{Going, Work};
use super::live::BODY;

/// A conversation that goes on by itself whenever time passes. Dropping it is dropping the conversation: its
/// connections are closed at once.
pub struct Task<F: Flow>(Rc<RefCell<Conversation<F>>>);

impl<F: Flow + 'static> Task<F> {
    pub(super) fn new(flow: F, client: &Client) -> Self {
        let task = Rc::new(RefCell::new(Conversation::new(flow, client.clone())));
        let work: Weak<RefCell<dyn Work>> = Rc::<RefCell<Conversation<F>>>::downgrade(&task);
        client.core().add(work);
        Self(task)
    }

    /// What it has handed out since it was asked last.
    pub fn items(&self) -> Vec<F::Item> {
        self.0.borrow_mut().items.drain(..).collect()
    }

    /// Whether it has its result, or had it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.borrow().is_over()
    }

    /// Its result, once, if it has come.
    #[must_use]
    pub fn take_result(&self) -> Option<Result<F::Output, Error>> {
        self.0.borrow_mut().result.take()
    }

    /// Looks at the flow.
    pub fn look<R>(&self, look: impl FnOnce(&F) -> R) -> R {
        look(self.0.borrow().drive.flow())
    }
}

impl<F: Flow> Work for Conversation<F> {
    fn go(&mut self) -> Going {
        loop {
            match Self::go(self, &mut |drive| drive.take(BODY).is_some()) {
                Turn::Item(item) => self.items.push_back(item),
                // Nobody is there to take a body.
                Turn::Met => {
                    let count = self.drive.take(BODY).map_or(0, <[u8]>::len);
                    self.drive.took(BODY, count);
                }
                Turn::Blocked(until) => return Going::Waits(until),
                Turn::Over => return Going::Over,
            }
        }
    }
}

impl<F: Flow> std::fmt::Debug for Task<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.borrow().is_over() { "Task(over)" } else { "Task(at work)" })
    }
}
