//! Certificates and keys as the daemons and their clients make them: P-384, signed by themselves.

use lxio_core::wire::{Identity, Trust};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::Failure;

const SERVER: &[u8] = include_bytes!("../../tests/fixtures/tls/server/self-signed.crt");
const SERVER_KEY: &[u8] = include_bytes!("../../tests/fixtures/tls/server/self-signed.key");
const CLIENT: &[u8] = include_bytes!("../../tests/fixtures/tls/client/ec-p384.crt");
const CLIENT_KEY: &[u8] = include_bytes!("../../tests/fixtures/tls/client/ec-p384.pkcs8.key");

macro_rules! papers {
    ($($(#[$doc:meta])* $name:ident: $pem:ident as $type:ty;)+) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// When the fixture is not what it should be.
        pub fn $name() -> Result<$type, Failure> {
            Ok(<$type>::from_pem_slice($pem)?)
        }
    )+};
}

papers! {
    /// The server's certificate.
    server_certificate: SERVER as CertificateDer<'static>;
    /// Its key.
    server_key: SERVER_KEY as PrivateKeyDer<'static>;
    /// The client's certificate.
    client_certificate: CLIENT as CertificateDer<'static>;
    /// Its key.
    client_key: CLIENT_KEY as PrivateKeyDer<'static>;
}

/// The server's certificate, pinned.
///
/// # Errors
/// When the fixture is not what it should be.
pub fn trust() -> Result<Trust, Failure> {
    Ok(Trust::pinned(SERVER)?)
}

/// The client's certificate and key.
///
/// # Errors
/// When the fixture is not what it should be.
pub fn identity() -> Result<Identity, Failure> {
    Ok(Identity::from_pem(CLIENT, CLIENT_KEY)?)
}
