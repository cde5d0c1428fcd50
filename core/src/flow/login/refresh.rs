use super::LoginError;
use super::answer::{Granted, granted};
use super::inquiry::{Inquiry, Progress, Provider};
use super::tokens::Tokens;
use super::turn::{Due, Turn};
use crate::bytes::{Moment, Secret};
use crate::call::Request;
use crate::flow::{Effect, Event, Flow, FlowError, Slot, Unattended};
use crate::wire::Reply;

const SLOT: Slot = 0;

/// New tokens for old ones, without their user.
///
/// Ends with the new tokens; what the provider does not give anew is as it was. The old refresh token may be good no
/// longer then, so keep the new ones. With [`LoginError::InvalidGrant`] a new login is needed.
///
/// Endpoints: `GET /1.0`; at the provider its discovery document and `token_endpoint`.
#[derive(Debug)]
pub struct Refresh {
    tokens: Tokens,
    state: State,
    turn: Turn,
}

#[derive(Debug)]
enum State {
    Inquire(Inquiry),
    Renew(Box<Provider>),
    Over(Option<Result<Tokens, FlowError>>),
}

impl Refresh {
    /// New ones for `tokens`, from the provider of the session's server.
    #[must_use]
    pub fn new(tokens: Tokens) -> Self {
        let state = match tokens.refresh {
            Some(_) => State::Inquire(Inquiry::Server),
            None => State::Over(Some(Err(LoginError::NoRefreshToken.into()))),
        };
        Self { tokens, state, turn: Turn::now() }
    }

    fn old(&self) -> &str {
        self.tokens.refresh.as_ref().map_or("", Secret::reveal)
    }

    fn request(&self) -> Option<Request> {
        match &self.state {
            State::Inquire(inquiry) => Some(inquiry.request()),
            State::Renew(provider) => Some(provider.token.post(&[
                ("grant_type", "refresh_token"),
                ("refresh_token", self.old()),
                ("client_id", &provider.offer.client),
            ])),
            State::Over(_) => None,
        }
    }

    fn answered(&self, state: State, reply: &Reply<'_>) -> Result<State, FlowError> {
        Ok(match state {
            State::Inquire(inquiry) => match inquiry.reply(reply)? {
                Progress::Next(inquiry) => State::Inquire(inquiry),
                Progress::Found(provider) => State::Renew(provider),
            },
            State::Renew(_) => match granted(reply, &Secret::new(self.old()))? {
                Granted::Tokens(new) => State::Over(Some(Ok(self.tokens.clone().renewed(new)))),
                Granted::Later(error) => return Err(error.into()),
                Granted::Pending | Granted::SlowDown => {
                    let (status, why) = (reply.status().as_u16(), "it is the answer to a login");
                    return Err(LoginError::BadAnswer { status, why }.into());
                }
            },
            over @ State::Over(_) => over,
        })
    }
}

impl Flow for Refresh {
    type Item = std::convert::Infallible;
    type Output = Tokens;

    fn poll(&mut self, now: Moment) -> Effect<Self::Item, Tokens> {
        if let State::Over(result) = &mut self.state {
            return result.take().map_or(Effect::Wait(None), Effect::Done);
        }
        match (self.turn.due(now), self.request()) {
            (Due::Ask, Some(request)) => {
                self.turn = Turn::asked(now);
                Effect::Send(SLOT, request)
            }
            (Due::Silent, _) => {
                self.state = State::Over(Some(Err(LoginError::Silent.into())));
                Effect::Shut(SLOT)
            }
            (Due::Wait(until), _) => Effect::Wait(Some(until)),
            (Due::Ask, None) => Effect::Wait(None),
        }
    }

    fn handle(&mut self, _slot: Slot, event: Event<'_>, _now: Moment) {
        if !self.turn.is_theirs() {
            return;
        }
        let answered = match event {
            Event::Reply(reply) => {
                let state = std::mem::replace(&mut self.state, State::Over(None));
                self.answered(state, &reply)
            }
            Event::Failed(fault) => Err(fault.into()),
            _ => return,
        };
        self.turn = Turn::now();
        self.state = answered.unwrap_or_else(|error| State::Over(Some(Err(error))));
    }

    fn ready(&self) -> bool {
        matches!(self.state, State::Over(_))
    }
}

impl Unattended for Refresh {}
