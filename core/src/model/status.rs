//! States of operations and instances, by their numeric code.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use super::field::{Field, read_text};

macro_rules! statuses {
    ($( $(#[$doc:meta])* $name:ident = $code:literal $text:literal, )*) => {
        /// The state of an operation or of an instance.
        ///
        /// Keyed on the numeric code: the words differ between versions ("Canceled", "Cancelled"), the
        /// numbers never did.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Status {
            $( $(#[$doc])* $name, )*
            /// A code that this library does not know; 0 if there was none.
            Unknown(u16),
        }

        impl Status {
            /// The state of that code.
            #[must_use]
            pub const fn from_code(code: u16) -> Self {
                match code {
                    $( $code => Self::$name, )*
                    other => Self::Unknown(other),
                }
            }

            /// The numeric code.
            #[must_use]
            pub const fn code(self) -> u16 {
                match self {
                    $( Self::$name => $code, )*
                    Self::Unknown(code) => code,
                }
            }

            /// The word for it, as the servers spell it; empty if it is unknown.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $( Self::$name => $text, )*
                    Self::Unknown(_) => "",
                }
            }

            /// The state that is spelt so, whatever the case; `Unknown(0)` if none is.
            #[must_use]
            pub fn from_text(text: &str) -> Self {
                $( if text.eq_ignore_ascii_case($text) { return Self::$name; } )*
                match () {
                    () if text.eq_ignore_ascii_case("Canceled") => Self::Cancelled,
                    () if text.eq_ignore_ascii_case("Canceling") => Self::Cancelling,
                    () => Self::Unknown(0),
                }
            }
        }
    };
}

statuses! {
    /// The operation was accepted.
    Created = 100 "Operation created",
    /// Started.
    Started = 101 "Started",
    /// The instance is stopped.
    Stopped = 102 "Stopped",
    /// Running.
    Running = 103 "Running",
    /// The operation was told to end early and has not ended yet.
    Cancelling = 104 "Cancelling",
    /// The operation waits for its turn.
    Pending = 105 "Pending",
    /// The instance is starting.
    Starting = 106 "Starting",
    /// The instance is stopping.
    Stopping = 107 "Stopping",
    /// The instance is being aborted.
    Aborting = 108 "Aborting",
    /// The instance is being frozen.
    Freezing = 109 "Freezing",
    /// The instance is frozen.
    Frozen = 110 "Frozen",
    /// The instance was thawed. Servers show it as running.
    Thawed = 111 "Thawed",
    /// The instance cannot be looked at.
    Error = 112 "Error",
    /// The instance says that it has booted.
    Ready = 113 "Ready",
    /// The operation succeeded.
    Success = 200 "Success",
    /// The operation failed.
    Failure = 400 "Failure",
    /// The operation was cancelled.
    Cancelled = 401 "Cancelled",
}

impl Status {
    /// Whether an operation in this state has ended. A final state stays.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Success | Self::Failure | Self::Cancelled)
    }

    /// Whether an operation in this state has ended well.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Success)
    }
}

impl Default for Status {
    fn default() -> Self {
        Self::Unknown(0)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(code) => write!(f, "status {code}"),
            known => f.pad(known.text()),
        }
    }
}

impl Field for Status {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Code;
        impl Visitor<'_> for Code {
            type Value = Status;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a status code")
            }
            fn visit_u64<E>(self, code: u64) -> Result<Status, E> {
                Ok(u16::try_from(code).map_or(Status::Unknown(u16::MAX), Status::from_code))
            }
            fn visit_i64<E>(self, code: i64) -> Result<Status, E> {
                Ok(u16::try_from(code).map_or(Status::Unknown(0), Status::from_code))
            }
            fn visit_f64<E>(self, code: f64) -> Result<Status, E> {
                Ok(Status::from_code(code as u16)) // saturates
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Status, E> {
                Ok(Status::from_text(text))
            }
            fn visit_unit<E>(self) -> Result<Status, E> {
                Ok(Status::default())
            }
        }
        from.deserialize_any(Code)
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u16(self.code())
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::read(from)
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.write(to)
    }
}

/// The word that stands beside a numeric status. Kept so that nothing is lost; allocates only for words
/// that are not in the table.
#[derive(Clone, PartialEq)]
pub(crate) enum StatusText {
    Usual(Status),
    Other(Box<str>),
}

impl StatusText {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Usual(status) => status.text(),
            Self::Other(text) => text,
        }
    }
}

impl Default for StatusText {
    fn default() -> Self {
        Self::Usual(Status::default())
    }
}

impl fmt::Debug for StatusText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Field for StatusText {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        read_text(from, |text| match Status::from_text(text) {
            status if status.text() == text => Self::Usual(status),
            _ => Self::Other(text.into()),
        })
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_str, to_string};

    #[test]
    fn codes_and_words_agree() {
        for code in 0..=500 {
            let status = Status::from_code(code);
            assert_eq!(status.code(), code);
            if !matches!(status, Status::Unknown(_)) {
                assert_eq!(Status::from_text(status.text()), status);
                assert_eq!(Status::from_text(&status.text().to_lowercase()), status);
            }
        }
        let known = (0..=500).filter(|code| !matches!(Status::from_code(*code), Status::Unknown(_))).count();
        assert_eq!(known, 17);
    }

    #[test]
    fn three_states_are_final() {
        let last: Vec<u16> = (0..=500).filter(|code| Status::from_code(*code).is_final()).collect();
        assert_eq!(last, [200, 400, 401]);
        assert!(
            Status::Success.is_success() && !Status::Failure.is_success() && !Status::Cancelled.is_success()
        );
    }

    #[test]
    fn both_spellings_are_read_and_odd_values_kept_apart() {
        assert_eq!(from_str::<Status>("\"Canceled\"").unwrap(), Status::Cancelled);
        assert_eq!(from_str::<Status>("\"cancelled\"").unwrap(), Status::Cancelled);
        assert_eq!(from_str::<Status>("103").unwrap(), Status::Running);
        assert_eq!(from_str::<Status>("114").unwrap(), Status::Unknown(114));
        assert_eq!(from_str::<Status>("-1").unwrap(), Status::Unknown(0));
        assert_eq!(from_str::<Status>("99999999999").unwrap(), Status::Unknown(65535));
        assert_eq!(from_str::<Status>("null").unwrap(), Status::Unknown(0));
        assert_eq!(to_string(&Status::Unknown(114)).unwrap(), "114");
        assert_eq!(Status::Unknown(114).to_string(), "status 114");
        assert_eq!(Status::Created.to_string(), "Operation created");
    }

    #[test]
    fn a_word_is_kept_as_it_was() {
        for text in ["Running", "Canceled", "running", "Weird", ""] {
            let word = StatusText::read(serde_json::Value::from(text)).unwrap();
            assert_eq!(word.as_str(), text);
        }
    }
}
