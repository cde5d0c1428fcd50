use std::time::Duration;

use serde_json::Value;

use super::wait::{Step, Waiter};
use super::{Effect, Event, Flow, FlowError, Slot, Unattended};
use crate::bytes::Moment;
use crate::call::{self, Call, CallError, Change, Request};
use crate::model::{Answer, Operation};

/// How often a caller who watches a change sees the operation, at least.
const GLANCE: Duration = Duration::from_secs(1);

/// How a change ended well.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// At once, with this content; mostly none.
    AtOnce(Value),
    /// By this operation.
    Operation(Box<Operation>),
}

type Finish<T> = Box<dyn FnOnce(Ended) -> Result<T, CallError> + Send>;
type After<T> = Box<dyn FnOnce(&T) -> Request + Send>;

/// A change to its end: the call, the operation if it begins one, and the result.
///
/// Succeeds only if the server said so. It emits the operation as it goes on when it is started, about once
/// a second, and nothing when it is run.
pub struct Settle<T> {
    request: Option<Request>,
    finish: Option<Finish<T>>,
    afters: Vec<After<T>>,
    within: Option<Duration>,
    live: bool,
    begun: Option<Moment>,
    state: State<T>,
    glance: Option<Operation>,
}

enum State<T> {
    Call,
    Called,
    Wait(Box<Waiter>),
    After(T),
    AfterCalled(T),
    Over(Option<Result<T, FlowError>>),
}

const SLOT: Slot = 0;

impl Settle<()> {
    /// A change that has no result but its success.
    #[must_use]
    pub fn plain(request: Request) -> Self {
        Self::new(request, |_| Ok(()))
    }
}

impl<T> Settle<T> {
    /// A change whose result `finish` finds in how it ended.
    pub fn new(
        request: Request,
        finish: impl FnOnce(Ended) -> Result<T, CallError> + Send + 'static,
    ) -> Self {
        Self {
            request: Some(request),
            finish: Some(Box::new(finish)),
            afters: Vec::new(),
            within: None,
            live: false,
            begun: None,
            state: State::Call,
            glance: None,
        }
    }

    /// Follows an operation that is known already.
    pub fn following(
        operation: Operation,
        finish: impl FnOnce(Ended) -> Result<T, CallError> + Send + 'static,
    ) -> Self {
        let waiter = Waiter::new(operation, None);
        let mut settle = Self::new(Request::get(call::Target::at("/")), finish);
        settle.request = None;
        settle.state = State::Wait(Box::new(waiter));
        settle
    }

    /// Sends another request after the change succeeded; its refusal is the refusal of the whole.
    #[must_use]
    pub fn then(mut self, after: impl FnOnce(&T) -> Request + Send + 'static) -> Self {
        self.afters.insert(0, Box::new(after));
        self
    }

    /// Gives up waiting after `time`, with
    /// [`FlowError::OperationTimedOut`]. The operation is left running: cancelling it is your choice.
    #[must_use]
    pub const fn within(mut self, time: Duration) -> Self {
        self.within = Some(time);
        self
    }

    /// Only the call that begins the change, for callers who follow the operation themselves. `None` for a
    /// flow that follows an operation that has begun already.
    #[must_use]
    pub fn begin(self) -> Option<Call<Change>> {
        self.request.map(|request| request.answered(call::change))
    }

    /// The operation as it was seen last, while there is one.
    #[must_use]
    pub fn operation(&self) -> Option<&Operation> {
        match &self.state {
            State::Wait(waiter) => Some(waiter.operation()),
            _ => None,
        }
    }

    fn end(&mut self, ended: Ended) {
        self.state = match self.finish.take().map(|finish| finish(ended)) {
            Some(Ok(value)) => State::After(value),
            Some(Err(error)) => State::Over(Some(Err(error.into()))),
            None => State::Over(None),
        };
    }
}

impl<T> Flow for Settle<T> {
    type Item = Operation;
    type Output = T;

    fn poll(&mut self, now: Moment) -> Effect<Operation, T> {
        self.begun.get_or_insert(now);
        if let Some(glance) = self.glance.take().filter(|_| self.live) {
            return Effect::Emit(glance);
        }
        // Here, and not after the call: a flow that follows an operation makes none.
        if let State::Wait(waiter) = &mut self.state {
            if let (Some(time), Some(begun)) = (self.within, self.begun) {
                waiter.end_by(begun.plus(time));
            }
            if self.live {
                waiter.watch(GLANCE);
            }
        }
        loop {
            match std::mem::replace(&mut self.state, State::Over(None)) {
                State::Call => {
                    self.state = State::Called;
                    match self.request.take() {
                        Some(request) => return Effect::Send(SLOT, request),
                        None => return Effect::Wait(None),
                    }
                }
                State::Wait(mut waiter) => match waiter.poll(now) {
                    Step::Send(request) => {
                        self.state = State::Wait(waiter);
                        return Effect::Send(SLOT, request);
                    }
                    Step::Wait(until) => {
                        self.state = State::Wait(waiter);
                        return Effect::Wait(until);
                    }
                    Step::Done(operation) => self.end(Ended::Operation(operation)),
                    Step::Failed(error) => return Effect::Done(Err(error)),
                },
                State::After(value) => match self.afters.pop() {
                    Some(after) => {
                        let request = after(&value);
                        self.state = State::AfterCalled(value);
                        return Effect::Send(SLOT, request);
                    }
                    None => return Effect::Done(Ok(value)),
                },
                State::Over(Some(result)) => return Effect::Done(result),
                waiting => {
                    self.state = waiting;
                    return Effect::Wait(None);
                }
            }
        }
    }

    fn handle(&mut self, _slot: Slot, event: Event<'_>, now: Moment) {
        match (&mut self.state, event) {
            (State::Called, Event::Reply(reply)) => match call::answer::<Value>(&reply) {
                Ok(Answer::Sync(content)) => self.end(Ended::AtOnce(content)),
                Ok(Answer::Async(operation)) => {
                    self.glance = self.live.then(|| (*operation).clone());
                    self.state = State::Wait(Box::new(Waiter::new(*operation, None)));
                }
                Ok(Answer::Refused { code, message }) => {
                    self.state = State::Over(Some(Err(CallError::Refused { code, message }.into())));
                }
                Err(error) => self.state = State::Over(Some(Err(error.into()))),
            },
            (State::Wait(waiter), Event::Reply(reply)) => {
                waiter.reply(&reply, now);
                self.glance = self.live.then(|| waiter.operation().clone());
            }
            (State::Wait(waiter), Event::Failed(fault)) => waiter.failed(fault),
            (State::AfterCalled(_), Event::Reply(reply)) => {
                let State::AfterCalled(value) = std::mem::replace(&mut self.state, State::Over(None)) else {
                    return;
                };
                self.state = match call::change(&reply) {
                    Ok(_) => State::After(value),
                    Err(error) => State::Over(Some(Err(error.into()))),
                };
            }
            (State::Called | State::AfterCalled(_), Event::Failed(fault)) => {
                self.state = State::Over(Some(Err(fault.into())));
            }
            _ => {}
        }
    }

    fn ready(&self) -> bool {
        !matches!(self.state, State::Call | State::Called)
    }

    fn live(&mut self) {
        self.live = true;
    }
}

impl<T> Unattended for Settle<T> {}

impl<T> std::fmt::Debug for Settle<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.request {
            Some(request) => write!(f, "Settle({})", request.line()),
            None => f.write_str("Settle(begun)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OperationId;

    fn at(seconds: u64) -> Moment {
        Moment::at(Duration::from_secs(seconds))
    }

    fn follow() -> Settle<()> {
        let operation = Operation::of(OperationId::from("01234567-89ab-4def-8123-456789abcdef"));
        Settle::following(operation, |_| Ok(()))
    }

    fn timeout(settle: &mut Settle<()>) -> String {
        match settle.poll(at(1)) {
            Effect::Send(_, request) => {
                request.target.text().unwrap().split_once("timeout=").unwrap().1.to_owned()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_followed_has_its_options_too() {
        assert_eq!(timeout(&mut follow()), "30");
        let mut live = follow();
        live.live();
        assert_eq!(timeout(&mut live), "1");
        let mut timed = follow().within(Duration::from_secs(2));
        assert_eq!(timeout(&mut timed), "2");
        assert!(matches!(timed.poll(at(2)), Effect::Wait(Some(_))));
        assert!(matches!(timed.poll(at(9)), Effect::Done(Err(FlowError::OperationTimedOut(_)))));
    }
}
