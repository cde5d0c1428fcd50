use std::fmt;

use crate::bytes::Secret;
use crate::wire::origin::{Authority, host_and_port};
use crate::wire::{Host, OriginError};

/// How a proxy is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyKind {
    /// By `CONNECT` of HTTP.
    Http,
    /// By SOCKS 5.
    Socks5,
}

/// A proxy between here and the servers.
///
/// ```
/// use lxio_core::wire::{Proxy, ProxyKind};
///
/// let proxy = Proxy::parse("http://me:my%20secret@proxy.example:3128")?;
/// assert_eq!((proxy.kind(), proxy.port()), (ProxyKind::Http, 3128));
/// assert_eq!(proxy.to_string(), "http://proxy.example:3128");
/// assert_eq!(Proxy::parse("socks5h://[::1]")?.port(), 1080);
/// # Ok::<(), lxio_core::wire::ProxyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    kind: ProxyKind,
    host: Host,
    port: u16,
    user: Option<(String, Secret)>,
}

impl Proxy {
    /// Reads `scheme://user:password@host:port`, where all but the host may be absent.
    ///
    /// The scheme is `http` (if there is none, too), `socks5` or `socks5h`, which mean the same here; the
    /// port 80 or 1080 if there is none. User and password are percent-escaped.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ProxyError> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let (kind, port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (ProxyKind::Http, 80),
            "socks5" | "socks5h" => (ProxyKind::Socks5, 1080),
            "https" => return Err(ProxyError::NotSupported { scheme: "https" }),
            "socks4" | "socks4a" => return Err(ProxyError::NotSupported { scheme: "socks4" }),
            _ => return Err(OriginError::BadScheme.into()),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        match path.bytes().next() {
            Some(b'?') => return Err(OriginError::Query.into()),
            Some(b'#') => return Err(OriginError::Fragment.into()),
            Some(_) if path != "/" => return Err(OriginError::Path.into()),
            _ => {}
        }
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(read_user(kind, user)?), place),
            None => (None, authority),
        };
        let (host, port) = host_and_port(place, port)?;
        Ok(Self { kind, host, port, user })
    }

    /// How it is asked.
    #[must_use]
    pub const fn kind(&self) -> ProxyKind {
        self.kind
    }

    /// The host to connect to. Its `Display` is what a resolver takes: without brackets.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// The port to connect to, never 0.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// User name and password, if it wants them.
    #[must_use]
    pub fn user(&self) -> Option<(&str, &Secret)> {
        self.user.as_ref().map(|(name, password)| (name.as_str(), password))
    }
}

/// Without user name and password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            ProxyKind::Http => "http",
            ProxyKind::Socks5 => "socks5",
        };
        write!(f, "{scheme}://{}", Authority(&self.host, Some(self.port)))
    }
}

/// Reads `user:password`, of which each kind of proxy has its own bounds.
fn read_user(kind: ProxyKind, text: &str) -> Result<(String, Secret), ProxyError> {
    let (name, password) = text.split_once(':').unwrap_or((text, ""));
    let (name, password) = (unescape(name)?, unescape(password)?);
    let what = match kind {
        ProxyKind::Http if name.contains(':') => "a user name with a colon cannot be sent to an HTTP proxy",
        ProxyKind::Socks5 if name.is_empty() => "a SOCKS proxy takes no empty user name",
        ProxyKind::Socks5 if name.len().max(password.len()) > 255 => {
            "a SOCKS proxy takes at most 255 bytes of user name and of password"
        }
        _ => return Ok((name, Secret::new(password))),
    };
    Err(ProxyError::BadUser { what })
}

/// Undoes percent escapes.
fn unescape(text: &str) -> Result<String, ProxyError> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    let digit = |bytes: &mut std::str::Bytes<'_>| {
        let value = bytes.next().and_then(|byte| char::from(byte).to_digit(16));
        value.ok_or(ProxyError::BadUser { what: "user name and password have a `%` without two hex digits" })
    };
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => (digit(&mut bytes)? << 4 | digit(&mut bytes)?) as u8,
            byte => byte,
        });
    }
    String::from_utf8(out).map_err(|_| ProxyError::BadUser { what: "user name and password are no UTF-8" })
}

/// Why a text is no [`Proxy`]. It does not repeat the text, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyError {
    /// The address is malformed.
    Address(OriginError),
    /// A proxy of a kind that is known, but not spoken to.
    NotSupported {
        /// The kind.
        scheme: &'static str,
    },
    /// User name or password cannot be sent.
    BadUser {
        /// Why.
        what: &'static str,
    },
}

impl From<OriginError> for ProxyError {
    fn from(error: OriginError) -> Self {
        Self::Address(error)
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(_) => f.write_str("the address of the proxy cannot be used"),
            Self::NotSupported { scheme } => write!(f, "a proxy of kind {scheme} is not supported"),
            Self::BadUser { what } => f.write_str(what),
        }
    }
}

impl std::error::Error for ProxyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Address(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, Option<(String, String)>) {
        let proxy = Proxy::parse(text).unwrap();
        let user = proxy.user().map(|(name, password)| (name.to_owned(), password.reveal().to_owned()));
        (proxy.to_string(), user)
    }

    #[test]
    fn proxies_are_read() {
        let user = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        for (text, shown, who) in [
            ("proxy", "http://proxy:80", None),
            ("proxy:3128", "http://proxy:3128", None),
            ("HTTP://Proxy:3128/", "http://proxy:3128", None),
            ("me:it@proxy", "http://proxy:80", user("me", "it")),
            ("http://me@proxy", "http://proxy:80", user("me", "")),
            ("http://:it@proxy", "http://proxy:80", user("", "it")),
            ("http://m%65:%40%2f%C3%a9:x@[::1]:1", "http://[::1]:1", user("me", "@/é:x")),
            ("http://me:a@b@proxy", "http://proxy:80", user("me", "a@b")),
            ("socks5://10.0.0.1", "socks5://10.0.0.1:1080", None),
            ("socks5h://me:it@proxy:9", "socks5://proxy:9", user("me", "it")),
        ] {
            assert_eq!(read(text), (shown.to_owned(), who), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let address = |error| ProxyError::Address(error);
        for (text, error) in [
            ("", address(OriginError::NoHost)),
            ("http://me@", address(OriginError::NoHost)),
            ("ftp://proxy", address(OriginError::BadScheme)),
            ("proxy:0", address(OriginError::BadPort)),
            ("http://pro xy", address(OriginError::BadName)),
            ("http://proxy\0", address(OriginError::BadName)),
            ("proxy/x", address(OriginError::Path)),
            ("proxy?x", address(OriginError::Query)),
            ("proxy#x", address(OriginError::Fragment)),
            ("https://proxy", ProxyError::NotSupported { scheme: "https" }),
            ("socks4a://proxy", ProxyError::NotSupported { scheme: "socks4" }),
        ] {
            assert_eq!(Proxy::parse(text), Err(error), "{text:?}");
        }
        let long = "x".repeat(256);
        for text in [
            "http://a%3Ab:c@proxy",
            "http://a%4@proxy",
            "http://a%+1@proxy",
            "http://%ff@proxy",
            "socks5://:it@proxy",
            &format!("socks5://{long}@proxy"),
            &format!("socks5://me:{long}@proxy"),
        ] {
            assert!(matches!(Proxy::parse(text), Err(ProxyError::BadUser { .. })), "{text}");
        }
        assert!(Proxy::parse(&format!("http://me:{long}@proxy")).is_ok());
    }

    #[test]
    fn the_password_is_not_shown() {
        let proxy = Proxy::parse("socks5://me:hunter2@proxy").unwrap();
        assert!(!format!("{proxy:?} {proxy}").contains("hunter2"));
    }
}
