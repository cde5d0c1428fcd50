use serde_json::{Map, Value, json};

use super::{Names, rules};

/// The codes of success, failure and cancellation.
const FINAL: [u64; 3] = [200, 400, 401];

/// JSON of an answer as it can be compared: what is of other scenarios is left out, what is never the same
/// twice is replaced.
#[must_use]
pub(super) fn answer(names: &Names, body: &Value, status: u16) -> Value {
    let mut body = body.clone();
    if let (202, Some(operation)) = (status, body.get_mut("metadata")) {
        begun(operation);
    }
    let mut masked = value(names, &body, &mut Vec::new());
    match (&body["metadata"], masked.get_mut("metadata")) {
        (Value::Array(_), Some(Value::Array(list))) => list.sort_by_cached_key(Value::to_string),
        (Value::Object(all), Some(Value::Object(own))) => own.retain(|key, list| {
            let operations = all.get(key).and_then(|it| it.as_array()?.first()).is_some_and(|it| {
                is_operation(it) || it.as_str().is_some_and(|it| it.starts_with("/1.0/operations/"))
            });
            if let (true, Value::Array(list)) =
                (operations && rules::is_unordered(names.scenario()), &mut *list)
            {
                // How many there are depends on the size of the crowd.
                list.dedup();
            }
            // Operations by their states: a state is there if an operation is in it.
            !operations || *list != json!([])
        }),
        _ => {}
    }
    masked
}

/// JSON of a request.
#[must_use]
pub(super) fn request(names: &Names, body: &Value, path: &mut Vec<String>) -> Value {
    let mut body = body.clone();
    rules::apply_own(names.scenario(), path, &mut body);
    match body {
        Value::String(text) => names.mask(&text).into(),
        Value::Array(list) => list.iter().map(|it| request(names, it, path)).collect(),
        Value::Object(map) => {
            let member = |(key, it): (&String, &Value)| {
                path.push(key.clone());
                let masked = (names.mask(key), request(names, it, path));
                path.pop();
                masked
            };
            map.iter().map(member).collect()
        }
        other => other,
    }
}

/// What an operation has come to when it is told of for the first time is chance.
fn begun(operation: &mut Value) {
    if !is_operation(operation) {
        return;
    }
    for name in ["status", "status_code", "err"] {
        if let Some(value) = operation.get_mut(name) {
            *value = "{begun}".into();
        }
    }
    if let Some(metadata) = operation.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|key, _| !matches!(key.as_str(), "return" | "output" | "fingerprint" | "size"));
    }
}

/// Whether this is an operation.
#[must_use]
pub(super) fn is_operation(value: &Value) -> bool {
    value["class"].is_string() && value["may_cancel"].is_boolean()
}

/// Whether this operation has ended.
#[must_use]
pub(super) fn is_final(operation: &Value) -> bool {
    operation["status_code"].as_u64().is_some_and(|it| FINAL.contains(&it))
}

/// Which of its states an operation that has not ended was seen in, and how far it said it was, is chance.
fn between(operation: &mut Map<String, Value>) {
    let code = operation.get("status_code").and_then(Value::as_u64);
    if code.is_some_and(|it| !FINAL.contains(&it)) {
        for name in ["status", "status_code"] {
            if let Some(value) = operation.get_mut(name) {
                *value = "{unfinished}".into();
            }
        }
    }
    if let Some(metadata) = operation.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|key, _| key != "progress" && !key.ends_with("_progress"));
        if metadata.is_empty() {
            operation.insert("metadata".into(), Value::Null);
        }
    }
}

/// A member of an answer, by its path.
pub(super) fn value(names: &Names, it: &Value, path: &mut Vec<String>) -> Value {
    let mut it = it.clone();
    rules::apply(names.scenario(), path, &mut it);
    match it {
        Value::String(text) => names.mask(&text).into(),
        Value::Array(list) => {
            let own = |it: &&Value| match it {
                Value::String(text) => !names.foreign(text),
                Value::Object(_) => !names.foreign_object(it),
                _ => true,
            };
            let mut list: Vec<_> = list.iter().filter(own).map(|it| value(names, it, path)).collect();
            if path.last().is_some_and(|it| it == "used_by") {
                list.sort_by_cached_key(Value::to_string);
            }
            list.into()
        }
        Value::Object(mut map) => {
            if is_operation(&json!(map)) {
                between(&mut map);
            }
            // That of the suite is made of a program of the host.
            if map.get("fingerprint").is_some_and(|it| names.is_image(it)) {
                map.insert("size".into(), "{n}".into());
            }
            let mut masked = Map::new();
            for (key, it) in map.iter().filter(|(key, _)| !names.foreign(key)) {
                path.push(key.clone());
                masked.insert(names.mask(key), value(names, it, path));
                path.pop();
            }
            masked.into()
        }
        other => other,
    }
}
