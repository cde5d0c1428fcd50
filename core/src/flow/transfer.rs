use super::{Effect, Event, Flow, FlowError, Settle, Slot};
use crate::bytes::Moment;
use crate::call::{CallError, Request};
use crate::model::Operation;
use crate::wire::Reply;

/// A body streamed from the server, with what its head says about it.
///
/// The body itself never enters the flow: the driver lends it to the caller out of the connection's buffer.
/// It is whole only if the flow ends well: a connection that breaks off is an error, never a short success.
#[derive(Debug)]
pub struct Download<T> {
    request: Option<Request>,
    decode: fn(&Reply<'_>) -> Result<T, CallError>,
    begun: bool,
    head: Option<T>,
    over: Option<Result<(), FlowError>>,
}

impl<T> Download<T> {
    /// The body that `request` is answered with; `decode` reads its head.
    #[must_use]
    pub fn new(request: Request, decode: fn(&Reply<'_>) -> Result<T, CallError>) -> Self {
        Self { request: Some(request.streamed()), decode, begun: false, head: None, over: None }
    }

    /// What the head says, once it has come.
    #[must_use]
    pub const fn head(&self) -> Option<&T> {
        self.head.as_ref()
    }
}

impl<T> Flow for Download<T> {
    type Item = std::convert::Infallible;
    type Output = T;

    fn poll(&mut self, _now: Moment) -> Effect<Self::Item, T> {
        if let Some(request) = self.request.take() {
            return Effect::Send(0, request);
        }
        match self.over.take() {
            Some(Ok(())) => Effect::Done(
                self.head
                    .take()
                    .ok_or_else(|| FlowError::Unexpected("the answer has no body to stream".into())),
            ),
            Some(Err(error)) => Effect::Done(Err(error)),
            None => Effect::Wait(None),
        }
    }

    fn handle(&mut self, _slot: Slot, event: Event<'_>, _now: Moment) {
        match event {
            Event::Head(reply) => {
                self.begun = true;
                match (self.decode)(&reply) {
                    Ok(head) => self.head = Some(head),
                    Err(error) => self.over = Some(Err(error.into())),
                }
            }
            Event::Reply(_) if self.begun => self.over = Some(Ok(())),
            // Not streamed: a refusal, or JSON where bytes were expected.
            Event::Reply(reply) => {
                let error = crate::call::refusal(&reply);
                self.over = Some(Err(error.into()));
            }
            Event::Failed(fault) => self.over = Some(Err(fault.into())),
            _ => {}
        }
    }

    fn ready(&self) -> bool {
        self.begun || self.over.is_some()
    }
}

/// A body streamed to the server, and what it comes to.
///
/// The body never enters the flow: the driver lends the caller a space to fill. Dropping the flow before
/// its end closes the connection in mid-body, so the server never takes a part for the whole.
#[derive(Debug)]
pub struct Upload<T>(Settle<T>);

impl<T> Upload<T> {
    /// The change that `settle` is, whose request has a streamed payload.
    #[must_use]
    pub const fn new(settle: Settle<T>) -> Self {
        Self(settle)
    }
}

impl<T> Flow for Upload<T> {
    type Item = Operation;
    type Output = T;

    fn poll(&mut self, now: Moment) -> Effect<Operation, T> {
        self.0.poll(now)
    }

    fn handle(&mut self, slot: Slot, event: Event<'_>, now: Moment) {
        self.0.handle(slot, event, now);
    }

    /// Whether the server has answered, so that it takes no more of the body.
    fn ready(&self) -> bool {
        self.0.ready()
    }
}
