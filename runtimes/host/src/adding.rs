//! A server becomes a remote of a stock client's configuration, step by step: the steps that need no connection.

use lxio_core::call::{Credential, Flavour, Joining};
use lxio_core::flow::Fault;
use lxio_core::session::{Address, Cause, Error, Remote};
use lxio_core::wire::{
    Distrust, FilterError, Identity, Origin, ServerCertificate, SettingsError, TlsError, Trust,
};

#[cfg(not(feature = "generate"))]
use crate::config::ConfigError;
use crate::config::{Auth, Config, Protocol, RemoteEntry};
use crate::destination::resolve;
use crate::identity::IdentityFiles;
#[cfg(feature = "generate")]
use crate::identity::{Generated, default_name, generate};
use crate::joining::{by_password, by_token, over_tls};

/// A remote on its way into a configuration.
#[derive(Debug)]
pub struct Adding {
    name: String,
    remote: Remote,
    joining: Option<Joining>,
    /// Its server's certificate, if that is to be kept.
    pin: Option<ServerCertificate>,
    /// Whether somebody may be asked for the certificate if no authority vouches for it.
    asks: bool,
    #[cfg(feature = "generate")]
    generated: Option<Generated>,
}

impl Adding {
    /// Begins to add `remote` under `name`. Nothing is sent, and nothing is written before [`save`](Self::save).
    ///
    /// # Errors
    /// The name cannot be one or is not free; the token is not good; there is no certificate to show.
    pub fn begin(
        config: &Config,
        name: &str,
        remote: Remote,
        joining: Option<Joining>,
    ) -> Result<Self, Error> {
        config.free(name).map_err(host)?;
        let remote = match &joining {
            Some(Joining::Token(token)) => by_token(remote, token)?,
            Some(Joining::Password(_)) => by_password(remote)?,
            None => resolve(remote)?.0,
        };
        let mut adding = Self {
            name: name.to_owned(),
            remote,
            joining,
            pin: None,
            asks: false,
            #[cfg(feature = "generate")]
            generated: None,
        };
        if matches!(adding.remote.address, Address::Network(_)) {
            adding.remote = over_tls(adding.remote)?;
            if matches!(adding.remote.credential, Credential::None) {
                adding.identify(config)?;
            }
            match &adding.remote.tls.trust {
                Trust::Certificate(certificate) => adding.pin = Some(certificate.clone()),
                Trust::System | Trust::Authorities(_) => adding.asks = true,
                _ => {}
            }
        }
        Ok(adding)
    }

    /// Finds who we are, or makes it up.
    fn identify(&mut self, config: &Config) -> Result<(), Error> {
        let directory = &config.environment().directory;
        let files = IdentityFiles::find(directory, Some(&self.name));
        if let (Some(authority), Trust::System) =
            (files.as_ref().and_then(|it| it.authority.as_ref()), &self.remote.tls.trust)
        {
            self.remote.tls.trust = IdentityFiles::common_authority(authority).map_err(host)?;
        }
        if self.remote.tls.identity.is_none() {
            self.remote.tls.identity = Some(match files {
                Some(files) => files.load().map_err(host)?,
                None => self.new_identity(config)?,
            });
        }
        Ok(())
    }

    #[cfg(feature = "generate")]
    fn new_identity(&mut self, _: &Config) -> Result<Identity, Error> {
        let generated = generate(&default_name()).map_err(host)?;
        let pem = (generated.certificate.as_bytes(), generated.key.reveal().as_bytes());
        let identity = Identity::from_pem(pem.0, pem.1).map_err(host)?;
        self.generated = Some(generated);
        Ok(identity)
    }

    #[cfg(not(feature = "generate"))]
    fn new_identity(&mut self, config: &Config) -> Result<Identity, Error> {
        let directory = config.environment().directory.clone();
        Err(host(ConfigError::NoIdentity { name: self.name.clone(), directory }))
    }

    /// The remote as it is to be connected to now.
    #[must_use]
    pub fn remote(&self) -> Remote {
        self.remote.clone()
    }

    /// What the server is joined with, if it does not trust us yet.
    #[must_use]
    pub fn joining(&self) -> Option<Joining> {
        self.joining.clone()
    }

    /// Whether the server's certificate must be seen to be kept: it is known by its fingerprint alone, or any will
    /// do this once.
    #[must_use]
    pub fn is_unseen(&self) -> bool {
        let network = matches!(self.remote.address, Address::Network(_));
        network && matches!(self.remote.tls.trust, Trust::Fingerprint(_) | Trust::DangerAnyone)
    }

    /// The server showed this certificate: it must be the right one.
    ///
    /// # Errors
    /// [`ErrorKind::UnverifiedServer`](lxio_core::session::ErrorKind::UnverifiedServer) if it is not.
    pub fn see(&mut self, certificate: ServerCertificate) -> Result<(), Error> {
        match self.remote.tls.trust {
            Trust::Fingerprint(right) if right != certificate.fingerprint() => {
                let error = TlsError::Distrusted { certificate, why: Distrust::NotPinned };
                Err(Fault::Filter { error: FilterError::Tls(error), left: false }.into())
            }
            _ => {
                self.keep(certificate);
                Ok(())
            }
        }
    }

    /// Whether a failure to connect means that somebody must look at the server's certificate.
    #[must_use]
    pub fn must_ask(&self, error: &Error) -> bool {
        let none_to_trust = matches!(error.cause(), Cause::Tls(SettingsError::NoAuthorities));
        self.asks && (none_to_trust || error.server_certificate().is_some())
    }

    /// The server showed this certificate, for which no authority vouches: is it the right one?
    ///
    /// # Errors
    /// `error`, how connecting failed, if `confirm` says no.
    pub fn ask(
        &mut self,
        certificate: ServerCertificate,
        error: Error,
        confirm: impl FnOnce(&ServerCertificate) -> bool,
    ) -> Result<(), Error> {
        if !confirm(&certificate) {
            return Err(error);
        }
        self.keep(certificate);
        Ok(())
    }

    fn keep(&mut self, certificate: ServerCertificate) {
        self.remote.tls.trust = certificate.clone().into();
        self.pin = Some(certificate);
    }

    /// Writes it down: the server is a `flavour`, it trusts us, and was reached at `used`. What a token led to
    /// is kept under that one address, as the stock clients keep it; other addresses as they were given.
    ///
    /// # Errors
    /// A file that cannot be written, or was changed by somebody else. A new identity that was written stays,
    /// since the server trusts it.
    pub fn save(self, config: &mut Config, flavour: Flavour, used: Option<&Origin>) -> Result<(), Error> {
        let addresses = match (&self.remote.address, &self.joining, used) {
            (Address::Network(_), Some(Joining::Token(_)), Some(used)) => vec![used.to_string()],
            (Address::Network(origins), ..) => origins.iter().map(Origin::to_string).collect(),
            (Address::Socket(path), ..) => vec![format!("unix://{}", path.display())],
            _ => vec!["unix://".to_owned()],
        };
        let mut entry = RemoteEntry::new(addresses.join(","));
        entry.protocol = Some(match flavour {
            Flavour::Incus => Protocol::Incus,
            Flavour::Lxd => Protocol::Lxd,
        });
        entry.auth =
            matches!(self.remote.address, Address::Network(_)).then_some(match self.remote.credential {
                Credential::None => Auth::Tls,
                _ => Auth::Oidc,
            });
        entry.project.clone_from(&self.remote.project);
        let mut changed = config.clone();
        changed.add(&self.name, &entry).map_err(host)?;
        if let Some(pin) = &self.pin {
            changed.pin(&self.name, &pin.to_pem()).map_err(host)?;
        }
        #[cfg(feature = "generate")]
        if let Some(generated) = &self.generated {
            generated.write(&config.environment().directory).map_err(host)?;
        }
        changed.save().map_err(host)?;
        *config = changed;
        Ok(())
    }
}

fn host(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Cause::Host(Box::new(error)))
}
