use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::bytes::Limits;
use crate::flow::Fault;
#[cfg(feature = "tls")]
use crate::wire::TlsClient;
use crate::wire::{FilterError, Host, Line, Origin, Proxy, Scheme};

/// What a driver connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dial {
    /// The Unix socket at this path.
    Unix(PathBuf),
    /// This host and port, by TCP.
    Tcp(Host, u16),
}

/// One way to a server: what to connect to, and what is spoken on the way.
#[derive(Debug, Clone)]
pub struct Way {
    /// What to connect to: the server, or the proxy before it.
    pub dial: Dial,
    /// The server, if it is one of the network.
    pub origin: Option<Origin>,
    /// The proxy that leads there.
    pub proxy: Option<Proxy>,
    /// The project that those are confined to who come this way, if they are.
    pub project: Option<String>,
    /// What TLS is spoken with.
    #[cfg(feature = "tls")]
    pub tls: Option<TlsClient>,
}

/// The ways to one server, one of them at a time in use: that stays until it fails.
#[derive(Debug)]
pub struct Route {
    ways: Vec<Way>,
    current: AtomicUsize,
}

impl Way {
    /// The way to the Unix socket at this path.
    #[must_use]
    pub const fn unix(path: PathBuf) -> Self {
        Self {
            dial: Dial::Unix(path),
            origin: None,
            proxy: None,
            project: None,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// The way to `origin`, through `proxy` if there is one.
    #[must_use]
    pub fn tcp(origin: Origin, proxy: Option<Proxy>) -> Self {
        let (host, port) = match &proxy {
            Some(proxy) => (proxy.host(), proxy.port()),
            None => (origin.host(), origin.port()),
        };
        Self {
            dial: Dial::Tcp(host.clone(), port),
            origin: Some(origin),
            proxy,
            project: None,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// The line of a new connection on this way.
    ///
    /// # Errors
    /// Why there can be none; nothing was sent.
    pub fn line(&self, limits: &Limits) -> Result<Line, Fault> {
        let Some(origin) = self.origin.as_ref().filter(|origin| origin.scheme() == Scheme::Https) else {
            return Ok(Line::new());
        };
        self.secure_line(origin, limits).map_err(|error| Fault::Filter { error, left: false })
    }

    #[cfg(feature = "tls")]
    fn secure_line(&self, origin: &Origin, limits: &Limits) -> Result<Line, FilterError> {
        use crate::wire::{Tunnel, Tunnelled};
        let tls = self.tls.as_ref().ok_or(FilterError::NoTls)?.connect(origin)?;
        Ok(match &self.proxy {
            None => Line::new().through(tls),
            Some(proxy) => Line::new().through(Tunnelled::new(Tunnel::new(proxy, origin, limits), tls)),
        })
    }

    #[cfg(not(feature = "tls"))]
    fn secure_line(&self, _: &Origin, _: &Limits) -> Result<Line, FilterError> {
        Err(FilterError::NoTls)
    }
}

impl Route {
    /// The route of one way and perhaps others.
    #[must_use]
    pub const fn new(ways: Vec<Way>) -> Self {
        Self { ways, current: AtomicUsize::new(0) }
    }

    /// How many ways there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ways.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ways.is_empty()
    }

    /// The number of the way in use.
    #[must_use]
    pub fn current(&self) -> usize {
        self.current.load(Ordering::Relaxed)
    }

    /// The way with this number, counted on past the last.
    #[must_use]
    pub fn way(&self, number: usize) -> Option<&Way> {
        self.ways.get(number % self.ways.len().max(1))
    }

    /// The way with this number works: it is the one in use.
    pub fn works(&self, number: usize) {
        self.current.store(number % self.ways.len().max(1), Ordering::Relaxed);
    }

    /// The way with this number does not work: if it is the one in use, that is the next.
    pub fn fails(&self, number: usize) {
        let ways = self.ways.len().max(1);
        let (number, next) = (number % ways, (number + 1) % ways);
        let _ = self.current.compare_exchange(number, next, Ordering::Relaxed, Ordering::Relaxed);
    }
}
