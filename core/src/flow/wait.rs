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
    pub(super) const fn watch(&mut self, slice: Duration) {
        self.slice = slice;
    }

    /// Gives up at this moment.
    pub(super) const fn end_by(&mut self, deadline: Moment) {
        self.deadline = Some(deadline);
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
                    let target = self.target().then("wait").query("timeout", &seconds.to_string());
                    return Step::Send(Request::get(target).long_poll(Some(Duration::from_secs(seconds))));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::Limits;
    use crate::wire::{Buffers, Draft, Need, Plan, WireError};

    const ID: &str = "fa05b1d4-9c2e-4d34-8e52-3f8a1b0d7c11";

    fn at(seconds: u64) -> Moment {
        Moment::at(Duration::from_secs(seconds))
    }

    fn waiter(within: Option<u64>) -> Waiter {
        Waiter::new(Operation::of(OperationId::from(ID)), within.map(at))
    }

    /// Gives the waiter the answer of this status and body.
    fn answered(waiter: &mut Waiter, status: u16, body: &str, now: Moment) {
        let draft = Draft::new(Buffers::new(), &http::Method::GET, "/", "h").unwrap();
        let mut exchange = draft.send(Plan::default(), &Limits::DEFAULT).unwrap();
        let bytes = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let mut rest = bytes.as_bytes();
        loop {
            match exchange.need().unwrap() {
                Need::Write(out) => {
                    let count = out.len();
                    exchange.wrote(count);
                }
                Need::Read(space) => {
                    let count = rest.len().min(space.len());
                    space[..count].copy_from_slice(&rest[..count]);
                    rest = &rest[count..];
                    exchange.read(count);
                }
                Need::Fill(_) | Need::Take(_) => panic!("nothing is streamed"),
                Need::Done => break,
            }
        }
        waiter.reply(&exchange.reply().unwrap(), now);
    }

    fn operation(code: u16, err: &str) -> String {
        let operation = format!(
            r#"{{"id":"{ID}","class":"task","status":"","status_code":{code},"metadata":{{"return":127}},"err":"{err}"}}"#
        );
        format!(
            r#"{{"type":"sync","status":"Success","status_code":200,"operation":"","error_code":0,"error":"","metadata":{operation}}}"#
        )
    }

    fn refusal(code: u16, text: &str) -> String {
        format!(
            r#"{{"type":"error","status":"","status_code":0,"operation":"","error_code":{code},"error":"{text}","metadata":null}}"#
        )
    }

    /// The path and query that the waiter asks for next.
    fn asks(waiter: &mut Waiter, now: Moment) -> String {
        match waiter.poll(now) {
            Step::Send(request) => request.target.text().unwrap().replace(ID, "ID"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_failure_is_one_in_all_three_shapes() {
        // LXD: a synchronous answer that holds the failed operation.
        let mut lxd = waiter(None);
        assert_eq!(asks(&mut lxd, at(0)), "/1.0/operations/ID/wait?timeout=30");
        answered(&mut lxd, 200, &operation(400, "boom"), at(1));
        assert!(
            matches!(lxd.poll(at(1)), Step::Failed(FlowError::OperationFailed(it)) if it.err() == "boom")
        );
        // Incus and some LXD: an error, with HTTP status 200 or not. The operation itself tells more.
        for status in [200, 400] {
            let mut incus = waiter(None);
            asks(&mut incus, at(0));
            answered(&mut incus, status, &refusal(400, "boom"), at(1));
            assert_eq!(asks(&mut incus, at(1)), "/1.0/operations/ID");
            answered(&mut incus, 200, &operation(400, "boom"), at(1));
            let Step::Failed(FlowError::OperationFailed(it)) = incus.poll(at(1)) else { panic!() };
            assert_eq!(it.exit_code(), Some(127));
        }
    }

    #[test]
    fn a_long_poll_that_ends_is_no_end() {
        let mut lxd = waiter(None);
        asks(&mut lxd, at(0));
        answered(&mut lxd, 200, &operation(103, ""), at(30));
        assert_eq!(asks(&mut lxd, at(30)), "/1.0/operations/ID/wait?timeout=30");
        let mut incus = waiter(None);
        asks(&mut incus, at(0));
        answered(&mut incus, 200, &refusal(500, "context deadline exceeded"), at(30));
        assert_eq!(asks(&mut incus, at(30)), "/1.0/operations/ID");
        answered(&mut incus, 200, &operation(103, ""), at(30));
        assert_eq!(asks(&mut incus, at(30)), "/1.0/operations/ID/wait?timeout=30");
        answered(&mut incus, 200, &operation(200, ""), at(31));
        assert!(matches!(incus.poll(at(31)), Step::Done(_)));
    }

    #[test]
    fn what_is_gone_is_no_success() {
        let mut waiter = waiter(None);
        asks(&mut waiter, at(0));
        answered(&mut waiter, 404, &refusal(404, "not found"), at(1));
        assert_eq!(asks(&mut waiter, at(1)), "/1.0/operations/ID");
        answered(&mut waiter, 404, &refusal(404, "not found"), at(1));
        let Step::Failed(FlowError::OperationVanished { id, said }) = waiter.poll(at(1)) else { panic!() };
        assert_eq!((id.as_str(), said.as_deref()), (ID, Some("not found")));
    }

    #[test]
    fn a_lost_connection_is_made_once_more() {
        let cut = || Fault::Wire { error: WireError::Closed, left: true };
        let mut waiter = waiter(None);
        asks(&mut waiter, at(0));
        waiter.failed(cut());
        assert_eq!(asks(&mut waiter, at(0)), "/1.0/operations/ID");
        answered(&mut waiter, 200, &operation(103, ""), at(1));
        asks(&mut waiter, at(1));
        waiter.failed(cut());
        asks(&mut waiter, at(1));
        waiter.failed(cut());
        assert!(matches!(waiter.poll(at(1)), Step::Failed(FlowError::OperationLost { .. })));
    }

    #[test]
    fn a_server_that_answers_too_early_is_not_hammered() {
        let mut waiter = waiter(None);
        let mut now = at(0);
        let mut asked = 0;
        while now < at(60) {
            match waiter.poll(now) {
                Step::Send(_) => {
                    asked += 1;
                    answered(&mut waiter, 200, &operation(103, ""), now);
                }
                Step::Wait(Some(until)) => now = until,
                other => panic!("{other:?}"),
            }
        }
        assert!(asked < 200, "{asked} questions in a minute");
    }

    #[test]
    fn time_that_is_up_leaves_the_operation_running() {
        let mut waiter = waiter(Some(3));
        assert_eq!(asks(&mut waiter, at(0)), "/1.0/operations/ID/wait?timeout=3");
        answered(&mut waiter, 200, &operation(103, ""), at(3));
        assert!(matches!(waiter.poll(at(3)), Step::Failed(FlowError::OperationTimedOut(_))));
        let mut silent = self::waiter(Some(3));
        asks(&mut silent, at(0));
        let Step::Wait(Some(until)) = silent.poll(at(1)) else { panic!() };
        assert!(matches!(silent.poll(until), Step::Failed(FlowError::OperationTimedOut(_))));
    }

    #[test]
    fn an_end_that_is_known_needs_no_question() {
        let answer = operation(401, "");
        let Ok(Answer::Sync(cancelled)) = Answer::<Operation>::parse(answer.as_bytes()) else { panic!() };
        let mut waiter = Waiter::new(cancelled, None);
        assert!(matches!(waiter.poll(at(0)), Step::Failed(FlowError::OperationCancelled(_))));
    }
}
