//! What must be right before a client joins a server: nothing secret may go to another one.

use std::fmt;

use lxio_core::call::{Credential, Joining};
use lxio_core::model::{Time, TrustToken};
use lxio_core::session::{Address, Cause, Error, Remote};
use lxio_core::wire::{Fingerprint, Scheme, ServerCertificate, Trust};

use crate::destination::resolve;

/// Why a server cannot be joined, or looked at. Nothing was sent.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum BadJoining {
    /// There is no TLS on the way to the server: it shows no certificate and asks for none.
    NoTls,
    /// The client has no certificate that the server could come to trust.
    NoIdentity,
    /// Any server would do, and the password is for one.
    AnyServer,
    /// The token is of another server than the one that is trusted.
    OtherServer {
        /// Whose certificate is trusted.
        trusted: Fingerprint,
        /// Whose the token is.
        of_token: Fingerprint,
    },
    /// The token is no longer good.
    Expired {
        /// Since when.
        at: Time,
    },
}

/// The remote as it may be connected to, to join it by `joining`: by a token it is the token's server alone, at
/// the token's addresses if the remote is no server of the network itself.
///
/// # Errors
/// [`Cause::Host`] with a [`BadJoining`], or with what is wrong with a name or a token.
pub fn to_join(remote: Remote, joining: &Joining) -> Result<Remote, Error> {
    let remote = match joining {
        Joining::Token(token) => by_token(remote, token)?,
        Joining::Password(_) => by_password(remote)?,
    };
    if remote.tls.identity.is_none() {
        return Err(bad(BadJoining::NoIdentity));
    }
    Ok(remote)
}

/// The remote, if it is one server, without what a login has given: the server would see somebody else.
pub(crate) fn by_password(remote: Remote) -> Result<Remote, Error> {
    let mut remote = over_tls(remote)?;
    remote.credential = Credential::None;
    match remote.tls.trust {
        Trust::DangerAnyone => Err(bad(BadJoining::AnyServer)),
        _ => Ok(remote),
    }
}

/// The remote with the token's server as the only one that will do, without what a login has given.
pub(crate) fn by_token(mut remote: Remote, token: &TrustToken) -> Result<Remote, Error> {
    let now = i64::try_from(crate::tls::clock()).unwrap_or(i64::MAX);
    if token.is_expired(now) {
        return Err(bad(BadJoining::Expired { at: token.expires_at().clone() }));
    }
    let theirs = Remote::of_token(token).map_err(|error| Error::new(Cause::Host(Box::new(error))))?;
    match remote.address {
        Address::Local => remote.address = theirs.address,
        _ => remote = over_tls(remote)?,
    }
    remote.credential = Credential::None;
    let Trust::Fingerprint(of_token) = theirs.tls.trust else { return Ok(remote) };
    let trusted = match &remote.tls.trust {
        Trust::Certificate(certificate) => Some(certificate.fingerprint()),
        Trust::Fingerprint(fingerprint) => Some(*fingerprint),
        _ => None,
    };
    match trusted {
        Some(trusted) if trusted != of_token => Err(bad(BadJoining::OtherServer { trusted, of_token })),
        Some(_) => Ok(remote),
        None => {
            remote.tls.trust = of_token.into();
            Ok(remote)
        }
    }
}

/// The remote under its own addresses, all with TLS.
pub(crate) fn over_tls(remote: Remote) -> Result<Remote, Error> {
    let (remote, _) = resolve(remote)?;
    match &remote.address {
        Address::Network(origins) if origins.iter().all(|origin| origin.scheme() == Scheme::Https) => {
            Ok(remote)
        }
        _ => Err(bad(BadJoining::NoTls)),
    }
}

/// The certificate that a server showed when it was only looked at.
///
/// # Errors
/// How it was not reached.
pub fn shown<T>(greeted: Result<T, Error>) -> Result<ServerCertificate, Error> {
    match greeted {
        Err(error) => error.server_certificate().cloned().ok_or(error),
        Ok(_) => Err(bad(BadJoining::NoTls)),
    }
}

fn bad(why: BadJoining) -> Error {
    Error::new(Cause::Host(Box::new(why)))
}

impl fmt::Display for BadJoining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTls => f.write_str("the server is not reached by TLS: it shows no certificate"),
            Self::NoIdentity => {
                f.write_str("the client has no certificate that the server could come to trust")
            }
            Self::AnyServer => {
                f.write_str("the password is for one server: say which, by its certificate or its authority")
            }
            Self::OtherServer { trusted, of_token } => {
                write!(f, "the token is of the server {of_token}, and {trusted} is the one that is trusted")
            }
            Self::Expired { at } => write!(f, "the token expired at {at}"),
        }
    }
}

impl std::error::Error for BadJoining {}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64;
    use lxio_core::bytes::Secret;
    use lxio_core::wire::Identity;

    use super::*;

    fn token(expires: &str) -> TrustToken {
        let json = format!(
            r#"{{"client_name":"ci","fingerprint":"{}","addresses":["10.0.0.1:8443"],"secret":"hunter2","expires_at":"{expires}"}}"#,
            "ab".repeat(32)
        );
        TrustToken::decode(&BASE64.encode(json.as_bytes())).unwrap()
    }

    fn me() -> Identity {
        let both = include_bytes!("../../../tests/fixtures/tls/client/both.pem");
        Identity::from_pem(both, both).unwrap()
    }

    fn refused(remote: Remote, joining: &Joining) -> BadJoining {
        let error = to_join(remote, joining).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
        match error.cause() {
            Cause::Host(error) => error.downcast_ref::<BadJoining>().unwrap().clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_token_is_for_its_server() {
        let good = Joining::Token(token("0001-01-01T00:00:00Z"));
        let [right, wrong] = ["ab", "cd"].map(|hex| hex.repeat(32).parse::<Fingerprint>().unwrap());
        let https = || Remote::https("shop").unwrap().identity(me());
        for remote in [https(), https().trust(right), https().trust(Trust::DangerAnyone)] {
            let joined = to_join(remote.bearer(Secret::new("hunter2")), &good).unwrap();
            assert!(matches!(joined.tls.trust, Trust::Fingerprint(it) if it == right));
            assert_eq!(joined.address, https().address);
            assert_eq!(joined.credential, Default::default());
        }
        let joined = to_join(Remote::local().identity(me()), &good).unwrap();
        assert_eq!(joined.address, Remote::https("10.0.0.1").unwrap().address);
        let other = BadJoining::OtherServer { trusted: wrong, of_token: right };
        assert_eq!(refused(https().trust(wrong), &good), other);
        assert_eq!(refused(Remote::socket("/s").identity(me()), &good), BadJoining::NoTls);
        assert_eq!(refused(Remote::https("shop").unwrap(), &good), BadJoining::NoIdentity);
        let old = Joining::Token(token("2001-01-01T00:00:00Z"));
        assert!(matches!(refused(https(), &old), BadJoining::Expired { .. }));
    }

    #[test]
    fn a_password_is_for_a_server_that_is_known() {
        let password = Joining::Password(Secret::new("hunter2"));
        let https = || Remote::https("shop").unwrap().identity(me());
        assert!(to_join(https(), &password).is_ok());
        assert_eq!(refused(https().trust(Trust::DangerAnyone), &password), BadJoining::AnyServer);
        for plain in [Remote::local(), Remote::socket("/s"), Remote::https("http://localhost").unwrap()] {
            assert_eq!(refused(plain.identity(me()), &password), BadJoining::NoTls);
        }
    }
}
