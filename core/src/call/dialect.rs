use std::collections::BTreeSet;
use std::fmt;

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
