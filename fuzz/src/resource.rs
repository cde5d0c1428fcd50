//! A resource of any JSON is read or refused; written again it has all that came, each value as it was sent or as
//! its documented reading, and the body of a PUT has every field that can be set and every unknown one, and no
//! other.

use std::fmt::Debug;

use lxio_core::model::{
    BackupCreate, ExecRequest, Extra, Image, ImageAlias, ImageAliasCreate, Instance, InstanceBackup,
    InstanceCreate, InstanceFull, InstanceRestore, InstanceSnapshot, InstanceState, Lifecycle, Logging,
    Operation, Profile, ProfileCreate, Server, SnapshotCreate, StateChange, Status, Time,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::input::Input;

const INSTANCE: &[&str] =
    &["architecture", "config", "devices", "ephemeral", "profiles", "description", "stateful"];

/// Checks one type: with the fields of a PUT body if it is one that is got and put.
macro_rules! put {
    ($bytes:ident, $type:ty, $fields:expr) => {
        if let Some((sent, value)) = kept::<$type>($bytes) {
            let body = serde_json::to_value(value.writable()).expect("what was read can be written");
            puts(&sent, value.extra(), &body, $fields);
        }
    };
}

/// The first byte chooses the type; the rest is JSON.
///
/// # Panics
/// Where the invariant does not hold.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let which = input.byte() % 20;
    let bytes = input.rest();
    match which {
        0 => put!(bytes, Instance, INSTANCE),
        1 => put!(bytes, InstanceFull, INSTANCE),
        2 => put!(bytes, InstanceSnapshot, &["expires_at"]),
        3 => put!(bytes, Profile, &["config", "description", "devices"]),
        4 => put!(bytes, Image, &["auto_update", "properties", "public", "expires_at", "profiles"]),
        5 => put!(bytes, ImageAlias, &["description", "target"]),
        6 => put!(bytes, Server, &["config"]),
        7 => drop(kept::<InstanceState>(bytes)),
        8 => drop(kept::<InstanceBackup>(bytes)),
        9 => drop(kept::<Operation>(bytes)),
        10 => drop(kept::<Lifecycle>(bytes)),
        11 => drop(kept::<Logging>(bytes)),
        12 => drop(kept::<InstanceCreate>(bytes)),
        13 => drop(kept::<InstanceRestore>(bytes)),
        14 => drop(kept::<ProfileCreate>(bytes)),
        15 => drop(kept::<SnapshotCreate>(bytes)),
        16 => drop(kept::<BackupCreate>(bytes)),
        17 => drop(kept::<ImageAliasCreate>(bytes)),
        18 => drop(kept::<StateChange>(bytes)),
        _ => drop(kept::<ExecRequest>(bytes)),
    }
}

/// Reads, writes and compares; what was sent, and what it was read as.
fn kept<T>(bytes: &[u8]) -> Option<(Map<String, Value>, T)>
where
    T: DeserializeOwned + Serialize + Debug + Default,
{
    let (parsed, held) = crate::memory::peak(|| serde_json::from_slice::<T>(bytes));
    assert!(held < 4096 * (bytes.len() + 4), "{held} bytes held for {}", bytes.len());
    let value = parsed.ok()?;
    assert!(!format!("{value:?}").is_empty());
    let Ok(Value::Object(sent)) = serde_json::from_slice(bytes) else {
        panic!("a resource of what is no object: {value:?}");
    };
    let written = serde_json::to_value(&value).expect("what was read can be written");
    assert!(same(&Value::Object(sent.clone()), &written), "sent {}\nkept {written}", Value::Object(sent));
    let again: T = serde_json::from_value(written.clone()).expect("what was written can be read");
    assert_eq!(serde_json::to_value(&again).unwrap(), written);
    // Nothing was sent, so nothing is written.
    assert_eq!(serde_json::to_value(T::default()).unwrap(), Value::Object(Map::new()));
    Some((sent, value))
}

/// The body of a PUT against what was got.
fn puts(sent: &Map<String, Value>, extra: &Extra, body: &Value, fields: &[&str]) {
    let Value::Object(body) = body else { panic!("a body that is no object: {body}") };
    for (name, value) in sent {
        if extra.contains_key(name) {
            assert_eq!(body.get(name), Some(value), "the unknown field {name}");
        } else if fields.contains(&name.as_str()) {
            assert!(body.get(name).is_some_and(|kept| same(value, kept)), "{name}: {value}, put {body:?}");
        } else {
            assert!(!body.contains_key(name), "{name} cannot be set");
        }
    }
    assert!(body.keys().all(|name| sent.contains_key(name)), "more than was got: {body:?}");
    assert!(fields.iter().all(|name| !extra.contains_key(*name)), "a known field is unknown");
}

/// Whether `kept` is what `sent` is documented to be read as.
fn same(sent: &Value, kept: &Value) -> bool {
    match (sent, kept) {
        (sent, kept) if sent == kept => true,
        (Value::Object(sent), Value::Object(kept)) => {
            sent.len() == kept.len()
                && sent.iter().all(|(name, value)| kept.get(name).is_some_and(|kept| same(value, kept)))
        }
        (Value::Array(sent), Value::Array(kept)) => {
            sent.len() == kept.len() && sent.iter().zip(kept).all(|(sent, kept)| same(sent, kept))
        }
        // Null is empty, and so is the text that says nothing.
        (Value::Null, kept) => blank(kept),
        (Value::String(text), kept) if text.is_empty() => blank(kept),
        // Whatever scalar came where text is due.
        (Value::Bool(flag), Value::String(text)) => text == if *flag { "true" } else { "false" },
        (Value::Number(number), Value::String(text)) => {
            *text == number.to_string() || number.as_f64().is_some_and(|number| *text == number.to_string())
        }
        (Value::String(text), Value::Bool(flag)) => text == if *flag { "true" } else { "false" },
        (Value::Number(number), Value::Bool(flag)) => number.as_u64().is_some_and(|it| (it != 0) == *flag),
        (Value::String(text), Value::Number(number)) => {
            // A state, by its word or by its code.
            text.parse::<i128>().ok().is_some_and(|it| number.as_i128() == Some(it))
                || number.as_u64() == Some(u64::from(Status::from_text(text).code()))
        }
        // The nearest number that fits.
        (Value::Number(sent), Value::Number(kept)) => nearest(sent, kept),
        (Value::String(sent), Value::String(kept)) => match (Time::parse(sent), Time::parse(kept)) {
            (Ok(sent), Ok(kept)) => sent == kept && sent.get().is_some(),
            _ => false,
        },
        _ => false,
    }
}

fn blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_u64() == Some(0),
        Value::String(text) => text.is_empty() || text == "none",
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

/// Whether `kept` is `sent` within the bounds of one of the types that numbers have.
fn nearest(sent: &serde_json::Number, kept: &serde_json::Number) -> bool {
    let Some(kept) = kept.as_i128() else { return false };
    let bounds = [
        (0, i128::from(u16::MAX)),
        (0, i128::from(u32::MAX)),
        (0, i128::from(u64::MAX)),
        (i128::from(i32::MIN), i128::from(i32::MAX)),
        (i128::from(i64::MIN), i128::from(i64::MAX)),
    ];
    match (sent.as_i128(), sent.as_f64()) {
        (Some(sent), _) => bounds.iter().any(|(least, most)| sent.clamp(*least, *most) == kept),
        // Casts of floats saturate.
        (None, Some(sent)) => bounds.iter().any(|(least, most)| (sent as i128).clamp(*least, *most) == kept),
        (None, None) => false,
    }
}
