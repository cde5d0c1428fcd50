//! Servers of the network are looked at, joined, added to the remotes of the stock clients.

use lxio_core::api::certificates;
use lxio_core::call::Joining;
use lxio_core::session::{Cause, Error, Remote};
use lxio_core::wire::ServerCertificate;
#[cfg(feature = "config")]
use lxio_host::config::Config;

use crate::Client;
use crate::dial::There;

impl Client {
    /// The certificate that the server of a remote shows, whoever that server is: to be compared by its
    /// fingerprint with what its owner says, and then trusted, see [`Remote::trust`]. Nothing is sent beyond the
    /// handshake, and the client shows nothing of itself.
    ///
    /// # Errors
    /// [`ErrorKind::Misuse`](crate::ErrorKind::Misuse) if there is no TLS on the way, as with a Unix socket;
    /// otherwise as [`connect`](Self::connect).
    pub async fn peek(remote: impl Into<Remote>) -> Result<ServerCertificate, Error> {
        let there = There::to_look_at(remote.into())?;
        lxio_host::shown(Self::greet(there).await)
    }

    /// Connects to a server and, unless it trusts this client already, becomes trusted by what somebody who is
    /// trusted gave out.
    ///
    /// A token goes to the server that it is of and to no other, whatever else the remote trusts, and to the
    /// addresses in it if the remote is no server of the network: `Remote::local().identity(..)` will do. A
    /// password goes to a server whose certificate is pinned or signed by an authority. `name` is what the server
    /// calls a client that joins by password: the common name in its certificate if empty.
    ///
    /// # Errors
    /// [`Cause::Host`] with a [`BadJoining`](crate::BadJoining), before anything is sent: the token has expired or is
    /// of another server than the one that is pinned, there is no identity, any server would do;
    /// [`ErrorKind::Untrusted`](crate::ErrorKind::Untrusted) if the server does not take token or password;
    /// otherwise as [`connect`](Self::connect).
    pub async fn join(
        remote: impl Into<Remote>,
        joining: Joining,
        name: impl Into<String>,
    ) -> Result<Self, Error> {
        let client = Self::connect(lxio_host::to_join(remote.into(), &joining)?).await?;
        client.joined(Some(joining), name.into()).await
    }

    /// Adds a server to the remotes of a stock client and connects to it, as `incus remote add` does.
    ///
    /// | | |
    /// |---|---|
    /// | which server | that of the token; else one that an authority of this machine vouches for, or that of the stock client's `client.ca`; else the one whose certificate `confirm` says yes to |
    /// | who we are | the remote's identity, which is not written down; else that of the configuration; else a new one (feature `generate`) |
    /// | how it trusts us | it does already, or `joining` |
    /// | what is saved | address, project, certificate if no authority vouches for it, the new identity |
    ///
    /// Nothing is saved, and `config` is as it was, if any of it fails. [`Config::set_default`] is up to the
    /// caller.
    ///
    /// # Errors
    /// [`Cause::Host`] with a [`ConfigError`](crate::config::ConfigError) if the name is not free or the configuration cannot be saved;
    /// [`ErrorKind::UnverifiedServer`](crate::ErrorKind::UnverifiedServer) if it is not the token's server, or
    /// `confirm` says no; [`ErrorKind::Untrusted`](crate::ErrorKind::Untrusted) if it does not trust this client
    /// and there is nothing to join it with; otherwise as [`join`](Self::join).
    #[cfg(feature = "config")]
    pub async fn add_remote(
        config: &mut Config,
        name: &str,
        remote: impl Into<Remote>,
        joining: Option<Joining>,
        confirm: impl FnOnce(&ServerCertificate) -> bool,
    ) -> Result<Self, Error> {
        let mut adding = lxio_host::Adding::begin(config, name, remote.into(), joining)?;
        if adding.is_unseen() {
            adding.see(Self::peek(adding.remote()).await?)?;
        }
        let client = match Self::connect(adding.remote()).await {
            Err(error) if adding.must_ask(&error) => {
                adding.ask(Self::peek(adding.remote()).await?, error, confirm)?;
                Self::connect(adding.remote()).await?
            }
            connected => connected?,
        };
        let client = client.joined(adding.joining(), String::new()).await?;
        let route = &client.shared.there.destination.route;
        let used = route.way(route.current()).and_then(|way| way.origin.as_ref());
        adding.save(config, client.session().dialect.flavour, used)?;
        Ok(client)
    }

    async fn joined(self, joining: Option<Joining>, name: String) -> Result<Self, Error> {
        if self.server().is_trusted() {
            return Ok(self);
        }
        let joining = joining.ok_or_else(|| Error::new(Cause::Untrusted))?;
        self.run(certificates().join(joining, name)).await?;
        let client = self.reconnect().await?;
        if client.server().is_trusted() { Ok(client) } else { Err(Error::new(Cause::Untrusted)) }
    }
}
