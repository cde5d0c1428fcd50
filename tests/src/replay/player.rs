use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::Arc;

use lxio_core::api::EventsHandle;
use lxio_core::bytes::{Chance, Moment};
use lxio_core::call::Call;
use lxio_core::flow::{Download, Exec, Flow, IntoFlow, Output, Slot, Unattended, Upload};
use lxio_core::model::Event;
use lxio_core::session::{Attempt, Cause, Drive, Error, Patience, Pool, Remote, Session, Step};
use lxio_core::wire::{Line, Need, Reuse};

use super::net::Net;
use crate::actor::{Act, Actor, keep};

/// The seed of all transcripts.
pub const SEED: u64 = 0x1c10;

/// The slot of a streamed body.
const BODY: Slot = 0;

/// A client of a [`Net`], driven as the blocking adapter drives: the core alone, without a socket.
pub struct Player {
    /// The server.
    pub net: Net,
    session: Arc<Session>,
    chance: Chance,
    pool: Pool<usize>,
}

impl Player {
    /// Connects and greets.
    ///
    /// # Errors
    /// The error, and the net as it is then.
    pub fn connect(net: Net) -> Result<Self, (Box<Error>, Box<Net>)> {
        let remote = Remote::socket("/").seed(SEED).patience(Patience::ENDLESS);
        let mut chance = Chance::seeded(SEED);
        let session = Arc::new(Session::stranger(&remote));
        let mut player = Self { net, session, chance: Chance::seeded(0), pool: Pool::new(None) };
        let greeting = Session::greeting();
        let stranger = Arc::clone(&player.session);
        let socket = player.net.dial();
        let greeted = Attempt::begin(&stranger, &greeting.request, Line::new(), false, &mut chance)
            .map_err(Error::from)
            .and_then(|mut attempt| {
                let result = player.exchange(socket, &mut attempt);
                result.map_err(|fault| Session::failed(&greeting.request, fault))?;
                let session = Session::greeted(&remote, attempt.conclude(&greeting)?)?;
                Ok((session, attempt))
            });
        match greeted {
            Ok((session, attempt)) => {
                player.session = Arc::new(session);
                player.chance = Chance::seeded(chance.draw());
                player.give_back(socket, attempt);
                Ok(player)
            }
            Err(error) => Err((Box::new(error), Box::new(player.net))),
        }
    }

    fn now(&self) -> Moment {
        self.net.now()
    }

    fn warm(&mut self) -> Option<(usize, Line)> {
        let net = &self.net;
        self.pool.take(net.now(), |socket, _| net.is_silent(*socket))
    }

    fn give_back(&mut self, socket: usize, attempt: Attempt) {
        match attempt.finish() {
            (line, Reuse::Yes) => self.pool.put(socket, line, self.net.now()),
            _ => self.net.close(socket),
        }
    }

    fn exchange(&mut self, socket: usize, attempt: &mut Attempt) -> Result<(), lxio_core::flow::Fault> {
        loop {
            match attempt.need()? {
                Need::Write(bytes) => match self.net.write(socket, bytes) {
                    Ok(count) => attempt.wrote(count),
                    Err(error) => attempt.write_failed(error),
                },
                Need::Read(space) => match self.net.read(socket, space) {
                    Some(Ok(count)) => attempt.read(count),
                    Some(Err(error)) => return Err(attempt.read_failed(error)),
                    None => {
                        if !self.net.advance(None) {
                            return Err(attempt.read_failed(io::ErrorKind::TimedOut.into()));
                        }
                    }
                },
                Need::Fill(_) => attempt.filled(0),
                Need::Take(bytes) => {
                    let count = bytes.len();
                    attempt.took(count);
                }
                Need::Done => return Ok(()),
            }
        }
    }

    fn live<C: IntoFlow>(&mut self, conversation: C) -> Live<C::Flow> {
        let drive = Drive::new(conversation.into_flow(), Arc::clone(&self.session), self.chance.fork());
        Live { drive, sockets: Vec::new(), items: VecDeque::new(), result: None, over: false }
    }

    fn start<C: IntoFlow>(&mut self, conversation: C) -> Result<Live<C::Flow>, Error> {
        let mut flow = conversation.into_flow();
        flow.live();
        let mut live = self.live(flow);
        loop {
            match live.turn(self, |drive| drive.flow().ready() || drive.fill(BODY).is_some()) {
                Turn::Item(item) => {
                    live.items.push_back(item);
                    if live.drive.flow().ready() {
                        return Ok(live);
                    }
                }
                Turn::Met => return Ok(live),
                Turn::Over if !live.items.is_empty() => return Ok(live),
                Turn::Over => return live.error().map_or(Ok(live), Err),
            }
        }
    }
}

/// A conversation that goes on.
struct Live<F: Flow> {
    drive: Drive<F>,
    sockets: Vec<Option<usize>>,
    items: VecDeque<F::Item>,
    result: Option<Result<F::Output, Error>>,
    over: bool,
}

enum Turn<I> {
    Item(I),
    Met,
    Over,
}

impl<F: Flow> Live<F> {
    fn turn(&mut self, player: &mut Player, mut met: impl FnMut(&mut Drive<F>) -> bool) -> Turn<F::Item> {
        if self.over {
            return Turn::Over;
        }
        loop {
            match self.drive.step(player.now()) {
                Step::Connect { slot, fresh, .. } => self.connect(player, slot, fresh),
                Step::Release { slot, line } => {
                    let socket = self.sockets.get_mut(usize::from(slot)).and_then(Option::take);
                    match (socket, line) {
                        (Some(socket), Some(line)) => player.pool.put(socket, line, player.net.now()),
                        (Some(socket), None) => player.net.close(socket),
                        _ => {}
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
                    if !self.move_bytes(player) && !player.net.advance(until) {
                        (self.result, self.over) = (Some(Err(Error::new(Cause::Stuck))), true);
                        self.leave(player);
                        return Turn::Over;
                    }
                }
            }
        }
    }

    fn connect(&mut self, player: &mut Player, slot: Slot, fresh: bool) {
        let at = usize::from(slot);
        while self.sockets.len() <= at {
            self.sockets.push(None);
        }
        if fresh {
            player.pool.clear();
        }
        let warm = player.warm();
        let is_warm = warm.is_some();
        let (socket, line) = warm.unwrap_or_else(|| (player.net.dial(), Line::new()));
        self.sockets[at] = Some(socket);
        self.drive.connected(slot, line, is_warm, player.now());
    }

    fn move_bytes(&mut self, player: &mut Player) -> bool {
        let mut moved = false;
        for (slot, socket) in (0..).zip(&self.sockets) {
            let Some(socket) = *socket else { continue };
            while let Some(bytes) = self.drive.outgoing(slot) {
                match player.net.write(socket, bytes) {
                    Ok(count) => self.drive.wrote(slot, count),
                    Err(error) => self.drive.write_failed(slot, error),
                }
                moved = true;
            }
            let Some(space) = self.drive.incoming(slot) else { continue };
            match player.net.read(socket, space) {
                Some(Ok(count)) => self.drive.read(slot, count),
                Some(Err(error)) => self.drive.read_failed(slot, error, player.net.now()),
                None => continue,
            }
            moved = true;
        }
        moved
    }

    fn item(&mut self, player: &mut Player) -> Option<Result<F::Item, Error>> {
        if let Some(item) = self.items.pop_front() {
            return Some(Ok(item));
        }
        match self.turn(player, |_| false) {
            Turn::Item(item) => Some(Ok(item)),
            Turn::Met => None,
            Turn::Over => self.error().map(Err),
        }
    }

    fn error(&mut self) -> Option<Error> {
        match self.result.take()? {
            Err(error) => Some(error),
            ok => {
                self.result = Some(ok);
                None
            }
        }
    }

    fn finish(mut self, player: &mut Player) -> Result<F::Output, Error> {
        loop {
            match self.turn(player, |drive| drive.take(BODY).is_some()) {
                Turn::Item(_) => {}
                Turn::Met => {
                    let count = self.drive.take(BODY).map_or(0, <[u8]>::len);
                    self.drive.took(BODY, count);
                }
                Turn::Over => return self.result.take().unwrap_or_else(|| Err(Error::new(Cause::Over))),
            }
        }
    }

    /// Closes what it holds, as dropping a handle does.
    fn leave(&mut self, player: &mut Player) {
        for socket in self.sockets.iter_mut().filter_map(Option::take) {
            player.net.close(socket);
        }
    }
}

impl Actor for Player {
    fn call<T>(&mut self, call: Call<T>) -> Result<T, Error> {
        let request = &call.request;
        self.session.check(request).map_err(|error| Error::from(error).at(request))?;
        let mut chance = Chance::seeded(0);
        let mut warm = self.warm();
        loop {
            let is_warm = warm.is_some();
            let (socket, buffers) = warm.take().unwrap_or_else(|| (self.net.dial(), Line::new()));
            let session = Arc::clone(&self.session);
            let mut attempt = Attempt::begin(&session, request, buffers, is_warm, &mut chance)
                .map_err(|error| Error::from(error).at(request))?;
            match self.exchange(socket, &mut attempt) {
                Ok(()) => {
                    let result = attempt.conclude(&call);
                    self.give_back(socket, attempt);
                    return result;
                }
                Err(fault) if attempt.may_repeat(request, &fault) => self.pool.clear(),
                Err(fault) => return Err(Session::failed(request, fault)),
            }
            self.net.close(socket);
        }
    }

    fn run<C>(&mut self, conversation: C) -> Result<<C::Flow as Flow>::Output, Error>
    where
        C: IntoFlow,
        C::Flow: Unattended,
    {
        self.live(conversation).finish(self)
    }

    fn push<T>(&mut self, upload: Upload<T>, mut reader: impl Read) -> Result<T, Error> {
        let mut live = self.start(upload)?;
        loop {
            if let Some(space) = live.drive.fill(BODY) {
                let count = reader.read(space).map_err(|error| Error::new(Cause::Input(error)))?;
                live.drive.filled(BODY, count);
                continue;
            }
            match live.turn(self, |drive| drive.fill(BODY).is_some() || drive.flow().ready()) {
                Turn::Met if live.drive.flow().ready() => break,
                Turn::Over => break,
                Turn::Met | Turn::Item(_) => {}
            }
        }
        live.finish(self)
    }

    fn pull<T>(&mut self, download: Download<T>, mut writer: impl Write) -> Result<T, Error> {
        let mut live = self.start(download)?;
        loop {
            if let Some(bytes) = live.drive.take(BODY) {
                let count = bytes.len();
                writer.write_all(bytes).map_err(|error| Error::new(Cause::Output(error)))?;
                live.drive.took(BODY, count);
            } else if let Turn::Over = live.turn(self, |drive| drive.take(BODY).is_some()) {
                return live.finish(self);
            }
        }
    }

    fn talk(&mut self, exec: Exec, acts: &[Act<'_>]) -> Result<Output, Error> {
        let mut live = self.start(exec)?;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        for act in acts {
            match act {
                Act::Write(bytes) => {
                    let mut rest = *bytes;
                    while !rest.is_empty() && !live.drive.flow().stdin_closed() {
                        let count = live.drive.flow_mut().push_stdin(rest);
                        rest = &rest[count..];
                        let free = |drive: &mut Drive<Exec>| {
                            drive.flow().stdin_ready() || drive.flow().stdin_closed()
                        };
                        if count == 0
                            && let Turn::Item(piece) = live.turn(self, free)
                        {
                            live.items.push_back(piece);
                        }
                    }
                }
                Act::Close => live.drive.flow_mut().close_stdin(),
                Act::Await(count) => {
                    while stdout.len() < *count
                        && let Some(piece) = live.item(self)
                    {
                        keep(&piece?, &mut stdout, &mut stderr);
                    }
                }
                Act::Signal(number) => live.drive.flow_mut().signal(*number),
                Act::Fault => {}
            }
        }
        while let Some(piece) = live.item(self) {
            keep(&piece?, &mut stdout, &mut stderr);
        }
        let mut output = live.finish(self)?;
        (output.stdout, output.stderr) = (stdout, stderr);
        Ok(output)
    }

    fn watch<R>(
        &mut self,
        events: EventsHandle,
        deed: impl FnOnce(&mut Self) -> R,
        count: usize,
    ) -> (Option<R>, Vec<Event>, Option<Error>) {
        let mut live = match self.start(events) {
            Ok(live) => live,
            Err(error) => return (None, Vec::new(), Some(error)),
        };
        let done = deed(self);
        let (mut seen, mut end) = (Vec::new(), None);
        while seen.len() < count && end.is_none() {
            match live.item(self) {
                Some(Ok(event)) => seen.push(event),
                Some(Err(error)) => end = Some(error),
                None => break,
            }
        }
        live.leave(self);
        (Some(done), seen, end)
    }
}
