use std::time::{SystemTime, UNIX_EPOCH};

use lxio_core::session::{Cause, Error, Way};
use lxio_core::wire::{Authorities, Scheme, SettingsError, TlsClient, TlsSettings, TlsWorld, Trust};

/// Ways with what TLS is spoken with, if it is on any of them: the same for all, so that a session goes on at
/// another address.
pub(crate) fn equip(
    ways: Vec<Way>,
    client: impl FnOnce() -> Result<TlsClient, Error>,
) -> Result<Vec<Way>, Error> {
    let is_secure = |way: &Way| way.origin.as_ref().is_some_and(|origin| origin.scheme() == Scheme::Https);
    if !ways.iter().any(is_secure) {
        return Ok(ways);
    }
    let client = client()?;
    Ok(ways.into_iter().map(|way| Way { tls: Some(client.clone()), ..way }).collect())
}

/// What TLS is spoken with to a server of ours.
pub(crate) fn client(settings: &TlsSettings) -> Result<TlsClient, Error> {
    settings.build(&world(settings)).map_err(failed)
}

/// What TLS is spoken with to see which certificate a server has.
pub(crate) fn looking_client(settings: &TlsSettings) -> Result<TlsClient, Error> {
    settings.build_peek(&TlsWorld { clock, authorities: Authorities::default() }).map_err(failed)
}

/// What TLS is spoken with to servers that are not of our kind.
pub(crate) fn for_the_web(settings: &TlsSettings) -> Result<TlsClient, Error> {
    let mut web = TlsSettings::default();
    web.provider.clone_from(&settings.provider);
    client(&web)
}

fn world(settings: &TlsSettings) -> TlsWorld {
    let authorities = match settings.trust {
        // A file that cannot be read is passed over, as other programs do.
        Trust::System => Authorities::from_der(
            rustls_native_certs::load_native_certs()
                .certs
                .into_iter()
                .map(|certificate| certificate.to_vec()),
        ),
        _ => Authorities::default(),
    };
    TlsWorld { clock, authorities }
}

pub(crate) fn clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn failed(error: SettingsError) -> Error {
    Error::new(Cause::Tls(error))
}
