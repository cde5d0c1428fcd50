//! How one value is read and written: null is empty at any depth, and scalars are taken as they come.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Value};

use crate::bytes::Secret;

/// A value of a resource. Unlike with plain serde, null is the default everywhere, also inside lists and
/// maps, and text may come as a boolean or a number.
pub(crate) trait Field: Default + PartialEq {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error>;
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error>;
}

/// A field as serde reads it.
pub(crate) struct Lenient<T>(pub(crate) T);

impl<'de, T: Field> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::read(from).map(Lenient)
    }
}

/// A field as serde writes it.
pub(crate) struct Out<'a, T>(pub(crate) &'a T);

impl<T: Field> Serialize for Out<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.write(to)
    }
}

/// Text came where something else is due. By itself serde would repeat it, and it may be a secret.
pub(crate) fn unshown<E: de::Error>(expected: &dyn de::Expected) -> E {
    E::invalid_type(de::Unexpected::Other("text"), expected)
}

/// Text, from whatever scalar came. The caller takes it borrowed, so that it is copied at most once.
pub(crate) fn read_text<'de, D: Deserializer<'de>, T>(
    from: D,
    make: impl FnOnce(&str) -> T,
) -> Result<T, D::Error> {
    struct Scalar<F>(F);
    impl<T, F: FnOnce(&str) -> T> Visitor<'_> for Scalar<F> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("text")
        }
        fn visit_str<E>(self, text: &str) -> Result<T, E> {
            Ok((self.0)(text))
        }
        fn visit_bool<E>(self, value: bool) -> Result<T, E> {
            Ok((self.0)(if value { "true" } else { "false" }))
        }
        fn visit_u64<E>(self, value: u64) -> Result<T, E> {
            Ok((self.0)(&value.to_string()))
        }
        fn visit_i64<E>(self, value: i64) -> Result<T, E> {
            Ok((self.0)(&value.to_string()))
        }
        fn visit_f64<E>(self, value: f64) -> Result<T, E> {
            Ok((self.0)(&value.to_string()))
        }
        fn visit_unit<E>(self) -> Result<T, E> {
            Ok((self.0)(""))
        }
    }
    from.deserialize_any(Scalar(make))
}

impl Field for String {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        read_text(from, str::to_owned)
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self)
    }
}

impl Field for bool {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Flag;
        impl Visitor<'_> for Flag {
            type Value = bool;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false")
            }
            fn visit_bool<E>(self, value: bool) -> Result<bool, E> {
                Ok(value)
            }
            fn visit_u64<E>(self, value: u64) -> Result<bool, E> {
                Ok(value != 0)
            }
            fn visit_unit<E>(self) -> Result<bool, E> {
                Ok(false)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<bool, E> {
                match text {
                    "true" => Ok(true),
                    "false" | "" => Ok(false),
                    _ => Err(unshown(&self)),
                }
            }
        }
        from.deserialize_any(Flag)
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bool(*self)
    }
}

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl Field for $int {
            fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Number;
                impl Visitor<'_> for Number {
                    type Value = $int;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a number")
                    }
                    fn visit_u64<E>(self, value: u64) -> Result<$int, E> {
                        Ok(<$int>::try_from(value).unwrap_or(<$int>::MAX))
                    }
                    fn visit_i64<E>(self, value: i64) -> Result<$int, E> {
                        Ok(<$int>::try_from(value).unwrap_or(if value < 0 { <$int>::MIN } else { <$int>::MAX }))
                    }
                    fn visit_f64<E>(self, value: f64) -> Result<$int, E> {
                        Ok(value as $int) // saturates
                    }
                    fn visit_unit<E>(self) -> Result<$int, E> {
                        Ok(0)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$int, E> {
                        text.parse().map_err(|_| unshown(&self))
                    }
                }
                from.deserialize_any(Number)
            }
            fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                self.serialize(to)
            }
        }
    )*};
}

// What does not fit is the nearest that does: one absurd counter must not hide a whole list.
integers!(u16, u32, u64, i32, i64);

impl<T: Field> Field for Option<T> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Option::<Lenient<T>>::deserialize(from).map(|value| value.map(|Lenient(value)| value))
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(value) => value.write(to),
            None => to.serialize_unit(),
        }
    }
}

impl<T: Field> Field for Vec<T> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct List<T>(PhantomData<T>);
        impl<'de, T: Field> Visitor<'de> for List<T> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Vec<T>, A::Error> {
                let mut out = Vec::new();
                while let Some(Lenient(value)) = from.next_element()? {
                    out.push(value);
                }
                Ok(out)
            }
            fn visit_unit<E>(self) -> Result<Vec<T>, E> {
                Ok(Vec::new())
            }
            fn visit_str<E: de::Error>(self, _: &str) -> Result<Vec<T>, E> {
                Err(unshown(&self))
            }
        }
        from.deserialize_any(List(PhantomData))
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(Some(self.len()))?;
        for value in self {
            list.serialize_element(&Out(value))?;
        }
        list.end()
    }
}

impl<T: Field> Field for BTreeMap<String, T> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);
        impl<'de, T: Field> Visitor<'de> for Entries<T> {
            type Value = BTreeMap<String, T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
                let mut out = BTreeMap::new();
                while let Some((name, Lenient(value))) = from.next_entry()? {
                    out.insert(name, value);
                }
                Ok(out)
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(BTreeMap::new())
            }
            fn visit_str<E: de::Error>(self, _: &str) -> Result<Self::Value, E> {
                Err(unshown(&self))
            }
        }
        from.deserialize_any(Entries(PhantomData))
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.len()))?;
        for (name, value) in self {
            map.serialize_entry(name, &Out(value))?;
        }
        map.end()
    }
}

impl Field for Value {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::deserialize(from)
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.serialize(to)
    }
}

/// An open object. What is no object is refused without being repeated, since it may hold secrets.
pub(crate) fn read_object<'de, D: Deserializer<'de>>(from: D) -> Result<Map<String, Value>, D::Error> {
    match Value::deserialize(from)? {
        Value::Object(map) => Ok(map),
        Value::Null => Ok(Map::new()),
        _ => Err(de::Error::custom("expected an object")),
    }
}

impl Field for Map<String, Value> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        read_object(from)
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.serialize(to)
    }
}

// A secret has no JSON form of its own. These two are how one is sent, on purpose.
impl Field for Option<Secret> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        read_text(from, |text| if text.is_empty() { None } else { Some(Secret::new(text)) })
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.as_ref().map(Secret::reveal).serialize(to)
    }
}

impl Field for BTreeMap<String, Secret> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let texts = BTreeMap::<String, String>::read(from)?;
        Ok(texts.into_iter().map(|(name, text)| (name, Secret::new(text))).collect())
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter().map(|(name, secret)| (name, secret.reveal())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_str, from_value, json, to_value};

    fn read<T: Field>(value: Value) -> T {
        from_value::<Lenient<T>>(value).unwrap().0
    }

    #[test]
    fn null_is_empty_at_any_depth() {
        assert_eq!(read::<Vec<String>>(json!(null)), Vec::<String>::new());
        assert_eq!(read::<Vec<String>>(json!(["a", null])), ["a", ""]);
        let deep: BTreeMap<String, BTreeMap<String, Vec<u64>>> =
            read(json!({"a": null, "b": {"c": null, "d": [1, null]}}));
        assert_eq!(to_value(Out(&deep)).unwrap(), json!({"a": {}, "b": {"c": [], "d": [1, 0]}}));
        assert_eq!(read::<Option<bool>>(json!(null)), None);
        assert!(!read::<bool>(json!(null)));
    }

    #[test]
    fn numbers_that_do_not_fit_are_the_nearest_that_do() {
        assert_eq!(read::<u16>(json!(-1)), 0);
        assert_eq!(read::<u16>(json!(70_000)), u16::MAX);
        assert_eq!(read::<i64>(json!(u64::MAX)), i64::MAX);
        assert_eq!(read::<i32>(json!(i64::MIN)), i32::MIN);
        assert_eq!(read::<u64>(json!(1e30)), u64::MAX);
        assert_eq!(read::<u64>(json!("320")), 320);
        assert!(from_str::<Lenient<u64>>("\"x\"").is_err() && from_str::<Lenient<u64>>("[]").is_err());
    }

    #[test]
    fn scalars_become_text_and_flags() {
        assert_eq!(read::<String>(json!(true)), "true");
        assert_eq!(read::<String>(json!(-7)), "-7");
        assert_eq!(read::<String>(json!(0.5)), "0.5");
        assert!(read::<bool>(json!("true")) && read::<bool>(json!(1)) && !read::<bool>(json!("")));
    }

    #[test]
    fn no_error_repeats_what_was_sent() {
        let odd = json!("hunter2");
        let errors = [
            from_value::<Lenient<bool>>(odd.clone()).err(),
            from_value::<Lenient<u64>>(odd.clone()).err(),
            from_value::<Lenient<Vec<String>>>(odd.clone()).err(),
            from_value::<Lenient<BTreeMap<String, String>>>(odd.clone()).err(),
            from_value::<Lenient<Map<String, Value>>>(odd.clone()).err(),
            from_value::<Lenient<crate::model::Time>>(odd.clone()).err(),
            from_value::<Lenient<crate::model::Profile>>(odd.clone()).err(),
            from_value::<crate::model::Profile>(odd.clone()).err(),
        ];
        for error in errors {
            assert!(!error.unwrap().to_string().contains("hunter2"));
        }
    }
}
