use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;

use lxio_core::wire::{Host, Origin, OriginError, Proxy, ProxyError, Scheme};

/// The proxy that the environment names for a server, if it does.
///
/// | variable | meaning |
/// |---|---|
/// | `HTTPS_PROXY`, `https_proxy` | for `https` |
/// | `HTTP_PROXY`, `http_proxy` | for `http`; the first not in a CGI program (`REQUEST_METHOD` is set), where it comes from the client |
/// | `ALL_PROXY`, `all_proxy` | where those are unset |
/// | `NO_PROXY`, `no_proxy` | servers that are reached without |
///
/// The first of a row that is set and not empty counts. `NO_PROXY` is a list, by commas or spaces, of `*` (all),
/// addresses, networks (`10.0.0.0/8`), names, which stand for what is below them too (`.example` and
/// `*.example` for that alone). All but `*` and networks may have a port. What is none of these matches nothing.
/// The machine itself is always reached without a proxy.
///
/// # Errors
/// The variable that counts holds no address of a proxy. It is not passed over: who set it does not want a
/// connection without one.
pub fn proxy_for(server: &Origin) -> Result<Option<Proxy>, BadProxyVariable> {
    choose(server, |name| std::env::var_os(name))
}

fn choose(
    server: &Origin,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<Proxy>, BadProxyVariable> {
    let first = |names: &[&'static str]| {
        names.iter().find_map(|name| Some((*name, env(name).filter(|value| !value.is_empty())?)))
    };
    let cgi = first(&["REQUEST_METHOD"]).is_some();
    let names: &[_] = match server.scheme() {
        Scheme::Https => &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        Scheme::Http if cgi => &["http_proxy", "ALL_PROXY", "all_proxy"],
        Scheme::Http => &["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
    };
    let Some((name, value)) = first(names) else { return Ok(None) };
    let list = first(&["NO_PROXY", "no_proxy"]).map(|(_, list)| list).unwrap_or_default();
    if server.is_loopback() || is_exempt(server, &list.to_string_lossy()) {
        return Ok(None);
    }
    let proxy = value.to_str().ok_or(OriginError::BadCharacter.into()).and_then(Proxy::parse);
    proxy.map(Some).map_err(|error| BadProxyVariable { name, error })
}

/// Whether an entry of the list in `NO_PROXY` matches the server.
fn is_exempt(server: &Origin, list: &str) -> bool {
    let mut entries =
        list.split(|at: char| at == ',' || at.is_whitespace()).filter(|entry| !entry.is_empty());
    entries.any(|entry| match entry.split_once('/') {
        _ if entry == "*" => true,
        Some((network, bits)) => is_inside(server.host(), network, bits),
        None => {
            let (place, port) = split_port(entry);
            port.is_none_or(|port| port.parse() == Ok(server.port())) && is_at(server.host(), place)
        }
    })
}

/// Whether a host is in the network of the addresses that share their first `bits` bits with `network`.
fn is_inside(host: &Host, network: &str, bits: &str) -> bool {
    let (Host::Address(address), Ok(network), Ok(bits)) =
        (host, network.parse::<IpAddr>(), bits.parse::<u32>())
    else {
        return false;
    };
    match (address.to_canonical(), network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            let other = address.to_bits() ^ network.to_bits();
            other.leading_zeros() >= bits
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => {
            let other = address.to_bits() ^ network.to_bits();
            other.leading_zeros() >= bits
        }
        _ => false,
    }
}

/// Splits `:port` from the end of an entry. An IPv6 address may stand without brackets if there is none.
fn split_port(entry: &str) -> (&str, Option<&str>) {
    match entry.rsplit_once(':') {
        Some((place, port)) if !place.contains(':') || place.ends_with(']') => (place, Some(port)),
        _ => (entry, None),
    }
}

/// Whether a host is at `place`: is that address, has that name, or one below it.
fn is_at(host: &Host, place: &str) -> bool {
    match host {
        Host::Address(address) => {
            let place = place.strip_prefix('[').and_then(|place| place.strip_suffix(']')).unwrap_or(place);
            place.parse::<IpAddr>().is_ok_and(|place| place.to_canonical() == address.to_canonical())
        }
        Host::Name(name) => {
            let (name, place) = (without_dot(name), without_dot(place).to_ascii_lowercase());
            let below = place.strip_prefix("*.").or_else(|| place.strip_prefix('.'));
            let front = name.strip_suffix(below.unwrap_or(&place));
            front.is_some_and(|front| front.ends_with('.') || (front.is_empty() && below.is_none()))
        }
    }
}

/// A name without the dot that may end it.
fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// A variable of the environment that should hold the address of a proxy, and does not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadProxyVariable {
    /// The variable.
    pub name: &'static str,
    /// What is wrong with its value.
    pub error: ProxyError,
}

impl fmt::Display for BadProxyVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the environment variable {} holds no proxy", self.name)
    }
}

impl std::error::Error for BadProxyVariable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(server: &str, set: &[(&str, &str)]) -> Option<String> {
        let env =
            |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        let server = Origin::parse(server, 8443).unwrap();
        choose(&server, env).unwrap().map(|proxy| proxy.to_string())
    }

    #[test]
    fn each_scheme_has_its_variables() {
        let all: &[_] = &[
            ("HTTPS_PROXY", "s"),
            ("https_proxy", "ls"),
            ("HTTP_PROXY", "p"),
            ("http_proxy", "lp"),
            ("ALL_PROXY", "socks5://a"),
            ("all_proxy", "socks5://la"),
        ];
        let https = ["http://s:80", "http://ls:80", "socks5://a:1080", "socks5://la:1080"];
        let http = ["http://p:80", "http://lp:80", "socks5://a:1080", "socks5://la:1080"];
        for (at, from) in [0, 1, 4, 5].into_iter().enumerate() {
            assert_eq!(chosen("https://shop", &all[from..]).as_deref(), Some(https[at]));
        }
        for (at, from) in [2, 3, 4, 5].into_iter().enumerate() {
            assert_eq!(chosen("http://shop", &all[from..]).as_deref(), Some(http[at]));
        }
        assert_eq!(chosen("https://shop", &all[2..4]), None);
        assert_eq!(chosen("http://shop", &all[..2]), None);
        assert_eq!(
            chosen("https://shop", &[("HTTPS_PROXY", ""), ("https_proxy", "ls")]).as_deref(),
            Some("http://ls:80")
        );
    }

    #[test]
    fn a_client_of_a_cgi_program_does_not_choose() {
        let cgi = ("REQUEST_METHOD", "GET");
        assert_eq!(chosen("http://shop", &[cgi, ("HTTP_PROXY", "evil")]), None);
        let mine = [cgi, ("HTTP_PROXY", "evil"), ("http_proxy", "mine")];
        assert_eq!(chosen("http://shop", &mine).as_deref(), Some("http://mine:80"));
        assert_eq!(
            chosen("https://shop", &[cgi, ("HTTPS_PROXY", "mine")]).as_deref(),
            Some("http://mine:80")
        );
    }

    #[test]
    fn the_list_exempts() {
        for (server, list, exempt) in [
            ("shop.example", "", false),
            ("shop.example", "*", true),
            ("shop.example", "a, *", true),
            ("shop.example", "*shop.example", false),
            ("shop.example", "shop.example", true),
            ("shop.example", "SHOP.Example.", true),
            ("shop.example.", "shop.example", true),
            ("shop.example", "example", true),
            ("shop.example", ".example", true),
            ("shop.example", "*.example", true),
            ("a.shop.example", ".example", true),
            ("shop.example", ".shop.example", false),
            ("shop.example", "*.shop.example", false),
            ("shop.example", "hop.example", false),
            ("shop.example", "a.shop.example", false),
            ("shop.example", "a,b;c, shop.example ,d", true),
            ("shop.example", "a b\tshop.example", true),
            ("shop.example", "shop.example:8443", true),
            ("shop.example", ".example:8443", true),
            ("shop.example", "shop.example:443", false),
            ("shop.example", "shop.example:x", false),
            ("shop.example", ":8443", false),
            ("shop.example", ".", false),
            ("shop.example", "*.", false),
            ("shop.example", ",,", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.3:8443", true),
            ("10.1.2.3", "10.1.2.3:1", false),
            ("10.1.2.3", "10.1.2", false),
            ("10.1.2.3", "2.3", false),
            ("10.1.2.3", "10.0.0.0/8", true),
            ("10.1.2.3", "10.1.2.2/31", true),
            ("10.1.2.3", "10.1.2.4/31", false),
            ("10.1.2.3", "0.0.0.0/0", true),
            ("10.1.2.3", "10.1.2.3/32", true),
            ("10.1.2.3", "10.1.2.3/33", false),
            ("10.1.2.3", "10.0.0.0/", false),
            ("10.1.2.3", "::/0", false),
            ("[::ffff:10.1.2.3]", "10.0.0.0/8", true),
            ("[2001:db8::1]", "2001:db8::1", true),
            ("[2001:db8::1]", "[2001:db8::1]", true),
            ("[2001:db8::1]", "[2001:DB8:0::1]:8443", true),
            ("[2001:db8::1]", "[2001:db8::1]:1", false),
            ("[2001:db8::1]", "2001:db8::/32", true),
            ("[2001:db8::1]", "2001:db9::/32", false),
            ("[2001:db8::1]", "0.0.0.0/0", false),
            ("shop.example", "0.0.0.0/0", false),
        ] {
            let set = [("HTTPS_PROXY", "proxy"), ("NO_PROXY", list)];
            assert_eq!(chosen(server, &set).is_none(), exempt, "{server} and {list:?}");
        }
        assert_eq!(chosen("shop", &[("https_proxy", "proxy"), ("no_proxy", "shop")]), None);
        assert_eq!(
            chosen("shop", &[("ALL_PROXY", "x"), ("NO_PROXY", "a"), ("no_proxy", "shop")]).as_deref(),
            Some("http://x:80")
        );
    }

    #[test]
    fn the_machine_itself_needs_no_proxy() {
        for server in ["localhost", "127.3.2.1:80", "[::1]"] {
            assert_eq!(chosen(server, &[("HTTPS_PROXY", "proxy")]), None);
        }
    }

    #[test]
    fn a_bad_value_is_not_passed_over() {
        let env = |name: &str| (name == "ALL_PROXY").then(|| OsString::from("https://me:hunter2@proxy"));
        let error = choose(&Origin::parse("shop", 8443).unwrap(), env).unwrap_err();
        assert_eq!((error.name, error.error), ("ALL_PROXY", ProxyError::NotSupported { scheme: "https" }));
        assert!(!format!("{error} {error:?}").contains("hunter2"));
        assert_eq!(choose(&Origin::parse("localhost", 8443).unwrap(), env), Ok(None));
    }
}
