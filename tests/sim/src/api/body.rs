use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::http::{Refusal, Request};

/// The JSON object that a request carries.
pub(crate) fn object(request: &Request) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::new(400, "json: cannot unmarshal into Go value")),
        Err(_) if request.body.is_empty() => Err(Refusal::new(400, "EOF")),
        Err(error) => Err(Refusal::new(400, error.to_string())),
    }
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
