use std::io;
use std::time::{Duration, SystemTime};

use lxio_core::bytes::Secret;
use lxio_core::call::Flavour;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P384_SHA384,
};

use crate::Setup;

/// The name of the host that a daemon is simulated on.
const HOST: &str = "lxio-sim";
/// How long a new certificate is good: ten years.
const VALID: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// What a server of the network shows, and the key that proves that it is its own.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    pub(crate) pem: String,
    /// PEM.
    pub(crate) key: Secret,
}

impl Certificate {
    /// The one that was given, or a new one.
    pub(crate) fn of(setup: &Setup) -> io::Result<Self> {
        setup.certificate.clone().map_or_else(|| Self::new(setup.flavour), Ok)
    }

    /// A new one, as the daemons make theirs when they start for the first time: P-384, signed by itself.
    fn new(flavour: Flavour) -> io::Result<Self> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).map_err(io::Error::other)?;
        let names = [HOST, "127.0.0.1", "::1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        let maker = if flavour == Flavour::Lxd { "linuxcontainers.org" } else { "Linux Containers" };
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, maker);
        params.distinguished_name.push(DnType::CommonName, format!("root@{HOST}"));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        params.not_before = rcgen::date_time_ymd(1970, 1, 1) + now;
        params.not_after = params.not_before + VALID;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let pem = params.self_signed(&key).map_err(io::Error::other)?.pem();
        Ok(Self { pem, key: Secret::new(key.serialize_pem()) })
    }
}
