use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use lxio_core::wire::OriginError;

use super::entry::{Auth, Protocol};

/// Why a configuration could not be read, changed or saved.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is no remote of this name.
    NotFound {
        /// The name that was asked for.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// Both clients have a remote of this name, and nothing says whose is meant.
    Ambiguous {
        /// The name.
        name: String,
    },
    /// There is a remote of this name already.
    Exists {
        /// The name.
        name: String,
    },
    /// A remote cannot have this name: it would leave its place in the file, on a command line or in the
    /// names of its certificates.
    BadName {
        /// The name.
        name: String,
    },
    /// The remote is fixed: built in, or of the administrator's file.
    Fixed {
        /// Its name.
        name: String,
    },
    /// The default remote cannot be removed.
    IsDefault {
        /// Its name.
        name: String,
    },
    /// A key that a remote must have is missing.
    Missing {
        /// The remote.
        remote: String,
        /// The key.
        key: &'static str,
    },
    /// A value is not of the kind that its key has.
    BadValue {
        /// The key with those above it, separated by dots.
        key: String,
        /// What is expected there.
        expected: &'static str,
    },
    /// The file is not YAML, or has more in it than could be written again.
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        what: String,
    },
    /// The file is not what it was when it was read: somebody else has changed it. Read it again.
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The remote is no server that can be connected to, but a place of images.
    NotAServer {
        /// Its name.
        name: String,
        /// What it speaks.
        protocol: Protocol,
    },
    /// The remote is shown who its client is in a way that this library does not know.
    UnknownAuth {
        /// Its name.
        name: String,
        /// The way.
        auth: Auth,
    },
    /// An address of the remote is none.
    BadAddress {
        /// The remote.
        name: String,
        /// What is wrong with it.
        source: OriginError,
    },
    /// There is no certificate with its key to show to a remote.
    NoIdentity {
        /// The remote.
        name: String,
        /// Where `client.crt` and `client.key` should be.
        directory: PathBuf,
    },
    /// A certificate, a key or tokens are not what they should be.
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The configuration is in no file, and there is no home directory to put it in.
    NoPlace,
    /// A file cannot be read or written.
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ConfigError {
    /// Wraps what failed with the path it failed on.
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Io { path: path.to_owned(), source }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { name, known } => {
                write!(f, "there is no remote {name:?}, but {}", known.join(", "))
            }
            Self::Ambiguous { name } => write!(
                f,
                "incus and lxc both have a remote {name:?}: say whose is meant, by INCUS_CONF or LXD_CONF"
            ),
            Self::Exists { name } => write!(f, "there is a remote {name:?} already"),
            Self::BadName { name } => write!(f, "{name:?} cannot be the name of a remote"),
            Self::Fixed { name } => write!(f, "the remote {name:?} is fixed and cannot be changed"),
            Self::IsDefault { name } => write!(f, "the remote {name:?} is the default and cannot be removed"),
            Self::Missing { remote, key } => write!(f, "the remote {remote:?} has no {key}"),
            Self::BadValue { key, expected } => write!(f, "the value of {key} should be {expected}"),
            Self::Malformed { path, line, what } => write!(f, "{}, line {line}: {what}", path.display()),
            Self::Changed { path } => {
                write!(f, "{} was changed by somebody else since it was read", path.display())
            }
            Self::NotAServer { name, protocol } => {
                write!(f, "the remote {name:?} is a place of images ({protocol}) and no server")
            }
            Self::UnknownAuth { name, auth } => {
                write!(f, "the remote {name:?} is logged in to in a way that is not supported: {auth}")
            }
            Self::BadAddress { name, .. } => write!(f, "the remote {name:?} has a bad address"),
            Self::NoIdentity { name, directory } => write!(
                f,
                "there is no client.crt with its client.key in {} to show to the remote {name:?}",
                directory.display()
            ),
            Self::Unusable { path, .. } => write!(f, "{} is of no use", path.display()),
            Self::NoPlace => f.write_str("there is no directory for the configuration"),
            Self::Io { path, .. } => write!(f, "{} cannot be read or written", path.display()),
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::BadAddress { source, .. } => Some(source),
            Self::Unusable { source, .. } => Some(&**source),
            _ => None,
        }
    }
}
