//! One declaration, one resource: [`resource!`] and what it stands on.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::field::{Field, Lenient, Out, unshown};

/// The fields of an object that this library has no name for, as the server sent them.
///
/// They are kept so that a GET followed by a PUT loses nothing. Costs no allocation while empty.
#[derive(Clone, Default, PartialEq)]
pub struct Extra(BTreeMap<String, Value>);

impl Extra {
    /// Sets one field.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.0.insert(name.into(), value.into())
    }

    /// Removes one field. A PUT resets what is left out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }
}

impl Deref for Extra {
    type Target = BTreeMap<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nobody knows whether an unknown value is a secret, so only the names are shown.
        f.debug_set().entries(self.keys()).finish()
    }
}

/// Which fields the server sent, and which of them as null; a field that it did not send and nobody set
/// is not sent back. No part of the value: two objects that differ in it only are equal.
#[derive(Clone, Copy, Default)]
pub(crate) struct Marks {
    sent: u64,
    null: u64,
}

impl PartialEq for Marks {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Marks {
    /// Reads one field; null is its default. Of a field that comes twice the last counts.
    pub(crate) fn read<'de, T, A>(&mut self, at: u32, slot: &mut T, from: &mut A) -> Result<(), A::Error>
    where
        T: Field,
        A: MapAccess<'de>,
    {
        let bit = 1 << at;
        match from.next_value::<Option<Lenient<T>>>()? {
            Some(Lenient(value)) => {
                *slot = value;
                self.null &= !bit;
            }
            None => {
                *slot = T::default();
                self.null |= bit;
            }
        }
        self.sent |= bit;
        Ok(())
    }

    /// Writes one field: unless it was not sent and is still blank; null if it was null and is still blank.
    pub(crate) fn write<T, M>(
        &self,
        at: u32,
        name: &'static str,
        value: &T,
        to: &mut M,
    ) -> Result<(), M::Error>
    where
        T: Field,
        M: SerializeMap,
    {
        let bit = 1 << at;
        if self.sent & !self.null & bit == 0 && *value == T::default() {
            return if self.null & bit == 0 { Ok(()) } else { to.serialize_entry(name, &()) };
        }
        to.serialize_entry(name, &Out(value))
    }
}

/// Which fields are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All that the server sent.
    Whole,
    /// What a PUT body holds: the fields that can be set, and all unknown ones.
    Writable,
}

/// What a declaration says about the JSON form of a struct.
pub(crate) trait Shape: Default {
    /// One known field.
    type Key: Copy;

    /// The field of that name, if it is known.
    fn key(name: &str) -> Option<Self::Key>;

    /// Reads the value of a known field.
    fn take<'de, A: MapAccess<'de>>(&mut self, key: Self::Key, from: &mut A) -> Result<(), A::Error>;

    /// Where unknown fields go.
    fn rest(&mut self) -> &mut Extra;

    /// Writes the fields of that part.
    fn put<M: SerializeMap>(&self, part: Part, to: &mut M) -> Result<(), M::Error>;
}

/// Reads a struct from an object; where it is a field of something, also from null, as the default.
pub(crate) struct Object<T> {
    null: bool,
    shape: PhantomData<T>,
}

impl<T> Object<T> {
    /// The content of an answer: null would be a resource that is not there.
    pub(crate) const CONTENT: Self = Self { null: false, shape: PhantomData };
    /// A field of something.
    pub(crate) const FIELD: Self = Self { null: true, shape: PhantomData };
}

impl<'de, T: Shape> Visitor<'de> for Object<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<T, A::Error> {
        let mut out = T::default();
        while let Some(name) = from.next_key::<FieldName<T::Key, T>>()? {
            match name {
                FieldName::Known(key, _) => out.take(key, &mut from)?,
                FieldName::Unknown(name) => {
                    let value = from.next_value::<Value>()?;
                    out.rest().insert(name, value);
                }
            }
        }
        Ok(out)
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<T, E> {
        Err(unshown(&self))
    }

    fn visit_unit<E: de::Error>(self) -> Result<T, E> {
        if self.null { Ok(T::default()) } else { Err(E::invalid_type(de::Unexpected::Unit, &self)) }
    }
}

enum FieldName<K, T> {
    Known(K, PhantomData<T>),
    Unknown(String),
}

impl<'de, T: Shape> de::Deserialize<'de> for FieldName<T::Key, T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text<T>(PhantomData<T>);
        impl<T: Shape> Visitor<'_> for Text<T> {
            type Value = FieldName<T::Key, T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
                Ok(match T::key(name) {
                    Some(key) => FieldName::Known(key, PhantomData),
                    None => FieldName::Unknown(name.to_owned()),
                })
            }
        }
        from.deserialize_identifier(Text(PhantomData))
    }
}

/// A struct as JSON, whole or in part.
pub(crate) struct View<'a, T>(pub(crate) &'a T, pub(crate) Part);

impl<T: Shape> Serialize for View<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        self.0.put(self.1, &mut map)?;
        map.end()
    }
}

/// Declares a resource: a flat struct, its JSON form and what may be changed in it.
///
/// The groups come in this order, each may be left out:
/// - `read`: read-only, shown by a method that lends it;
/// - `copy`: read-only, shown by a method that copies it;
/// - `keep`: read-only, shown by methods written by hand;
/// - `write`: public, part of a PUT body.
///
/// `name: Type` is the JSON field of the same name, `name: Type = "other"` one of another name. Null and
/// absence are the type's default, unknown fields are kept in `extra` and go back with a PUT. What the
/// server did not send and nobody set is not sent.
macro_rules! resource {
    (
        $(#[$about:meta])*
        pub struct $name:ident {
            $(read { $( $(#[$rd:meta])* $r:ident : $rt:ty $(= $rj:literal)? ),* $(,)? })?
            $(copy { $( $(#[$cd:meta])* $c:ident : $ct:ty $(= $cj:literal)? ),* $(,)? })?
            $(keep { $( $(#[$kd:meta])* $k:ident : $kt:ty $(= $kj:literal)? ),* $(,)? })?
            $(write { $( $(#[$wd:meta])* $w:ident : $wt:ty $(= $wj:literal)? ),* $(,)? })?
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Default, PartialEq)]
        pub struct $name {
            $($( $r: $rt, )*)?
            $($( $c: $ct, )*)?
            $($( $k: $kt, )*)?
            $($( $(#[$wd])* pub $w: $wt, )*)?
            extra: $crate::model::resource::Extra,
            marks: $crate::model::resource::Marks,
        }

        #[allow(dead_code, reason = "not every resource has fields of every group")]
        impl $name {
            $($(
                $(#[$rd])*
                #[must_use]
                pub fn $r(&self) -> &$rt { &self.$r }
            )*)?
            $($(
                $(#[$cd])*
                #[must_use]
                pub fn $c(&self) -> $ct { self.$c }
            )*)?

            /// The fields that this library has no name for.
            #[must_use]
            pub fn extra(&self) -> &$crate::model::resource::Extra { &self.extra }

            /// The fields that this library has no name for, to be set or removed.
            pub fn extra_mut(&mut self) -> &mut $crate::model::resource::Extra { &mut self.extra }

            /// What may be sent back: the fields that can be set and every unknown one, as JSON. The body of
            /// a PUT that changes only what was changed here.
            pub fn writable(&self) -> impl serde::Serialize + '_ {
                $crate::model::resource::View(self, $crate::model::resource::Part::Writable)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut all = f.debug_struct(stringify!($name));
                $($( all.field(stringify!($r), &self.$r); )*)?
                $($( all.field(stringify!($c), &self.$c); )*)?
                $($( all.field(stringify!($k), &self.$k); )*)?
                $($( all.field(stringify!($w), &self.$w); )*)?
                if !self.extra.is_empty() {
                    all.field("extra", &self.extra);
                }
                all.finish()
            }
        }

        const _: () = {
            #[allow(non_camel_case_types, reason = "variants are named after the fields")]
            #[derive(Clone, Copy)]
            pub(crate) enum At {
                $($( $r, )*)? $($( $c, )*)? $($( $k, )*)? $($( $w, )*)?
                #[allow(non_camel_case_types, dead_code, reason = "counts the fields")]
                end,
            }
            const { assert!(At::end as u32 <= 64, "more fields than marks") };

            impl $crate::model::resource::Shape for $name {
                type Key = At;

                fn key(name: &str) -> Option<At> {
                    Some(match name {
                        $($( $crate::model::resource::json_name!($r $($rj)?) => At::$r, )*)?
                        $($( $crate::model::resource::json_name!($c $($cj)?) => At::$c, )*)?
                        $($( $crate::model::resource::json_name!($k $($kj)?) => At::$k, )*)?
                        $($( $crate::model::resource::json_name!($w $($wj)?) => At::$w, )*)?
                        _ => return None,
                    })
                }

                fn take<'de, A: serde::de::MapAccess<'de>>(&mut self, key: At, from: &mut A) -> Result<(), A::Error> {
                    match key {
                        $($( At::$r => self.marks.read(At::$r as u32, &mut self.$r, from), )*)?
                        $($( At::$c => self.marks.read(At::$c as u32, &mut self.$c, from), )*)?
                        $($( At::$k => self.marks.read(At::$k as u32, &mut self.$k, from), )*)?
                        $($( At::$w => self.marks.read(At::$w as u32, &mut self.$w, from), )*)?
                        At::end => Ok(()),
                    }
                }

                fn rest(&mut self) -> &mut $crate::model::resource::Extra { &mut self.extra }

                fn put<M: serde::ser::SerializeMap>(
                    &self,
                    part: $crate::model::resource::Part,
                    to: &mut M,
                ) -> Result<(), M::Error> {
                    if part == $crate::model::resource::Part::Whole {
                        $($( self.marks.write(At::$r as u32, $crate::model::resource::json_name!($r $($rj)?), &self.$r, to)?; )*)?
                        $($( self.marks.write(At::$c as u32, $crate::model::resource::json_name!($c $($cj)?), &self.$c, to)?; )*)?
                        $($( self.marks.write(At::$k as u32, $crate::model::resource::json_name!($k $($kj)?), &self.$k, to)?; )*)?
                    }
                    $($( self.marks.write(At::$w as u32, $crate::model::resource::json_name!($w $($wj)?), &self.$w, to)?; )*)?
                    for (name, value) in self.extra.iter() {
                        to.serialize_entry(name, value)?;
                    }
                    Ok(())
                }
            }
        };

        $crate::model::resource::json_form!($name);
    };
}

/// The serde face of a [`Shape`], and its place as a field of another one.
macro_rules! json_form {
    ($name:ident) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_any($crate::model::resource::Object::CONTENT)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                $crate::model::resource::View(self, $crate::model::resource::Part::Whole).serialize(to)
            }
        }

        impl $crate::model::field::Field for $name {
            fn read<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_any($crate::model::resource::Object::FIELD)
            }

            fn write<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(self, to)
            }
        }
    };
}

/// The JSON name of a field: its own, or the one that was given.
macro_rules! json_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $json:literal) => {
        $json
    };
}

pub(crate) use {json_form, json_name, resource};

#[cfg(test)]
#[allow(unreachable_pub, reason = "the macro declares public things")]
mod tests {
    use super::*;
    use crate::model::Time;
    use serde_json::{from_str, json, to_value};

    resource! {
        /// A thing.
        pub struct Thing {
            read {
                /// Its name.
                name: String,
                /// When it was made.
                made: Time = "created_at",
            }
            copy {
                /// Its size.
                size: u64,
            }
            write {
                /// What it is.
                description: String,
                /// Its settings.
                config: BTreeMap<String, String>,
                /// When it ends.
                ends: Time = "expires_at",
                /// Parts.
                parts: Option<Vec<String>>,
            }
        }
    }

    fn thing(json: Value) -> Thing {
        from_str(&json.to_string()).unwrap()
    }

    #[test]
    fn a_put_body_holds_what_can_be_set_and_what_is_unknown() {
        let got = json!({
            "name": "a", "created_at": "2026-01-01T00:00:00Z", "size": 3, "description": "x", "config": {"k": "v"},
            "expires_at": "1970-01-01T00:00:00Z", "shiny": {"new": [1, null]}, "void": null
        });
        let thing = thing(got.clone());
        assert_eq!((thing.name().as_str(), thing.size()), ("a", 3));
        let body = to_value(thing.writable()).unwrap();
        assert_eq!(
            body,
            json!({"description": "x", "config": {"k": "v"}, "expires_at": "1970-01-01T00:00:00Z", "shiny": {"new": [1, null]}, "void": null})
        );
        assert_eq!(to_value(&thing).unwrap(), got);
    }

    #[test]
    fn what_was_not_sent_and_not_set_is_not_sent_back() {
        let mut thing = thing(json!({"name": "a", "config": null}));
        assert_eq!(to_value(thing.writable()).unwrap(), json!({"config": null}));
        thing.parts = Some(Vec::new());
        thing.config.insert("a".into(), "b".into());
        assert_eq!(to_value(thing.writable()).unwrap(), json!({"parts": [], "config": {"a": "b"}}));
    }

    #[test]
    fn what_was_sent_and_then_cleared_is_sent_as_empty() {
        let mut thing =
            thing(json!({"description": "x", "config": {"a": "b"}, "expires_at": "2030-01-01T00:00:00Z"}));
        thing.description.clear();
        thing.config.clear();
        thing.ends = Time::never();
        assert_eq!(
            to_value(thing.writable()).unwrap(),
            json!({"description": "", "config": {}, "expires_at": "0001-01-01T00:00:00Z"})
        );
    }

    #[test]
    fn of_a_field_that_comes_twice_the_last_counts() {
        let thing: Thing =
            from_str(r#"{"size":1,"new":1,"size":2,"new":2,"config":{"a":"b"},"config":null}"#).unwrap();
        assert_eq!(thing.size(), 2);
        assert_eq!(thing.extra().get("new"), Some(&json!(2)));
        assert!(thing.config.is_empty());
        assert_eq!(to_value(thing.writable()).unwrap(), json!({"config": null, "new": 2}));
    }

    #[test]
    fn equality_is_about_values_not_about_how_they_were_spelt() {
        assert_eq!(
            thing(json!({"description": "", "expires_at": null})),
            thing(json!({"expires_at": "0001-01-01T00:00:00Z"}))
        );
        assert_ne!(thing(json!({"size": 1})), thing(json!({"size": 2})));
        assert_ne!(thing(json!({"new": 1})), thing(json!({"new": 2})));
    }

    #[test]
    fn unknown_fields_can_be_set_and_removed() {
        let mut thing = thing(json!({"new": 1}));
        thing.extra_mut().insert("newer", "x");
        assert_eq!(thing.extra_mut().remove("new"), Some(json!(1)));
        assert_eq!(to_value(thing.writable()).unwrap(), json!({"newer": "x"}));
        thing.extra_mut().remove("newer");
        assert_eq!(thing, Thing::default());
        assert!(!format!("{thing:?}").contains("extra"));
    }

    #[test]
    fn only_an_object_is_one() {
        for bad in ["null", "[]", "1", "\"x\"", "{\"config\":[]}", "{\"size\":{}}", "{"] {
            assert!(from_str::<Thing>(bad).is_err(), "{bad}");
        }
    }
}
