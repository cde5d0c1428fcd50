use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// HTTP as it is.
    Http,
    /// HTTP inside TLS.
    Https,
}

impl Scheme {
    /// As it stands before `://`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that servers of the web have: 80 or 443.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The host of an [`Origin`]. `Display` is without brackets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A name to look up: letters in lower case, digits, `-`, `_`, `.`, and never one that looks like an
    /// address.
    Name(String),
    /// An IP address.
    Address(IpAddr),
}

impl Host {
    /// Whether this is the machine itself: `localhost`, 127.0.0.0/8, `::1`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name.strip_suffix('.').unwrap_or(name) == "localhost",
            Self::Address(address) => address.to_canonical().is_loopback(),
        }
    }

    /// Reads a host as it stands in a URL: an IPv6 address in brackets.
    pub(super) fn parse(text: &str) -> Result<Self, OriginError> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(OriginError::BadAddress)?;
            if inner.contains('%') {
                return Err(OriginError::Zone);
            }
            let address = inner.parse::<Ipv6Addr>().map_err(|_| OriginError::BadAddress)?;
            return Ok(Self::Address(address.into()));
        }
        if text.is_empty() {
            return Err(OriginError::NoHost);
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let last = name.rsplit('.').next().unwrap_or(name);
        // Resolvers take such a name for an address, in several old spellings.
        if is_number(last) {
            let address = text.parse::<Ipv4Addr>().map_err(|_| OriginError::BadAddress)?;
            return Ok(Self::Address(address.into()));
        }
        if name.len() > 253 || !name.split('.').all(is_label) {
            return Err(OriginError::BadName);
        }
        Ok(Self::Name(text.to_ascii_lowercase()))
    }
}

/// Whether an IPv4 address may end in `label`.
fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hex {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// Where a server of the network is: scheme, host and port.
///
/// ```
/// use lxio_core::wire::Origin;
///
/// let server = Origin::parse("shop.example", 8443)?;
/// assert_eq!(server.to_string(), "https://shop.example:8443");
/// assert_eq!(server, Origin::parse("https://SHOP.example:8443/", 443)?);
///
/// let (issuer, path) = Origin::of_url("https://[2001:db8::1]/realms/shop?x=1")?;
/// assert_eq!((issuer.authority().as_str(), path), ("[2001:db8::1]", "/realms/shop?x=1"));
/// # Ok::<(), lxio_core::wire::OriginError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    scheme: Scheme,
    host: Host,
    port: u16,
}

impl Origin {
    /// Reads `https://host:port/`, where all but the host may be absent. The scheme is `https` then, the
    /// port `port`. A path other than `/` is refused.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, port: u16) -> Result<Self, OriginError> {
        let (scheme, rest) = scheme(text)?;
        let (origin, path) = Self::split(scheme.unwrap_or(Scheme::Https), rest, port)?;
        match path.bytes().next() {
            Some(b'?') => Err(OriginError::Query),
            Some(_) if path != "/" => Err(OriginError::Path),
            _ => Ok(origin),
        }
    }

    /// Reads an absolute `http` or `https` URL: its origin, and its path and query as they stand, which may
    /// be empty. The port is that of the scheme if none is given.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of_url(url: &str) -> Result<(Self, &str), OriginError> {
        let (scheme, rest) = scheme(url)?;
        let scheme = scheme.ok_or(OriginError::NoScheme)?;
        Self::split(scheme, rest, scheme.port())
    }

    /// Takes `host:port` from the front of `text`.
    fn split(scheme: Scheme, text: &str, port: u16) -> Result<(Self, &str), OriginError> {
        if text.bytes().any(|byte| byte <= b' ' || byte == 0x7f || byte == b'\\') {
            return Err(OriginError::BadCharacter);
        }
        if text.contains('#') {
            return Err(OriginError::Fragment);
        }
        let (authority, path) = text.split_at(text.find(['/', '?']).unwrap_or(text.len()));
        if authority.contains('@') {
            return Err(OriginError::User);
        }
        let (host, port) = host_and_port(authority, port)?;
        Ok((Self { scheme, host, port }, path))
    }

    /// Whether there is TLS.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host. Its `Display` is what a resolver takes: without brackets.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// The port, never 0.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What stands in the `Host` field: the host, in brackets if it is an IPv6 address, and the port unless
    /// it is that of the scheme.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.port == self.scheme.port() {
            Authority(&self.host, None).to_string()
        } else {
            Authority(&self.host, Some(self.port)).to_string()
        }
    }

    /// Whether this is the machine itself: `localhost`, 127.0.0.0/8, `::1`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host.is_loopback()
    }
}

/// With the port, always, so that it does not depend on a default.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), Authority(&self.host, Some(self.port)))
    }
}

/// A host as it stands in a URL, with its port.
pub(super) struct Authority<'a>(pub(super) &'a Host, pub(super) Option<u16>);

impl fmt::Display for Authority<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
            host => host.fmt(f)?,
        }
        self.1.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// The scheme before `://`, if there is one, and what follows.
fn scheme(text: &str) -> Result<(Option<Scheme>, &str), OriginError> {
    match text.split_once("://") {
        None => Ok((None, text)),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => Ok((Some(Scheme::Https), rest)),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => Ok((Some(Scheme::Http), rest)),
        Some(_) => Err(OriginError::BadScheme),
    }
}

/// Reads `host` or `host:port`.
pub(super) fn host_and_port(text: &str, default: u16) -> Result<(Host, u16), OriginError> {
    let (host, port) = match text.rfind(':') {
        Some(at) if !text[at..].contains(']') => (&text[..at], Some(&text[at + 1..])),
        _ => (text, None),
    };
    if !host.starts_with('[') && host.contains(':') {
        return Err(OriginError::NoBrackets);
    }
    let port = match port {
        None => default,
        // A sign would be read too.
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            port.parse().map_err(|_| OriginError::BadPort)?
        }
        Some(_) => return Err(OriginError::BadPort),
    };
    let host = Host::parse(host)?;
    if port == 0 { Err(OriginError::BadPort) } else { Ok((host, port)) }
}

/// Why a text is no [`Origin`]. It does not repeat the text, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OriginError {
    /// There is no scheme, and there must be one.
    NoScheme,
    /// The scheme is not one of those that are understood.
    BadScheme,
    /// There is no host.
    NoHost,
    /// The host is no name: a character that no name has, an empty part or one of more than 63 bytes, more
    /// than 253 in all. Names in other scripts are written in their ASCII form (`xn--`).
    BadName,
    /// The host looks like an IP address, and is none.
    BadAddress,
    /// An IPv6 address that is not in brackets.
    NoBrackets,
    /// An IPv6 address with a zone (`%eth0`), which means something on one machine only.
    Zone,
    /// It is plain HTTP, and not to this machine.
    Plain,
    /// The port is not a number from 1 to 65535.
    BadPort,
    /// There is a user name before the host.
    User,
    /// There is a path.
    Path,
    /// There is a query.
    Query,
    /// There is a fragment.
    Fragment,
    /// There is a space, a control character or a backslash.
    BadCharacter,
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoScheme => "the address does not begin with https:// or http://",
            Self::BadScheme => "the scheme of the address is not understood",
            Self::NoHost => "the address has no host",
            Self::BadName => "the host of the address is no valid name",
            Self::BadAddress => "the host of the address is no valid IP address",
            Self::NoBrackets => "an IPv6 address must be in brackets",
            Self::Plain => {
                "plain HTTP protects nothing of what is sent, so it is spoken only to this machine: write https://"
            }
            Self::Zone => "an IPv6 address with a zone cannot be used",
            Self::BadPort => "the port of the address is not a number from 1 to 65535",
            Self::User => "the address has a user name in it",
            Self::Path => "the address has a path after the host",
            Self::Query => "the address has a query after the host",
            Self::Fragment => "the address has a fragment in it",
            Self::BadCharacter => "the address holds a space, a control character or a backslash",
        })
    }
}

impl std::error::Error for OriginError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> Result<String, OriginError> {
        Origin::parse(text, 8443).map(|origin| origin.to_string())
    }

    #[test]
    fn what_is_absent_has_a_default() {
        for (text, full) in [
            ("shop", "https://shop:8443"),
            ("shop:1", "https://shop:1"),
            ("https://shop", "https://shop:8443"),
            ("https://Shop.Example:443/", "https://shop.example:443"),
            ("HTTP://shop:65535", "http://shop:65535"),
            ("[::1]", "https://[::1]:8443"),
            ("https://[0:0::1]:9/", "https://[::1]:9"),
            ("10.0.0.1:8443", "https://10.0.0.1:8443"),
            ("a_b.example.", "https://a_b.example.:8443"),
            ("xn--bcher-kva.example", "https://xn--bcher-kva.example:8443"),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(full), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        use OriginError::*;
        for (text, error) in [
            ("", NoHost),
            ("https://", NoHost),
            ("https:///", NoHost),
            (":8443", NoHost),
            ("ftp://shop", BadScheme),
            ("https:shop", BadPort),
            ("shop:", BadPort),
            ("shop:0", BadPort),
            ("shop:65536", BadPort),
            ("shop:+80", BadPort),
            ("shop:99999999999999999999", BadPort),
            ("[::1]x", BadAddress),
            ("[::1]:x", BadPort),
            ("[::1", BadAddress),
            ("[]", BadAddress),
            ("[127.0.0.1]", BadAddress),
            ("[fe80::1%eth0]", Zone),
            ("::1", NoBrackets),
            ("256.0.0.1", BadAddress),
            ("127.1", BadAddress),
            ("0x7f000001", BadAddress),
            ("127.0.0.1.", BadAddress),
            ("01.2.3.4", BadAddress),
            ("a..b", BadName),
            (".", BadName),
            ("-a", BadName),
            ("a%41", BadName),
            ("bücher", BadName),
            ("me@shop", User),
            ("https://me:secret@shop", User),
            ("shop/1.0", Path),
            ("shop//", Path),
            ("shop?x", Query),
            ("shop#x", Fragment),
            (" shop", BadCharacter),
            ("shop\n", BadCharacter),
            ("sh\0op", BadCharacter),
            ("shop\\@evil", BadCharacter),
        ] {
            assert_eq!(shown(text), Err(error), "{text:?}");
        }
        assert_eq!(shown(&"a".repeat(64)), Err(BadName));
        assert_eq!(shown(&vec!["a".repeat(49); 6].join(".")), Err(BadName));
    }

    #[test]
    fn the_authority_omits_the_port_of_the_scheme() {
        let authority = |text| Origin::parse(text, 8443).unwrap().authority();
        assert_eq!(authority("shop"), "shop:8443");
        assert_eq!(authority("shop:443"), "shop");
        assert_eq!(authority("http://[::1]:80"), "[::1]");
        assert_eq!(authority("http://[::1]:443"), "[::1]:443");
    }

    #[test]
    fn a_url_is_origin_and_path() {
        let of = |url| Origin::of_url(url).map(|(origin, path)| (origin.to_string(), path));
        assert_eq!(of("https://idp/a/b?c=d"), Ok(("https://idp:443".into(), "/a/b?c=d")));
        assert_eq!(of("http://idp?c=@:/"), Ok(("http://idp:80".into(), "?c=@:/")));
        assert_eq!(of("idp/a"), Err(OriginError::NoScheme));
        assert_eq!(of("https://idp/a b"), Err(OriginError::BadCharacter));
        assert_eq!(of("https://idp/a#b"), Err(OriginError::Fragment));
        assert_eq!(of("https://idp@evil/a"), Err(OriginError::User));
    }

    #[test]
    fn the_machine_itself_is_known() {
        let loopback = |text| Origin::parse(text, 8443).unwrap().is_loopback();
        assert!(
            ["localhost", "LOCALHOST.", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]"]
                .map(loopback)
                .iter()
                .all(|yes| *yes)
        );
        assert!(!["localhost.example", "128.0.0.1", "[::2]", "0.0.0.0"].map(loopback).iter().any(|yes| *yes));
    }

    prop_compose! {
        fn origins()(
            https: bool,
            host in prop_oneof![
                any::<[u8; 4]>().prop_map(|bytes| Host::Address(IpAddr::from(bytes))),
                any::<[u16; 8]>().prop_map(|parts| Host::Address(IpAddr::from(parts))),
                "[a-z0-9_]([a-z0-9_-]{0,20}[a-z0-9_])?(\\.[a-z]{1,9}){0,3}\\.?"
                    .prop_filter_map("a name", |name| Host::parse(&name).ok()),
            ],
            port in 1..=u16::MAX,
        ) -> Origin {
            Origin { scheme: if https { Scheme::Https } else { Scheme::Http }, host, port }
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(origin in origins(), default: u16) {
            let text = origin.to_string();
            prop_assert_eq!(Origin::parse(&text, default), Ok(origin.clone()));
            let url = format!("{text}/a?b");
            prop_assert_eq!(Origin::of_url(&url), Ok((origin.clone(), "/a?b")));
            let authority = format!("{}://{}", origin.scheme().as_str(), origin.authority());
            prop_assert_eq!(Origin::parse(&authority, origin.scheme().port()), Ok(origin));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "(https?://)?[a-z0-9.:\\[\\]@/?#% -]{0,30}|\\PC{0,30}") {
            if let Ok(origin) = Origin::parse(&text, 8443) {
                prop_assert_eq!(Origin::parse(&origin.to_string(), 1), Ok(origin.clone()));
                prop_assert!(origin.port() != 0);
                let authority = origin.authority();
                prop_assert!(authority.bytes().all(|byte| byte.is_ascii_graphic()), "{:?}", authority);
            }
        }
    }
}
