use std::collections::VecDeque;

use super::wait::{Step, Waiter};
use super::{Effect, Event, ExitStatus, Flow, FlowError, Output, Slot, Unattended};
use crate::bytes::Moment;
use crate::call::{self, CallError, Change, Request, Target};
use crate::model::{ExecRequest, Operation};

/// A command whose output the server keeps in files: run, fetch them by the paths that the server names,
/// delete them.
///
/// Ends as [`Exec`](super::Exec) does. The files are deleted whatever comes of the command, if they are
/// known; a failure to delete one is reported only if all else went well.
///
/// Endpoints: `POST /1.0/instances/NAME/exec`, `GET` and `DELETE` of the files in `metadata.output`.
pub struct Recorded {
    target: Target,
    body: ExecRequest,
    state: State,
    input_given: bool,
    fetch: VecDeque<(usize, String)>,
    delete: VecDeque<String>,
    outputs: [Vec<u8>; 2],
    result: Result<i32, FlowError>,
}

enum State {
    New,
    Asked,
    Wait(Box<Waiter>),
    Files,
    Fetching(usize),
    Deleting,
    Over,
}

const SLOT: Slot = 0;

impl Recorded {
    pub(super) fn new(target: Target, mut body: ExecRequest, input_given: bool) -> Self {
        body.record_output = true;
        body.wait_for_websocket = false;
        Self {
            target,
            body,
            state: State::New,
            input_given,
            fetch: VecDeque::new(),
            delete: VecDeque::new(),
            outputs: [Vec::new(), Vec::new()],
            result: Err(FlowError::Unexpected("the command has not ended".into())),
        }
    }

    fn ended(&mut self, operation: &Operation, result: Result<i32, FlowError>) {
        self.result = result;
        for (index, name) in ["1", "2"].into_iter().enumerate() {
            if let Some(file) = operation.output().get(name) {
                let path = file.path().to_owned();
                if self.result.is_ok() {
                    self.fetch.push_back((index, path.clone()));
                }
                self.delete.push_back(path);
            }
        }
        if self.result.is_ok() && self.fetch.len() < 2 {
            self.result = Err(FlowError::Unexpected("the server names no files for the output".into()));
        }
        self.state = State::Files;
    }

    /// A file of the output; the server names it without the project that the instance is in.
    fn file(&self, path: &str) -> Target {
        let target = Target::foreign(path);
        match self.target.query_value("project") {
            Some(project) if !target.has_query("project") => target.query_escaped("project", project),
            _ => target,
        }
    }

    fn keep(&mut self, error: FlowError) {
        if self.result.is_ok() {
            self.result = Err(error);
        }
    }
}

impl Flow for Recorded {
    type Item = std::convert::Infallible;
    type Output = Output;

    fn poll(&mut self, now: Moment) -> Effect<Self::Item, Output> {
        loop {
            match &mut self.state {
                State::New if self.input_given => {
                    self.state = State::Over;
                    let what = "a recorded command takes no standard input".into();
                    return Effect::Done(Err(CallError::BadArgument { what }.into()));
                }
                State::New => {
                    self.state = State::Asked;
                    return Effect::Send(SLOT, Request::post(self.target.clone()).json(&self.body));
                }
                State::Wait(waiter) => match waiter.poll(now) {
                    Step::Send(request) => return Effect::Send(SLOT, request),
                    Step::Wait(until) => return Effect::Wait(until),
                    Step::Done(operation) => {
                        let code = operation.exit_code().ok_or_else(|| {
                            FlowError::Unexpected("the server gives no exit code for the command".into())
                        });
                        self.ended(&operation, code);
                    }
                    Step::Failed(FlowError::OperationFailed(operation)) => {
                        let error = FlowError::OperationFailed(operation.clone()).of_command();
                        self.ended(&operation, Err(error));
                    }
                    Step::Failed(error) => {
                        self.result = Err(error);
                        self.state = State::Files;
                    }
                },
                State::Files => {
                    if let Some((index, path)) = self.fetch.pop_front() {
                        self.state = State::Fetching(index);
                        return Effect::Send(SLOT, Request::get(self.file(&path)));
                    }
                    if let Some(path) = self.delete.pop_front() {
                        self.state = State::Deleting;
                        return Effect::Send(SLOT, Request::delete(self.file(&path)));
                    }
                    self.state = State::Over;
                    let none = Err(FlowError::Unexpected("the command has ended".into()));
                    let [stdout, stderr] = std::mem::take(&mut self.outputs);
                    let code = std::mem::replace(&mut self.result, none);
                    return Effect::Done(code.map(|code| Output {
                        status: ExitStatus::new(code),
                        stdout,
                        stderr,
                    }));
                }
                State::Asked | State::Fetching(_) | State::Deleting | State::Over => {
                    return Effect::Wait(None);
                }
            }
        }
    }

    fn handle(&mut self, _slot: Slot, event: Event<'_>, now: Moment) {
        match (&mut self.state, event) {
            (State::Asked, Event::Reply(reply)) => match call::change(&reply) {
                Ok(Change::Operation(operation)) => {
                    self.state = State::Wait(Box::new(Waiter::new(*operation, None)));
                }
                Ok(Change::Done) => {
                    self.result = Err(FlowError::Unexpected("the server began no operation".into()));
                    self.state = State::Files;
                }
                Err(error) => {
                    self.result = Err(error.into());
                    self.state = State::Files;
                }
            },
            (State::Wait(waiter), Event::Reply(reply)) => waiter.reply(&reply, now),
            (State::Wait(waiter), Event::Failed(fault)) => waiter.failed(fault),
            (State::Fetching(index), Event::Reply(reply)) => {
                let index = *index;
                match call::plain(&reply) {
                    Ok(bytes) => self.outputs[index.min(1)] = bytes,
                    Err(error) => self.keep(error.into()),
                }
                self.state = State::Files;
            }
            (State::Deleting, Event::Reply(reply)) => {
                if let Err(error) = call::nothing(&reply) {
                    self.keep(error.into());
                }
                self.state = State::Files;
            }
            (State::Asked, Event::Failed(fault)) => {
                self.result = Err(fault.into());
                self.state = State::Files;
            }
            (State::Fetching(_) | State::Deleting, Event::Failed(fault)) => {
                self.keep(fault.into());
                self.state = State::Files;
            }
            _ => {}
        }
    }
}

impl Unattended for Recorded {}

impl std::fmt::Debug for Recorded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recorded({:?})", self.target.path())
    }
}
