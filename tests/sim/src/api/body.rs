use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::decode::complaint;
use crate::http::{Refusal, Request};

/// The JSON object that a request carries. What follows it is not looked at.
pub(crate) fn object(request: &Request) -> Result<Map<String, Value>, Refusal> {
    of(request, "")
}

/// The same; `of` is what the daemons call it when it is none.
pub(crate) fn of(request: &Request, of: &str) -> Result<Map<String, Value>, Refusal> {
    let refused = |text: String| Err(Refusal::new(400, text));
    match serde_json::Deserializer::from_slice(&request.body).into_iter().next() {
        Some(Ok(Value::Object(object))) => Ok(object),
        Some(Ok(Value::Null)) => Ok(Map::new()),
        Some(Ok(other)) => {
            refused(format!("json: cannot unmarshal {} into Go value of type api.{of}", kind(&other)))
        }
        Some(Err(error)) => refused(complaint(&request.body).unwrap_or_else(|| error.to_string())),
        None => refused("EOF".into()),
    }
}

/// What the daemons call a kind of value.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Refuses a member that is a `kind` where a `wanted` should be; `of` is what the daemons call the object.
pub(crate) fn mistyped(kind: &str, of: &str, name: &str, wanted: &str) -> Refusal {
    Refusal::new(
        400,
        format!("json: cannot unmarshal {kind} into Go struct field {of}.{name} of type {wanted}"),
    )
}

/// Refuses texts and configuration that are none; `of` is what the daemons call the object.
pub(crate) fn check(object: &Map<String, Value>, of: &str) -> Result<(), Refusal> {
    let wrong = |name: &str, value: &Value, wanted: &str| Err(mistyped(kind(value), of, name, wanted));
    for (name, value) in object.iter().filter(|(_, value)| !value.is_null()) {
        match (name.as_str(), value) {
            ("name" | "description" | "target", value) if !value.is_string() => {
                return wrong(name, value, "string");
            }
            ("config", Value::Object(config)) => {
                if let Some(odd) = config.values().find(|it| !it.is_string() && !it.is_null()) {
                    return wrong(name, odd, "string");
                }
            }
            ("config", value) => return wrong(name, value, "map[string]string"),
            _ => {}
        }
    }
    Ok(())
}

/// A text of it; empty if there is none.
pub(crate) fn text<'a>(object: &'a Map<String, Value>, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A truth of it; false if there is none.
pub(crate) fn flag(object: &Map<String, Value>, name: &str) -> bool {
    object.get(name).and_then(Value::as_bool).unwrap_or_default()
}

/// A list of texts of it, if there is one.
pub(crate) fn texts(object: &Map<String, Value>, name: &str) -> Option<Vec<String>> {
    let items = object.get(name)?.as_array()?;
    Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// A map of texts: configuration.
pub(crate) type Config = BTreeMap<String, String>;

/// Configuration out of JSON, where numbers and truths may stand for texts.
pub(crate) fn config(value: Option<&Value>) -> Config {
    let Some(Value::Object(object)) = value else { return Config::new() };
    object.iter().map(|(key, value)| (key.clone(), plain(value))).collect()
}

/// Devices: named configuration.
pub(crate) fn devices(value: Option<&Value>) -> BTreeMap<String, Config> {
    let Some(Value::Object(object)) = value else { return BTreeMap::new() };
    object.iter().map(|(name, device)| (name.clone(), config(Some(device)))).collect()
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Merges configuration: an empty text unsets.
pub(crate) fn merge(into: &mut Config, from: Config) {
    for (key, value) in from {
        if value.is_empty() {
            into.remove(&key);
        } else {
            into.insert(key, value);
        }
    }
}
