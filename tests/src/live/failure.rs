use std::fmt;
use std::io;
use std::panic::Location;

use lxio_core::model::{BadCertificate, BadTrustToken};
use lxio_core::session::{Error, ErrorKind};
use lxio_core::wire::{IdentityError, OriginError, TrustError};
use lxio_host::identity::GenerateError;

/// Why a scenario did not succeed.
#[derive(Debug, Clone)]
pub struct Failure {
    text: String,
    place: Option<&'static Location<'static>>,
    applies: bool,
}

impl Failure {
    /// Something is not as it must be.
    #[track_caller]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), place: Some(Location::caller()), applies: true }
    }

    /// The scenario cannot be run here, for this reason.
    pub fn not_applicable(why: impl Into<String>) -> Self {
        Self { text: why.into(), place: None, applies: false }
    }

    /// Says what was being done.
    #[must_use]
    pub fn doing(mut self, what: &str) -> Self {
        self.text = format!("{what}: {}", self.text);
        self
    }

    /// Whether the scenario could be run at all.
    #[must_use]
    pub const fn applies(&self) -> bool {
        self.applies
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One line, whatever a daemon says.
        f.write_str(&self.text.replace('\n', " "))?;
        match self.place {
            Some(place) => write!(f, " ({place})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

macro_rules! from {
    ($($error:ty),+) => {$(
        impl From<$error> for Failure {
            #[track_caller]
            fn from(error: $error) -> Self {
                Self::new(whole(&error))
            }
        }
    )+};
}

from!(
    io::Error,
    serde_json::Error,
    std::string::FromUtf8Error,
    std::num::ParseIntError,
    BadCertificate,
    BadTrustToken,
    IdentityError,
    TrustError,
    OriginError,
    GenerateError
);

impl From<Error> for Failure {
    #[track_caller]
    fn from(error: Error) -> Self {
        Self::new(format!("{} [{:?}]", whole(&error), error.kind()))
    }
}

impl From<String> for Failure {
    #[track_caller]
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Failure {
    #[track_caller]
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

/// The error that must come, of one of these kinds.
///
/// # Errors
/// If it went well, or if the error is of another kind.
#[track_caller]
pub fn refused<T>(result: Result<T, Error>, kinds: &[ErrorKind]) -> Result<Error, Failure> {
    match result {
        Ok(_) => Err(Failure::new(format!("it went well, and should have been {kinds:?}"))),
        Err(error) if kinds.contains(&error.kind()) => Ok(error),
        Err(error) => Err(Failure::new(format!(
            "{} [{:?}], and should have been {kinds:?}",
            whole(&error),
            error.kind()
        ))),
    }
}

/// Fails unless a condition holds: `ensure!(condition, "what is wrong: {x}")`.
macro_rules! ensure {
    ($condition:expr, $($what:tt)+) => {
        if !$condition {
            return Err($crate::live::Failure::new(format!($($what)+)));
        }
    };
}

/// Fails unless two values are equal: `same!(is, should, "what")`.
macro_rules! same {
    ($is:expr, $should:expr, $($what:tt)+) => {
        match (&$is, &$should) {
            (is, should) => {
                if !(*is == *should) {
                    let what = format!($($what)+);
                    return Err($crate::live::Failure::new(format!("{what} is {is:?} instead of {should:?}")));
                }
            }
        }
    };
}

pub(crate) use {ensure, same};
