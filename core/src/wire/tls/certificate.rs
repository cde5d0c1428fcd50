use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The SHA-256 of a certificate, as the daemons and their clients show it: 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

/// A text is no fingerprint of a certificate: that has 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FingerprintError;

impl Fingerprint {
    /// From its bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Of a certificate in DER.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        use sha2::Digest;
        Self(sha2::Sha256::digest(der).into())
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Reads 64 hexadecimal digits; colons between pairs, as other tools print them, are passed over.
    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let mut bytes = [0; 32];
        let mut digits = text.trim().bytes().filter(|byte| *byte != b':');
        let mut digit = || {
            let value = char::from(digits.next()?).to_digit(16)?;
            u8::try_from(value).ok()
        };
        for byte in &mut bytes {
            let (high, low) = (digit().ok_or(FingerprintError)?, digit().ok_or(FingerprintError)?);
            *byte = high << 4 | low;
        }
        match digits.next() {
            None => Ok(Self(bytes)),
            Some(_) => Err(FingerprintError),
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for FingerprintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fingerprint of a certificate has 64 hexadecimal digits")
    }
}

impl std::error::Error for FingerprintError {}

/// A certificate that a server showed. `Debug` prints its fingerprint.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerCertificate {
    der: Arc<[u8]>,
    fingerprint: Fingerprint,
}

impl ServerCertificate {
    /// From DER. What is in it is not looked at before it is used.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn from_der(der: &[u8]) -> Self {
        Self { der: der.into(), fingerprint: Fingerprint::of(der) }
    }

    /// The certificate itself, in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate in PEM, as it is kept in files.
    #[must_use]
    pub fn to_pem(&self) -> String {
        const LINE: usize = 64 / 4 * 3;
        let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
        for line in self.der.chunks(LINE) {
            data_encoding::BASE64.encode_append(line, &mut pem);
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
        pem
    }

    /// Its fingerprint, which users compare with what the server's owner told them.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerCertificate({})", self.fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "tls")]
    #[test]
    fn the_pem_is_that_of_other_tools() {
        use rustls::pki_types::pem::PemObject;
        let pem = include_str!("../../../../tests/fixtures/tls/server/good.crt");
        let der = rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        assert!(pem.contains(&ServerCertificate::from_der(&der).to_pem()), "{pem}");
    }

    #[test]
    fn fingerprints_are_read_as_tools_print_them() {
        let plain = "00ff".repeat(16);
        let read: Fingerprint = plain.parse().unwrap();
        assert_eq!(read.to_string(), plain);
        let colons = vec!["00:FF"; 16].join(":");
        assert_eq!(colons.parse(), Ok(read));
        for bad in ["", "00ff", &"00fg".repeat(16), &"00ff".repeat(17), &"é".repeat(64)] {
            assert_eq!(bad.parse::<Fingerprint>(), Err(FingerprintError), "{bad}");
        }
    }
}
