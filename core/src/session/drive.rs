use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::link::{Link, News, Open, Running};
use super::{Attempt, Cause, Error, Session};
use crate::bytes::{Chance, Moment};
use crate::call::Request;
use crate::flow::{Effect, Event, Fault, Flow, FlowError, Slot};
use crate::wire::{Line, Need, Origin, Websocket};

/// How long the driver looks at its sockets before a call has taken too long.
const GLANCE: Duration = Duration::from_millis(10);

/// What a [`Drive`] wants of its driver. Exhaustive on purpose: a driver handles every case.
#[derive(Debug)]
pub enum Step<I, O> {
    /// Make a connection for this slot, out of the pool unless `fresh`, then say
    /// [`connected`](Drive::connected) or [`dial_failed`](Drive::dial_failed). Others may be asked for
    /// meanwhile: make them at the same time, some servers wait only seconds for all.
    Connect {
        /// For which slot.
        slot: Slot,
        /// Not out of the pool: the one before failed.
        fresh: bool,
        /// To this server, not to that of the session: never out of the pool.
        origin: Option<Origin>,
    },
    /// Let go of this slot's connection: to the pool if there is a line to keep with it, else close it.
    Release {
        /// Which slot's.
        slot: Slot,
        /// What the pool keeps with it.
        line: Option<Line>,
    },
    /// Hand this to the caller.
    Item(I),
    /// Move bytes until a connection is ready, or until this moment; then step again.
    Blocked(Option<Moment>),
    /// It is over, and so are all its connections.
    Done(Result<O, Error>),
}

/// A flow and its connections as one machine.
///
/// The driver owns the sockets and the clock. It calls [`step`](Self::step) until that says
/// [`Step::Blocked`], then moves bytes: for every slot that holds a socket it writes
/// [`outgoing`](Self::outgoing) and reads into [`incoming`](Self::incoming) as far as the socket allows
/// without waiting, and waits for the sockets and the moment only if nothing moved.
pub struct Drive<F: Flow> {
    flow: F,
    session: Arc<Session>,
    chance: Chance,
    links: Vec<Link>,
    /// For each link its own, so that its bytes do not depend on which of them is faster.
    chances: Vec<Chance>,
    steps: VecDeque<(Slot, Todo)>,
    /// The requests that the flow sent first and last: an error names one of them.
    first: Option<String>,
    last: Option<String>,
    /// The flow waits, perhaps for a moment.
    quiet: Option<Option<Moment>>,
    /// The moment that woke it last.
    woken: Option<Moment>,
    /// The end of patience that has come, and until when the driver looks once more.
    late: Option<(Moment, Moment)>,
    over: Option<Result<F::Output, Error>>,
}

enum Todo {
    Connect { fresh: bool, origin: Option<Origin> },
    Release(Option<Line>),
}

impl<F: Flow> Drive<F> {
    /// Starts `flow` on `session`. `chance` gives its websockets' masks and keys.
    pub fn new(mut flow: F, session: Arc<Session>, chance: Chance) -> Self {
        flow.bound(&session.limits);
        Self {
            flow,
            session,
            chance,
            links: Vec::new(),
            chances: Vec::new(),
            steps: VecDeque::new(),
            first: None,
            last: None,
            quiet: None,
            woken: None,
            late: None,
            over: None,
        }
    }

    /// The flow, for what it has to tell on the way.
    pub const fn flow(&self) -> &F {
        &self.flow
    }

    /// The flow, for what the caller has to tell it. It is polled at the next step.
    pub const fn flow_mut(&mut self) -> &mut F {
        self.quiet = None;
        &mut self.flow
    }

    /// What is to be done next.
    pub fn step(&mut self, now: Moment) -> Step<F::Item, F::Output> {
        loop {
            if let Some((slot, todo)) = self.steps.pop_front() {
                return match todo {
                    Todo::Connect { fresh, origin } => Step::Connect { slot, fresh, origin },
                    Todo::Release(line) => Step::Release { slot, line },
                };
            }
            if let Some(result) = self.over.take() {
                self.over = Some(Err(Error::new(Cause::Over)));
                return Step::Done(result);
            }
            let Some(until) = self.quiet else {
                let effect = self.flow.poll(now);
                match self.perform(effect, now) {
                    Some(item) => return Step::Item(item),
                    None => continue,
                }
            };
            if self.advance(now) {
                continue;
            }
            // A moment that came wakes the flow, once.
            if until.is_some_and(|moment| moment <= now && self.woken != Some(moment)) {
                (self.woken, self.quiet) = (until, None);
                continue;
            }
            // One that has passed and woke nothing is no reason to hurry.
            let until = until.filter(|moment| *moment > now);
            match (until, self.patience(now)) {
                (_, Some(end)) if end <= now => {
                    // The caller may have been away, and something come meanwhile.
                    let glance =
                        self.late.filter(|(of, _)| *of == end).map_or(now.plus(GLANCE), |(_, last)| last);
                    self.late = Some((end, glance));
                    if now < glance {
                        return Step::Blocked(Some(glance));
                    }
                    self.expire(now);
                }
                (Some(until), Some(end)) => return Step::Blocked(Some(until.min(end))),
                (until, end) => return Step::Blocked(until.or(end)),
            }
        }
    }

    /// The slot's connection is made. `again` says that another may do if it fails: it came out of the pool,
    /// or there are other addresses.
    pub fn connected(&mut self, slot: Slot, line: impl Into<Line>, again: bool, now: Moment) {
        let Some(link) = self.links.get_mut(usize::from(slot)) else { return };
        let Link::Dial(request) = std::mem::replace(link, Link::Empty) else {
            // The flow has lost interest meanwhile.
            self.steps.push_back((slot, Todo::Release(None)));
            return;
        };
        let chance = &mut self.chances[usize::from(slot)];
        match Attempt::begin(&self.session, &request, line, again, chance) {
            Ok(attempt) => {
                let running = Running { attempt, request: *request, headed: false };
                *link = Link::Exchange(Box::new(running));
            }
            Err(error) => {
                self.steps.push_back((slot, Todo::Release(None)));
                self.flow.handle(slot, Event::Failed(Fault::Call(error)), now);
                self.quiet = None;
            }
        }
    }

    /// The slot's connection could not be made.
    pub fn dial_failed(&mut self, slot: Slot, fault: impl Into<Fault>, now: Moment) {
        if let Some(link @ Link::Dial(_)) = self.links.get_mut(usize::from(slot)) {
            *link = Link::Empty;
            self.flow.handle(slot, Event::Failed(fault.into()), now);
            self.quiet = None;
        }
    }

    /// Bytes to write to the slot's connection.
    pub fn outgoing(&mut self, slot: Slot) -> Option<&[u8]> {
        match self.links.get_mut(usize::from(slot))? {
            Link::Exchange(running) => match running.attempt.need() {
                Ok(Need::Write(bytes)) => Some(bytes),
                _ => None,
            },
            Link::Socket(open) => open.outgoing(),
            _ => None,
        }
    }

    /// Says that the first `count` bytes of [`outgoing`](Self::outgoing) left.
    pub fn wrote(&mut self, slot: Slot, count: usize) {
        match self.links.get_mut(usize::from(slot)) {
            Some(Link::Exchange(running)) => running.attempt.wrote(count),
            Some(Link::Socket(open)) => open.guard.wrote(&mut open.port, count),
            _ => {}
        }
    }

    /// Says that writing failed. The other side may have said something before it went, so it is read still.
    pub fn write_failed(&mut self, slot: Slot, error: io::Error) {
        match self.links.get_mut(usize::from(slot)) {
            Some(Link::Exchange(running)) => running.attempt.write_failed(error),
            Some(Link::Socket(open)) => open.guard.write_failed(&error),
            _ => {}
        }
    }

    /// Space to read into from the slot's connection.
    pub fn incoming(&mut self, slot: Slot) -> Option<&mut [u8]> {
        match self.links.get_mut(usize::from(slot))? {
            Link::Exchange(running) => running.attempt.incoming(),
            Link::Socket(open) => open.incoming(),
            _ => None,
        }
    }

    /// Says that `count` bytes were read into [`incoming`](Self::incoming); 0 is the end of the stream. Step
    /// before the next read.
    pub fn read(&mut self, slot: Slot, count: usize) {
        match self.links.get_mut(usize::from(slot)) {
            Some(Link::Exchange(running)) => running.attempt.read(count),
            Some(Link::Socket(open)) => open.guard.read(&mut open.port, count),
            _ => {}
        }
    }

    /// Says that reading failed.
    pub fn read_failed(&mut self, slot: Slot, error: io::Error, now: Moment) {
        let Some(link) = self.links.get_mut(usize::from(slot)) else { return };
        let flow = &mut self.flow;
        let tell = |event: Event<'_>| flow.handle(slot, event, now);
        let news = match link {
            Link::Exchange(running) => {
                let fault = running.attempt.read_failed(error);
                running.fail(fault, tell)
            }
            Link::Socket(open) => {
                open.guard.read_failed(&error);
                let mut tell = tell;
                tell(Event::Failed(Fault::Io { error, left: true }));
                News::Over
            }
            _ => News::None,
        };
        self.settle(slot, news, now);
    }

    /// Space for the body that the slot's request uploads, when more of it can leave.
    pub fn fill(&mut self, slot: Slot) -> Option<&mut [u8]> {
        match self.links.get_mut(usize::from(slot))? {
            Link::Exchange(running) => match running.attempt.need() {
                Ok(Need::Fill(space)) => Some(space),
                _ => None,
            },
            _ => None,
        }
    }

    /// Says that the first `count` bytes of [`fill`](Self::fill) are filled; 0 ends the body.
    pub fn filled(&mut self, slot: Slot, count: usize) {
        if let Some(Link::Exchange(running)) = self.links.get_mut(usize::from(slot)) {
            running.attempt.filled(count);
        }
    }

    /// Bytes of the body that the slot's request downloads, when some have come.
    pub fn take(&mut self, slot: Slot) -> Option<&[u8]> {
        match self.links.get_mut(usize::from(slot))? {
            Link::Exchange(running) => match running.attempt.need() {
                Ok(Need::Take(bytes)) => Some(bytes),
                _ => None,
            },
            _ => None,
        }
    }

    /// Says that the first `count` bytes of [`take`](Self::take) were taken.
    pub fn took(&mut self, slot: Slot, count: usize) {
        if let Some(Link::Exchange(running)) = self.links.get_mut(usize::from(slot)) {
            running.attempt.took(count);
        }
    }

    /// Makes happen what the flow wants, as far as no driver is needed; what the caller is to get is returned.
    fn perform(&mut self, effect: Effect<F::Item, F::Output>, now: Moment) -> Option<F::Item> {
        match effect {
            Effect::Send(slot, request) | Effect::Open(slot, request) => self.connect(slot, request, now),
            Effect::Write(slot, message) => {
                if let Some(Link::Socket(open)) = self.links.get_mut(usize::from(slot)) {
                    open.send(&message);
                }
            }
            Effect::Shut(slot) => self.shut(slot),
            Effect::Emit(item) => return Some(item),
            Effect::Wait(until) => self.quiet = Some(until),
            Effect::Done(result) => {
                for slot in 0..self.links.len() {
                    self.shut(Slot::try_from(slot).unwrap_or(Slot::MAX));
                }
                let (first, last) = (self.first.take(), self.last.take());
                self.over = Some(result.map_err(|error| {
                    // A call that went wrong is the last one; a conversation is known by its first.
                    let one_call =
                        matches!(error, FlowError::Call(_) | FlowError::Fault(_) | FlowError::Login(_));
                    let line = if one_call { last } else { first };
                    match line {
                        Some(line) => Error::from(error).on(line),
                        None => Error::from(error),
                    }
                }));
            }
        }
        None
    }

    fn connect(&mut self, slot: Slot, request: Request, now: Moment) {
        self.shut(slot);
        let at = usize::from(slot);
        while self.links.len() <= at {
            self.links.push(Link::Empty);
            self.chances.push(self.chance.fork());
        }
        let line = request.line();
        self.first.get_or_insert_with(|| line.clone());
        self.last = Some(line);
        match self.session.check(&request) {
            Ok(()) => {
                self.steps.push_back((slot, Todo::Connect { fresh: false, origin: request.origin.clone() }));
                self.links[at] = Link::Dial(Box::new(request));
            }
            Err(error) => self.flow.handle(slot, Event::Failed(Fault::Call(error)), now),
        }
    }

    fn shut(&mut self, slot: Slot) {
        let Some(link) = self.links.get_mut(usize::from(slot)) else { return };
        match std::mem::replace(link, Link::Empty) {
            Link::Empty => {}
            // The driver may be dialling: it is told to let go of what comes of it.
            Link::Dial(_) | Link::Exchange(_) | Link::Socket(_) => {
                self.steps.retain(|(other, todo)| *other != slot || !matches!(todo, Todo::Connect { .. }));
                self.steps.push_back((slot, Todo::Release(None)));
            }
        }
    }

    /// Until when there is patience with one of the links.
    fn patience(&mut self, now: Moment) -> Option<Moment> {
        let ends = self.links.iter_mut().filter_map(|link| match link {
            Link::Exchange(running) => running.attempt.until(now),
            _ => None,
        });
        ends.min()
    }

    /// Ends the links with which there is no more patience.
    fn expire(&mut self, now: Moment) {
        for at in 0..self.links.len() {
            let slot = Slot::try_from(at).unwrap_or(Slot::MAX);
            let Link::Exchange(running) = &mut self.links[at] else { continue };
            if running.attempt.until(now).is_none_or(|end| end > now) {
                continue;
            }
            let fault = running.attempt.expired();
            let flow = &mut self.flow;
            let news = running.fail(fault, |event| flow.handle(slot, event, now));
            self.settle(slot, news, now);
        }
    }

    /// Looks at every link; whether the flow was told something or something is to be done.
    fn advance(&mut self, now: Moment) -> bool {
        for at in 0..self.links.len() {
            let slot = Slot::try_from(at).unwrap_or(Slot::MAX);
            let flow = &mut self.flow;
            let tell = |event: Event<'_>| flow.handle(slot, event, now);
            let news = match &mut self.links[at] {
                Link::Exchange(running) => running.advance(tell),
                Link::Socket(open) => open.advance(tell),
                Link::Empty | Link::Dial(_) => News::None,
            };
            if !matches!(news, News::None) {
                self.settle(slot, news, now);
                return true;
            }
        }
        false
    }

    fn settle(&mut self, slot: Slot, news: News, now: Moment) {
        let link = &mut self.links[usize::from(slot)];
        match news {
            News::None => return,
            News::Told => {}
            News::Again(request) => {
                let origin = request.origin.clone();
                *link = Link::Dial(request);
                self.steps.push_back((slot, Todo::Release(None)));
                self.steps.push_back((slot, Todo::Connect { fresh: true, origin }));
            }
            News::Upgraded => {
                let Link::Exchange(running) = std::mem::replace(link, Link::Empty) else { return };
                let (buffers, guard) = running.attempt.into_parts();
                let chance = self.chances[usize::from(slot)].fork();
                let socket = Websocket::client(buffers.into_rest(), &self.session.limits, chance);
                *link = Link::Socket(Box::new(Open::new(socket, guard)));
                self.flow.handle(slot, Event::Opened, now);
            }
            News::Over => {
                let line = match std::mem::replace(link, Link::Empty) {
                    Link::Exchange(running) => running.into_reusable(),
                    _ => None,
                };
                self.steps.push_back((slot, Todo::Release(line)));
            }
        }
        self.quiet = None;
    }
}
