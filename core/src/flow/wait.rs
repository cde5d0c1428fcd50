use std::time::Duration;

use super::{Fault, FlowError};
use crate::bytes::Moment;
use crate::call::{Request, Target, answer};
use crate::model::{Answer, Operation, OperationId, Status};
use crate::wire::Reply;

/// How long one long-poll lasts. Short enough for a lost connection to be noticed, long enough to cost nothing.
const SLICE: Duration = Duration::from_secs(30);
/// The first pause after an answer that came too early to be the end of a long-poll.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long after the caller's deadline the answer to the last question may come.
const GRACE: Duration = Duration::from_secs(2);

/// Follows one operation to its end.
///
/// A long-poll is answered in three ways for "failed" and in two for "not yet", and some answers fit both;
/// so whatever is no final state is followed by a look at the operation itself. That must be quick: a
/// finished operation is forgotten after five seconds.
#[derive(Debug)]
pub(super) struct Waiter {
    operation: Operation,
    state: State,
    asked: Moment,
    slice: Duration,
    deadline: Option<Moment>,
    early: u32,
    lost: bool,
    said: Option<String>,
}

#[derive(Debug)]
enum State {
    Ask,
    Look,
    Asked,
    Looked,
    Pause(Moment),
    Over(Option<FlowError>),
    Gone,
}

/// What a [`Waiter`] wants.
#[derive(Debug)]
pub(super) enum Step {
    /// Send this.
    Send(Request),
    /// Nothing, until an answer comes or this moment.
    Wait(Option<Moment>),
    /// The operation is over, well.
    Done(Box<Operation>),
    /// It is not, and no more will be known.
    Failed(FlowError),
}

impl Waiter {
    pub(super) fn new(operation: Operation, deadline: Option<Moment>) -> Self {
        let state = if operation.status().is_final() { State::Over(None) } else { State::Ask };
        Self {
            operation,
            state,
            asked: Moment::default(),
            slice: SLICE,
            deadline,
            early: 0,
            lost: false,
            said: None,
        }
    }

    /// Looks at the operation at least this often, for a caller that wants to see its progress.
    pub(super) fn watched(mut self, slice: Duration) -> Self {
        self.slice = slice;
        self
    }

    /// The operation as it was seen last.
    pub(super) const fn operation(&self) -> &Operation {
        &self.operation
    }

    /// The id, as a path segment.
    fn target(&self) -> Target {
        Target::at("/1.0/operations").name("operation", self.operation.id())
    }

    pub(super) fn poll(&mut self, now: Moment) -> Step {
        loop {
            match &mut self.state {
                State::Over(error) => {
                    let error = error.take();
                    let operation = Box::new(std::mem::take(&mut self.operation));
                    self.state = State::Gone;
                    return match error {
                        Some(error) => Step::Failed(error),
                        None => end(operation),
                    };
                }
                State::Ask | State::Look | State::Pause(_) if self.deadline.is_some_and(|end| end <= now) => {
                    let operation = Box::new(self.operation.clone());
                    self.state = State::Over(Some(FlowError::OperationTimedOut(operation)));
                }
                State::Ask => {
                    self.state = State::Asked;
                    self.asked = now;
                    let left = self.deadline.map_or(self.slice, |end| end.since(now).min(self.slice));
                    // Whole seconds, upwards: 0 would be answered at once.
                    let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
                    return Step::Send(Request::get(
                        self.target().then("wait").query("timeout", &seconds.to_string()),
                    ));
                }
                State::Look => {
                    self.state = State::Looked;
                    return Step::Send(Request::get(self.target()));
                }
                State::Pause(until) if *until <= now => self.state = State::Look,
                State::Pause(until) => return Step::Wait(Some(*until)),
                State::Asked | State::Looked => {
                    let Some(end) = self.deadline.map(|end| end.plus(GRACE)) else { return Step::Wait(None) };
                    if now < end {
                        return Step::Wait(Some(end));
                    }
                    let operation = Box::new(self.operation.clone());
                    self.state = State::Over(Some(FlowError::OperationTimedOut(operation)));
                }
                State::Gone => return Step::Wait(None),
            }
        }
    }

    pub(super) fn reply(&mut self, reply: &Reply<'_>, now: Moment) {
        let looked = matches!(self.state, State::Looked);
        self.lost = false;
        match answer::<Box<Operation>>(reply) {
            Ok(Answer::Sync(operation) | Answer::Async(operation)) => {
                self.operation = *operation;
                self.state = if self.operation.status().is_final() {
                    State::Over(None)
                } else if looked && self.said.is_none() {
                    State::Ask
                } else {
                    self.again(now)
                };
                self.said = None;
            }
            Ok(Answer::Refused { code: 404, .. }) if looked => self.vanished(),
            Ok(Answer::Refused { code, message }) if looked => {
                let refused = crate::call::CallError::Refused { code, message };
                self.state = State::Over(Some(refused.into()));
            }
            Ok(Answer::Refused { message, .. }) => {
                self.said = Some(message);
                self.state = State::Look;
            }
            Err(error) => self.state = State::Over(Some(error.into())),
        }
    }

    /// The connection failed. Asking is harmless, so it is asked once more, on another connection.
    pub(super) fn failed(&mut self, fault: Fault) {
        self.state = if self.lost || matches!(fault, Fault::Call(_)) {
            State::Over(Some(FlowError::OperationLost { id: self.operation.id().clone(), fault }))
        } else {
            self.lost = true;
            State::Look
        };
    }

    /// Not over yet: asks again, at once if the long-poll had lasted, after a pause if it had not.
    fn again(&mut self, now: Moment) -> State {
        if now.since(self.asked) + PAUSE >= self.slice {
            self.early = 0;
            return State::Ask;
        }
        self.early = self.early.saturating_add(1);
        if self.early == 1 {
            return State::Ask;
        }
        let pause = PAUSE.saturating_mul(1 << self.early.min(8)).min(LONGEST_PAUSE);
        State::Pause(now.plus(pause))
    }

    fn vanished(&mut self) {
        let id: OperationId = self.operation.id().clone();
        self.state = State::Over(Some(FlowError::OperationVanished { id, said: self.said.take() }));
    }
}

/// The end that a final state stands for.
fn end(operation: Box<Operation>) -> Step {
    match operation.status() {
        Status::Success => Step::Done(operation),
        Status::Cancelled => Step::Failed(FlowError::OperationCancelled(operation)),
        _ => Step::Failed(FlowError::OperationFailed(operation)),
    }
}
