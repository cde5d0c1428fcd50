use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use lxio_core::wire::{Identity, Trust};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};

/// A file of `fixtures/tls`, such as `server/ca.crt`.
///
/// # Errors
/// When it is not there.
pub fn file(name: &str) -> io::Result<Vec<u8>> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tls").join(name))
}

/// Trust in nothing but the certificate in this file of `fixtures/tls`.
///
/// # Errors
/// When it is not there.
pub fn pin(name: &str) -> io::Result<Trust> {
    Trust::pinned(&file(name)?).map_err(io::Error::other)
}

/// A client of the kind of key that is named.
///
/// # Errors
/// When it is not there.
pub fn identity(kind: &str) -> io::Result<Identity> {
    let (certificate, key) =
        (file(&format!("client/{kind}.crt"))?, file(&format!("client/{kind}.pkcs8.key"))?);
    Identity::from_pem(&certificate, &key).map_err(io::Error::other)
}

/// What a server shows of itself, and wants to see of its clients. As it is made, it asks for the certificate of
/// a client and takes any, or none, as the daemons do.
#[derive(Clone, Debug)]
pub struct Papers {
    certificate: &'static str,
    key: &'static str,
    /// The only client that is let in.
    only: Option<&'static str>,
    versions: &'static [&'static SupportedProtocolVersion],
    resumes: bool,
}

impl Papers {
    /// Those of a daemon: self-signed.
    pub const OWN: Self = Self {
        certificate: "server/self-signed.crt",
        key: "server/self-signed.key",
        only: None,
        versions: &[&version::TLS13],
        resumes: true,
    };

    const OLD: &'static [&'static SupportedProtocolVersion] = &[&version::TLS12];

    /// Those with this certificate, which the authority of the fixtures has signed.
    #[must_use]
    pub const fn signed(certificate: &'static str) -> Self {
        Self { certificate, key: "server/leaf.key", ..Self::OWN }
    }

    /// Lets nobody in but the client whose certificate is in this file.
    #[must_use]
    pub const fn only(self, client: &'static str) -> Self {
        Self { only: Some(client), ..self }
    }

    /// Speaks TLS 1.2 alone.
    #[must_use]
    pub const fn old(self) -> Self {
        Self { versions: Self::OLD, ..self }
    }

    /// Remembers no session.
    #[must_use]
    pub const fn forgetful(self) -> Self {
        Self { resumes: false, ..self }
    }

    /// As rustls takes them.
    pub(super) fn config(&self) -> io::Result<Arc<ServerConfig>> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(self.versions)
            .map_err(io::Error::other)?;
        let builder = match self.only {
            None => builder.with_client_cert_verifier(Arc::new(super::front::Anyone::new(provider))),
            Some(client) => {
                let mut clients = RootCertStore::empty();
                clients.add(first(&file(client)?)?).map_err(io::Error::other)?;
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(clients), provider);
                builder.with_client_cert_verifier(verifier.build().map_err(io::Error::other)?)
            }
        };
        let key = PrivateKeyDer::from_pem_slice(&file(self.key)?).map_err(io::Error::other)?;
        let mut config = builder
            .with_single_cert(vec![first(&file(self.certificate)?)?], key)
            .map_err(io::Error::other)?;
        if !self.resumes {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Arc::new(config))
    }
}

fn first(pem: &[u8]) -> io::Result<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(pem).map_err(io::Error::other)
}
