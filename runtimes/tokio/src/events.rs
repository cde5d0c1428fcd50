use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use lxio_core::flow::Flow;
use lxio_core::session::Error;

use crate::Live;
use crate::live::Turn;

/// What the conversation hands out, as it comes: events, pieces of output, an operation's states. An error
/// is the last item; after a good end there is none, and [`Live::finish`] gives the result.
impl<F: Flow> Stream for Live<F> {
    type Item = Result<F::Item, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(item) = self.items.pop_front() {
            return Poll::Ready(Some(Ok(item)));
        }
        Poll::Ready(match ready!(self.poll_turn(cx, |_| false)) {
            Turn::Item(item) => Some(Ok(item)),
            Turn::Met => None,
            Turn::Over => self.error().map(Err),
        })
    }
}

impl<F: Flow> Live<F> {
    /// The next item, as the stream that this is gives it. Dropping the future loses none.
    pub async fn next(&mut self) -> Option<Result<F::Item, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}
