use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use lxio_core::bytes::Moment;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::server::Shared;
use super::wire::{Listener, Place, Wire};
use crate::{Close, Conn, Daemon};

/// How much is read at once.
const PIECE: usize = 64 << 10;
/// How often one connection is read or written before others have their turn.
const ROUNDS: usize = 16;

/// When it tries again to listen.
const AGAIN: Duration = Duration::from_millis(20);

/// The loop between sockets and daemon.
pub(super) struct Turn {
    shared: Arc<Shared>,
    /// Where it listens, and what listens there while the daemon lives.
    listeners: Vec<(Place, Option<Listener>)>,
    woken: UnixStream,
    wires: BTreeMap<Conn, Socket>,
    began: Instant,
    space: Vec<u8>,
}

struct Socket {
    wire: Wire,
    /// Its end has come.
    ended: bool,
    /// The system has no room for what is to be written.
    full: bool,
    /// Something may be there to be read.
    readable: bool,
    /// The client is gone in both directions.
    lost: bool,
}

impl Turn {
    pub(super) fn new(shared: Arc<Shared>, woken: UnixStream) -> Self {
        Self {
            shared,
            listeners: Vec::new(),
            woken,
            wires: BTreeMap::new(),
            began: Instant::now(),
            space: vec![0; PIECE],
        }
    }

    pub(super) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        while !shared.stop.load(Ordering::SeqCst) {
            let mut daemon = shared.daemon();
            let now = Moment::at(self.began.elapsed());
            daemon.advance(now);
            self.listen(daemon.is_alive());
            self.accept(&mut daemon, now);
            let conns: Vec<_> = self.wires.keys().copied().collect();
            let mut busy = false;
            for conn in &conns {
                busy |= self.take(&mut daemon, *conn, now);
            }
            for conn in conns {
                busy |= self.give(&mut daemon, conn, now);
            }
            let open: Vec<_> = self.wires.keys().map(|conn| daemon.window(*conn) > 0).collect();
            // What TLS has read already, no poll tells of.
            busy |= self.wires.values().zip(&open).any(|(it, open)| *open && it.readable && !it.ended);
            let mut wait = daemon.next().map(|next| next.since(now));
            if busy {
                wait = Some(Duration::ZERO);
            } else if daemon.is_alive() && !shared.listens.load(Ordering::SeqCst) {
                // Somebody else has its address now.
                wait = Some(wait.unwrap_or(AGAIN).min(AGAIN));
            }
            drop(daemon);
            if self.sleep(&open, wait).is_err() {
                break;
            }
        }
        shared.listens.store(false, Ordering::SeqCst);
    }

    /// Listens while the daemon lives; a dead one's socket refuses.
    fn listen(&mut self, alive: bool) {
        self.listeners.extend(self.shared.opened().drain(..).map(|(place, it)| (place, Some(it))));
        for (place, listener) in &mut self.listeners {
            if !alive {
                *listener = None;
            } else if listener.is_none() {
                *listener = Listener::bind(place).ok();
            }
        }
        let listens = self.listeners.iter().all(|(_, it)| it.is_some());
        self.shared.listens.store(listens, Ordering::SeqCst);
    }

    fn accept(&mut self, daemon: &mut Daemon, now: Moment) {
        for listener in self.listeners.iter().filter_map(|(_, it)| it.as_ref()) {
            while let Ok(wire) = listener.accept() {
                if let Some(conn) = daemon.connect(now) {
                    let socket = Socket { wire, ended: false, full: false, readable: true, lost: false };
                    self.wires.insert(conn, socket);
                }
            }
        }
    }

    /// Gives the daemon what has come on a connection; whether there may be more.
    fn take(&mut self, daemon: &mut Daemon, conn: Conn, now: Moment) -> bool {
        let Some(socket) = self.wires.get_mut(&conn) else { return false };
        for _ in 0..ROUNDS {
            let window = daemon.window(conn).min(PIECE);
            if socket.lost && (socket.ended || window == 0) {
                daemon.reset(conn, now);
                self.wires.remove(&conn);
                return true;
            }
            if !socket.readable || socket.ended || window == 0 {
                return false;
            }
            match socket.wire.read(&mut self.space[..window]) {
                Ok(0) => {
                    socket.ended = true;
                    daemon.ended(conn, now);
                }
                Ok(count) => {
                    if let Some(peer) = socket.wire.introduction() {
                        daemon.introduce(conn, peer);
                    }
                    daemon.receive(conn, &self.space[..count], now);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.readable = false,
                Err(_) => {
                    daemon.reset(conn, now);
                    self.wires.remove(&conn);
                    return false;
                }
            }
        }
        true
    }

    /// Sends what the daemon has to send on a connection; whether anything left, since that may make room for
    /// more, here or elsewhere.
    fn give(&mut self, daemon: &mut Daemon, conn: Conn, now: Moment) -> bool {
        let Some(socket) = self.wires.get_mut(&conn) else { return false };
        let mut moved = false;
        for _ in 0..ROUNDS {
            let bytes = daemon.outgoing(conn);
            if bytes.is_empty() || socket.full {
                break;
            }
            match socket.wire.write(bytes) {
                Ok(count) => {
                    moved = true;
                    daemon.sent(conn, count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.full = true,
                Err(_) => {
                    daemon.reset(conn, now);
                    self.wires.remove(&conn);
                    return true;
                }
            }
        }
        // If it cannot leave at all, that shows when there is more.
        socket.full |= matches!(socket.wire.flush(), Ok(false));
        let at_once = |close: &Close| *close == Close::Reset || !daemon.is_alive();
        if let Some(close) = daemon.closing(conn).filter(|close| !socket.full || at_once(close)) {
            daemon.forget(conn);
            if let Some(mut socket) = self.wires.remove(&conn) {
                // One that was killed says no goodbye.
                if daemon.is_alive() && close == Close::End {
                    socket.wire.say_goodbye();
                }
                socket.wire.close(close);
            }
            return true;
        }
        moved
    }

    /// Waits for sockets, for a moment, for somebody who has something to say.
    fn sleep(&mut self, open: &[bool], wait: Option<Duration>) -> io::Result<()> {
        let mut polled = vec![PollFd::new(&self.woken, PollFlags::IN)];
        let listeners = self.listeners.iter().filter_map(|(_, it)| it.as_ref());
        polled.extend(listeners.map(|it| PollFd::new(it, PollFlags::IN)));
        let before = polled.len();
        for (socket, open) in self.wires.values().zip(open) {
            let mut wanted = PollFlags::empty();
            wanted.set(PollFlags::IN, *open && !socket.ended);
            wanted.set(PollFlags::OUT, socket.full);
            polled.push(PollFd::new(&socket.wire, wanted));
        }
        let timeout = wait.map(|it| Timespec {
            tv_sec: i64::try_from(it.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: it.subsec_nanos().into(),
        });
        match poll(&mut polled, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let heard: Vec<_> = polled.iter().map(PollFd::revents).collect();
        drop(polled);
        if !heard[0].is_empty() {
            let mut bytes = [0; 64];
            while matches!(self.woken.read(&mut bytes), Ok(count) if count > 0) {}
        }
        for (socket, heard) in self.wires.values_mut().zip(&heard[before..]) {
            socket.lost |= heard.intersects(PollFlags::HUP | PollFlags::ERR);
            socket.readable |= socket.lost || heard.contains(PollFlags::IN);
            socket.full &= !socket.lost && !heard.contains(PollFlags::OUT);
        }
        Ok(())
    }
}
