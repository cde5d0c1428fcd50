use super::{Effect, Event, Flow, FlowError, IntoFlow, Single, Slot, Unattended};
use crate::bytes::{Limits, Moment};
use crate::call::Call;

type Next<A, F> = Box<dyn FnOnce(A) -> F + Send>;

/// A call, and a conversation that its answer begins.
pub struct Chain<A, F: Flow> {
    state: State<A, F>,
    live: bool,
    limits: Limits,
}

enum State<A, F: Flow> {
    First(Box<Single<A>>, Option<Next<A, F>>),
    Then(F),
}

impl<A, F: Flow> Chain<A, F> {
    /// Makes `call`, then goes on with what `next` makes of its answer.
    pub fn new(call: Call<A>, next: impl FnOnce(A) -> F + Send + 'static) -> Self {
        Self {
            state: State::First(Box::new(call.into_flow()), Some(Box::new(next))),
            live: false,
            limits: Limits::DEFAULT,
        }
    }
}

impl<A, F: Flow> Flow for Chain<A, F> {
    type Item = F::Item;
    type Output = F::Output;

    fn poll(&mut self, now: Moment) -> Effect<F::Item, F::Output> {
        match &mut self.state {
            State::First(first, next) => match first.poll(now) {
                Effect::Send(slot, request) => Effect::Send(slot, request),
                Effect::Done(Err(error)) => Effect::Done(Err(error)),
                Effect::Done(Ok(answer)) => match next.take() {
                    Some(next) => {
                        let mut flow = next(answer);
                        flow.bound(&self.limits);
                        if self.live {
                            flow.live();
                        }
                        self.state = State::Then(flow);
                        self.poll(now)
                    }
                    None => {
                        Effect::Done(Err(FlowError::Unexpected("the conversation had ended before".into())))
                    }
                },
                // A single call has no other wishes.
                _ => Effect::Wait(None),
            },
            State::Then(flow) => flow.poll(now),
        }
    }

    fn handle(&mut self, slot: Slot, event: Event<'_>, now: Moment) {
        match &mut self.state {
            State::First(first, _) => first.handle(slot, event, now),
            State::Then(flow) => flow.handle(slot, event, now),
        }
    }

    fn ready(&self) -> bool {
        match &self.state {
            State::First(..) => false,
            State::Then(flow) => flow.ready(),
        }
    }

    fn live(&mut self) {
        self.live = true;
        if let State::Then(flow) = &mut self.state {
            flow.live();
        }
    }

    fn bound(&mut self, limits: &Limits) {
        self.limits = limits.clone();
    }
}

impl<A, F: Unattended> Unattended for Chain<A, F> {}

impl<A, F: Flow> std::fmt::Debug for Chain<A, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.state {
            State::First(..) => "Chain(first)",
            State::Then(_) => "Chain(then)",
        })
    }
}
