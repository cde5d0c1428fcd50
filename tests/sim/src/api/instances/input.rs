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

/// Refuses members that are of another type than they should be: `members` are names and types, `of` is what
/// the daemons call the whole.
pub(super) fn typed(object: &Map<String, Value>, of: &str, members: &[(&str, &str)]) -> Result<(), Refusal> {
    for (name, wanted) in members {
        if let Some((odd, wanted)) = object.get(*name).and_then(|value| misfit(value, wanted)) {
            let kind = body::kind(odd);
            let text =
                format!("json: cannot unmarshal {kind} into Go struct field {of}.{name} of type {wanted}");
            return Err(Refusal::new(400, text));
        }
    }
    Ok(())
}

/// What in a value is not as wanted, and what was wanted there.
fn misfit<'a>(value: &'a Value, wanted: &'a str) -> Option<(&'a Value, &'a str)> {
    let fits = match (wanted, value) {
        (_, Value::Null) => true,
        ("string", value) => value.is_string(),
        ("bool", value) => value.is_boolean(),
        ("int", value) => value.is_i64(),
        (list, Value::Array(items)) if list.starts_with("[]") => {
            return items.iter().find_map(|it| misfit(it, &list[2..]));
        }
        (map, Value::Object(items)) if map.starts_with("map[string]") => {
            return items.values().find_map(|it| misfit(it, &map["map[string]".len()..]));
        }
        _ => false,
    };
    (!fits).then_some((value, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_of_members() {
        let check = |value: Value, wanted: &str| {
            let object = Map::from_iter([("x".to_owned(), value)]);
            typed(&object, "Put", &[("x", wanted), ("y", "string")]).map_err(|it| it.text)
        };
        let devices = "map[string]map[string]string";
        for (value, wanted) in [
            (json!("a"), "string"),
            (json!(null), "bool"),
            (json!(-1), "int"),
            (json!(["a", "b"]), "[]string"),
            (json!({ "root": { "type": "disk" } }), devices),
        ] {
            assert_eq!(check(value, wanted), Ok(()));
        }
        for (value, wanted, kind, inner) in [
            (json!(3), "string", "number", "string"),
            (json!("3"), "int", "string", "int"),
            (json!([1]), "[]string", "number", "string"),
            (json!({ "root": { "type": 1 } }), devices, "number", "string"),
            (json!({ "root": "disk" }), devices, "string", "map[string]string"),
            (json!([]), devices, "array", devices),
        ] {
            let text = format!("json: cannot unmarshal {kind} into Go struct field Put.x of type {inner}");
            assert_eq!(check(value, wanted), Err(text));
        }
    }
}
