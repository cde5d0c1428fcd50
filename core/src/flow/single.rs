use super::{Effect, Event, Flow, FlowError, IntoFlow, Slot, Unattended};
use crate::bytes::Moment;
use crate::call::Call;

/// One call, as a conversation.
#[derive(Debug)]
pub struct Single<T> {
    call: Call<T>,
    asked: bool,
    over: Option<Result<T, FlowError>>,
}

impl<T> Flow for Single<T> {
    type Item = std::convert::Infallible;
    type Output = T;

    fn poll(&mut self, _now: Moment) -> Effect<Self::Item, T> {
        if !self.asked {
            self.asked = true;
            return Effect::Send(0, self.call.request.clone());
        }
        self.over.take().map_or(Effect::Wait(None), Effect::Done)
    }

    fn handle(&mut self, _slot: Slot, event: Event<'_>, _now: Moment) {
        match event {
            Event::Reply(reply) => self.over = Some(self.call.decode(&reply).map_err(FlowError::from)),
            Event::Failed(fault) => self.over = Some(Err(fault.into())),
            _ => {}
        }
    }

    fn ready(&self) -> bool {
        self.over.is_some()
    }
}

impl<T> Unattended for Single<T> {}

impl<T> IntoFlow for Call<T> {
    type Flow = Single<T>;

    fn into_flow(self) -> Single<T> {
        Single { call: self, asked: false, over: None }
    }
}
