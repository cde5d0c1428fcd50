use std::path::PathBuf;
#[cfg(feature = "tls")]
use std::sync::Arc;

use super::Patience;
use crate::bytes::{Limits, Secret};
use crate::call::Credential;
#[cfg(feature = "tls")]
use crate::model::{BadTrustToken, TrustToken};
#[cfg(feature = "tls")]
use crate::wire::{Fingerprint, Identity, TlsSettings, Trust};
use crate::wire::{Origin, OriginError, Proxy, Scheme};

/// The port of both daemons.
const PORT: u16 = 8443;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Address {
    /// The daemon of this machine: its Unix socket is looked for where LXD and Incus put theirs.
    #[default]
    Local,
    /// A Unix socket at this path.
    Socket(PathBuf),
    /// A server of the network, by HTTPS: one of these addresses after the other, until one works. That one
    /// stays in use until it fails. The members of a cluster are one server.
    Network(Vec<Origin>),
    /// What the stock clients call so in their `config.yml`.
    Named(String),
}

impl Address {
    /// What stands in `Host`, if it is a server of the network.
    pub(super) fn authority(&self) -> Option<String> {
        match self {
            Self::Network(origins) => origins.first().map(Origin::authority),
            _ => None,
        }
    }
}

/// A server to connect to, and how.
///
/// ```
/// use lxio_core::session::Remote;
///
/// let here = Remote::local();
/// let there = Remote::socket("/run/incus/unix.socket").project("shop");
/// # let _ = (here, there);
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Remote {
    /// Where it listens.
    pub address: Address,
    /// The project that calls are in when they do not name one. Default: the server's `default`.
    pub project: Option<String>,
    /// What is accepted from it.
    pub limits: Limits,
    /// How long is waited for it.
    pub patience: Patience,
    /// Which server is the right one, who the client is, and what else TLS needs.
    #[cfg(feature = "tls")]
    pub tls: TlsSettings,
    /// What says who is calling, beside the client's certificate.
    pub credential: Credential,
    /// The proxy to a server of the network.
    pub proxy: Via,
    /// The seed of websocket masks and keys. Default: a new one for every client. Set it where the same
    /// calls must give the same bytes.
    pub seed: Option<u64>,
    /// How many connections may rest between calls. Default 64.
    pub idle: Option<usize>,
    /// Where a transcript is written. Default: nowhere.
    pub transcript: Option<TranscriptFile>,
}

/// Which proxy leads to a server of the network. A Unix socket is never reached through one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Via {
    /// What the environment says: `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`.
    #[default]
    Environment,
    /// None.
    Direct,
    /// This one.
    Proxy(Proxy),
}

/// The file that a client writes what passes between it and the server to: bytes, direction, connection, slot,
/// time, one JSON object a line. It is what a report of a bug needs, since it can be replayed.
///
/// Over TLS it is the plain bytes that are written, as without it: they can be read and replayed.
///
/// What must not be told does not reach the file:
///
/// | what passes | in the file |
/// |---|---|
/// | secrets of operations and images, trust tokens | others of the same length |
/// | passwords, tokens and the like in headers, queries and JSON, `user.*` and `cloud-init.*` keys | their length |
/// | commands, their variables, input and output; files, images, backups | their length, unless [`with_content`](Self::with_content) |
/// | all else: names, paths, addresses, configuration, texts of errors | itself |
///
/// ```
/// use lxio_core::session::{Remote, TranscriptFile};
///
/// let remote = Remote::local().transcript("bug.jsonl");
/// let in_full = Remote::local().transcript(TranscriptFile::new("bug.jsonl").with_content());
/// # let _ = (remote, in_full);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TranscriptFile {
    /// Where it is. What is there is replaced; only its owner may read it.
    pub path: PathBuf,
    /// Whether what the user works with is in it.
    pub content: bool,
}

impl TranscriptFile {
    /// A transcript without what the user works with.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), content: false }
    }

    /// With commands, their variables, input and output, files and images, as they are; `user.*` and
    /// `cloud-init.*` keys too. Passwords and tokens stay out where their place tells what they are.
    #[must_use]
    pub const fn with_content(mut self) -> Self {
        self.content = true;
        self
    }
}

impl<P: Into<PathBuf>> From<P> for TranscriptFile {
    fn from(path: P) -> Self {
        Self::new(path)
    }
}

impl Remote {
    /// The daemon of this machine.
    #[must_use]
    pub fn local() -> Self {
        Self::default()
    }

    /// The server behind a Unix socket.
    #[must_use]
    pub fn socket(path: impl Into<PathBuf>) -> Self {
        Self { address: Address::Socket(path.into()), ..Self::default() }
    }

    /// A server of the network, at `https://host:8443` or `host`. Further addresses of the same server, such
    /// as the members of a cluster, can be added by [`or`](Self::or).
    ///
    /// Say also which server is the right one, by [`trust`](Self::trust), and who you are, by
    /// [`identity`](Self::identity).
    ///
    /// # Errors
    /// [`OriginError`] if that is no address. `http://` is taken only for this machine itself: nothing would
    /// protect what is sent.
    pub fn https(address: &str) -> Result<Self, OriginError> {
        Self::default().or(address)
    }

    /// What the stock clients call so in their `config.yml`: its addresses, project, certificates, tokens. What
    /// is set here besides, such as a project, counts more than what is there.
    ///
    /// Both `incus` and `lxc` are asked. Where both have the name it must be said whose is meant: by `INCUS_CONF`
    /// or `LXD_CONF`, or by taking it out of one of the two (`config::Config` of `lxio-host`). `local` is the
    /// daemon of this machine, as with [`local`](Self::local).
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { address: Address::Named(name.into()), ..Self::default() }
    }

    /// The server that gave out a trust token, at those of its addresses that can be used, and no other server:
    /// the token says which certificate it has.
    ///
    /// # Errors
    /// [`BadTrustToken::Addresses`] if it can be reached at none of them.
    #[cfg(feature = "tls")]
    pub fn of_token(token: &TrustToken) -> Result<Self, BadTrustToken> {
        let fingerprint: Fingerprint =
            token.fingerprint().as_str().parse().map_err(|_| BadTrustToken::Fingerprint)?;
        let mut remote = Self::default().trust(fingerprint);
        for origin in token.addresses().iter().filter_map(|address| Origin::parse(address, PORT).ok()) {
            // One without TLS is of no use: nothing there would show the certificate.
            if origin.scheme() == Scheme::Https {
                remote = remote.or_at(origin).map_err(|_| BadTrustToken::Addresses)?;
            }
        }
        match remote.address {
            Address::Network(_) => Ok(remote),
            _ => Err(BadTrustToken::Addresses),
        }
    }

    /// The same server has this address, too. It is tried when those before it fail.
    ///
    /// # Errors
    /// As [`https`](Self::https).
    pub fn or(self, address: &str) -> Result<Self, OriginError> {
        self.or_at(Origin::parse(address, PORT)?)
    }

    /// As [`or`](Self::or), for an address that was read already.
    ///
    /// # Errors
    /// [`OriginError::Plain`] for `http://` to another machine.
    pub fn or_at(mut self, origin: Origin) -> Result<Self, OriginError> {
        if origin.scheme() == Scheme::Http && !origin.host().is_loopback() {
            return Err(OriginError::Plain);
        }
        match &mut self.address {
            Address::Network(origins) => origins.push(origin),
            other => *other = Address::Network(vec![origin]),
        }
        Ok(self)
    }

    /// Which server is the right one: a certificate, a fingerprint, authorities.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn trust(mut self, trust: impl Into<Trust>) -> Self {
        self.tls.trust = trust.into();
        self
    }

    /// Who the client is, to servers of the network.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.tls.identity = Some(identity);
        self
    }

    /// With TLS 1.2 allowed beside 1.3, for something old before the server.
    #[cfg(feature = "tls")]
    #[must_use]
    pub const fn tls12(mut self) -> Self {
        self.tls.tls12 = true;
        self
    }

    /// With this cryptography instead of that of the feature `ring`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn provider(mut self, provider: Arc<rustls::crypto::CryptoProvider>) -> Self {
        self.tls.provider = Some(provider);
        self
    }

    /// With this token in each request: `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(mut self, token: Secret) -> Self {
        self.credential = Credential::Bearer(token);
        self
    }

    /// Through this proxy, or through none.
    #[must_use]
    pub fn via(mut self, via: Via) -> Self {
        self.proxy = via;
        self
    }

    /// With so much patience.
    #[must_use]
    pub const fn patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// In this project, unless a call names another.
    #[must_use]
    pub fn project(mut self, project: impl Into<String>) -> Self {
        self.project = Some(project.into());
        self
    }

    /// With other limits on what is accepted.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// With this seed for websocket masks and keys.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// With at most this many connections at rest. 0 closes each after its call.
    #[must_use]
    pub const fn idle(mut self, connections: usize) -> Self {
        self.idle = Some(connections);
        self
    }

    /// With a transcript of all that passes, for the report of a bug. It is written as things happen, by
    /// whoever makes them happen, and every client writes its own: connecting fails while another writes it.
    #[must_use]
    pub fn transcript(mut self, file: impl Into<TranscriptFile>) -> Self {
        self.transcript = Some(file.into());
        self
    }
}

impl From<&str> for Remote {
    /// `/…` and `unix://…` are the path of a Unix socket; anything else is a name of the stock clients'
    /// `config.yml`, with or without its colon. For a server of the network there is [`Remote::https`].
    fn from(text: &str) -> Self {
        match text.strip_prefix("unix://") {
            Some("") => Self::local(),
            Some(path) => Self::socket(path),
            None if text.contains('/') => Self::socket(text),
            None => Self::named(text.strip_suffix(':').unwrap_or(text)),
        }
    }
}

impl From<PathBuf> for Remote {
    /// The server behind the Unix socket at this path.
    fn from(path: PathBuf) -> Self {
        Self::socket(path)
    }
}

impl From<&std::path::Path> for Remote {
    /// The server behind the Unix socket at this path.
    fn from(path: &std::path::Path) -> Self {
        Self::socket(path)
    }
}

#[cfg(test)]
#[cfg(feature = "tls")]
mod tests {
    use super::*;

    fn token(addresses: &str) -> TrustToken {
        let hash = "ab".repeat(32);
        let json = format!(
            r#"{{"client_name":"ci","fingerprint":"{hash}","addresses":{addresses},"secret":"hunter2"}}"#
        );
        TrustToken::decode(&data_encoding::BASE64.encode(json.as_bytes())).unwrap()
    }

    #[test]
    fn a_token_says_where_and_who() {
        let remote =
            Remote::of_token(&token(r#"["10.0.0.1:8443","[fe80::1%eth0]:8443","http://h","[::1]:1"]"#))
                .unwrap();
        let Address::Network(origins) = &remote.address else { panic!("{remote:?}") };
        let shown: Vec<_> = origins.iter().map(Origin::to_string).collect();
        assert_eq!(shown, ["https://10.0.0.1:8443", "https://[::1]:1"]);
        assert!(matches!(remote.tls.trust, Trust::Fingerprint(it) if it.to_string() == "ab".repeat(32)));
        assert!(!format!("{remote:?}").contains("hunter2"));
        assert_eq!(Remote::of_token(&token(r#"["a b"]"#)).unwrap_err(), BadTrustToken::Addresses);
    }
}
