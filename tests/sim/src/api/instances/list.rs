use serde_json::Value;

use super::object;
use crate::api::listing;
use crate::http::{Answer, Answered, Refusal, Request};
use crate::world::World;

/// The path of a request. LXD has the instances by type, too: those paths are as that of all of them.
pub(crate) fn path<'a>(world: &World, request: &'a Request) -> Result<Vec<&'a str>, Refusal> {
    let mut path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    if let ["1.0", kind @ ("containers" | "virtual-machines"), rest @ ..] = path.as_mut_slice()
        && world.is_lxd()
    {
        // There are no virtual machines.
        if *kind == "virtual-machines" && !rest.is_empty() {
            return Err(Refusal::new(404, "Instance not found"));
        }
        *kind = "instances";
    }
    Ok(path)
}

/// `GET /1.0/instances`.
pub(crate) fn list(world: &World, request: &Request) -> Answered {
    let everywhere = request.text("all-projects") == "true";
    if everywhere && request.parameter("project").is_some() {
        return Err(Refusal::new(400, "Cannot specify a project when requesting all projects"));
    }
    // LXD has the lists by type, too.
    let kind = request.path.get(1).map(String::as_str).unwrap_or_default();
    let machines = match (request.text("instance-type"), kind) {
        (_, "virtual-machines") | ("virtual-machine", _) => true,
        ("" | "container", _) => false,
        _ => return Err(Refusal::new(world.either(500, 400), "Invalid instance type")),
    };
    let recursion = request.recursion();
    let access = world.access(request);
    let wanted =
        |project: &str| !machines && access.covers(project) && (everywhere || project == request.project());
    let all = world.state.instances.iter().filter(|((project, _), _)| wanted(project));
    let items = all.map(|(key, it)| {
        let value = match recursion {
            0 if request.text("filter").is_empty() => Value::Null,
            2 => object::full(world, key, it),
            _ => object::instance(world, key, it),
        };
        (world.url_in(&key.0, &[kind, &key.1]), value)
    });
    listing::list(world, request, items)
}

/// `GET /1.0/instances/{name}`.
pub(crate) fn get(world: &World, request: &Request, name: &str) -> Answered {
    let key = (request.project().to_owned(), name.to_owned());
    let it = world.instance(&key.0, name)?;
    let value = if request.recursion() > 0 {
        object::full(world, &key, it)
    } else {
        object::instance(world, &key, it)
    };
    Answer::tagged(value, &object::covered(&it.settings))
}

/// `GET /1.0/instances/{name}/state`.
pub(crate) fn state(world: &World, request: &Request, name: &str) -> Answered {
    let key = (request.project().to_owned(), name.to_owned());
    Answer::value(object::state(world, &key, world.instance(&key.0, name)?))
}

/// `GET /1.0/instances/{name}/backups`: there are none.
pub(crate) fn backups(world: &World, request: &Request, name: &str) -> Answered {
    world.instance(request.project(), name)?;
    Answer::value(Vec::<Value>::new())
}
