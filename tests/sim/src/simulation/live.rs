use lxio_core::flow::{Flow, Slot};
use lxio_core::session::{Cause, Drive, Error};

use super::Client;
use super::conversation::{Conversation, Turn};

/// The slot whose request or answer has the streamed body.
pub(super) const BODY: Slot = 0;

/// A conversation that goes on, as the blocking adapter has it. Its bytes move while one of its methods is being
/// called.
///
/// What it can do depends on what was started: the handle of a command is a `Write` and an iterator of its
/// output, that of events an iterator, that of a download a `Read`, that of an upload a `Write`. Dropping it closes
/// its connections.
pub struct Live<F: Flow>(pub(super) Conversation<F>);

/// What the caller of a live handle is told.
pub(super) enum Told<I> {
    Item(I),
    Met,
    Over,
}

impl<F: Flow> Live<F> {
    pub(super) fn new(flow: F, client: &Client) -> Self {
        Self(Conversation::new(flow, client.clone()))
    }

    /// The flow, for what it has to tell on the way.
    pub const fn flow(&self) -> &F {
        self.0.drive.flow()
    }

    /// Sees it through to its end. Items that were not taken are dropped, and so is the rest of a download.
    ///
    /// # Errors
    /// Why it came to no good end; [`Cause::Stuck`] if it would come to none.
    pub fn finish(mut self) -> Result<F::Output, Error> {
        loop {
            match self.until(|drive| drive.take(BODY).is_some()) {
                Told::Item(_) => {}
                Told::Met => {
                    let count = self.0.drive.take(BODY).map_or(0, <[u8]>::len);
                    self.0.drive.took(BODY, count);
                }
                Told::Over => return self.result(),
            }
        }
    }

    /// The result, once: after [`Told::Over`].
    pub(super) fn result(&mut self) -> Result<F::Output, Error> {
        self.0.result.take().unwrap_or_else(|| Err(Error::new(Cause::Over)))
    }

    /// Goes on until the conversation stands.
    pub(super) fn stand(&mut self) -> Result<(), Error> {
        loop {
            // An upload stands when it takes the body, which is before its first answer.
            match self.until(|drive| drive.flow().ready() || drive.fill(BODY).is_some()) {
                Told::Item(item) => {
                    self.0.items.push_back(item);
                    // What comes after it, be it the end, is for the caller to find.
                    if self.flow().ready() {
                        return Ok(());
                    }
                }
                Told::Met => return Ok(()),
                Told::Over if !self.0.items.is_empty() => return Ok(()),
                Told::Over => return self.0.error().map_or(Ok(()), Err),
            }
        }
    }

    /// Goes on until there is an item, until `met` says that what the caller waits for has come, or to the end.
    pub(super) fn until(&mut self, mut met: impl FnMut(&mut Drive<F>) -> bool) -> Told<F::Item> {
        let mut patience = self.0.client.core().patience();
        loop {
            match self.0.go(&mut met) {
                Turn::Item(item) => return Told::Item(item),
                Turn::Met => return Told::Met,
                Turn::Over => return Told::Over,
                Turn::Blocked(until) => {
                    if !self.0.client.core().turn(until, &mut patience) {
                        self.0.end(Err(Error::new(Cause::Stuck)));
                    }
                }
            }
        }
    }
}

/// What a conversation hands out. The end is an error, or nothing if it is a good one, which
/// [`finish`](Live::finish) returns.
impl<F: Flow> Iterator for Live<F> {
    type Item = Result<F::Item, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(item) = self.0.items.pop_front() {
            return Some(Ok(item));
        }
        match self.until(|_| false) {
            Told::Item(item) => Some(Ok(item)),
            Told::Met => None,
            Told::Over => self.0.error().map(Err),
        }
    }
}

impl<F: Flow + std::fmt::Debug> std::fmt::Debug for Live<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Live").field(self.flow()).finish()
    }
}
