use std::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};

use super::{Authorities, Distrust, Fingerprint, ServerCertificate, SettingsError, Trust};

/// Trust as rustls asks for it. Whatever is trusted, the server must prove that it holds the key.
#[derive(Debug)]
pub(super) struct Verifier {
    rule: Rule,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
enum Rule {
    Exactly(ServerCertificate),
    With(Fingerprint),
    Signed(Arc<WebPkiServerVerifier>),
    Anyone,
    Look,
}

/// Why a certificate was refused, as it travels through rustls.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) certificate: ServerCertificate,
    pub(super) why: Distrust,
}

impl Verifier {
    /// `trust` with `system` in place of [`Trust::System`].
    pub(super) fn new(
        trust: &Trust,
        system: &Authorities,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, SettingsError> {
        let rule = match trust {
            Trust::Certificate(certificate) => Rule::Exactly(certificate.clone()),
            Trust::Fingerprint(fingerprint) => Rule::With(*fingerprint),
            Trust::DangerAnyone => Rule::Anyone,
            Trust::Authorities(authorities) => signed(authorities, &provider)?,
            Trust::System => signed(system, &provider)?,
        };
        Ok(Self { rule, provider })
    }

    /// Refuses every certificate, so that it can be looked at.
    pub(super) const fn looking(provider: Arc<CryptoProvider>) -> Self {
        Self { rule: Rule::Look, provider }
    }
}

fn signed(authorities: &Authorities, provider: &Arc<CryptoProvider>) -> Result<Rule, SettingsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities.roots.iter().cloned());
    if roots.is_empty() {
        return Err(SettingsError::NoAuthorities);
    }
    let mut builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    if !authorities.revoked.is_empty() {
        builder = builder
            .with_crls(authorities.revoked.iter().cloned())
            .only_check_end_entity_revocation()
            .allow_unknown_revocation_status();
    }
    builder.build().map(Rule::Signed).map_err(|error| SettingsError::Authorities(error.to_string()))
}

impl Refusal {
    /// The refusal that an error of rustls carries.
    pub(super) fn of(error: &CertificateError) -> Option<&Self> {
        match error {
            CertificateError::Other(OtherError(error)) => error.downcast_ref(),
            _ => None,
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let why = match &self.rule {
            Rule::Exactly(pinned) if pinned.der() == end_entity.as_ref() => None,
            Rule::With(fingerprint) if *fingerprint == Fingerprint::of(end_entity) => None,
            Rule::Exactly(_) | Rule::With(_) => Some(Distrust::NotPinned),
            Rule::Anyone => None,
            Rule::Look => Some(Distrust::OnlyLooking),
            Rule::Signed(authorities) => authorities
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
                .err()
                .map(distrust),
        };
        match why {
            None => Ok(ServerCertVerified::assertion()),
            Some(why) => {
                let refusal = Refusal { certificate: ServerCertificate::from_der(end_entity), why };
                Err(Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refusal)))))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn distrust(error: Error) -> Distrust {
    use CertificateError as E;
    match error {
        Error::InvalidCertificate(E::UnknownIssuer) => Distrust::UnknownAuthority,
        Error::InvalidCertificate(E::Expired | E::ExpiredContext { .. }) => Distrust::Expired,
        Error::InvalidCertificate(E::NotValidYet | E::NotValidYetContext { .. }) => Distrust::NotYetValid,
        Error::InvalidCertificate(E::NotValidForName | E::NotValidForNameContext { .. }) => {
            Distrust::WrongHost
        }
        Error::InvalidCertificate(
            E::Revoked
            | E::UnknownRevocationStatus
            | E::ExpiredRevocationList
            | E::ExpiredRevocationListContext { .. },
        ) => Distrust::Revoked,
        Error::InvalidCertificate(error) => Distrust::Other(error.to_string()),
        error => Distrust::Other(error.to_string()),
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)
    }
}

impl std::error::Error for Refusal {}
