use serde_json::{Map, Value, json};

use crate::Changes;
use crate::http::{Answer, Method, Request};
use crate::world::{Begin, Class, OperationId, World};

/// The answer to a change that is done.
pub(super) fn done() -> Answer {
    Answer::Sync { metadata: Value::Object(Map::new()), etag: None }
}

/// Puts an operation in place of an answer at once, if this server does such.
pub(super) fn by_operation(world: &mut World, request: &Request, answer: Answer) -> Answer {
    if world.setup.changes != Changes::ByOperation || !is_change(request) {
        return answer;
    }
    let nothing = |metadata: &Value| metadata.as_object().is_some_and(Map::is_empty);
    match answer {
        Answer::Created(_) => {}
        Answer::Sync { ref metadata, .. } if nothing(metadata) => {}
        other => return other,
    }
    let begin = Begin::task("Changing a resource", request.project(), json!({}));
    let after = world.short_while() * 5;
    world.work(begin, after, |_, _| Ok(Map::new())).unwrap_or_else(Answer::Refused)
}

/// Whether this server answers a change by its end and not by its operation.
pub(super) fn is_at_once(world: &World, request: &Request, operation: &OperationId) -> bool {
    let is_task = || world.operations.get(operation).is_some_and(|it| it.class == Class::Task);
    // What is made anew is made by an operation everywhere.
    world.setup.changes == Changes::AtOnce && is_change(request) && request.path.len() > 2 && is_task()
}

/// The path of what a renamed thing is now.
pub(super) fn location(request: &Request) -> Option<String> {
    if request.method != Method::Post {
        return None;
    }
    let body: Value = serde_json::from_slice(&request.body).ok()?;
    let mut path = request.path.clone();
    *path.last_mut()? = body.get("name")?.as_str()?.to_owned();
    Some(format!("/{}", path.join("/")))
}

/// Whether the request changes what is there, by a path that answers so in every version or in none.
fn is_change(request: &Request) -> bool {
    let changes = matches!(request.method, Method::Post | Method::Put | Method::Patch | Method::Delete);
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    changes
        && matches!(
            path.as_slice(),
            ["1.0", "instances", _]
                | ["1.0", "instances", _, "state"]
                | ["1.0", "instances", _, "snapshots", _]
                | [
                    "1.0",
                    "profiles" | "projects" | "networks" | "storage-pools" | "certificates" | "images",
                    ..
                ]
        )
}
