//! Texts with a meaning of their own: names, fingerprints, ids.

use std::fmt;

use super::reference::Reference;

/// Declares a newtype over text that compares, prints and is sent as the text.
macro_rules! text {
    ($( $(#[$about:meta])* $name:ident ),* $(,)?) => {$(
        $(#[$about])*
        #[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str { &self.0 }

            /// The text, taken out.
            #[must_use]
            pub fn into_string(self) -> String { self.0 }
        }

        impl std::ops::Deref for $name {
            type Target = str;
            fn deref(&self) -> &str { &self.0 }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str { &self.0 }
        }
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str { &self.0 }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self { Self(text.to_owned()) }
        }
        impl From<String> for $name {
            fn from(text: String) -> Self { Self(text) }
        }
        impl From<$name> for String {
            fn from(text: $name) -> Self { text.0 }
        }
        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool { self.0 == other }
        }
        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool { self.0 == *other }
        }
        impl PartialEq<$name> for str {
            fn eq(&self, other: &$name) -> bool { *self == other.0 }
        }
        impl PartialEq<$name> for &str {
            fn eq(&self, other: &$name) -> bool { *self == other.0 }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.pad(&self.0) }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { std::fmt::Debug::fmt(&self.0, f) }
        }
        impl $crate::model::field::Field for $name {
            fn read<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                $crate::model::field::read_text(from, |text| Self::from(text))
            }
            fn write<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> { to.serialize_str(&self.0) }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from).map(Self)
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> { to.serialize_str(&self.0) }
        }
    )*};
}

pub(crate) use text;

text! {
    /// The name of an instance, profile, project, pool or of anything else that is addressed by name.
    Name,
    /// The SHA-256 of an image or certificate in lower-case hex. Servers take a unique prefix for it where
    /// something is looked up.
    Fingerprint,
    /// The id of an operation, a UUID.
    OperationId,
}

impl OperationId {
    /// Reads an id from what people and servers write: the UUID alone, the path of the operation
    /// (`/1.0/operations/UUID`, with or without a query), or a whole URL.
    ///
    /// # Errors
    /// [`BadOperationId`] if `text` is none of them.
    pub fn parse(text: &str) -> Result<Self, BadOperationId> {
        let bad = || BadOperationId { text: text.chars().take(200).collect() };
        if is_uuid(text) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        let at = Reference::from(text);
        let mut segments = at.segments();
        match (segments.next().as_deref(), segments.next(), segments.next()) {
            (Some("operations"), Some(id), None) if is_uuid(&id) => Ok(Self(id.to_ascii_lowercase())),
            _ => Err(bad()),
        }
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// A text that names no operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadOperationId {
    /// The text, at most 200 characters of it.
    pub text: String,
}

impl fmt::Display for BadOperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A websocket URL carries its secret in the query.
        let shown = self.text.split(['?', '#']).next().unwrap_or_default();
        write!(f, "{shown:?} is neither the id nor the URL of an operation")
    }
}

impl std::error::Error for BadOperationId {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const ID: &str = "fa6fdad0-a663-429c-a5a3-46c3b08cf6fb";

    #[test]
    fn an_operation_is_found_in_every_form() {
        for text in [
            ID.to_owned(),
            ID.to_uppercase(),
            format!("/1.0/operations/{ID}"),
            format!("/1.0/operations/{ID}?project=x"),
            format!("https://[::1]:8443/1.0/operations/{ID}"),
            format!("https://h/1.0/operations/{ID}?project=x&target=y#z"),
        ] {
            assert_eq!(OperationId::parse(&text).unwrap(), ID, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            String::new(),
            "x".into(),
            format!("{ID}0"),
            format!("/1.0/instances/{ID}"),
            format!("/1.0/operations/{ID}/wait"),
            "/1.0/operations/".into(),
            "/1.0/operations/..%2fimages".into(),
            format!("/2.0/{ID}"),
            ID.replace('-', "_"),
        ] {
            let error = OperationId::parse(&text).unwrap_err();
            assert_eq!(error.text, text);
        }
        let error = OperationId::parse("/1.0/operations/x/websocket?secret=hunter2").unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn a_name_is_used_as_text() {
        let name = Name::from("web");
        assert_eq!(name, "web");
        assert_eq!("web", name);
        assert_ne!(name, *"Web");
        assert_eq!((name.starts_with('w'), name.len()), (true, 3));
        assert_eq!(format!("{name:>5}|{name:?}"), "  web|\"web\"");
        assert!(BTreeSet::from([name]).contains("web"));
        assert_eq!(serde_json::to_string(&Name::from("a\"b")).unwrap(), r#""a\"b""#);
        assert_eq!(serde_json::from_str::<Name>(r#""web""#).unwrap(), "web");
        assert!(serde_json::from_str::<Name>("{}").is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,80}") {
            let _ = OperationId::parse(&text);
        }
    }
}
