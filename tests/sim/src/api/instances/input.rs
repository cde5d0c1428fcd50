use serde_json::{Map, Value};

use crate::http::{Refusal, Request};

/// The JSON object that a request carries; `of` is what the daemons call its type.
pub(super) fn object(request: &Request, of: &str) -> Result<Map<String, Value>, Refusal> {
    let refused = |text: String| Err(Refusal::new(400, text));
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(other) => refused(format!("json: cannot unmarshal {} into Go value of type {of}", kind(&other))),
        Err(_) if request.body.iter().all(u8::is_ascii_whitespace) => refused("EOF".into()),
        Err(error) if error.is_eof() => refused("unexpected EOF".into()),
        Err(error) => refused(error.to_string()),
    }
}

/// Refuses members of another type than they should have. `texts` are texts, `flags` truths, `maps`
/// configurations.
pub(super) fn typed(
    object: &Map<String, Value>,
    of: &str,
    texts: &[&str],
    flags: &[&str],
    maps: &[&str],
) -> Result<(), Refusal> {
    let wrong = |name: &str, value: &Value, wanted: &str| {
        let kind = kind(value);
        let text = format!("json: cannot unmarshal {kind} into Go struct field {of}.{name} of type {wanted}");
        Err(Refusal::new(400, text))
    };
    for (name, value) in object.iter().filter(|it| !it.1.is_null()) {
        let name = name.as_str();
        if texts.contains(&name) && !value.is_string() {
            return wrong(name, value, "string");
        }
        if flags.contains(&name) && !value.is_boolean() {
            return wrong(name, value, "bool");
        }
        if maps.contains(&name) {
            let Some(inner) = value.as_object() else { return wrong(name, value, "map[string]string") };
            if let Some(odd) = inner.values().find(|it| !it.is_string() && !it.is_null()) {
                return wrong(name, odd, "string");
            }
        }
    }
    Ok(())
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
