use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use lxio_core::bytes::{Chance, Moment};

use super::lane::{Freight, Lane};
use super::link::Link;
use super::{Faults, Trace, What};
use crate::{Close, Daemon, Peer};

/// What is to happen to the daemon.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arranged {
    Kill,
    Start,
}

/// Everything that is not a client: connections, the daemon, and the time.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) daemon: Daemon,
    pub(crate) faults: Faults,
    /// Who connects from now on.
    pub(crate) peer: Peer,
    /// What has passed, if that is to be kept.
    pub(crate) trace: Option<Vec<Trace>>,
    now: Moment,
    chance: Chance,
    links: BTreeMap<u64, Link>,
    count: u64,
    /// What was arranged: the daemon is killed or started.
    arranged: BTreeMap<Moment, Vec<Arranged>>,
}

impl Network {
    pub(crate) const fn new(daemon: Daemon, faults: Faults, chance: Chance) -> Self {
        Self {
            daemon,
            faults,
            peer: Peer::Local,
            trace: None,
            now: Moment::at(Duration::ZERO),
            chance,
            links: BTreeMap::new(),
            count: 0,
            arranged: BTreeMap::new(),
        }
    }

    pub(crate) const fn now(&self) -> Moment {
        self.now
    }

    /// How many connections there are that are not over on both sides.
    pub(crate) fn len(&self) -> usize {
        self.links.len()
    }

    /// When something happens next.
    pub(crate) fn next(&self) -> Option<Moment> {
        let lanes = self.links.values().flat_map(|link| [link.up.next(), link.down.next()]);
        let arranged = self.arranged.first_key_value().map(|(due, _)| *due);
        let next = lanes.chain([arranged, self.daemon.next()]).flatten().min();
        // Whoever was late is due now.
        next.map(|next| next.max(self.now))
    }

    /// Goes to this moment and lets happen what is due by then.
    pub(crate) fn advance(&mut self, to: Moment) {
        self.now = self.now.max(to);
        let now = self.now;
        while let Some(entry) = self.arranged.first_entry().filter(|it| *it.key() <= now) {
            for what in entry.remove() {
                match what {
                    Arranged::Kill => self.kill(),
                    Arranged::Start => self.start(),
                }
            }
        }
        for (id, link) in &mut self.links {
            while let Some(freight) =
                link.up.take(now, link.conn.map_or(usize::MAX, |conn| self.daemon.window(conn)))
            {
                let Some(conn) = link.conn else { continue };
                match &freight {
                    Freight::Bytes(bytes) => self.daemon.receive(conn, bytes, now),
                    Freight::End => self.daemon.ended(conn, now),
                    Freight::Gone | Freight::Reset => {
                        self.daemon.reset(conn, now);
                        link.conn = None;
                    }
                }
                if matches!(freight, Freight::Reset) {
                    note(&mut self.trace, now, *id, || What::Reset);
                    link.tear();
                }
            }
            while let Some(freight) = link.down.take(now, usize::MAX) {
                match freight {
                    Freight::Bytes(bytes) => link.arrive(bytes),
                    Freight::End => link.end(false),
                    Freight::Gone => link.end(true),
                    Freight::Reset => {
                        note(&mut self.trace, now, *id, || What::Reset);
                        link.tear();
                        if let Some(conn) = link.conn.take() {
                            self.daemon.reset(conn, now);
                        }
                    }
                }
            }
        }
        self.daemon.advance(now);
        self.pump();
    }

    /// Takes what the daemon has to say, as far as there is room.
    fn pump(&mut self) {
        let now = self.now;
        for (id, link) in &mut self.links {
            let Some(conn) = link.conn else { continue };
            loop {
                let bytes = self.daemon.outgoing(conn);
                let count = bytes.len().min(link.room_down());
                if count == 0 {
                    break;
                }
                note(&mut self.trace, now, *id, || What::Down(bytes[..count].to_vec()));
                link.down.put(&bytes[..count], now, &self.faults, &mut self.chance);
                self.daemon.sent(conn, count);
            }
            if let Some(close) = self.daemon.closing(conn) {
                let due = now.plus(self.faults.travel(&mut self.chance));
                match close {
                    Close::End => {
                        note(&mut self.trace, now, *id, || What::Ended);
                        link.down.finish(Freight::Gone, due);
                    }
                    Close::Reset => link.down.reset(due),
                }
                self.daemon.forget(conn);
                link.conn = None;
            }
            // The daemon may listen again.
            link.up.blocked &= link.conn.is_some_and(|conn| self.daemon.window(conn) == 0);
        }
        self.links.retain(|_, link| !link.closed || link.conn.is_some());
    }

    /// How long a dial takes.
    pub(crate) fn dial_time(&mut self) -> Duration {
        self.faults.travel(&mut self.chance)
    }

    /// Connects a client.
    pub(super) fn dial(&mut self) -> io::Result<u64> {
        let refused = self.faults.refuses(&mut self.chance);
        let conn = if refused { None } else { self.daemon.connect_as(self.peer.clone(), self.now) };
        let Some(conn) = conn else {
            note(&mut self.trace, self.now, 0, || What::Refused);
            return Err(io::ErrorKind::ConnectionRefused.into());
        };
        self.count += 1;
        note(&mut self.trace, self.now, self.count, || What::Connected);
        let [up, down] = self.faults.fates(&mut self.chance).map(Lane::new);
        self.links.insert(self.count, Link::new(conn, up, down));
        Ok(self.count)
    }

    pub(super) fn write(&mut self, link: u64, bytes: &[u8]) -> io::Result<usize> {
        let Some(it) = self.links.get_mut(&link) else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let count = it.writable(bytes)?;
        note(&mut self.trace, self.now, link, || What::Up(bytes[..count].to_vec()));
        it.up.put(&bytes[..count], self.now, &self.faults, &mut self.chance);
        Ok(count)
    }

    pub(super) fn read(&mut self, link: u64, space: &mut [u8]) -> io::Result<usize> {
        let Some(it) = self.links.get_mut(&link) else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let full = it.room_down() == 0;
        let count = it.read(space)?;
        if full {
            self.pump();
        }
        Ok(count)
    }

    pub(super) fn is_silent(&self, link: u64) -> bool {
        self.links.get(&link).is_some_and(Link::is_silent)
    }

    /// The client lets go of a connection. What it wrote still arrives.
    pub(super) fn close(&mut self, link: u64) {
        let Some(it) = self.links.get_mut(&link) else { return };
        note(&mut self.trace, self.now, link, || What::Closed);
        it.close();
        if it.up.is_open() {
            it.up.finish(Freight::Gone, self.now.plus(self.faults.travel(&mut self.chance)));
        } else if let Some(conn) = it.conn.take() {
            // Its direction had ended before, so nothing on it can tell the daemon.
            self.daemon.reset(conn, self.now);
        }
        if it.conn.is_none() {
            self.links.remove(&link);
        }
    }

    /// Ends the daemon at once.
    pub(crate) fn kill(&mut self) {
        note(&mut self.trace, self.now, 0, || What::Killed);
        self.daemon.advance(self.now);
        self.daemon.kill();
        self.pump();
    }

    /// Starts the daemon again.
    pub(crate) fn start(&mut self) {
        note(&mut self.trace, self.now, 0, || What::Started);
        self.daemon.advance(self.now);
        self.daemon.start();
    }

    /// Lets something happen after a while.
    pub(crate) fn arrange(&mut self, after: Duration, what: Arranged) {
        self.arranged.entry(self.now.plus(after)).or_default().push(what);
    }
}

fn note(trace: &mut Option<Vec<Trace>>, at: Moment, link: u64, what: impl FnOnce() -> What) {
    if let Some(trace) = trace {
        trace.push(Trace { at, link, what: what() });
    }
}
