use crate::http::{Answer, Answered, Refusal, Request, Upgrade};
use crate::world::World;

/// `GET /1.0/events`.
pub(crate) fn listen(world: &World, request: &Request) -> Answered {
    let kinds: Vec<String> = match request.text("type") {
        "" => ["logging", "operation", "lifecycle"].map(str::to_owned).into(),
        text => text.split(',').map(str::to_owned).collect(),
    };
    let mut known = vec!["logging", "operation", "lifecycle"];
    known.extend(world.has("event_network_acl").then_some("network-acl"));
    known.extend(["ovn"]);
    if let Some(odd) = kinds.iter().find(|it| !known.contains(&it.as_str())) {
        let code = world.either(500, 400);
        return Err(Refusal::new(code, format!("\"{odd}\" isn't a supported event type")));
    }
    let everywhere = request.text("all-projects") == "true";
    if everywhere && request.parameter("project").is_some() {
        return Err(Refusal::new(400, "Cannot specify a project when requesting all projects"));
    }
    let project = request.project();
    if !everywhere && !world.state.projects.contains_key(project) {
        let code = world.either(500, 404);
        return Err(Refusal::new(code, "Project not found"));
    }
    Ok(Answer::Upgrade(Upgrade::Events { kinds, project: (!everywhere).then(|| project.to_owned()) }))
}
