use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use lxio_core::bytes::Moment;
use lxio_core::flow::{Flow, Slot};
use lxio_core::session::{Cause, Drive, Error, Step};
use lxio_core::wire::Line;

use super::Client;
use crate::network::Socket;

/// A flow and its sockets.
pub(super) struct Conversation<F: Flow> {
    pub(super) drive: Drive<F>,
    pub(super) client: Client,
    sockets: Vec<Option<Socket>>,
    /// Connections that are being made, and when they are.
    dials: Vec<(Slot, Moment)>,
    /// Items that came while something else was waited for.
    pub(super) items: VecDeque<F::Item>,
    pub(super) result: Option<Result<F::Output, Error>>,
    over: bool,
}

/// What a conversation has come to.
pub(super) enum Turn<I> {
    /// An item for the caller.
    Item(I),
    /// What the caller waits for has come.
    Met,
    /// It waits for others, perhaps until a moment.
    Blocked(Option<Moment>),
    /// It is over; the result is kept.
    Over,
}

impl<F: Flow> Conversation<F> {
    pub(super) fn new(flow: F, client: Client) -> Self {
        Self {
            drive: Drive::new(flow, Arc::clone(client.shared_session()), client.chance()),
            client,
            sockets: Vec::new(),
            dials: Vec::new(),
            items: VecDeque::new(),
            result: None,
            over: false,
        }
    }

    /// Goes on until there is an item, until `met` says that what the caller waits for has come, until others
    /// are to do something, or to the end.
    pub(super) fn go(&mut self, met: &mut dyn FnMut(&mut Drive<F>) -> bool) -> Turn<F::Item> {
        if self.over {
            return Turn::Over;
        }
        loop {
            let now = self.client.core().now();
            match self.drive.step(now) {
                Step::Connect { slot, origin: Some(_), .. } => {
                    let why = "there is no other server in the simulation";
                    self.drive.dial_failed(slot, io::Error::other(why), now);
                }
                Step::Connect { slot, fresh, origin: None } => self.connect(slot, fresh, now),
                Step::Release { slot, line } => {
                    self.dials.retain(|(dialled, _)| *dialled != slot);
                    let socket = self.sockets.get_mut(usize::from(slot)).and_then(Option::take);
                    if let (Some(socket), Some(line)) = (socket, line) {
                        self.client.rest(socket, line);
                    }
                }
                Step::Item(item) => return Turn::Item(item),
                Step::Done(result) => {
                    self.end(result);
                    return Turn::Over;
                }
                Step::Blocked(until) => {
                    if met(&mut self.drive) {
                        return Turn::Met;
                    }
                    if self.dialled(now) || self.move_bytes(now) {
                        continue;
                    }
                    let until = self.dials.iter().map(|(_, due)| *due).chain(until).min();
                    if until.is_none() && !self.listens() {
                        // Nobody but the caller could move it, and the caller waits for it.
                        self.end(Err(Error::new(Cause::Stuck)));
                        return Turn::Over;
                    }
                    return Turn::Blocked(until);
                }
            }
        }
    }

    /// It is over, with its connections.
    pub(super) fn end(&mut self, result: Result<F::Output, Error>) {
        (self.result, self.over) = (Some(result), true);
        self.sockets.clear();
        self.dials.clear();
    }

    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    /// The error that it came to, once; a good end stays.
    pub(super) fn error(&mut self) -> Option<Error> {
        self.result.take_if(|result| result.is_err()).and_then(Result::err)
    }

    fn connect(&mut self, slot: Slot, fresh: bool, now: Moment) {
        if fresh {
            self.client.forget();
        } else if let Some((socket, line)) = self.client.warm() {
            self.place(slot, socket);
            self.drive.connected(slot, line, true, now);
            return;
        }
        let time = self.client.core().network().dial_time();
        self.dials.push((slot, now.plus(time)));
    }

    fn place(&mut self, slot: Slot, socket: Socket) {
        let at = usize::from(slot);
        while self.sockets.len() <= at {
            self.sockets.push(None);
        }
        self.sockets[at] = Some(socket);
    }

    /// Makes the connections whose time has come; whether there were any.
    fn dialled(&mut self, now: Moment) -> bool {
        let Some(at) = self.dials.iter().position(|(_, due)| *due <= now) else { return false };
        let (slot, _) = self.dials.remove(at);
        match Socket::dial(self.client.core()) {
            Ok(socket) => {
                self.place(slot, socket);
                self.drive.connected(slot, Line::new(), false, now);
            }
            Err(error) => self.drive.dial_failed(slot, error, now),
        }
        true
    }

    /// Writes and reads what can be; whether anything moved.
    fn move_bytes(&mut self, now: Moment) -> bool {
        let mut moved = false;
        for (slot, socket) in (0..).zip(&self.sockets) {
            let Some(socket) = socket else { continue };
            while let Some(bytes) = self.drive.outgoing(slot) {
                match socket.write(bytes) {
                    Ok(count) => self.drive.wrote(slot, count),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => self.drive.write_failed(slot, error),
                }
                moved = true;
            }
            let Some(space) = self.drive.incoming(slot) else { continue };
            match socket.read(space) {
                Ok(count) => self.drive.read(slot, count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => self.drive.read_failed(slot, error, now),
            }
            moved = true;
        }
        moved
    }

    /// Whether anything from outside could move it.
    fn listens(&mut self) -> bool {
        (0..).zip(&self.sockets).any(|(slot, socket)| {
            socket.is_some() && (self.drive.outgoing(slot).is_some() || self.drive.incoming(slot).is_some())
        })
    }
}
