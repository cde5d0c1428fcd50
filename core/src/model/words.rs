//! Sets of words that may grow: enums that keep what they do not know.

/// Declares an enum over words on the wire, with `Unknown` for every other word.
macro_rules! words {
    (
        $(#[$about:meta])*
        pub enum $name:ident { $( $(#[$doc:meta])* $word:ident = $text:literal ),* $(,)? }
    ) => {
        $(#[$about])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$doc])* $word, )*
            /// A word that this library does not know; empty if there was none.
            Unknown(String),
        }

        impl $name {
            /// The word as it is sent.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$word => $text, )*
                    Self::Unknown(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $( $text => Self::$word, )*
                    other => Self::Unknown(other.to_owned()),
                }
            }
        }
        impl Default for $name {
            fn default() -> Self { Self::Unknown(String::new()) }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.pad(self.as_str()) }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(self.as_str(), f)
            }
        }
        impl $crate::model::field::Field for $name {
            fn read<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                $crate::model::field::read_text(from, |text| Self::from(text))
            }
            fn write<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                $crate::model::field::Field::read(from)
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }
    };
}

pub(crate) use words;

words! {
    /// What an instance is.
    pub enum InstanceKind {
        /// A system container.
        Container = "container",
        /// A virtual machine. API extension `virtual-machines`.
        VirtualMachine = "virtual-machine",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_str, to_string};

    #[test]
    fn a_word_of_tomorrow_is_kept() {
        assert_eq!(from_str::<InstanceKind>("\"virtual-machine\"").unwrap(), InstanceKind::VirtualMachine);
        let new = from_str::<InstanceKind>("\"unikernel\"").unwrap();
        assert_eq!(new, InstanceKind::Unknown("unikernel".into()));
        assert_eq!(to_string(&new).unwrap(), "\"unikernel\"");
        assert_eq!(from_str::<InstanceKind>("null").unwrap(), InstanceKind::default());
        assert_eq!(format!("{new} {new:?}"), "unikernel \"unikernel\"");
    }
}
