use std::fmt;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};

use super::{Fingerprint, ServerCertificate};

/// Which server is the right one.
///
/// LXD and Incus sign their own certificates, so no authority knows them: the usual way is to pin the one that
/// the server has, after its fingerprint was compared with what the server's owner says, or to have it from a
/// trust token. Neither its host name nor its expiry matter then.
///
/// The same trust holds for calls, websockets, uploads and downloads.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Trust {
    /// A certificate for the host that is connected to, signed by an authority that this machine trusts.
    #[default]
    System,
    /// A certificate for the host that is connected to, signed by one of these authorities: PKI mode, where
    /// they stand in `client.ca`.
    Authorities(Authorities),
    /// This certificate and no other.
    Certificate(ServerCertificate),
    /// The certificate with this fingerprint and no other.
    Fingerprint(Fingerprint),
    /// Any certificate: whoever sits between can read and change everything, and have the server obey. For
    /// nothing but a server of one's own tests.
    DangerAnyone,
}

/// Authorities that sign the certificates of servers, and what they have revoked.
#[derive(Clone, Default)]
pub struct Authorities {
    pub(super) roots: Vec<CertificateDer<'static>>,
    pub(super) revoked: Vec<CertificateRevocationListDer<'static>>,
}

/// Why a text is no certificate to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrustError {
    /// There is no certificate in the PEM.
    NoCertificate,
    /// There is no revocation list in the PEM.
    NoRevocationList,
    /// The PEM is malformed.
    Malformed,
}

impl Trust {
    /// The first certificate in this PEM and no other.
    ///
    /// # Errors
    /// [`TrustError`] if there is none.
    pub fn pinned(pem: &[u8]) -> Result<Self, TrustError> {
        let first = CertificateDer::pem_slice_iter(pem).next().ok_or(TrustError::NoCertificate)?;
        let der = first.map_err(|_| TrustError::Malformed)?;
        Ok(Self::Certificate(ServerCertificate::from_der(&der)))
    }

    /// A certificate for the host that is connected to, signed by one of those in this PEM.
    ///
    /// # Errors
    /// [`TrustError`] if there is none.
    pub fn authorities(pem: &[u8]) -> Result<Self, TrustError> {
        Authorities::from_pem(pem).map(Self::Authorities)
    }
}

impl Authorities {
    /// None at all.
    pub const NONE: Self = Self { roots: Vec::new(), revoked: Vec::new() };

    /// The certificates in this PEM.
    ///
    /// # Errors
    /// [`TrustError`] if there is none.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TrustError> {
        let roots: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|_| TrustError::Malformed)?;
        if roots.is_empty() {
            return Err(TrustError::NoCertificate);
        }
        Ok(Self { roots, revoked: Vec::new() })
    }

    /// Certificates in DER. Those that cannot be used are passed over, as systems have some.
    #[must_use]
    pub fn from_der(certificates: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let roots = certificates.into_iter().map(CertificateDer::from).collect();
        Self { roots, revoked: Vec::new() }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// With the revocation lists in this PEM: `server.crl`. A certificate that stands in one is refused; one
    /// whose authority has no list here is not.
    ///
    /// # Errors
    /// [`TrustError`] if there is none.
    pub fn revoking(mut self, pem: &[u8]) -> Result<Self, TrustError> {
        let lists: Vec<_> = CertificateRevocationListDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|_| TrustError::Malformed)?;
        if lists.is_empty() {
            return Err(TrustError::NoRevocationList);
        }
        self.revoked.extend(lists);
        Ok(self)
    }
}

impl From<Fingerprint> for Trust {
    fn from(fingerprint: Fingerprint) -> Self {
        Self::Fingerprint(fingerprint)
    }
}

impl From<ServerCertificate> for Trust {
    fn from(certificate: ServerCertificate) -> Self {
        Self::Certificate(certificate)
    }
}

impl From<Authorities> for Trust {
    fn from(authorities: Authorities) -> Self {
        Self::Authorities(authorities)
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("System"),
            Self::Authorities(authorities) => authorities.fmt(f),
            Self::Certificate(certificate) => write!(f, "Certificate({})", certificate.fingerprint()),
            Self::Fingerprint(fingerprint) => write!(f, "Fingerprint({fingerprint})"),
            Self::DangerAnyone => f.write_str("DangerAnyone"),
        }
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorities({} certificates, {} lists)", self.roots.len(), self.revoked.len())
    }
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCertificate => "there is no certificate in the PEM",
            Self::NoRevocationList => "there is no revocation list in the PEM",
            Self::Malformed => "the PEM is malformed",
        })
    }
}

impl std::error::Error for TrustError {}
