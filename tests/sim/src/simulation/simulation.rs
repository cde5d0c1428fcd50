use std::rc::Rc;
use std::time::Duration;

use lxio_core::bytes::{Chance, Moment};
use lxio_core::session::{Error, Remote};

use super::{Client, Core};
use crate::network::{Arranged, Network};
use crate::{Daemon, Faults, Peer, Scripted, Setup, Trace};

/// Clients, a network and a daemon in one thread and in virtual time. The same seed and the same calls give the
/// same bytes at the same moments.
///
/// ```
/// use lxio_core::api::{profile, profiles};
/// use lxio_core::model::ProfileCreate;
/// use lxio_sim::Simulation;
///
/// let sim = Simulation::seeded(7);
/// let client = sim.client()?;
/// client.run(profiles().create(&ProfileCreate::new("web")))?;
/// assert!(client.call(profile("web").exists())?);
/// # Ok::<(), lxio_core::session::Error>(())
/// ```
///
/// A test of your own automation: what does it do when the daemon is restarted in the middle of it?
///
/// ```
/// use std::time::Duration;
/// use lxio_core::api::{profile, profiles};
/// use lxio_core::model::ProfileCreate;
/// use lxio_sim::{Faults, Setup, Simulation};
///
/// let sim = Simulation::new(Setup::lxd().seed(7));
/// let client = sim.client()?;
/// client.run(profiles().create(&ProfileCreate::new("web")))?;
///
/// sim.kill();
/// assert!(client.call(profile("web").get()).is_err());
/// sim.restart();
/// assert!(client.call(profile("web").exists())?, "what was there is there");
///
/// let mut faults = Faults::default();
/// faults.cut = 1.0;
/// sim.set_faults(faults);
/// sim.pass(Duration::from_secs(30));
/// let _ = client.call(profile("web").get()); // fails more often than not
/// # Ok::<(), lxio_core::session::Error>(())
/// ```
pub struct Simulation {
    core: Rc<Core>,
    seed: u64,
    clients: std::cell::Cell<u64>,
}

impl Simulation {
    /// With an Incus; everything that is chance follows from `seed`.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::new(Setup::incus().seed(seed))
    }

    /// With this daemon; everything that is chance follows from its seed.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let mut chance = Chance::seeded(setup.seed);
        let (seed, network) = (chance.draw(), chance.fork());
        let network = Network::new(Daemon::new(setup), Faults::default(), network);
        Self { core: Rc::new(Core::new(network)), seed, clients: std::cell::Cell::new(0) }
    }

    /// With these faults from now on: those of connections are drawn when they are made.
    #[must_use]
    pub fn faults(self, faults: Faults) -> Self {
        self.set_faults(faults);
        self
    }

    /// Changes the faults from now on: those of connections are drawn when they are made.
    pub fn set_faults(&self, faults: Faults) {
        self.core.network().faults = faults;
    }

    /// Takes connections as those of this peer from now on. Those that are open stay whose they are.
    pub fn set_peer(&self, peer: Peer) {
        self.core.network().peer = peer;
    }

    /// Gives up on whatever takes longer than this, with [`Cause::Stuck`](lxio_core::session::Cause::Stuck).
    /// Default one hour.
    #[must_use]
    pub fn patience(self, time: Duration) -> Self {
        self.core.patience.set(time);
        self
    }

    /// Connects a client and greets the daemon.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn client(&self) -> Result<Client, Error> {
        self.connect(Remote::local())
    }

    /// Connects a client that has wishes: limits, a project, a seed. Where the server is counts for nothing: there
    /// is but one.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn connect(&self, remote: impl Into<Remote>) -> Result<Client, Error> {
        self.clients.set(self.clients.get() + 1);
        Client::connect(&self.core, &remote.into(), self.seed.wrapping_add(self.clients.get()))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.core.now()
    }

    /// Lets a while pass, with all that happens in it: tasks go on, the daemon too.
    pub fn pass(&self, time: Duration) {
        self.core.pass(time);
    }

    /// Lets happen what happens next, by `end` at the latest; `false` if nothing does.
    pub fn turn(&self, end: Moment) -> bool {
        self.core.turn_by(end)
    }

    /// Ends the daemon as SIGKILL does: connections end, operations are lost.
    pub fn kill(&self) {
        self.core.network().kill();
    }

    /// Starts the daemon, which ends the one that runs.
    pub fn restart(&self) {
        let mut network = self.core.network();
        if network.daemon.is_alive() {
            network.kill();
        }
        network.start();
    }

    /// Ends the daemon after a while, whatever goes on then, and starts it so much later.
    pub fn outage(&self, after: Duration, lasting: Duration) {
        let mut network = self.core.network();
        network.arrange(after, Arranged::Kill);
        network.arrange(after + lasting, Arranged::Start);
    }

    /// Puts an answer in place of the daemon's own: the first of these to the next request that comes.
    pub fn next_reply(&self, reply: Scripted) {
        self.core.network().daemon.next_reply(reply);
    }

    /// Looks at the daemon.
    pub fn daemon<R>(&self, look: impl FnOnce(&mut Daemon) -> R) -> R {
        look(&mut self.core.network().daemon)
    }

    /// How many connections there are that are not over on both sides.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.core.network().len()
    }

    /// Writes down all that passes from now on.
    pub fn record(&self) {
        self.core.network().trace.get_or_insert_default();
    }

    /// What has passed since it was asked last, if it is [recorded](Self::record).
    #[must_use]
    pub fn trace(&self) -> Vec<Trace> {
        self.core.network().trace.as_mut().map(std::mem::take).unwrap_or_default()
    }
}

impl std::fmt::Debug for Simulation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulation").field("now", &self.now()).finish_non_exhaustive()
    }
}
