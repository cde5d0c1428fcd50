use std::fmt;

use super::ServerCertificate;

/// Why a connection is not secure, so that nothing was sent on it beyond the handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsError {
    /// The server's certificate is not one that is trusted.
    Distrusted {
        /// What it showed, to be looked at, and to be pinned if it is the right one.
        certificate: ServerCertificate,
        /// What is wrong with it.
        why: Distrust,
    },
    /// The peer answered in plain HTTP: it listens without TLS, or another server listens there.
    PlainHttp,
    /// The peer does not speak TLS.
    NotTls {
        /// The start of what it said, with everything unprintable escaped.
        start: String,
    },
    /// The peer ended the connection during the handshake.
    Closed,
    /// The peer refused the client's certificate, or wants one, in its words, such as "unknown ca". The daemons
    /// do not: they answer that they do not trust the client.
    Unwelcome(String),
    /// The peer refused for another reason, in its words, such as "protocol version".
    Alert(String),
    /// The handshake or a record broke the protocol, or a limit of it.
    Protocol(String),
    /// The host that is connected to cannot stand in a certificate.
    BadName(String),
}

/// What is wrong with a server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Distrust {
    /// It is not the pinned one.
    NotPinned,
    /// No trusted authority has signed it. Servers of this kind sign their own certificate.
    UnknownAuthority,
    /// It is no longer valid.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// It is for another host.
    WrongHost,
    /// Its authority has revoked it, or whether it did cannot be told from the lists that there are.
    Revoked,
    /// It is only to be looked at: see `TlsClient::peek`.
    OnlyLooking,
    /// Something else, in words.
    Other(String),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Distrusted { certificate, why } => {
                write!(f, "the server's certificate {why} (its fingerprint is {})", certificate.fingerprint())
            }
            Self::PlainHttp => f.write_str("the server speaks plain HTTP there, without TLS"),
            Self::NotTls { start } => write!(f, "the peer does not speak TLS: it said \"{start}\""),
            Self::Closed => f.write_str("the connection was closed during the TLS handshake"),
            Self::Unwelcome(alert) => write!(f, "the server does not let this client in: {alert}"),
            Self::Alert(alert) => write!(f, "the server refused the TLS connection: {alert}"),
            Self::Protocol(what) => write!(f, "the TLS connection failed: {what}"),
            Self::BadName(host) => write!(f, "no certificate can be for the host {host:?}"),
        }
    }
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPinned => "is not the one that is trusted",
            Self::UnknownAuthority => "is signed by no authority that is trusted",
            Self::Expired => "has expired",
            Self::NotYetValid => "is not valid yet",
            Self::WrongHost => "is for another host",
            Self::Revoked => "is revoked, or cannot be told not to be",
            Self::OnlyLooking => "was only looked at",
            Self::Other(what) => return write!(f, "is no good: {what}"),
        })
    }
}

impl std::error::Error for TlsError {}
