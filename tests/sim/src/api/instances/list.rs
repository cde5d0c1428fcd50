use super::object;
use crate::api::listing;
use crate::http::{Answer, Answered, Request};
use crate::world::World;

/// `GET /1.0/instances`.
pub(crate) fn list(world: &World, request: &Request) -> Answered {
    let items = world.state.instances.iter().filter(|((project, _), _)| project == request.project());
    let items = items.map(|((project, name), it)| {
        (format!("/1.0/instances/{name}"), object::instance(world, project, name, it))
    });
    listing::list(world, request, items)
}

/// `GET /1.0/instances/{name}`.
pub(crate) fn get(world: &World, request: &Request, name: &str) -> Answered {
    let project = request.project();
    let it = world.instance(project, name)?;
    Answer::tagged(object::instance(world, project, name, it), &object::covered(&it.settings))
}
