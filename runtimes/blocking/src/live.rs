use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use lxio_core::bytes::Moment;
use lxio_core::flow::{Flow, Slot};
use lxio_core::session::{Cause, Drive, Error, Step};
use lxio_core::wire::Origin;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::RecvFlags;

use crate::dial::Shared;
use crate::socket::Socket;
use crate::transfer::BODY;

/// A conversation that goes on, and its connections. Bytes move while one of its methods is being called.
///
/// What it can do depends on what was started: the handle of a command is a `Write` and an iterator of its
/// output, that of events an iterator, that of a download a `Read`, that of an upload a `Write`. Every one
/// can [`finish`](Self::finish). Dropping it closes its connections: a command is ended by that, an upload
/// is broken off, so that the server does not take a part for the whole.
pub struct Live<F: Flow> {
    pub(crate) drive: Drive<F>,
    shared: Arc<Shared>,
    /// Its number in the transcript.
    run: u64,
    places: Vec<Place>,
    /// Items that came while something else was waited for.
    pub(crate) items: VecDeque<F::Item>,
    result: Option<Result<F::Output, Error>>,
    over: bool,
}

/// What a slot of the conversation holds.
#[derive(Default)]
struct Place {
    standing: Option<Standing>,
    /// How many more connections may be tried for its request.
    tries: usize,
    /// The way of the connection before this one, if that was a new one.
    before: Option<usize>,
}

struct Standing {
    socket: Socket,
    /// Reading may give something without waiting.
    ready: bool,
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

impl<F: Flow> Live<F> {
    pub(crate) fn new(flow: F, shared: &Arc<Shared>) -> Self {
        Self {
            drive: Drive::new(flow, Arc::clone(&shared.session), shared.chance()),
            shared: Arc::clone(shared),
            run: shared.run(),
            places: Vec::new(),
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
    pub fn finish(mut self) -> Result<F::Output, Error> {
        loop {
            match self.turn(|drive| drive.take(BODY).is_some()) {
                Turn::Item(_) => {}
                Turn::Met => {
                    let count = self.drive.take(BODY).map_or(0, <[u8]>::len);
                    self.drive.took(BODY, count);
                }
                Turn::Over => return self.result(),
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
    pub(crate) fn stand(&mut self) -> Result<(), Error> {
        loop {
            // An upload stands when it takes the body, which is before its first answer.
            match self.turn(|drive| drive.flow().ready() || drive.fill(BODY).is_some()) {
                Turn::Item(item) => {
                    self.items.push_back(item);
                    // What comes after it, be it the end, is for the caller to find.
                    if self.drive.flow().ready() {
                        return Ok(());
                    }
                }
                Turn::Met => return Ok(()),
                Turn::Over if !self.items.is_empty() => return Ok(()),
                Turn::Over => return self.error().map_or(Ok(()), Err),
            }
        }
    }

    /// Goes on until there is an item, until `met` says that what the caller waits for has come, or to the end.
    pub(crate) fn turn(&mut self, mut met: impl FnMut(&mut Drive<F>) -> bool) -> Turn<F::Item> {
        if self.over {
            return Turn::Over;
        }
        loop {
            match self.drive.step(self.shared.now()) {
                Step::Connect { slot, fresh, origin } => self.connect(slot, fresh, origin.as_ref()),
                Step::Release { slot, line } => {
                    let place = self.places.get_mut(usize::from(slot));
                    let standing = place.and_then(|place| place.standing.take());
                    if let (Some(standing), Some(line)) = (standing, line) {
                        self.shared.rest(standing.socket, line);
                    }
                }
                Step::Item(item) => return Turn::Item(item),
                Step::Done(result) => {
                    (self.result, self.over) = (Some(result), true);
                    return Turn::Over;
                }
                Step::Blocked(until) => {
                    if met(&mut self.drive) {
                        return Turn::Met;
                    }
                    if !self.move_bytes() && !self.sleep(until) {
                        // Nobody but the caller could move it, and the caller waits for it.
                        (self.result, self.over) = (Some(Err(Error::new(Cause::Stuck))), true);
                        self.places.clear();
                        return Turn::Over;
                    }
                }
            }
        }
    }

    fn standing(&mut self, slot: Slot) -> Option<&mut Standing> {
        self.places.get_mut(usize::from(slot))?.standing.as_mut()
    }

    fn connect(&mut self, slot: Slot, fresh: bool, origin: Option<&Origin>) {
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
        let is_warm = warm.is_some();
        let made = match warm {
            Some(connection) => Ok(connection),
            None => {
                place.tries = place.tries.saturating_sub(1);
                shared.dial(origin)
            }
        };
        let now = shared.now();
        match made {
            Ok((socket, mut line)) => {
                line.serves(Some((self.run, slot)));
                place.before = Some(socket.way).filter(|_| !is_warm);
                place.standing = Some(Standing { socket, ready: false });
                let again = is_warm || place.tries > 0;
                self.drive.connected(slot, line, again, now);
            }
            Err(fault) => self.drive.dial_failed(slot, fault, now),
        }
    }

    /// Writes and reads what can be without waiting; whether anything moved.
    fn move_bytes(&mut self) -> bool {
        let mut moved = false;
        for (slot, place) in (0..).zip(&mut self.places) {
            let Some(place) = &mut place.standing else { continue };
            while let Some(bytes) = self.drive.outgoing(slot) {
                match place.socket.send(bytes) {
                    Ok(count) => self.drive.wrote(slot, count),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => self.drive.write_failed(slot, error),
                }
                moved = true;
            }
            if place.ready {
                moved |= receive(&mut self.drive, slot, place, RecvFlags::DONTWAIT, self.shared.now());
            }
        }
        moved
    }

    /// Waits until a socket can be used, or until the moment; `false` if there is neither.
    fn sleep(&mut self, until: Option<Moment>) -> bool {
        let mut wanted = Vec::with_capacity(self.places.len());
        for (slot, place) in (0..).zip(&self.places) {
            if place.standing.is_none() {
                continue;
            }
            let out = self.drive.outgoing(slot).is_some();
            let input = self.drive.incoming(slot).is_some();
            if out || input {
                wanted.push((slot, out, input));
            }
        }
        if wanted.is_empty() && until.is_none() {
            return false;
        }
        // One answer to wait for: to read is to wait.
        if let [(slot, false, true)] = wanted.as_slice() {
            let now = self.shared.now();
            if let Some(place) = self.standing(*slot)
                && place.socket.wait_until(until, now).is_ok()
            {
                let (drive, places) = (&mut self.drive, &mut self.places);
                if let Some(place) =
                    places.get_mut(usize::from(*slot)).and_then(|place| place.standing.as_mut())
                {
                    receive(drive, *slot, place, RecvFlags::empty(), now);
                }
                return true;
            }
        }
        let timeout = until.map(|until| {
            let left = until.since(self.shared.now());
            Timespec {
                tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            }
        });
        let mut fds = Vec::with_capacity(wanted.len());
        for (slot, out, input) in &wanted {
            let place = self.places.get(usize::from(*slot));
            if let Some(place) = place.and_then(|place| place.standing.as_ref()) {
                let mut flags = PollFlags::empty();
                flags.set(PollFlags::OUT, *out);
                flags.set(PollFlags::IN, *input);
                fds.push(PollFd::new(&place.socket, flags));
            }
        }
        // Interrupted or not, what is ready shows in the flags, and nothing else matters.
        let _ = poll(&mut fds, timeout.as_ref());
        let ready: Vec<bool> = fds.iter().map(|fd| !(fd.revents() - PollFlags::OUT).is_empty()).collect();
        for ((slot, _, _), ready) in wanted.into_iter().zip(ready) {
            if let Some(place) = self.standing(slot) {
                place.ready |= ready;
            }
        }
        true
    }
}

/// Reads once; whether anything came of it.
fn receive<F: Flow>(
    drive: &mut Drive<F>,
    slot: Slot,
    place: &mut Standing,
    flags: RecvFlags,
    now: Moment,
) -> bool {
    let Some(space) = drive.incoming(slot) else { return false };
    let room = space.len();
    match place.socket.recv(space, flags) {
        Ok(count) => {
            // A short read took all there was; only a full one may have left something.
            place.ready = count == room;
            drive.read(slot, count);
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            place.ready = false;
            return false;
        }
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
        Err(error) => drive.read_failed(slot, error, now),
    }
    true
}

impl<F: Flow + std::fmt::Debug> std::fmt::Debug for Live<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live")
            .field("flow", self.drive.flow())
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}
