use super::{events, instances, operations, profiles, projects, server};
use crate::http::{Answer, Answered, Method, Refusal, Request};
use crate::world::World;

/// Answers a request that has come whole.
pub(crate) fn answer(world: &mut World, request: &Request) -> Answered {
    if world.listeners > 0 {
        let (method, url) = request.line.split_once(' ').unwrap_or_default();
        let context = serde_json::json!({
            "ip": "@", "method": method, "protocol": "unix", "url": url, "username": "root",
        });
        world.log("debug", "Handling API request", context);
    }
    if request.method == Method::Options {
        return Ok(Answer::Bytes(crate::http::Body { status: 200, ..Default::default() }));
    }
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    let answered = dispatch(world, request, request.method, &path);
    if let Err(refusal) = &answered
        && (*refusal == Refusal::no_path() || *refusal == Refusal::no_method())
    {
        *world.unknown.entry(request.line.clone()).or_default() += 1;
    }
    answered
}

/// The table of endpoints.
fn dispatch(world: &mut World, request: &Request, method: Method, path: &[&str]) -> Answered {
    use Method::{Delete, Get, Patch, Post, Put};
    match (method, path) {
        (Get, [""]) => Answer::value(vec!["/1.0"]),
        (Get, ["1.0"]) => server::get(world),
        (Put, ["1.0"]) => server::put(world, request),
        (Patch, ["1.0"]) => server::patch(world, request),

        (Get, ["1.0", "events"]) => events::listen(world, request),

        (Get, ["1.0", "instances"]) => instances::list(world, request),
        (Get, ["1.0", "instances", name]) => instances::get(world, request, name),

        (Get, ["1.0", "operations"]) => operations::list(world, request),
        (Get, ["1.0", "operations", id]) => operations::get(world, id),
        (Delete, ["1.0", "operations", id]) => operations::cancel(world, id),
        (Get, ["1.0", "operations", id, "wait"]) => operations::wait(world, request, id),
        (Get, ["1.0", "operations", id, "websocket"]) => operations::websocket(world, request, id),

        (Get, ["1.0", "profiles"]) => profiles::list(world, request),
        (Post, ["1.0", "profiles"]) => profiles::create(world, request),
        (Get, ["1.0", "profiles", name]) => profiles::get(world, request, name),
        (Put, ["1.0", "profiles", name]) => profiles::put(world, request, name),
        (Patch, ["1.0", "profiles", name]) => profiles::patch(world, request, name),
        (Post, ["1.0", "profiles", name]) => profiles::rename(world, request, name),
        (Delete, ["1.0", "profiles", name]) => profiles::delete(world, request, name),

        (Get, ["1.0", "projects"]) => projects::list(world, request),

        _ => Err(missing(path)),
    }
}

/// Why nothing answers: no such path, or not for this method.
fn missing(path: &[&str]) -> Refusal {
    match path {
        [""]
        | ["1.0"]
        | ["1.0", "events" | "operations" | "profiles" | "projects"]
        | ["1.0", "operations" | "profiles" | "projects", _]
        | ["1.0", "operations", _, "wait" | "websocket"] => Refusal::no_method(),
        _ => Refusal::no_path(),
    }
}

/// What can be refused before the body has come.
pub(crate) fn early(_world: &mut World, request: &Request) -> Option<Refusal> {
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    Some(missing(&path)).filter(|it| *it == Refusal::no_path())
}
