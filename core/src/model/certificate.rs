//! Certificates: whom a server trusts.

use std::fmt;

use data_encoding::BASE64;

use super::resource::resource;
use super::text::{Fingerprint, Name};
use super::words::words;

words! {
    /// What a certificate is good for.
    pub enum CertificateKind {
        /// A client, with all rights or with those of some projects.
        Client = "client",
        /// A client that may read the metrics and nothing else. API extension `metrics`.
        Metrics = "metrics",
        /// A member of the cluster. API extension `clustering`.
        Server = "server",
    }
}

resource! {
    /// A certificate that a server trusts.
    pub struct Certificate {
        read {
            /// The SHA-256 of its DER form, by which it is known.
            fingerprint: Fingerprint,
            /// What this client may do with it; only if asked for. LXD.
            access_entitlements: Vec<String>,
        }
        write {
            /// A name for people. Two certificates can have the same.
            name: Name,
            /// What it is good for. Cannot be changed, but servers want it in what is put.
            kind: CertificateKind = "type",
            /// Whether it is good for the projects alone. API extension `certificate_project`.
            restricted: bool,
            /// The projects of a restricted one. API extension `certificate_project`.
            projects: Vec<Name>,
            /// The certificate itself, PEM. Another one takes its place, with a fingerprint of its own. API
            /// extension `certificate_self_renewal`.
            certificate: String,
            /// A text for people. Incus, API extension `certificate_description`.
            description: String,
        }
    }
}

resource! {
    /// A certificate to be trusted.
    pub struct CertificateCreate {
        write {
            /// A name for people. If empty, the common name in the certificate.
            name: Name,
            /// What it is good for.
            kind: CertificateKind = "type",
            /// The certificate itself: its DER form in base64.
            certificate: String,
            /// Whether it is good for the projects alone. API extension `certificate_project`.
            restricted: bool,
            /// The projects of a restricted one. API extension `certificate_project`.
            projects: Vec<Name>,
            /// A text for people. Incus, API extension `certificate_description`.
            description: String,
        }
    }
}

impl CertificateCreate {
    /// A client by that name with this certificate: PEM, of which the first certificate counts, or DER.
    ///
    /// # Errors
    /// [`BadCertificate`] if `certificate` is neither.
    pub fn new(name: impl Into<Name>, certificate: impl AsRef<[u8]>) -> Result<Self, BadCertificate> {
        let der = der_of(certificate.as_ref())?;
        Ok(Self {
            name: name.into(),
            kind: CertificateKind::Client,
            certificate: BASE64.encode(&der),
            ..Self::default()
        })
    }

    /// Good for these projects alone.
    #[must_use]
    pub fn restricted_to(mut self, projects: impl IntoIterator<Item = impl Into<Name>>) -> Self {
        self.restricted = true;
        self.projects = projects.into_iter().map(Into::into).collect();
        self
    }
}

/// Why bytes are no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadCertificate {
    /// It is text without a whole block `-----BEGIN CERTIFICATE-----`: perhaps a key.
    NoBlock,
    /// What is in the block is no base64.
    Base64,
    /// It is no DER: not one sequence from the first byte to the last.
    Der,
}

impl fmt::Display for BadCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoBlock => "there is no certificate in the text",
            Self::Base64 => "the certificate in the text is no base64",
            Self::Der => "the certificate is not one DER sequence",
        })
    }
}

impl std::error::Error for BadCertificate {}

/// The DER form of a certificate that is PEM or DER.
fn der_of(given: &[u8]) -> Result<Vec<u8>, BadCertificate> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let der = if given.first() == Some(&0x30) {
        given.to_vec()
    } else {
        let text = std::str::from_utf8(given).map_err(|_| BadCertificate::Der)?;
        let (_, rest) = text.split_once(BEGIN).ok_or(BadCertificate::NoBlock)?;
        let (block, _) = rest.split_once(END).ok_or(BadCertificate::NoBlock)?;
        let block: Vec<u8> = block.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        BASE64.decode(&block).map_err(|_| BadCertificate::Base64)?
    };
    if is_sequence(&der) { Ok(der) } else { Err(BadCertificate::Der) }
}

/// Whether the bytes are one sequence from the first to the last, as every certificate is. None is shorter
/// than 128 bytes or longer than 65,535.
fn is_sequence(der: &[u8]) -> bool {
    let length = match der {
        [0x30, 0x81, length, ..] => usize::from(*length) + 3,
        [0x30, 0x82, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])) + 4,
        _ => return false,
    };
    length == der.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{from_value, json, to_value};

    fn der(length: u8) -> Vec<u8> {
        let mut der = vec![0x30, 0x81, length];
        der.resize(usize::from(length) + 3, 7);
        der
    }

    fn pem(der: &[u8]) -> String {
        let body = BASE64.encode(der);
        let lines: Vec<_> = body.as_bytes().chunks(64).map(|it| std::str::from_utf8(it).unwrap()).collect();
        format!("-----BEGIN CERTIFICATE-----\r\n{}\r\n-----END CERTIFICATE-----\r\n", lines.join("\r\n"))
    }

    #[test]
    fn pem_and_der_are_the_same_to_the_server() {
        let first = der(200);
        let want = json!({"name": "ci", "type": "client", "certificate": BASE64.encode(&first)});
        let chain = format!("subject=CN=ci\n{}{}", pem(&first), pem(&der(201)));
        for given in [first.clone(), pem(&first).into_bytes(), chain.into_bytes()] {
            let create = CertificateCreate::new("ci", given).unwrap();
            assert_eq!(to_value(create).unwrap(), want);
        }
        let create = CertificateCreate::new("ci", &first).unwrap().restricted_to(["shop"]);
        let body = to_value(create).unwrap();
        assert_eq!((&body["restricted"], &body["projects"]), (&json!(true), &json!(["shop"])));
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        let whole = der(200);
        for (given, why) in [
            (b"".to_vec(), BadCertificate::NoBlock),
            (
                b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_vec(),
                BadCertificate::NoBlock,
            ),
            (b"-----BEGIN CERTIFICATE-----\nAAAA".to_vec(), BadCertificate::NoBlock),
            (
                b"-----BEGIN CERTIFICATE-----\nA*AA\n-----END CERTIFICATE-----".to_vec(),
                BadCertificate::Base64,
            ),
            (pem(&whole[..99]).into_bytes(), BadCertificate::Der),
            (whole[..99].to_vec(), BadCertificate::Der),
            (vec![0xff, 0xfe], BadCertificate::Der),
        ] {
            assert_eq!(CertificateCreate::new("x", &given).unwrap_err(), why, "{given:?}");
        }
    }

    #[test]
    fn a_certificate_as_servers_show_it() {
        // As LXD 5.0.2 has it; Incus adds the description.
        let mut sent = json!({
            "name": "n1", "type": "client", "restricted": true, "projects": ["shop"],
            "certificate": "-----BEGIN CERTIFICATE-----\n", "fingerprint": "3b3341c6c4",
        });
        let mut it: Certificate = from_value(sent.clone()).unwrap();
        assert_eq!((it.fingerprint().as_str(), &it.kind), ("3b3341c6c4", &CertificateKind::Client));
        assert_eq!(to_value(&it).unwrap(), sent);
        it.name = "n2".into();
        it.extra_mut().insert("tomorrow", 1);
        sent["name"] = "n2".into();
        sent["tomorrow"] = 1.into();
        sent.as_object_mut().unwrap().remove("fingerprint");
        assert_eq!(to_value(it.writable()).unwrap(), sent);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(given in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = CertificateCreate::new("x", given);
        }
    }
}
