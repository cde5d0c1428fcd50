use std::fmt;

use crate::wire::OriginError;

/// Why a login, or a refresh of its tokens, came to no good end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginError {
    /// The server offers no login by OpenID Connect.
    NotOffered,
    /// The server trusts this client already, by its certificate or its socket, and says of a login nothing.
    Trusted,
    /// An address that the server or the provider names cannot be used.
    BadAddress {
        /// Whose: `issuer`, `token_endpoint` and the like.
        of: &'static str,
        /// What about it.
        why: BadAddress,
    },
    /// The provider calls itself otherwise than the server does.
    WrongIssuer {
        /// What the server calls it.
        expected: String,
        /// What it calls itself.
        found: String,
    },
    /// The provider knows no login by a code that is confirmed elsewhere.
    NoDeviceGrant,
    /// The provider answered with a redirect. None is followed.
    Redirected {
        /// The HTTP status.
        status: u16,
    },
    /// The provider's answer is not what the protocol says. Nothing of it is repeated, since it may hold secrets.
    BadAnswer {
        /// The HTTP status.
        status: u16,
        /// What about it.
        why: &'static str,
    },
    /// The provider said no.
    Refused {
        /// Its code, such as `invalid_client`.
        error: String,
        /// Its text.
        description: Option<String>,
    },
    /// The user declined.
    Denied,
    /// The user did not confirm the code in time.
    Expired,
    /// The provider no longer takes the refresh token, or the code: a new login is needed.
    InvalidGrant,
    /// No answer came in time.
    Silent,
    /// The token is of a kind that these servers do not take.
    TokenType {
        /// What the provider calls it.
        kind: String,
    },
    /// There is no refresh token: a new login is needed.
    NoRefreshToken,
    /// What was kept of a login cannot be read.
    BadTokens,
}

/// Why an address that a server named cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadAddress {
    /// It is none.
    Origin(OriginError),
    /// What follows the host cannot be asked for.
    Path,
    /// It is not `https`, and not within this machine.
    Plain,
}

impl fmt::Display for BadAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin(error) => error.fmt(f),
            Self::Path => f.write_str("the path of the address cannot be asked for"),
            Self::Plain => f.write_str("the address is not https"),
        }
    }
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOffered => f.write_str("the server offers no login by OpenID Connect"),
            Self::Trusted => f.write_str("the server trusts this client already"),
            Self::BadAddress { of, why } => write!(f, "the {of} of the identity provider is unusable: {why}"),
            Self::WrongIssuer { expected, found } => {
                write!(f, "the identity provider calls itself {found:?}, the server calls it {expected:?}")
            }
            Self::NoDeviceGrant => f.write_str("the identity provider knows no login by a code"),
            Self::Redirected { status } => {
                write!(f, "the identity provider answered with a redirect (status {status})")
            }
            Self::BadAnswer { status, why } => {
                write!(f, "the identity provider's answer (status {status}) cannot be understood: {why}")
            }
            Self::Refused { error, description: None } => write!(f, "the identity provider said no: {error}"),
            Self::Refused { error, description: Some(description) } => {
                write!(f, "the identity provider said no: {error}: {description}")
            }
            Self::Denied => f.write_str("the login was declined"),
            Self::Expired => f.write_str("the login was not confirmed in time"),
            Self::InvalidGrant => f.write_str("the login is no longer good: log in again"),
            Self::Silent => f.write_str("no answer came in time"),
            Self::TokenType { kind } => write!(f, "the identity provider gave a token of the kind {kind:?}"),
            Self::NoRefreshToken => f.write_str("the login cannot be refreshed: log in again"),
            Self::BadTokens => f.write_str("what was kept of the login cannot be read"),
        }
    }
}

impl std::error::Error for LoginError {}
