use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::client::UnbufferedClientConnection;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::time_provider::TimeProvider;

use super::verify::Verifier;
use super::{Authorities, Identity, Tls, TlsError, Trust};
use crate::wire::{Host, Origin};

/// What is the same for all TLS connections of one client.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct TlsSettings {
    /// Which server is the right one. Default: one whose certificate an authority of this machine signed.
    pub trust: Trust,
    /// Who the client is. Default: nobody; servers show such a client very little.
    pub identity: Option<Identity>,
    /// Whether TLS 1.2 will do. The daemons speak 1.3; something older may stand before one.
    pub tls12: bool,
    /// The cryptography. Default: that of the feature `ring`.
    pub provider: Option<Arc<CryptoProvider>>,
}

/// What the settings need of the world.
#[derive(Clone)]
pub struct TlsWorld {
    /// The seconds since 1970, asked for in each handshake.
    pub clock: fn() -> u64,
    /// The authorities that [`Trust::System`] means.
    pub authorities: Authorities,
}

/// Why there can be no TLS with these settings.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingsError {
    /// No cryptography was given, and none was built in.
    NoProvider,
    /// There are no authorities to trust. On this machine none are installed, or none of those that were given
    /// can be used.
    NoAuthorities,
    /// An authority or its revocation list is malformed.
    Authorities(String),
    /// The client's certificate and key are of no use: they do not belong together, or are of an unknown kind.
    Identity(String),
    /// The cryptography that was given cannot do what TLS needs.
    Provider(String),
}

/// Makes the TLS connections of one client. Cheap to clone; clones remember the same sessions, so that later
/// connections cost less than the first.
#[derive(Clone)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
}

struct Clock(fn() -> u64);

impl TlsSettings {
    /// Makes the maker of connections.
    ///
    /// # Errors
    /// [`SettingsError`] if that cannot be with these settings.
    pub fn build(&self, world: &TlsWorld) -> Result<TlsClient, SettingsError> {
        let provider = self.provider()?;
        let verifier = Verifier::new(&self.trust, &world.authorities, Arc::clone(&provider))?;
        self.client(verifier, provider, world)
    }

    /// Makes connections that end when the server has shown its certificate: that is in the error,
    /// [`TlsError::Distrusted`]. The client shows nothing of itself.
    ///
    /// # Errors
    /// [`SettingsError::NoProvider`].
    pub fn build_peek(&self, world: &TlsWorld) -> Result<TlsClient, SettingsError> {
        let provider = self.provider()?;
        let verifier = Verifier::looking(Arc::clone(&provider));
        Self { identity: None, ..self.clone() }.client(verifier, provider, world)
    }

    fn provider(&self) -> Result<Arc<CryptoProvider>, SettingsError> {
        let given = self.provider.clone();
        #[cfg(feature = "ring")]
        let given = given.or_else(|| Some(Arc::new(rustls::crypto::ring::default_provider())));
        given.ok_or(SettingsError::NoProvider)
    }

    fn client(
        &self,
        verifier: Verifier,
        provider: Arc<CryptoProvider>,
        world: &TlsWorld,
    ) -> Result<TlsClient, SettingsError> {
        let versions: &[_] = if self.tls12 {
            &[&rustls::version::TLS13, &rustls::version::TLS12]
        } else {
            &[&rustls::version::TLS13]
        };
        let builder = ClientConfig::builder_with_details(provider, Arc::new(Clock(world.clock)))
            .with_protocol_versions(versions)
            .map_err(|error| SettingsError::Provider(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match self.identity.as_ref().map(Identity::parts) {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| SettingsError::Identity(error.to_string()))?,
        };
        // The daemons would choose HTTP/2, which has no websockets as they speak them.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsClient { config: Arc::new(config) })
    }
}

impl TlsClient {
    /// A new connection to `origin`.
    ///
    /// # Errors
    /// [`TlsError::BadName`] if its host cannot stand in a certificate.
    pub fn connect(&self, origin: &Origin) -> Result<Tls, TlsError> {
        let name = match origin.host() {
            Host::Address(address) => ServerName::IpAddress((*address).into()),
            Host::Name(name) => {
                ServerName::try_from(name.clone()).map_err(|_| TlsError::BadName(name.clone()))?
            }
        };
        let connection = UnbufferedClientConnection::new(Arc::clone(&self.config), name)
            .map_err(|error| TlsError::Protocol(error.to_string()))?;
        Ok(Tls::new(connection))
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs((self.0)())))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

impl fmt::Debug for TlsWorld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsWorld").field("authorities", &self.authorities).finish_non_exhaustive()
    }
}

/// Nothing of what it holds is for the eye.
impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient").finish_non_exhaustive()
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProvider => f.write_str(
                "no cryptography for TLS was built in: enable the feature `ring`, or give a provider",
            ),
            Self::NoAuthorities => f.write_str(
                "there are no certificate authorities to trust: pin the server's certificate instead, \
                 or install the authorities of this system",
            ),
            Self::Authorities(why) => write!(f, "the certificate authorities are of no use: {why}"),
            Self::Identity(why) => write!(f, "the client's certificate and key are of no use: {why}"),
            Self::Provider(why) => write!(f, "the cryptography that was given is of no use: {why}"),
        }
    }
}

impl std::error::Error for SettingsError {}
