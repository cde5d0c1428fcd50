use std::fmt;

use crate::bytes::BadName;
use crate::call::Flavour;
use crate::wire::WireError;

/// Why a call could not be made, or what the server answered instead of the value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// A name that cannot stand in a path. Nothing was sent.
    BadName(BadName),
    /// A path that does not stay where it points to. Nothing was sent.
    BadPath {
        /// The path.
        path: String,
        /// What about it.
        what: &'static str,
    },
    /// An argument that the call cannot be made with. Nothing was sent.
    BadArgument {
        /// Which, and what about it.
        what: String,
    },
    /// The server lacks an API extension that the call needs. Nothing was sent.
    Unsupported {
        /// The extension.
        extension: &'static str,
    },
    /// Only the other daemon has this call. Nothing was sent.
    WrongFlavour {
        /// The daemon that has it.
        needs: Flavour,
    },
    /// The head of the request could not be written. Nothing was sent.
    Head(WireError),
    /// The server said no.
    Refused {
        /// Its code: mostly the HTTP status, but not always, so this is the code of the answer's body.
        code: u16,
        /// Its text. Texts differ between servers and versions: show them, do not match on them.
        message: String,
    },
    /// The answer is not of the shape that the call promises.
    Malformed {
        /// The HTTP status.
        status: u16,
        /// What about it.
        why: String,
    },
}

impl CallError {
    /// Whether the call was never sent, because of what it asked for.
    #[must_use]
    pub const fn is_misuse(&self) -> bool {
        !matches!(self, Self::Refused { .. } | Self::Malformed { .. })
    }

    /// The server's code, if it is the server that said no.
    #[must_use]
    pub const fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName(bad) => bad.fmt(f),
            Self::BadPath { path, what } => write!(f, "{path:?} is no path of the API: {what}"),
            Self::BadArgument { what } => f.write_str(what),
            Self::Unsupported { extension } => write!(f, "the server lacks the API extension {extension}"),
            Self::WrongFlavour { needs } => write!(f, "only {needs} has this call"),
            Self::Head(error) => error.fmt(f),
            Self::Refused { code, message } if message.is_empty() => write!(f, "the server answered {code}"),
            Self::Refused { code, message } => write!(f, "the server answered {code}: {message}"),
            Self::Malformed { status, why } => {
                write!(f, "the answer (status {status}) cannot be understood: {why}")
            }
        }
    }
}

impl std::error::Error for CallError {}

impl From<BadName> for CallError {
    fn from(bad: BadName) -> Self {
        Self::BadName(bad)
    }
}
