use super::{Effect, Event, Flow, FlowError, Slot, Unattended};
use crate::bytes::Moment;
use crate::call::{self, Dialect, Flavour, Joining, Request, Tagged, Target};
use crate::model::Server;
use crate::wire::Reply;

/// Asks the server what it is, becomes trusted unless it trusts us already, and looks again.
///
/// Ends with the server as it shows itself to us afterwards.
#[derive(Debug)]
pub struct Join {
    joining: Joining,
    name: String,
    state: State,
}

#[derive(Debug)]
enum State {
    /// This is to be sent next.
    Ask(Stage, Box<Request>),
    /// It has been sent.
    Asked(Stage),
    Over(Option<Box<Result<Tagged<Server>, FlowError>>>),
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Greeting,
    Joining,
    Seeing,
}

const SLOT: Slot = 0;

impl Join {
    /// Joins by `joining` under the name `name`, see [`Joining::request`].
    #[must_use]
    pub fn new(joining: Joining, name: String) -> Self {
        Self { joining, name, state: State::Ask(Stage::Greeting, look()) }
    }

    fn answered(&self, stage: Stage, reply: &Reply<'_>) -> Result<State, FlowError> {
        Ok(match stage {
            Stage::Joining => {
                call::nothing(reply)?;
                State::Ask(Stage::Seeing, look())
            }
            Stage::Greeting | Stage::Seeing => {
                let server: Tagged<Server> = call::tagged(reply)?;
                if server.is_trusted() || matches!(stage, Stage::Seeing) {
                    return Ok(State::Over(Some(Box::new(Ok(server)))));
                }
                let Some(flavour) = Flavour::of(&server) else {
                    return Err(FlowError::Unexpected("the server is neither LXD nor Incus".into()));
                };
                let extensions = server.api_extensions().iter().cloned().collect();
                let dialect = Dialect { flavour, extensions };
                State::Ask(Stage::Joining, Box::new(self.joining.request(&self.name, &dialect)))
            }
        })
    }
}

fn over(error: FlowError) -> State {
    State::Over(Some(Box::new(Err(error))))
}

fn look() -> Box<Request> {
    Box::new(Request::get(Target::at("/1.0")))
}

impl Flow for Join {
    type Item = std::convert::Infallible;
    type Output = Tagged<Server>;

    fn poll(&mut self, _now: Moment) -> Effect<Self::Item, Self::Output> {
        match std::mem::replace(&mut self.state, State::Over(None)) {
            State::Ask(stage, request) => {
                self.state = State::Asked(stage);
                Effect::Send(SLOT, *request)
            }
            State::Over(Some(result)) => Effect::Done(*result),
            waiting => {
                self.state = waiting;
                Effect::Wait(None)
            }
        }
    }

    fn handle(&mut self, _slot: Slot, event: Event<'_>, _now: Moment) {
        let State::Asked(stage) = self.state else { return };
        match event {
            Event::Reply(reply) => {
                self.state = self.answered(stage, &reply).unwrap_or_else(over);
            }
            Event::Failed(fault) => self.state = over(fault.into()),
            _ => {}
        }
    }
}

impl Unattended for Join {}
