use std::path::Path;

use lxio_core::bytes::Secret;
use lxio_core::call::{Credential, Flavour};
use lxio_core::flow::Tokens;
use lxio_core::session::{Address, Remote};
use lxio_core::wire::Origin;

use super::ConfigError;
use super::builtin::LOCAL;
use super::entry::{Auth, Place, Protocol};
use super::environment::Client;
use super::remotes::{Config, ConfiguredRemote, Owner};
use crate::Candidate;
use crate::discover::of_this_machine;
#[cfg(feature = "tls")]
use crate::identity::IdentityFiles;

/// A remote that has an address of its own, whatever it was called, and the sockets to try where that is this
/// machine and a configuration says so.
pub(crate) fn resolve(remote: Remote) -> Result<(Remote, Option<Vec<Candidate>>), ConfigError> {
    let Address::Named(name) = &remote.address else { return Ok((remote, None)) };
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let (clients, first_decides) = order(is_set);
    let found = find(name, clients.into_iter().map(Config::of), first_decides)?;
    let sockets = sockets(&found, of_this_machine());
    match found.first() {
        Some(first) => Ok((first.fill(remote)?, sockets)),
        None => Ok((remote, sockets)),
    }
}

/// In which order the configurations are looked at; and whether the first that has a name is the one that is
/// meant: the environment says where that is, and not where the other is.
fn order(is_set: impl Fn(&str) -> bool) -> ([Client; 2], bool) {
    match (is_set("INCUS_CONF"), is_set("LXD_CONF")) {
        (false, true) => ([Client::Lxc, Client::Incus], true),
        (incus, lxd) => ([Client::Incus, Client::Lxc], incus != lxd),
    }
}

/// The remote of that name: one, or that of each client for the daemon of this machine.
fn find(
    name: &str,
    configs: impl IntoIterator<Item = Result<Config, ConfigError>>,
    first_decides: bool,
) -> Result<Vec<ConfiguredRemote>, ConfigError> {
    let (mut found, mut known) = (Vec::new(), Vec::new());
    for config in configs {
        let config = match config {
            // Where there is no place for it, it has no remotes.
            Err(ConfigError::NoPlace) => continue,
            config => config?,
        };
        match config.remote(name) {
            Ok(remote) => found.push(remote),
            Err(ConfigError::NotFound { known: others, .. }) => known.extend(others),
            Err(error) => return Err(error),
        }
        if first_decides && !found.is_empty() {
            break;
        }
    }
    // A place of images that has the name, too, cannot be meant.
    if found.iter().any(ConfiguredRemote::is_server) {
        found.retain(ConfiguredRemote::is_server);
    }
    match found.as_slice() {
        [] if known.is_empty() => Err(ConfigError::NoPlace),
        [] => {
            known.sort();
            known.dedup();
            Err(ConfigError::NotFound { name: name.to_owned(), known })
        }
        [_] => Ok(found),
        all if all.iter().all(ConfiguredRemote::is_here) => Ok(found),
        _ => Err(ConfigError::Ambiguous { name: name.to_owned() }),
    }
}

/// The sockets of this machine that are meant, with the project that is configured for them.
fn sockets(found: &[ConfiguredRemote], here: Vec<(Flavour, Candidate)>) -> Option<Vec<Candidate>> {
    found.iter().all(ConfiguredRemote::is_here).then(|| {
        let of = |(flavour, socket): (Flavour, Candidate)| {
            let remote = found.iter().find(|remote| remote.flavour() == Some(flavour))?;
            Some(Candidate { project: remote.confined().or(socket.project), ..socket })
        };
        here.into_iter().filter_map(of).collect()
    })
}

impl ConfiguredRemote {
    /// The remote to connect to, with its project, certificates and tokens as the files have them now. The
    /// daemon of this machine is looked for where its kind puts its socket.
    ///
    /// # Errors
    /// It is a place of images; its address, a certificate, a key or tokens are not what they should be; or
    /// there is no certificate to show to it.
    pub fn to_remote(&self) -> Result<Remote, ConfigError> {
        let mut remote = self.fill(Remote::default())?;
        if self.is_here() {
            let sockets = sockets(std::slice::from_ref(self), of_this_machine()).unwrap_or_default();
            let there = sockets.iter().find(|socket| socket.path.exists()).or(sockets.first());
            if let Some(socket) = there {
                remote.address = Address::Socket(socket.path.clone());
                remote.project.clone_from(&socket.project);
            }
        }
        Ok(remote)
    }

    /// What is said here, where `remote` says nothing.
    fn fill(&self, mut remote: Remote) -> Result<Remote, ConfigError> {
        if let Some(protocol) = self.entry.protocol.clone().filter(|protocol| !protocol.is_rest()) {
            return Err(ConfigError::NotAServer { name: self.name.clone(), protocol });
        }
        remote.address = self.address()?;
        if self.is_here() {
            // Each kind of daemon has its own project.
            return Ok(remote);
        }
        remote.project = remote.project.or_else(|| self.confined());
        if matches!(remote.address, Address::Network(_)) {
            self.authenticate(&mut remote)?;
        }
        Ok(remote)
    }

    fn address(&self) -> Result<Address, ConfigError> {
        let bad = |source| ConfigError::BadAddress { name: self.name.clone(), source };
        let mut remote = Remote::default();
        for address in &self.entry.addresses {
            match Place::of(address) {
                // The port is that of the web: the stock clients write theirs always.
                Place::Url(url) => {
                    let origin = Origin::parse(&url, 443).map_err(bad)?;
                    remote = remote.or_at(origin).map_err(bad)?;
                }
                _ if self.entry.addresses.len() > 1 => {
                    let key = format!("remotes.{}.addr", self.name);
                    return Err(ConfigError::BadValue { key, expected: "URLs, or one Unix socket" });
                }
                Place::Local => {}
                Place::Socket(path) => remote.address = Address::Socket(path),
            }
        }
        Ok(remote.address)
    }

    /// Who the client is to it, and which server is the right one.
    fn authenticate(&self, remote: &mut Remote) -> Result<(), ConfigError> {
        match &self.entry.auth {
            Some(Auth::Oidc) => {
                if let (Credential::None, Some(tokens)) = (&remote.credential, self.tokens()?) {
                    remote.credential = self.credential(&tokens)?;
                }
            }
            Some(Auth::Other(_)) if !self.entry.public => {
                let auth = self.entry.auth.clone().unwrap_or(Auth::Tls);
                return Err(ConfigError::UnknownAuth { name: self.name.clone(), auth });
            }
            #[cfg(feature = "tls")]
            Some(Auth::Tls) if !self.entry.public && remote.tls.identity.is_none() => {
                let Some(files) = &self.identity else {
                    let directory = self.directory.clone();
                    return Err(ConfigError::NoIdentity { name: self.name.clone(), directory });
                };
                remote.tls.identity = Some(files.load()?);
            }
            _ => {}
        }
        #[cfg(feature = "tls")]
        if matches!(remote.tls.trust, lxio_core::wire::Trust::System) {
            remote.tls.trust = self.trust()?;
        }
        Ok(())
    }

    fn credential(&self, tokens: &Secret) -> Result<Credential, ConfigError> {
        // How long they are good counts for nothing, see there.
        let tokens = Tokens::from_json(tokens.reveal(), Default::default());
        tokens.map(|tokens| tokens.credential()).map_err(unusable(&self.tokens_file))
    }

    /// The pinned certificate; else the authority that server and client have in common; else those of the
    /// machine. A pin is all that counts where there is one.
    #[cfg(feature = "tls")]
    fn trust(&self) -> Result<lxio_core::wire::Trust, ConfigError> {
        use lxio_core::wire::Trust;
        let authority = || match &self.entry.auth {
            // There is no certificate of the client's to have an authority in common for.
            Some(Auth::Oidc) => None,
            _ => self.identity.as_ref()?.authority.as_ref(),
        };
        if let Some(pin) = &self.server_certificate {
            Trust::pinned(&present(pin)?).map_err(unusable(pin))
        } else if let Some(authority) = authority() {
            IdentityFiles::common_authority(authority)
        } else {
            Ok(Trust::System)
        }
    }

    fn is_server(&self) -> bool {
        self.entry.protocol.as_ref().is_some_and(Protocol::is_rest)
    }

    /// Whether it is the daemon of this machine under the name that it has in both clients.
    fn is_here(&self) -> bool {
        self.owner == Owner::Client && self.name == LOCAL
    }

    fn flavour(&self) -> Option<Flavour> {
        match self.entry.protocol {
            Some(Protocol::Incus) => Some(Flavour::Incus),
            Some(Protocol::Lxd) => Some(Flavour::Lxd),
            _ => None,
        }
    }

    /// The project that calls name. The server's default need not be named.
    fn confined(&self) -> Option<String> {
        self.project.clone().filter(|project| project != "default")
    }
}

/// What is in a file that must be there.
#[cfg(feature = "tls")]
pub(crate) fn present(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let missing = || ConfigError::io(path)(std::io::ErrorKind::NotFound.into());
    super::save::read(path)?.ok_or_else(missing)
}

pub(crate) fn unusable<E>(path: &Path) -> impl FnOnce(E) -> ConfigError
where
    E: std::error::Error + Send + Sync + 'static,
{
    |source| ConfigError::Unusable { path: path.to_owned(), source: Box::new(source) }
}

#[cfg(test)]
mod tests;
