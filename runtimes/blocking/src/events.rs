use lxio_core::flow::Flow;
use lxio_core::session::Error;

use crate::Live;
use crate::live::Turn;

/// What the conversation hands out, as it comes: events, pieces of output, an operation's states. An error
/// is the last item; after a good end there is none, and [`Live::finish`] gives the result.
impl<F: Flow> Iterator for Live<F> {
    type Item = Result<F::Item, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(item) = self.items.pop_front() {
            return Some(Ok(item));
        }
        match self.turn(|_| false) {
            Turn::Item(item) => Some(Ok(item)),
            Turn::Met => None,
            Turn::Over => self.error().map(Err),
        }
    }
}
