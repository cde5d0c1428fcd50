use serde_json::Value;

use super::super::body;
use crate::http::{Answer, Answered, Method, Refusal, Request};
use crate::world::World;

/// What is at `/1.0/storage-pools/{pool}/buckets` and below; of Incus alone. Buckets of a local pool are kept
/// by a program that is not there, so none can be made.
pub(crate) fn bucket(world: &World, request: &Request, pool: &str, path: &[&str]) -> Answered {
    if !world.has_pool(pool) {
        return Err(Refusal::new(404, "Failed loading storage pool: Storage pool not found"));
    }
    let missing = |what: &str| Err(Refusal::new(404, format!("{what}Storage bucket not found")));
    match (request.method, path) {
        (Method::Get, []) => Answer::value(Vec::<Value>::new()),
        (Method::Post, []) => {
            let object = body::object(request)?;
            let name = body::text(&object, "name");
            let fits = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b".-".contains(&it);
            let why = if (3..=63).contains(&name.len())
                && name.bytes().all(fits)
                && !name.starts_with(['.', '-'])
            {
                "Failed connecting to bucket: Couldn't find the MinIO client tool"
            } else {
                "Bucket name must be between 3 and 63 lowercase letters, numbers, periods or hyphens and must start \
                 with a letter or number"
            };
            Err(Refusal::new(500, format!("Failed creating storage bucket: {why}")))
        }
        (Method::Get, [_]) => missing(""),
        (Method::Put | Method::Patch, [_]) => missing("Failed updating storage bucket: "),
        (Method::Delete, [_]) => missing("Failed deleting storage bucket: "),
        (Method::Get | Method::Post, [_, "keys"]) => missing("Failed loading storage bucket: "),
        _ => Err(Refusal::no_method()),
    }
}
