use std::fmt;

use http::StatusCode;

/// Why a proxy gave no connection to the server. After it the connection is of no more use.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TunnelError {
    /// The proxy closed the connection before it had answered.
    Cut,
    /// The proxy does not speak HTTP/1.
    NotHttp,
    /// The head of the answer is malformed.
    BadHead,
    /// The head of the answer is larger than [`Limits::head`](crate::bytes::Limits::head).
    HeadTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// More 1xx answers than [`Limits::interim`](crate::bytes::Limits::interim).
    TooManyInterim {
        /// The limit.
        limit: usize,
    },
    /// An HTTP proxy said no; with 407, because it wants a user name and password, or others.
    Refused {
        /// Its answer.
        status: StatusCode,
        /// What it said of it, at most 200 bytes.
        reason: String,
    },
    /// The proxy does not speak SOCKS 5.
    NotSocks {
        /// What stands where the version must be.
        version: u8,
    },
    /// The SOCKS proxy takes none of the ways to say who we are; without a user name it probably wants one.
    NoMethod,
    /// The SOCKS proxy chose a way to say who we are that was not offered.
    BadMethod {
        /// The one it chose.
        method: u8,
    },
    /// The SOCKS proxy does not accept user name and password.
    BadUser,
    /// The SOCKS proxy said no.
    Socks(SocksRefusal),
    /// The SOCKS proxy told its address in a way that is not known.
    BadAddress {
        /// The type of address.
        kind: u8,
    },
}

/// Why a SOCKS proxy gave no connection to the server (RFC 1928, section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocksRefusal {
    /// 1: a general failure of the proxy.
    Failure,
    /// 2: its rules do not allow it.
    NotAllowed,
    /// 3: it has no way to the network.
    NetworkUnreachable,
    /// 4: it has no way to the host, or does not know it.
    HostUnreachable,
    /// 5: nobody listens there.
    ConnectionRefused,
    /// 6: the way there is too long.
    Expired,
    /// 7: it makes no connections.
    CommandNotSupported,
    /// 8: it does not take this kind of address.
    AddressNotSupported,
    /// Another code.
    Unknown(u8),
}

impl SocksRefusal {
    /// The meaning of a reply other than 0.
    pub(super) const fn of(code: u8) -> Self {
        match code {
            1 => Self::Failure,
            2 => Self::NotAllowed,
            3 => Self::NetworkUnreachable,
            4 => Self::HostUnreachable,
            5 => Self::ConnectionRefused,
            6 => Self::Expired,
            7 => Self::CommandNotSupported,
            8 => Self::AddressNotSupported,
            code => Self::Unknown(code),
        }
    }
}

impl fmt::Display for SocksRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failure => "it failed",
            Self::NotAllowed => "its rules do not allow the connection",
            Self::NetworkUnreachable => "it cannot reach the network of the server",
            Self::HostUnreachable => "it cannot reach the server",
            Self::ConnectionRefused => "the server refused the connection",
            Self::Expired => "the way to the server is too long",
            Self::CommandNotSupported => "it makes no connections",
            Self::AddressNotSupported => "it does not take this kind of address",
            Self::Unknown(code) => return write!(f, "code {code}"),
        })
    }
}

impl fmt::Display for TunnelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut => f.write_str("the proxy closed the connection before it had answered"),
            Self::NotHttp => f.write_str("the proxy does not speak HTTP"),
            Self::BadHead => f.write_str("the answer of the proxy is malformed"),
            Self::HeadTooLong { limit } => write!(f, "the answer of the proxy is longer than {limit} bytes"),
            Self::TooManyInterim { limit } => write!(f, "more than {limit} interim answers of the proxy"),
            Self::Refused { status, reason } if reason.is_empty() => {
                write!(f, "the proxy answered with status {}", status.as_u16())
            }
            Self::Refused { status, reason } => {
                write!(f, "the proxy answered with status {}: {reason}", status.as_u16())
            }
            Self::NotSocks { version } => {
                write!(f, "the proxy does not speak SOCKS 5: it answered with version {version}")
            }
            Self::NoMethod => f.write_str("the proxy does not let us in without another way to log in"),
            Self::BadMethod { method } => write!(f, "the proxy wants us to log in by method {method}"),
            Self::BadUser => f.write_str("the proxy does not accept user name and password"),
            Self::Socks(refusal) => write!(f, "the proxy made no connection: {refusal}"),
            Self::BadAddress { kind } => write!(f, "the proxy answered with an address of type {kind}"),
        }
    }
}

impl std::error::Error for TunnelError {}
