use std::collections::BTreeSet;
use std::fmt;

use crate::model::Server;

/// Which of the two daemons a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flavour {
    /// Canonical's LXD.
    Lxd,
    /// Incus, of the Linux Containers project.
    Incus,
}

impl Flavour {
    /// The flavour that `environment.server` of `GET /1.0` names; untrusted clients are not shown it.
    #[must_use]
    pub fn named(server: &str) -> Option<Self> {
        match server {
            "lxd" => Some(Self::Lxd),
            "incus" => Some(Self::Incus),
            _ => None,
        }
    }

    /// The flavour that a list of API extensions is of: all that an untrusted client is shown. Both daemons have
    /// had these extensions for ever, each under a name of its own.
    pub fn of_extensions(names: impl IntoIterator<Item = impl AsRef<str>>) -> Option<Self> {
        names.into_iter().find_map(|name| match name.as_ref() {
            "restrict_devlxd" | "devlxd_events" | "devlxd_images" => Some(Self::Lxd),
            "restrict_dev_incus" | "dev_incus_events" | "dev_incus_images" => Some(Self::Incus),
            _ => None,
        })
    }

    /// The flavour of a server, by its name or, if it does not trust us, by its API extensions.
    #[must_use]
    pub fn of(server: &Server) -> Option<Self> {
        Self::named(server.environment().server()).or_else(|| Self::of_extensions(server.api_extensions()))
    }

    /// How the daemon's own header fields start. Each daemon ignores most fields of the other without a word.
    #[must_use]
    pub const fn field_prefix(self) -> &'static str {
        match self {
            Self::Lxd => "X-LXD-",
            Self::Incus => "X-Incus-",
        }
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lxd => "LXD",
            Self::Incus => "Incus",
        })
    }
}

/// The API extensions of a server. What a server can is told by these, never by its version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extensions(BTreeSet<String>);

impl Extensions {
    /// Whether the server has `extension`.
    #[must_use]
    pub fn has(&self, extension: &str) -> bool {
        self.0.contains(extension)
    }

    /// All of them, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<S: Into<String>> FromIterator<S> for Extensions {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

/// What must be known of a server to speak to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialect {
    /// Which daemon it is.
    pub flavour: Flavour,
    /// What it can.
    pub extensions: Extensions,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Answer;

    fn server(extension: &str, name: &str) -> Server {
        let body = format!(
            r#"{{"type":"sync","metadata":{{"api_extensions":["etag","{extension}"],"environment":{{"server":"{name}"}}}}}}"#
        );
        match Answer::parse(body.as_bytes()) {
            Ok(Answer::Sync(server)) => server,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_server_that_does_not_trust_us_is_told_by_its_extensions() {
        assert_eq!(Flavour::of(&server("restrict_devlxd", "")), Some(Flavour::Lxd));
        assert_eq!(Flavour::of(&server("dev_incus_images", "")), Some(Flavour::Incus));
        assert_eq!(Flavour::of(&server("projects", "")), None);
        assert_eq!(Flavour::of(&server("projects", "incus")), Some(Flavour::Incus));
    }
}
