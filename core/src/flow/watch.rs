use std::time::Duration;

use super::{Effect, Event, Flow, FlowError, Slot};
use crate::bytes::Moment;
use crate::call::{self, Request};
use crate::model;
use crate::wire::{Upgrade, Want};

/// The daemons ping every ten seconds; three in a row missing means that nobody is there.
const SILENCE: Duration = Duration::from_secs(30);

/// How long a server may take to ping first; all known ones do at once.
const GREETING: Duration = Duration::from_secs(1);

/// Events as they come. It never ends well: what ends it is the error.
///
/// Events of before it stands are not seen, so start it before what it should see. Pings are answered while
/// the caller waits for the next event; a caller who does not come back for 30 seconds is dropped by the server.
///
/// Endpoint: `GET /1.0/events`.
#[derive(Debug)]
pub struct Watch {
    request: Option<Request>,
    open: bool,
    /// The server listens to itself for us. It says that it will before it does: what happens between its
    /// answer and its first ping may be lost.
    stands: bool,
    heard: Moment,
    next: Option<model::Event>,
    over: Option<FlowError>,
}

const SLOT: Slot = 0;

impl Watch {
    /// The events that `request` subscribes to.
    #[must_use]
    pub fn new(mut request: Request) -> Self {
        request.want = Want::Upgrade(Upgrade::Websocket);
        Self {
            request: Some(request),
            open: false,
            stands: false,
            heard: Moment::default(),
            next: None,
            over: None,
        }
    }
}

impl Flow for Watch {
    type Item = model::Event;
    type Output = std::convert::Infallible;

    fn poll(&mut self, now: Moment) -> Effect<model::Event, Self::Output> {
        if let Some(request) = self.request.take() {
            return Effect::Open(SLOT, request);
        }
        if let Some(event) = self.next.take() {
            return Effect::Emit(event);
        }
        if let Some(error) = self.over.take() {
            return Effect::Done(Err(error));
        }
        if !self.open {
            return Effect::Wait(None);
        }
        if !self.stands {
            let greeting = self.heard.plus(GREETING);
            if now < greeting {
                return Effect::Wait(Some(greeting));
            }
            self.stands = true;
        }
        let silent = self.heard.plus(SILENCE);
        if silent <= now { Effect::Done(Err(FlowError::EventsSilent)) } else { Effect::Wait(Some(silent)) }
    }

    fn handle(&mut self, _slot: Slot, event: Event<'_>, now: Moment) {
        self.heard = now;
        self.stands |= self.open;
        match event {
            Event::Opened => self.open = true,
            Event::Text(text) => match model::Event::parse(text.as_bytes()) {
                Ok(event) => self.next = Some(event),
                Err(error) => {
                    self.over = Some(FlowError::Unexpected(format!("an event is malformed: {error}")))
                }
            },
            Event::Reply(reply) => self.over = Some(call::refusal(&reply).into()),
            Event::Ended => self.over = Some(FlowError::EventsEnded { fault: None }),
            Event::Failed(fault) if self.open => {
                self.over = Some(FlowError::EventsEnded { fault: Some(fault) })
            }
            Event::Failed(fault) => self.over = Some(fault.into()),
            _ => {}
        }
    }

    fn ready(&self) -> bool {
        self.stands || self.over.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Target;

    fn at(milliseconds: u64) -> Moment {
        Moment::at(Duration::from_millis(milliseconds))
    }

    fn opened() -> Watch {
        let mut watch = Watch::new(Request::get(Target::at("/1.0/events")));
        assert!(matches!(watch.poll(at(0)), Effect::Open(SLOT, _)));
        watch.handle(SLOT, Event::Opened, at(10));
        watch
    }

    #[test]
    fn it_stands_with_the_first_ping() {
        let mut watch = opened();
        assert!(matches!(watch.poll(at(10)), Effect::Wait(Some(until)) if until == at(1010)));
        assert!(!watch.ready());
        watch.handle(SLOT, Event::Heard, at(11));
        assert!(watch.ready());
        assert!(matches!(watch.poll(at(11)), Effect::Wait(Some(until)) if until == at(30_011)));
    }

    #[test]
    fn a_server_that_does_not_ping_is_not_waited_for() {
        let mut watch = opened();
        assert!(matches!(watch.poll(at(1010)), Effect::Wait(Some(until)) if until == at(30_010)));
        assert!(watch.ready());
        assert!(matches!(watch.poll(at(30_010)), Effect::Done(Err(FlowError::EventsSilent))));
    }
}
