use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::masked::{self, is_final};
use super::{Names, Socket};

/// The events of what the scenario made: by their source, or by what began the operation. Of one source the
/// same in a row is there once. Which states of an operation are told of is chance: there is one of those
/// before the end, and it comes first.
pub(super) fn of(names: &Names, socket: &Socket, label: impl Fn(usize) -> String) -> Value {
    let mut told: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for text in &socket.texts {
        let Ok(event) = serde_json::from_str::<Value>(text) else { continue };
        let body = &event["metadata"];
        let source = match event["type"].as_str().unwrap_or_default() {
            "operation" => {
                let began = body["id"].as_str().and_then(|id| names.began(id));
                began.map(|at| format!("operation {}", label(at)))
            }
            "lifecycle" => {
                let source = body["source"].as_str().unwrap_or_default();
                names.made(source).then(|| format!("lifecycle {}", names.mask(source)))
            }
            kind => Some(kind.to_owned()),
        };
        let Some(source) = source else { continue };
        let event = match event["type"].as_str() {
            Some("logging") => shape(&event),
            _ => masked::value(names, &event, &mut Vec::new()),
        };
        let list = told.entry(source.clone()).or_default();
        if list.last() != Some(&event) {
            list.push(event);
        }
        if is_operation(&source) {
            sort(list);
        }
    }
    json!(told)
}

/// Of a line of the log only what members it has: the daemons' own words are no interface.
fn shape(event: &Value) -> Value {
    let members = |map: &Value| map.as_object().map(|it| it.keys().cloned().collect::<Vec<_>>());
    json!({ "type": event["type"], "members": members(event), "metadata": members(&event["metadata"]) })
}

/// Whether what comes of this source is an operation's.
pub(super) fn is_operation(source: &str) -> bool {
    source.starts_with("operation ")
}

fn sort(list: &mut Vec<Value>) {
    list.sort_by_cached_key(|it| (is_final(&it["metadata"]), it.to_string()));
    list.dedup();
}

/// Whether this answer was a stream of events.
pub(super) fn are(answer: &Value) -> bool {
    let lists = |it: &serde_json::Map<String, Value>| !it.is_empty() && it.values().all(Value::is_array);
    answer["socket"].as_object().is_some_and(lists)
}

/// Makes one of two streams of the same request: where a client leaves a stream is chance.
pub(super) fn merge(one: &mut Value, other: Value) {
    let Value::Object(other) = other["socket"].clone() else { return };
    for (source, more) in other {
        let (Value::Array(more), list) = (more, &mut one["socket"][&source]) else { continue };
        match list {
            Value::Array(list) if is_operation(&source) => {
                list.extend(more);
                sort(list);
            }
            Value::Array(list) if list.len() >= more.len() => {}
            list => *list = more.into(),
        }
    }
}
