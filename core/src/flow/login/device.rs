use std::time::Duration;

use super::LoginError;
use super::answer::{Granted, begun, granted};
use super::inquiry::{Inquiry, Progress, Provider};
use super::tokens::Tokens;
use super::turn::{Due, Turn};
use crate::bytes::{Moment, Secret};
use crate::call::Request;
use crate::flow::{Effect, Event, Fault, Flow, FlowError, Slot};
use crate::wire::Reply;

/// How much slower it is asked when the provider wants that.
const SLOWER: Duration = Duration::from_secs(5);

const SLOT: Slot = 0;

/// What the user is to do: open the page in any browser, enter the code there, confirm.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Prompt {
    /// The page. It is an `https` address without control characters.
    pub url: String,
    /// The page with the code filled in, if there is one. The user still compares the codes.
    pub complete_url: Option<String>,
    /// The code, printable.
    pub code: String,
    /// How long it is good.
    pub valid_for: Duration,
}

/// The login of a person, by a code that is confirmed in a browser anywhere.
///
/// Asks the server who its identity provider is, has the provider begin a login, hands out the [`Prompt`], and asks
/// the provider how it goes, as often as it likes to be asked. Ends with the [`Tokens`].
///
/// Endpoints: `GET /1.0`; at the provider its discovery document, `device_authorization_endpoint` and
/// `token_endpoint`.
#[derive(Debug)]
pub struct Login {
    state: State,
    turn: Turn,
}

#[derive(Debug)]
enum State {
    Inquire(Inquiry),
    Begin(Box<Provider>),
    Confirm(Box<Device>),
    Over(Option<Result<Tokens, FlowError>>),
}

/// A login that waits for its user.
#[derive(Debug)]
struct Device {
    provider: Box<Provider>,
    code: Secret,
    prompt: Option<Prompt>,
    interval: Duration,
    /// How often the last questions went without an answer.
    lost: u32,
    ends: Moment,
}

impl Login {
    /// A login at the provider of the session's server.
    #[must_use]
    pub fn new() -> Self {
        Self { state: State::Inquire(Inquiry::Server), turn: Turn::now() }
    }

    /// What is asked now.
    fn request(&self, now: Moment) -> Result<Request, LoginError> {
        match &self.state {
            State::Inquire(inquiry) => Ok(inquiry.request()),
            State::Begin(provider) => {
                let device = provider.device.as_ref().ok_or(LoginError::NoDeviceGrant)?;
                let offer = &provider.offer;
                let mut form = vec![("client_id", &*offer.client), ("scope", &*offer.scope)];
                form.extend(offer.audience.as_deref().map(|audience| ("audience", audience)));
                Ok(device.post(&form))
            }
            State::Confirm(device) if now < device.ends => Ok(device.provider.token.post(&[
                ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
                ("device_code", device.code.reveal()),
                ("client_id", &device.provider.offer.client),
            ])),
            State::Confirm(_) | State::Over(_) => Err(LoginError::Expired),
        }
    }

    /// What follows an answer.
    fn answered(state: State, reply: &Reply<'_>, now: Moment) -> Result<(State, Turn), FlowError> {
        Ok(match state {
            State::Inquire(inquiry) => match inquiry.reply(reply)? {
                Progress::Next(inquiry) => (State::Inquire(inquiry), Turn::now()),
                Progress::Found(provider) => (State::Begin(provider), Turn::now()),
            },
            State::Begin(provider) => {
                let begun = begun(reply, provider.offer.plain)?;
                let device = Device {
                    ends: now.plus(begun.prompt.valid_for),
                    provider,
                    code: begun.code,
                    prompt: Some(begun.prompt),
                    interval: begun.interval,
                    lost: 0,
                };
                let turn = device.pause(now);
                (State::Confirm(Box::new(device)), turn)
            }
            State::Confirm(mut device) => {
                match granted(reply, &device.code)? {
                    Granted::Tokens(tokens) => return Ok((State::Over(Some(Ok(tokens))), Turn::now())),
                    Granted::Pending => device.lost = 0,
                    Granted::SlowDown => {
                        (device.lost, device.interval) = (0, device.interval.saturating_add(SLOWER))
                    }
                    Granted::Later(_) => device.lost = device.lost.saturating_add(1),
                }
                let turn = device.pause(now);
                (State::Confirm(device), turn)
            }
            State::Over(result) => (State::Over(result), Turn::now()),
        })
    }

    /// No answer came. While the user takes time the network may come and go.
    fn missed(&mut self, error: FlowError, now: Moment) {
        let passing = match &error {
            FlowError::Login(LoginError::Silent) | FlowError::Fault(Fault::Dial(_) | Fault::Io { .. }) => {
                true
            }
            FlowError::Fault(Fault::Wire { error, .. }) => error.is_cut(),
            FlowError::Fault(Fault::Filter { error, .. }) => error.is_transport(),
            FlowError::Fault(Fault::TimedOut { .. }) => true,
            _ => false,
        };
        match &mut self.state {
            State::Confirm(device) if passing => {
                device.lost = device.lost.saturating_add(1);
                self.turn = device.pause(now);
            }
            state => *state = State::Over(Some(Err(error))),
        }
    }
}

impl Device {
    /// The pause before the next question: twice as long after each that was lost, and not beyond the end.
    fn pause(&self, now: Moment) -> Turn {
        let pause = self.interval.saturating_mul(1 << self.lost.min(6));
        Turn::Ours(now.plus(pause).min(self.ends))
    }
}

impl Default for Login {
    fn default() -> Self {
        Self::new()
    }
}

impl Flow for Login {
    type Item = Prompt;
    type Output = Tokens;

    fn poll(&mut self, now: Moment) -> Effect<Prompt, Tokens> {
        match &mut self.state {
            State::Over(result) => return result.take().map_or(Effect::Wait(None), Effect::Done),
            State::Confirm(device) => {
                if let Some(prompt) = device.prompt.take() {
                    return Effect::Emit(prompt);
                }
            }
            State::Inquire(_) | State::Begin(_) => {}
        }
        match self.turn.due(now) {
            Due::Wait(until) => Effect::Wait(Some(until)),
            Due::Silent => {
                self.missed(LoginError::Silent.into(), now);
                Effect::Shut(SLOT)
            }
            Due::Ask => match self.request(now) {
                Ok(mut request) => {
                    // A login that is begun twice is begun; to ask how it goes changes nothing.
                    request.idempotent = true;
                    self.turn = Turn::asked(now);
                    Effect::Send(SLOT, request)
                }
                Err(error) => {
                    self.state = State::Over(None);
                    Effect::Done(Err(error.into()))
                }
            },
        }
    }

    fn handle(&mut self, _slot: Slot, event: Event<'_>, now: Moment) {
        if !self.turn.is_theirs() {
            return;
        }
        match event {
            Event::Reply(reply) => {
                let state = std::mem::replace(&mut self.state, State::Over(None));
                (self.state, self.turn) = Self::answered(state, &reply, now)
                    .unwrap_or_else(|error| (State::Over(Some(Err(error))), Turn::now()));
            }
            Event::Failed(fault) => self.missed(fault.into(), now),
            _ => {}
        }
    }

    /// Whether the user can be told what to do.
    fn ready(&self) -> bool {
        matches!(self.state, State::Confirm(_) | State::Over(_))
    }
}
