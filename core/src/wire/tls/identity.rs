use std::fmt;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::Fingerprint;

/// Who the client is: its certificate, and the key that proves it. `Debug` prints the fingerprint alone.
///
/// ```no_run
/// use lxio_core::wire::Identity;
///
/// let identity = Identity::from_pem(&std::fs::read("client.crt")?, &std::fs::read("client.key")?)?;
/// println!("let {} in", identity.fingerprint());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// Why a certificate and a key are no [`Identity`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityError {
    /// There is no certificate in the PEM.
    NoCertificate,
    /// There is no private key in the PEM.
    NoKey,
    /// The key is encrypted. No passphrase is asked for here: `openssl pkey -in client.key -out plain.key`
    /// decrypts it.
    EncryptedKey,
    /// The PEM is malformed.
    Malformed(String),
}

impl Identity {
    /// From the PEM of a certificate, with those that signed it behind it if there are any, and of its key:
    /// PKCS#8, SEC1 or PKCS#1. Both may be the same text, and what else is in them is passed over.
    ///
    /// # Errors
    /// [`IdentityError`] if one of them is missing, encrypted or malformed. Whether the key is that of the
    /// certificate is found when it is first used.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate)
            .collect::<Result<_, _>>()
            .map_err(|error| malformed("certificate", &error))?;
        if chain.is_empty() {
            return Err(IdentityError::NoCertificate);
        }
        let key = match PrivateKeyDer::from_pem_slice(key) {
            _ if is_encrypted(key) => return Err(IdentityError::EncryptedKey),
            Ok(key) => key,
            Err(pem::Error::NoItemsFound) => return Err(IdentityError::NoKey),
            Err(error) => return Err(malformed("key", &error)),
        };
        Ok(Self { chain, key })
    }

    /// The fingerprint by which servers know it.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.certificate())
    }

    /// Its certificate in DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        self.chain.first().map_or(&[], |first| first.as_ref())
    }

    pub(super) fn parts(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        (self.chain.clone(), self.key.clone_key())
    }
}

/// Keys are encrypted in two ways: as PKCS#8, or by fields within the PEM.
fn is_encrypted(pem: &[u8]) -> bool {
    let has = |text: &str| memchr::memmem::find(pem, text.as_bytes()).is_some();
    has("-----BEGIN ENCRYPTED PRIVATE KEY-----") || has("Proc-Type: 4,ENCRYPTED")
}

fn malformed(what: &str, error: &pem::Error) -> IdentityError {
    // What it says of a bad line holds that line, which may be of the key.
    let why = match error {
        pem::Error::MissingSectionEnd { .. } => "its end is missing",
        pem::Error::IllegalSectionStart { .. } => "its first line is malformed",
        pem::Error::Base64Decode(_) => "it is not in Base64",
        _ => "it is malformed",
    };
    IdentityError::Malformed(format!("the PEM of the {what}: {why}"))
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        let (chain, key) = self.parts();
        Self { chain, key }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.fingerprint())
    }
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => f.write_str("there is no certificate in the PEM"),
            Self::NoKey => f.write_str("there is no private key in the PEM"),
            Self::EncryptedKey => f.write_str(
                "the private key is encrypted; `openssl pkey -in client.key -out plain.key` decrypts it",
            ),
            Self::Malformed(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for IdentityError {}
