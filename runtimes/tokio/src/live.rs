use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use lxio_core::flow::{Flow, Slot};
use lxio_core::session::{Cause, Drive, Error, Step};
use lxio_core::wire::Origin;

use crate::dial::{Dialled, Shared, Timer};
use crate::socket::Socket;
use crate::transfer::BODY;

/// A conversation that goes on, and its connections. Bytes move while one of its futures is being awaited:
/// there is no task behind it.
///
/// What it can do depends on what was started: the handle of a command is an `AsyncWrite` and a stream of
/// its output, that of events a stream, that of a download an `AsyncRead`, that of an upload an
/// `AsyncWrite`. Every one can [`finish`](Self::finish). A future of its methods that is dropped half-way
/// loses nothing: the next one goes on from there. Dropping the handle closes its connections: a command is
/// ended by that, an upload is broken off, so that the server does not take a part for the whole.
pub struct Live<F: Flow> {
    pub(crate) drive: Drive<F>,
    shared: Arc<Shared>,
    /// Its number in the transcript.
    run: u64,
    places: Vec<Place>,
    timer: Timer,
    /// Items that came while something else was waited for.
    pub(crate) items: VecDeque<F::Item>,
    result: Option<Result<F::Output, Error>>,
    over: bool,
}

/// What a slot of the conversation holds.
#[derive(Default)]
struct Place {
    state: State,
    /// How many more connections may be tried for its request.
    tries: usize,
    /// The way of the connection before this one, if that was a new one.
    before: Option<usize>,
}

#[derive(Default)]
enum State {
    #[default]
    Empty,
    /// The lock is never taken: it lets threads share what only one of them uses at a time.
    Dialling(Mutex<Pin<Box<dyn Future<Output = Dialled> + Send>>>),
    Standing(Socket),
}

/// What a turn of the loop came to.
pub(crate) enum Turn<I> {
    /// An item for the caller.
    Item(I),
    /// What the caller waits for has come.
    Met,
    /// It is over; the result is kept.
    Over,
}

/// What trying to move bytes came to.
enum Bytes {
    /// Some moved.
    Moved,
    /// None can move now; the task will be woken when some can.
    Pending,
    /// None are wanted.
    Unwanted,
}

/// Nothing in it is ever pinned in place.
impl<F: Flow> Unpin for Live<F> {}

impl<F: Flow> Live<F> {
    pub(crate) fn new(flow: F, shared: &Arc<Shared>) -> Self {
        Self {
            drive: Drive::new(flow, Arc::clone(&shared.session), shared.chance()),
            shared: Arc::clone(shared),
            run: shared.run(),
            places: Vec::new(),
            timer: Timer::default(),
            items: VecDeque::new(),
            result: None,
            over: false,
        }
    }

    /// The flow, for what it has to tell on the way.
    pub const fn flow(&self) -> &F {
        self.drive.flow()
    }

    /// Sees it through to its end. Items that were not taken are dropped, and so is the rest of a download.
    ///
    /// # Errors
    /// Why it came to no good end. An upload whose body was not ended comes to [`Cause::Stuck`].
    pub async fn finish(mut self) -> Result<F::Output, Error> {
        poll_fn(|cx| self.poll_finish(cx)).await
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<F::Output, Error>> {
        loop {
            match ready!(self.poll_turn(cx, |drive| drive.take(BODY).is_some())) {
                Turn::Item(_) => {}
                Turn::Met => {
                    let count = self.drive.take(BODY).map_or(0, <[u8]>::len);
                    self.drive.took(BODY, count);
                }
                Turn::Over => return Poll::Ready(self.result()),
            }
        }
    }

    /// The result, once: after [`Turn::Over`].
    pub(crate) fn result(&mut self) -> Result<F::Output, Error> {
        self.result.take().unwrap_or_else(|| Err(Error::new(Cause::Over)))
    }

    /// The error that it came to, once; a good end stays for [`finish`](Self::finish).
    pub(crate) fn error(&mut self) -> Option<Error> {
        match self.result.take()? {
            Err(error) => Some(error),
            Ok(output) => {
                self.result = Some(Ok(output));
                None
            }
        }
    }

    /// Goes on until the conversation stands.
    pub(crate) fn poll_stand(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            // An upload stands when it takes the body, which is before its first answer.
            match ready!(self.poll_turn(cx, |drive| drive.flow().ready() || drive.fill(BODY).is_some())) {
                Turn::Item(item) => {
                    self.items.push_back(item);
                    // What comes after it, be it the end, is for the caller to find.
                    if self.drive.flow().ready() {
                        return Poll::Ready(Ok(()));
                    }
                }
                Turn::Met => return Poll::Ready(Ok(())),
                Turn::Over if !self.items.is_empty() => return Poll::Ready(Ok(())),
                Turn::Over => return Poll::Ready(self.error().map_or(Ok(()), Err)),
            }
        }
    }

    /// Goes on until there is an item, until `met` says that what the caller waits for has come, or to the end.
    pub(crate) fn poll_turn(
        &mut self,
        cx: &mut Context<'_>,
        mut met: impl FnMut(&mut Drive<F>) -> bool,
    ) -> Poll<Turn<F::Item>> {
        loop {
            if self.over {
                return Poll::Ready(Turn::Over);
            }
            match self.drive.step(self.shared.now()) {
                Step::Connect { slot, fresh, origin } => self.connect(slot, fresh, origin),
                Step::Release { slot, line } => {
                    let place = self.places.get_mut(usize::from(slot));
                    let state = place.map(|place| std::mem::take(&mut place.state));
                    if let (Some(State::Standing(socket)), Some(line)) = (state, line) {
                        self.shared.rest(socket, line);
                    }
                }
                Step::Item(item) => return Poll::Ready(Turn::Item(item)),
                Step::Done(result) => (self.result, self.over) = (Some(result), true),
                Step::Blocked(until) => {
                    if met(&mut self.drive) {
                        return Poll::Ready(Turn::Met);
                    }
                    match (self.poll_bytes(cx), until) {
                        (Bytes::Moved, _) => {}
                        (_, Some(moment)) => ready!(self.timer.poll(cx, moment, &self.shared)),
                        (Bytes::Pending, None) => return Poll::Pending,
                        (Bytes::Unwanted, None) => {
                            // Nothing could ever wake us.
                            self.places.clear();
                            (self.result, self.over) = (Some(Err(Error::new(Cause::Stuck))), true);
                        }
                    }
                }
            }
        }
    }

    fn connect(&mut self, slot: Slot, fresh: bool, origin: Option<Origin>) {
        let at = usize::from(slot);
        while self.places.len() <= at {
            self.places.push(Place::default());
        }
        let (place, shared) = (&mut self.places[at], &self.shared);
        let route = &shared.there.destination.route;
        let mut warm = None;
        if fresh {
            shared.forget();
            if let Some(way) = place.before.take() {
                route.fails(way);
            }
        } else {
            *place = Place { tries: if origin.is_some() { 1 } else { route.len() }, ..Place::default() };
            warm = if origin.is_some() { None } else { shared.warm() };
        }
        place.state = match warm {
            Some((socket, mut line)) => {
                line.serves(Some((self.run, slot)));
                self.drive.connected(slot, line, true, shared.now());
                State::Standing(socket)
            }
            None => {
                place.tries = place.tries.saturating_sub(1);
                State::Dialling(Mutex::new(Box::pin(shared.dial(origin))))
            }
        };
    }

    /// Connects, writes and reads what can be without waiting, on every slot.
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Bytes {
        let (drive, shared) = (&mut self.drive, &self.shared);
        let (mut moved, mut pending) = (false, false);
        for (slot, place) in (0..).zip(&mut self.places) {
            match &mut place.state {
                State::Empty => {}
                State::Dialling(dialling) => {
                    let dialling = dialling.get_mut().unwrap_or_else(PoisonError::into_inner);
                    match dialling.as_mut().poll(cx) {
                        Poll::Ready(Ok((socket, mut line))) => {
                            line.serves(Some((self.run, slot)));
                            place.before = Some(socket.way);
                            place.state = State::Standing(socket);
                            drive.connected(slot, line, place.tries > 0, shared.now());
                            moved = true;
                        }
                        Poll::Ready(Err(fault)) => {
                            place.state = State::Empty;
                            drive.dial_failed(slot, fault, shared.now());
                            moved = true;
                        }
                        Poll::Pending => pending = true,
                    }
                }
                State::Standing(socket) => {
                    while let Some(bytes) = drive.outgoing(slot) {
                        match socket.poll_write(cx, bytes) {
                            Poll::Ready(Ok(0)) => drive.write_failed(slot, io::ErrorKind::WriteZero.into()),
                            Poll::Ready(Ok(count)) => drive.wrote(slot, count),
                            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                            Poll::Ready(Err(error)) => drive.write_failed(slot, error),
                            Poll::Pending => {
                                pending = true;
                                break;
                            }
                        }
                        moved = true;
                    }
                    // Once: what came is looked at before there is more.
                    let Some(space) = drive.incoming(slot) else { continue };
                    match socket.poll_read(cx, space) {
                        Poll::Ready(Ok(count)) => drive.read(slot, count),
                        Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                        Poll::Ready(Err(error)) => drive.read_failed(slot, error, shared.now()),
                        Poll::Pending => {
                            pending = true;
                            continue;
                        }
                    }
                    moved = true;
                }
            }
        }
        match (moved, pending) {
            (true, _) => Bytes::Moved,
            (false, true) => Bytes::Pending,
            (false, false) => Bytes::Unwanted,
        }
    }
}

impl<F: Flow + std::fmt::Debug> std::fmt::Debug for Live<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live")
            .field("flow", self.drive.flow())
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}
