//! TLS by hand: rustls as it comes, on a blocking socket, one configuration for all connections.

use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme,
    StreamOwned,
};

use crate::floor::Floor;
use crate::{Failure, papers};

/// Makes connections to one server.
#[derive(Debug)]
pub struct TlsFloor {
    config: Arc<ClientConfig>,
    address: String,
}

impl TlsFloor {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// When the papers are of no use.
    pub fn new(address: &str) -> Result<Self, Failure> {
        let provider = Arc::new(ring::default_provider());
        let pinned = Pinned { certificate: papers::server_certificate()?, provider: Arc::clone(&provider) };
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(pinned))
            .with_client_auth_cert(vec![papers::client_certificate()?], papers::client_key()?)?;
        Ok(Self { config: Arc::new(config), address: address.to_owned() })
    }

    /// A new connection.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn connect(&self) -> Result<Floor<StreamOwned<ClientConnection, TcpStream>>, Failure> {
        let name = ServerName::try_from("127.0.0.1")?;
        let socket = TcpStream::connect(&self.address)?;
        socket.set_nodelay(true)?;
        Ok(Floor::on(StreamOwned::new(ClientConnection::new(Arc::clone(&self.config), name)?, socket)))
    }
}

/// Takes one certificate and no other.
#[derive(Debug)]
struct Pinned {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *certificate != self.certificate {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
