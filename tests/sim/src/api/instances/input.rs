use serde_json::{Map, Value};

use crate::api::body;
use crate::http::{Refusal, Request};
use crate::world::World;

/// The JSON object of a request that the daemons read as a map first; `of` is what they call its type.
pub(super) fn map(world: &World, request: &Request, of: &str) -> Result<Map<String, Value>, Refusal> {
    if let Ok(other @ Value::Array(_)) = serde_json::from_slice(&request.body) {
        let (kind, map) = (body::kind(&other), world.either("shared.Jmap", "jmap.Map"));
        return Err(Refusal::new(400, format!("json: cannot unmarshal {kind} into Go value of type {map}")));
    }
    body::of(request, of)
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
        let kind = body::kind(value);
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
