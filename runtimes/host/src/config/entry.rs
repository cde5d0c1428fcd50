use std::fmt;
use std::path::PathBuf;

use super::ConfigError;
use super::environment::Client;
use super::tree::{Mapping, Node, Scalar};

/// What a remote's server speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// The REST API of Incus.
    Incus,
    /// The REST API of LXD.
    Lxd,
    /// Images by simplestreams.
    Simplestreams,
    /// Images of an OCI registry.
    Oci,
    /// Something that this library does not know.
    Other(String),
}

/// How a server is shown who its client is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Auth {
    /// By a client certificate.
    Tls,
    /// By a login with OpenID Connect.
    Oidc,
    /// By something that this library does not know.
    Other(String),
}

/// Where an address leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The daemon of this machine, at its usual socket.
    Local,
    /// A Unix socket at this path.
    Socket(PathBuf),
    /// A server on the network, at this URL.
    Url(String),
}

/// What a configuration says of one remote.
///
/// ```
/// use lxio_host::config::{Auth, RemoteEntry};
///
/// let mut entry = RemoteEntry::new("https://203.0.113.7:8443");
/// entry.auth = Some(Auth::Tls);
/// entry.project = Some("shop".into());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteEntry {
    /// Where the server is; more than one if it can be reached in several ways. `lxc`, and `incus` before 7,
    /// understand one only.
    pub addresses: Vec<String>,
    /// What it speaks. Default: what the client's own daemon speaks.
    pub protocol: Option<Protocol>,
    /// How it is shown who we are. Default: by TLS, where it is not public.
    pub auth: Option<Auth>,
    /// The project that calls are in.
    pub project: Option<String>,
    /// Whether it is used without showing who we are, for its images.
    pub public: bool,
    /// The seconds for which `incus` keeps its connection open in the background.
    pub keepalive: Option<u64>,
    /// The program that knows the password of an OCI registry.
    pub credentials_helper: Option<String>,
}

impl Protocol {
    fn of(text: &str) -> Self {
        match text {
            "incus" => Self::Incus,
            "lxd" => Self::Lxd,
            "simplestreams" => Self::Simplestreams,
            "oci" => Self::Oci,
            other => Self::Other(other.to_owned()),
        }
    }

    /// What the daemon of a client speaks.
    #[must_use]
    pub const fn of_client(client: Client) -> Self {
        match client {
            Client::Incus => Self::Incus,
            Client::Lxc => Self::Lxd,
        }
    }

    /// Whether it is the REST API that this library speaks.
    #[must_use]
    pub const fn is_rest(&self) -> bool {
        matches!(self, Self::Incus | Self::Lxd)
    }

    fn text(&self) -> &str {
        match self {
            Self::Incus => "incus",
            Self::Lxd => "lxd",
            Self::Simplestreams => "simplestreams",
            Self::Oci => "oci",
            Self::Other(other) => other,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Auth {
    fn of(text: &str) -> Self {
        match text {
            "tls" => Self::Tls,
            "oidc" => Self::Oidc,
            other => Self::Other(other.to_owned()),
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Tls => "tls",
            Self::Oidc => "oidc",
            Self::Other(other) => other,
        }
    }
}

impl fmt::Display for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Place {
    /// Where an address of a configuration leads.
    #[must_use]
    pub fn of(address: &str) -> Self {
        match address.strip_prefix("unix:") {
            None => Self::Url(address.to_owned()),
            Some(rest) => match rest.strip_prefix("//").unwrap_or(rest) {
                "" => Self::Local,
                path => Self::Socket(path.into()),
            },
        }
    }
}

impl RemoteEntry {
    /// A private server at one address, all else as usual.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            addresses: vec![address.into()],
            protocol: None,
            auth: None,
            project: None,
            public: false,
            keepalive: None,
            credentials_helper: None,
        }
    }

    /// Reads what stands below a remote's name.
    pub(super) fn read(name: &str, mapping: &Mapping) -> Result<Self, ConfigError> {
        let bad =
            |key: &str, expected| ConfigError::BadValue { key: format!("remotes.{name}.{key}"), expected };
        let text = |key: &str| match mapping.get(key) {
            None => Ok(None),
            Some(Node::Scalar(scalar)) => Ok(Some(scalar.text.clone()).filter(|text| !text.is_empty())),
            Some(_) => Err(bad(key, "a text")),
        };
        let addresses = text("addr")?.unwrap_or_default();
        let addresses: Vec<_> =
            addresses.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect();
        if addresses.is_empty() {
            return Err(ConfigError::Missing { remote: name.to_owned(), key: "addr" });
        }
        let keepalive = match text("keepalive")? {
            None => None,
            Some(seconds) => Some(seconds.parse().map_err(|_| bad("keepalive", "a number of seconds"))?),
        };
        Ok(Self {
            addresses,
            protocol: text("protocol")?.as_deref().map(Protocol::of),
            auth: text("auth_type")?.as_deref().map(Auth::of),
            project: text("project")?,
            public: match text("public")? {
                None => false,
                Some(text) => boolean(&text).ok_or_else(|| bad("public", "true or false"))?,
            },
            keepalive: keepalive.filter(|seconds| *seconds > 0),
            credentials_helper: text("credentials_helper")?,
        })
    }

    /// What is to stand below a remote's name, in the order of the stock clients.
    pub(super) fn write(&self) -> Mapping {
        let mut mapping = Mapping::default();
        let mut text = |key: &str, value: Option<&str>| {
            if let Some(value) = value {
                mapping.set(key, Node::string(value));
            }
        };
        text("addr", Some(&self.addresses.join(",")));
        text("auth_type", self.auth.as_ref().map(Auth::text));
        text("project", self.project.as_deref());
        text("protocol", self.protocol.as_ref().map(Protocol::text));
        text("credentials_helper", self.credentials_helper.as_deref());
        if let Some(seconds) = self.keepalive {
            mapping.set("keepalive", Node::Scalar(Scalar { text: seconds.to_string(), plain: true }));
        }
        mapping.set("public", Node::Scalar(Scalar::boolean(self.public)));
        mapping
    }
}

/// A boolean in any of the spellings of YAML 1.1.
fn boolean(text: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    match text {
        _ if is(&["true", "yes", "on", "y"]) => Some(true),
        _ if is(&["false", "no", "off", "n"]) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::read;
    use super::*;

    fn entry(text: &str) -> Result<RemoteEntry, ConfigError> {
        RemoteEntry::read("r", &read(text.as_bytes()).unwrap())
    }

    #[test]
    fn every_key_is_read_and_written() {
        let text = "addr: https://a:8443, https://b\nauth_type: oidc\nproject: shop\nprotocol: oci\n\
            credentials_helper: helper\nkeepalive: 30\npublic: on\nfuture: x\n";
        let read_back = entry(text).unwrap();
        assert_eq!(read_back.addresses, ["https://a:8443", "https://b"]);
        assert_eq!(
            (read_back.auth.as_ref(), read_back.protocol.as_ref()),
            (Some(&Auth::Oidc), Some(&Protocol::Oci))
        );
        assert_eq!((read_back.keepalive, read_back.public), (Some(30), true));
        assert_eq!(RemoteEntry::read("r", &read_back.write()).unwrap(), read_back);
    }

    #[test]
    fn only_the_address_must_be_there() {
        assert_eq!(entry("addr: unix://").unwrap(), RemoteEntry::new("unix://"));
        assert_eq!(entry("addr: unix://\nkeepalive: 0\nproject: ''\n").unwrap(), RemoteEntry::new("unix://"));
        for text in ["", "addr:", "addr: ''", "addr: ' , '"] {
            assert!(matches!(entry(text), Err(ConfigError::Missing { key: "addr", .. })), "{text}");
        }
    }

    #[test]
    fn what_is_of_another_kind_is_told_with_its_key() {
        for (text, key) in
            [("public: maybe", "public"), ("keepalive: -1", "keepalive"), ("project: [a]", "project")]
        {
            let error = entry(&format!("addr: x\n{text}\n")).unwrap_err();
            assert!(error.to_string().contains(&format!("remotes.r.{key}")), "{error}");
        }
    }

    #[test]
    fn addresses_lead_somewhere() {
        assert_eq!(Place::of("unix://"), Place::Local);
        assert_eq!(Place::of("unix:"), Place::Local);
        assert_eq!(Place::of("unix:///a b"), Place::Socket("/a b".into()));
        assert_eq!(Place::of("unix:/a"), Place::Socket("/a".into()));
        assert_eq!(Place::of("https://h"), Place::Url("https://h".into()));
    }
}
