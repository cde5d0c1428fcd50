//! Configuration of the server itself, where true is not the text "true".

use std::fmt;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use serde_json::Value;

use super::field::Field;

/// The value of a key in the server's own configuration.
///
/// All values are text, but LXD shows a secret that is set as the boolean `true`. Sent back as `true` it
/// stays what it is; the text `true` would replace the password. `Debug` does not show the value.
#[derive(Clone, PartialEq)]
pub enum Setting {
    /// The value.
    Text(String),
    /// A boolean: a secret that is set and not shown.
    Bool(bool),
    /// Anything else, sent back as it is.
    Other(Value),
}

impl Setting {
    /// The value, if it is a text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bool(_) | Self::Other(_) => None,
        }
    }

    /// Whether a secret is set here that the server does not show.
    #[must_use]
    pub fn is_masked(&self) -> bool {
        *self == Self::Bool(true)
    }
}

impl Default for Setting {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(..)"),
            Self::Bool(value) => f.debug_tuple("Bool").field(value).finish(),
            Self::Other(_) => f.write_str("Other(..)"),
        }
    }
}

impl From<&str> for Setting {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Setting {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl PartialEq<str> for Setting {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<&str> for Setting {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == Some(other)
    }
}

impl Field for Setting {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Value::deserialize(from).map(|value| match value {
            Value::String(text) => Self::Text(text),
            Value::Bool(value) => Self::Bool(value),
            other => Self::Other(other),
        })
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => to.serialize_str(text),
            Self::Bool(value) => to.serialize_bool(*value),
            Self::Other(value) => value.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::read(from)
    }
}

impl Serialize for Setting {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.write(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json, to_value};

    #[test]
    fn a_masked_secret_is_not_the_text_true() {
        for (value, setting) in [
            (json!(true), Setting::Bool(true)),
            (json!("true"), Setting::from("true")),
            (json!(7), Setting::Other(json!(7))),
            (json!(null), Setting::Other(json!(null))),
        ] {
            assert_eq!(from_value::<Setting>(value.clone()).unwrap(), setting);
            assert_eq!(to_value(&setting).unwrap(), value);
        }
        assert!(Setting::Bool(true).is_masked() && !Setting::from("true").is_masked());
        assert_eq!(format!("{:?}", Setting::from("hunter2")), "Text(..)");
    }
}
