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
use crate::{Conn, Daemon};

/// How much is read at once.
const PIECE: usize = 64 << 10;
/// How often one connection is read or written before others have their turn.
const ROUNDS: usize = 16;

/// The loop between sockets and daemon.
pub(super) struct Turn {
    shared: Arc<Shared>,
    place: Place,
    listener: Option<Listener>,
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
    pub(super) fn new(shared: Arc<Shared>, place: Place, listener: Listener, woken: UnixStream) -> Self {
        Self {
            shared,
            place,
            listener: Some(listener),
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
            let wait = if busy { Some(Duration::ZERO) } else { daemon.next().map(|next| next.since(now)) };
            let open: Vec<_> = self.wires.keys().map(|conn| daemon.window(*conn) > 0).collect();
            drop(daemon);
            if self.sleep(&open, wait).is_err() {
                break;
            }
        }
        shared.listens.store(false, Ordering::SeqCst);
    }

    /// Listens while the daemon lives; a dead one's socket refuses.
    fn listen(&mut self, alive: bool) {
        if !alive {
            self.listener = None;
        } else if self.listener.is_none() {
            self.listener = Listener::bind(&self.place).ok();
        }
        self.shared.listens.store(self.listener.is_some(), Ordering::SeqCst);
    }

    fn accept(&mut self, daemon: &mut Daemon, now: Moment) {
        let Some(listener) = &self.listener else { return };
        while let Ok(wire) = listener.accept() {
            if let Some(conn) = daemon.connect(now) {
                self.wires
                    .insert(conn, Socket { wire, ended: false, full: false, readable: true, lost: false });
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
                Ok(count) => daemon.receive(conn, &self.space[..count], now),
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
        if let Some(close) = daemon.closing(conn) {
            daemon.forget(conn);
            if let Some(socket) = self.wires.remove(&conn) {
                socket.wire.close(close);
            }
            return true;
        }
        moved
    }

    /// Waits for sockets, for a moment, for somebody who has something to say.
    fn sleep(&mut self, open: &[bool], wait: Option<Duration>) -> io::Result<()> {
        let mut polled = vec![PollFd::new(&self.woken, PollFlags::IN)];
        polled.extend(self.listener.as_ref().map(|it| PollFd::new(it, PollFlags::IN)));
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
