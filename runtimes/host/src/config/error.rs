use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

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
            Self::NoPlace => f.write_str("there is no directory for the configuration"),
            Self::Io { path, .. } => write!(f, "{} cannot be read or written", path.display()),
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
