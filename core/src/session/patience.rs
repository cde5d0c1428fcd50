use std::time::Duration;

/// How long is waited for a server before the call fails with
/// [`ErrorKind::TimedOut`](super::ErrorKind::TimedOut). `None` is for ever.
///
/// None of them cuts what is slow by its nature: waiting for an operation, a websocket, what the caller's own
/// reader or writer takes its time for. An operation has a limit of its own: see `Settle::within`.
///
/// ```
/// use std::time::Duration;
/// use lxio_core::session::Patience;
///
/// let patience = Patience::DEFAULT.connect(Duration::from_secs(3)).total(Duration::from_secs(60));
/// # let _ = patience;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Patience {
    /// For a connection to stand: each address, proxy and TLS included. Default 10 seconds.
    pub connect: Option<Duration>,
    /// While no byte moves in either direction that should. Default 10 minutes: the daemons do slow things,
    /// such as making a storage pool, before they answer.
    pub read: Option<Duration>,
    /// For a whole call, from its first byte on. Default: none.
    pub total: Option<Duration>,
}

impl Patience {
    /// The default.
    pub const DEFAULT: Self =
        Self { connect: Some(Duration::from_secs(10)), read: Some(Duration::from_secs(600)), total: None };
    /// Waits for ever.
    pub const ENDLESS: Self = Self { connect: None, read: None, total: None };

    /// With this long for a connection to stand.
    #[must_use]
    pub const fn connect(mut self, limit: Duration) -> Self {
        self.connect = Some(limit);
        self
    }

    /// With this long while no byte moves.
    #[must_use]
    pub const fn read(mut self, limit: Duration) -> Self {
        self.read = Some(limit);
        self
    }

    /// With this long for a whole call.
    #[must_use]
    pub const fn total(mut self, limit: Duration) -> Self {
        self.total = Some(limit);
        self
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self::DEFAULT
    }
}
