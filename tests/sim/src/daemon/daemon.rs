use std::collections::{BTreeMap, BTreeSet, VecDeque};

use lxio_core::bytes::Moment;

use super::connection::{Connection, Phase};
use super::{Close, Peer, Scripted, Seen};
use crate::Setup;
use crate::certificate::Certificate;
use crate::http::Date;
use crate::world::World;

/// More is not taken from a connection until some of it is used.
const WINDOW: usize = 64 << 10;

/// A connection of a [`Daemon`]'s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Conn(u64);

/// A simulated daemon: a machine that a driver gives bytes and moments, and takes bytes from.
///
/// Time is what the driver says, and never goes back. Equal calls in equal order give equal bytes.
///
/// ```
/// use lxio_core::bytes::Moment;
/// use lxio_sim::{Daemon, Setup};
///
/// let mut daemon = Daemon::new(Setup::incus());
/// let now = Moment::default();
/// let conn = daemon.connect(now).expect("it lives");
/// daemon.receive(conn, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", now);
/// assert!(daemon.outgoing(conn).starts_with(b"HTTP/1.1 200 OK\r\n"));
/// ```
#[derive(Debug)]
pub struct Daemon {
    pub(super) world: World,
    pub(super) connections: BTreeMap<Conn, Connection>,
    /// Moments at which connections are to be looked at.
    pub(super) wakes: BTreeSet<(Moment, Conn)>,
    /// Connections that wait for the end of an operation.
    pub(super) waiting: BTreeSet<Conn>,
    /// Connections that are no longer at requests.
    pub(super) sockets: BTreeSet<Conn>,
    pub(super) scripts: VecDeque<Scripted>,
    pub(super) date: Date,
    alive: bool,
    count: u64,
    /// Requests that were whole.
    pub(super) requests: u64,
    /// Those requests, if they are to be kept.
    pub(super) journal: Option<Vec<Seen>>,
}

impl Daemon {
    /// A daemon as it is after its installation: a storage pool `default`, the `default` profile with a root
    /// disk in it, a container image with the alias `busybox`; no instances.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        Self {
            world: World::new(setup),
            connections: BTreeMap::new(),
            wakes: BTreeSet::new(),
            waiting: BTreeSet::new(),
            sockets: BTreeSet::new(),
            scripts: VecDeque::new(),
            date: Date::default(),
            alive: true,
            count: 0,
            requests: 0,
            journal: None,
        }
    }

    /// A client on the same host connects. `None` when the daemon is dead: nobody listens.
    pub fn connect(&mut self, now: Moment) -> Option<Conn> {
        self.connect_as(Peer::Local, now)
    }

    /// A client connects. `None` when the daemon is dead: nobody listens.
    pub fn connect_as(&mut self, peer: Peer, now: Moment) -> Option<Conn> {
        if !self.alive {
            return None;
        }
        self.advance(now);
        self.count += 1;
        let conn = Conn(self.count);
        self.connections.insert(conn, Connection { peer, ..Connection::default() });
        self.rest(conn);
        Some(conn)
    }

    /// Who has connected is known only now.
    pub(crate) fn introduce(&mut self, conn: Conn, peer: Peer) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.peer = peer;
        }
    }

    pub(crate) const fn setup(&self) -> &Setup {
        &self.world.setup
    }

    /// It listens at this address of the network, too, and shows this certificate.
    pub(crate) fn serve_network(&mut self, address: &str, certificate: Certificate) {
        self.world.setup.certificate = Some(certificate);
        self.world.state.server.config.insert("core.https_address".into(), address.into());
    }

    /// The certificate that it shows on the network, PEM, and the fingerprint by which clients know it.
    #[must_use]
    pub fn certificate(&self) -> (String, String) {
        let (pem, fingerprint) = self.world.server_certificate();
        (pem.to_owned(), fingerprint)
    }

    /// All connections that are not over.
    pub fn connections(&self) -> impl Iterator<Item = Conn> {
        self.connections.keys().copied()
    }

    /// How many bytes it takes from a connection now; 0 when it has enough to do. A driver gives it no more.
    #[must_use]
    pub fn window(&self, conn: Conn) -> usize {
        let Some(connection) = self.connections.get(&conn) else { return 0 };
        if connection.close.is_some() {
            return 0;
        }
        match &connection.phase {
            Phase::Deaf => 0,
            // A body is taken as fast as it comes.
            Phase::Requests => WINDOW,
            Phase::Waiting { .. } | Phase::Scripted(_) | Phase::Stream(_) => {
                WINDOW.saturating_sub(connection.intake.waiting())
            }
            Phase::Socket { reader, .. } => WINDOW.saturating_sub(reader.waiting()),
        }
    }

    /// Bytes from the client.
    pub fn receive(&mut self, conn: Conn, bytes: &[u8], now: Moment) {
        self.advance(now);
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        match &mut connection.phase {
            Phase::Deaf => {}
            Phase::Socket { reader, .. } => reader.push(bytes),
            Phase::Requests | Phase::Waiting { .. } | Phase::Stream(..) | Phase::Scripted(_) => {
                connection.intake.push(bytes);
            }
        }
        self.serve(conn);
        self.settle();
    }

    /// The client has ended its direction: nothing more comes from it.
    pub fn ended(&mut self, conn: Conn, now: Moment) {
        self.advance(now);
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.ended = true;
            self.serve(conn);
            self.settle();
        }
    }

    /// The client is gone, in both directions.
    pub fn reset(&mut self, conn: Conn, now: Moment) {
        self.advance(now);
        self.gone(conn);
        self.settle();
    }

    /// What is to be sent next on a connection.
    #[must_use]
    pub fn outgoing(&self, conn: Conn) -> &[u8] {
        self.connections.get(&conn).map(|it| it.out.front()).unwrap_or_default()
    }

    /// The first `count` bytes of [`outgoing`](Self::outgoing) have left.
    pub fn sent(&mut self, conn: Conn, count: usize) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        connection.out.sent(count);
        if self.sockets.contains(&conn) {
            self.refill(conn);
        }
    }

    /// How the connection ends, once all of [`outgoing`](Self::outgoing) has left; then say
    /// [`forget`](Self::forget).
    #[must_use]
    pub fn closing(&self, conn: Conn) -> Option<Close> {
        let connection = self.connections.get(&conn)?;
        let close = connection.close.filter(|close| *close == Close::Reset || connection.out.len() == 0)?;
        Some(if connection.unread { Close::Reset } else { close })
    }

    /// The driver has ended the connection.
    pub fn forget(&mut self, conn: Conn) {
        self.gone(conn);
        self.settle();
    }

    /// When it does something by itself next. A driver calls [`advance`](Self::advance) then.
    #[must_use]
    pub fn next(&self) -> Option<Moment> {
        let wake = self.wakes.first().map(|(moment, _)| *moment);
        [wake, self.world.next()].into_iter().flatten().min()
    }

    /// Time has passed.
    pub fn advance(&mut self, now: Moment) {
        while let Some(next) = self.next().filter(|next| *next <= now) {
            self.world.advance(next);
            self.wake(next);
            self.settle();
        }
        self.world.advance(now);
    }

    /// Ends it as SIGKILL does: connections are cut, operations are lost; instances go on.
    pub fn kill(&mut self) {
        self.alive = false;
        self.world.die();
        self.waiting.clear();
        self.sockets.clear();
        self.wakes.clear();
        for connection in self.connections.values_mut() {
            connection.out.clear();
            connection.phase = Phase::Deaf;
            connection.close = Some(Close::End);
            connection.wake = None;
        }
    }

    /// Starts it again after [`kill`](Self::kill).
    pub const fn start(&mut self) {
        self.alive = true;
    }

    /// Whether it lives.
    #[must_use]
    pub const fn is_alive(&self) -> bool {
        self.alive
    }

    /// Puts an answer in place of the daemon's own: the first of these to the next request that comes, the
    /// second to the one after it.
    pub fn next_reply(&mut self, reply: Scripted) {
        self.scripts.push_back(reply);
    }

    /// How many requests have come.
    #[must_use]
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// Keeps the requests that come from now on.
    pub fn keep_journal(&mut self) {
        self.journal.get_or_insert_default();
    }

    /// The requests that came since [they are kept](Self::keep_journal), in order.
    #[must_use]
    pub fn journal(&self) -> &[Seen] {
        self.journal.as_deref().unwrap_or_default()
    }

    /// What was asked for that is not simulated, and how often: `"GET /1.0/networks/n/leases"`. It was
    /// answered by 404 or 501.
    #[must_use]
    pub const fn unknown(&self) -> &BTreeMap<String, u64> {
        &self.world.unknown
    }
}
