use serde::de::DeserializeOwned;

use super::wait::{Step, Waiter};
use super::{Effect, Event, Flow, FlowError, Slot, Unattended};
use crate::bytes::Moment;
use crate::call::{self, CallError, Change, ETag, Request, Target};
use crate::model;

/// How often an edit is tried before the conflict is reported.
const TRIES: u32 = 8;

/// An object that can be got, changed and put back.
pub trait Editable: DeserializeOwned {
    /// What is put: everything that can be set, and every field that this library does not know.
    ///
    /// # Errors
    /// If a value cannot be JSON.
    fn to_body(&self) -> Result<Vec<u8>, serde_json::Error>;
}

macro_rules! editable {
    ($($kind:ty),+ $(,)?) => {$(
        impl Editable for $kind {
            fn to_body(&self) -> Result<Vec<u8>, serde_json::Error> {
                serde_json::to_vec(&self.writable())
            }
        }
    )+};
}

editable!(
    model::Server,
    model::Instance,
    model::InstanceSnapshot,
    model::Profile,
    model::Certificate,
    model::Image,
    model::ImageAlias
);

/// Get, change, put if nobody else did in between, and all of it again if somebody had.
///
/// Ends with the object as it was put. If the change leaves the object as it was, nothing is put.
pub struct Edit<T, F> {
    target: Target,
    needs: Option<&'static str>,
    change: F,
    tries: u32,
    state: State<T>,
}

enum State<T> {
    Get,
    Got,
    Put { object: T, body: Vec<u8>, etag: Option<ETag> },
    Putting(T),
    Wait(T, Box<Waiter>),
    Over(Option<Result<T, FlowError>>),
}

const SLOT: Slot = 0;

impl<T: Editable, F: FnMut(&mut T)> Edit<T, F> {
    /// Applies `change` to the object at `target`. It is called once for every try, each time on what the
    /// server has then.
    pub const fn new(target: Target, change: F) -> Self {
        Self { target, needs: None, change, tries: 0, state: State::Get }
    }

    /// Only if the server has `extension`.
    #[must_use]
    pub(crate) const fn needs(mut self, extension: &'static str) -> Self {
        self.needs = Some(extension);
        self
    }

    fn got(&mut self, mut object: T, etag: Option<ETag>) -> Result<State<T>, FlowError> {
        let bad = |error: serde_json::Error| CallError::BadArgument {
            what: format!("the object is no JSON: {error}"),
        };
        let before = object.to_body().map_err(bad)?;
        (self.change)(&mut object);
        let body = object.to_body().map_err(bad)?;
        Ok(if body == before { State::Over(Some(Ok(object))) } else { State::Put { object, body, etag } })
    }
}

impl<T: Editable, F: FnMut(&mut T)> Flow for Edit<T, F> {
    type Item = std::convert::Infallible;
    type Output = T;

    fn poll(&mut self, now: Moment) -> Effect<Self::Item, T> {
        match std::mem::replace(&mut self.state, State::Over(None)) {
            State::Get => {
                self.state = State::Got;
                self.tries += 1;
                let mut request = Request::get(self.target.clone());
                request.needs.extend(self.needs);
                Effect::Send(SLOT, request)
            }
            State::Put { object, body, etag } => {
                self.state = State::Putting(object);
                let mut request = Request::put(self.target.clone()).if_match(etag.as_ref());
                request.payload = crate::wire::Payload::Bytes(body.into());
                Effect::Send(SLOT, request.field(call::Field::Plain("Content-Type"), b"application/json"))
            }
            State::Wait(object, mut waiter) => match waiter.poll(now) {
                Step::Send(request) => {
                    self.state = State::Wait(object, waiter);
                    Effect::Send(SLOT, request)
                }
                Step::Wait(until) => {
                    self.state = State::Wait(object, waiter);
                    Effect::Wait(until)
                }
                Step::Done(_) => Effect::Done(Ok(object)),
                Step::Failed(error) => Effect::Done(Err(error)),
            },
            State::Over(Some(result)) => Effect::Done(result),
            waiting => {
                self.state = waiting;
                Effect::Wait(None)
            }
        }
    }

    fn handle(&mut self, _slot: Slot, event: Event<'_>, now: Moment) {
        let state = std::mem::replace(&mut self.state, State::Over(None));
        self.state = match (state, event) {
            (State::Got, Event::Reply(reply)) => {
                let got = call::tagged::<T>(&reply).map_err(FlowError::from);
                match got.and_then(|got| self.got(got.value, got.etag)) {
                    Ok(state) => state,
                    Err(error) => State::Over(Some(Err(error))),
                }
            }
            (State::Putting(object), Event::Reply(reply)) => match call::change(&reply) {
                Ok(Change::Done) => State::Over(Some(Ok(object))),
                Ok(Change::Operation(operation)) => {
                    State::Wait(object, Box::new(Waiter::new(*operation, None)))
                }
                Err(error) if error.code() == Some(412) && self.tries < TRIES => State::Get,
                Err(error) if error.code() == Some(412) => {
                    State::Over(Some(Err(FlowError::Conflict { tries: self.tries })))
                }
                Err(error) => State::Over(Some(Err(error.into()))),
            },
            (State::Wait(object, mut waiter), Event::Reply(reply)) => {
                waiter.reply(&reply, now);
                State::Wait(object, waiter)
            }
            (State::Wait(object, mut waiter), Event::Failed(fault)) => {
                waiter.failed(fault);
                State::Wait(object, waiter)
            }
            (State::Got | State::Putting(_), Event::Failed(fault)) => State::Over(Some(Err(fault.into()))),
            (state, _) => state,
        };
    }
}

impl<T: Editable, F: FnMut(&mut T)> Unattended for Edit<T, F> {}

impl<T, F> std::fmt::Debug for Edit<T, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Edit({})", self.target.path())
    }
}
