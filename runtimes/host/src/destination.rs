use std::io;
use std::path::PathBuf;

use lxio_core::flow::Fault;
use lxio_core::session::{Address, Cause, Dial, Error, Remote, Route, Session, Via, Way};
use lxio_core::wire::{Origin, Proxy};

use crate::{Candidate, candidates, proxy_for};

/// A remote with all that the host knows about it: which ways lead there, through which proxy, which
/// authorities there are.
#[derive(Debug)]
pub struct Destination {
    /// What it was made from. A name was looked up: the address is another then.
    pub remote: Remote,
    /// The ways to it.
    pub route: Route,
    #[cfg(feature = "tls")]
    web: std::sync::OnceLock<lxio_core::wire::TlsClient>,
}

impl Destination {
    /// Looks up what the remote leaves open. Reads files; connects to nothing.
    ///
    /// # Errors
    /// [`Cause::Host`] if the environment or a file of the host is of no use, [`Cause::Tls`] if TLS cannot be
    /// spoken with what is given for it.
    pub fn of(remote: Remote) -> Result<Self, Error> {
        let (remote, sockets) = resolve(remote)?;
        let ways = ways(&remote, sockets)?;
        #[cfg(feature = "tls")]
        let ways = crate::tls::equip(ways, || crate::tls::client(&remote.tls))?;
        Ok(Self::new(remote, ways))
    }

    /// As [`of`](Self::of), to see which certificate the server has: each connection ends when it has shown it,
    /// with an error that holds it. Nothing of that is in a transcript.
    ///
    /// # Errors
    /// As [`of`](Self::of); [`BadJoining::NoTls`](crate::BadJoining::NoTls) if it is a server that shows none.
    #[cfg(feature = "tls")]
    pub fn to_look_at(remote: Remote) -> Result<Self, Error> {
        let mut remote = crate::joining::over_tls(remote)?;
        remote.transcript = None;
        let ways = crate::tls::equip(ways(&remote, None)?, || crate::tls::looking_client(&remote.tls))?;
        Ok(Self::new(remote, ways))
    }

    fn new(remote: Remote, ways: Vec<Way>) -> Self {
        Self {
            remote,
            route: Route::new(ways),
            #[cfg(feature = "tls")]
            web: std::sync::OnceLock::new(),
        }
    }

    /// The way to another server than the remote: an identity provider, a server of images. The authorities of
    /// this machine say which is the right one, and it learns nothing of who the client is.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn way_to(&self, origin: &Origin) -> Result<Way, Error> {
        let way = Way::tcp(origin.clone(), proxy(&self.remote, origin)?);
        #[cfg(feature = "tls")]
        let way = {
            let client = match self.web.get() {
                Some(client) => client.clone(),
                None => {
                    let client = crate::tls::for_the_web(&self.remote.tls)?;
                    self.web.get_or_init(|| client).clone()
                }
            };
            Way { tls: Some(client), ..way }
        };
        Ok(way)
    }

    /// The error of a remote none of whose ways led anywhere: `tried` has how each failed, in their order.
    #[must_use]
    pub fn unreached(&self, tried: Vec<Fault>) -> Error {
        let request = &Session::greeting().request;
        if let Address::Network(origins) = &self.remote.address {
            let mut tried: Vec<_> = origins
                .iter()
                .map(Origin::to_string)
                .zip(tried.into_iter().map(|fault| Session::failed(request, fault)))
                .collect();
            return match tried.len() {
                1 => tried.remove(0).1,
                _ => Error::new(Cause::NoAnswer { tried }),
            };
        }
        let paths = (0..self.route.len()).filter_map(|number| match &self.route.way(number)?.dial {
            Dial::Unix(path) => Some(path.clone()),
            Dial::Tcp(..) => None,
        });
        let failed = tried.into_iter().map(|fault| match fault {
            Fault::Dial(error) => error,
            other => io::Error::other(other),
        });
        let tried: Vec<(PathBuf, io::Error)> = paths.zip(failed).collect();
        Error::new(Cause::NoDaemon { tried })
    }
}

/// The remote under an address of its own, and the sockets of this machine to try if they are certain.
pub(crate) fn resolve(remote: Remote) -> Result<(Remote, Option<Vec<Candidate>>), Error> {
    #[cfg(feature = "config")]
    return crate::config::resolve(remote).map_err(|error| Error::new(Cause::Host(Box::new(error))));
    #[cfg(not(feature = "config"))]
    match remote.address {
        Address::Named(_) => {
            Err(Error::new(Cause::Host("remotes have no names without the feature `config`".into())))
        }
        _ => Ok((remote, None)),
    }
}

fn ways(remote: &Remote, sockets: Option<Vec<Candidate>>) -> Result<Vec<Way>, Error> {
    match &remote.address {
        Address::Network(origins) => {
            origins.iter().map(|origin| Ok(Way::tcp(origin.clone(), proxy(remote, origin)?))).collect()
        }
        _ => Ok(sockets
            .unwrap_or_else(|| candidates(remote))
            .into_iter()
            .map(|candidate| Way { project: candidate.project, ..Way::unix(candidate.path) })
            .collect()),
    }
}

fn proxy(remote: &Remote, origin: &Origin) -> Result<Option<Proxy>, Error> {
    match &remote.proxy {
        Via::Proxy(proxy) => Ok(Some(proxy.clone())),
        Via::Environment => proxy_for(origin).map_err(|error| Error::new(Cause::Host(Box::new(error)))),
        _ => Ok(None),
    }
}
