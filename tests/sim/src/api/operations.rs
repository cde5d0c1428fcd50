use std::collections::BTreeMap;

use serde_json::Value;

use crate::http::{Answer, Answered, Refusal, Request, Upgrade};
use crate::world::{Class, Operation, OperationId, Status, World};

fn found<'a>(world: &'a World, id: &str) -> Result<&'a Operation, Refusal> {
    let id = OperationId(id.to_owned());
    world.operations.get(&id).ok_or_else(|| Refusal::new(404, "Operation not found"))
}

/// `GET /1.0/operations`: lists by status.
pub(crate) fn list(world: &World, request: &Request) -> Answered {
    let (deep, everywhere) = (request.recursion() != 0, request.text("all-projects") == "true");
    let mut lists: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for it in world.operations.values().filter(|it| everywhere || it.project == request.project()) {
        let status = match it.status {
            Status::Pending => "pending",
            Status::Running => "running",
            Status::Cancelling => "cancelling",
            Status::Success => "success",
            Status::Failure => "failure",
            Status::Cancelled => "cancelled",
        };
        let item = if deep { it.value() } else { it.id.path().into() };
        lists.entry(status).or_default().push(item);
    }
    Answer::value(serde_json::to_value(lists).unwrap_or_default())
}

/// `GET /1.0/operations/{id}`.
pub(crate) fn get(world: &World, id: &str) -> Answered {
    Answer::value(found(world, id)?.value())
}

/// `DELETE /1.0/operations/{id}`.
pub(crate) fn cancel(world: &mut World, id: &str) -> Answered {
    let operation = found(world, id)?;
    if operation.status.is_final() {
        return Err(Refusal::new(400, "Only running operations can be cancelled"));
    }
    if !operation.may_cancel {
        return Err(Refusal::new(400, "This operation can't be cancelled"));
    }
    let (id, project) = (operation.id.clone(), operation.project.clone());
    world.cancel(&id);
    world.lifecycle("operation-cancelled", &project, &id.path(), None);
    Answer::empty()
}

/// `GET /1.0/operations/{id}/wait`.
pub(crate) fn wait(world: &World, request: &Request, id: &str) -> Answered {
    let operation = found(world, id)?;
    let timeout = match request.text("timeout") {
        "" => None,
        text => match text.parse::<i64>() {
            Ok(seconds) => u64::try_from(seconds).ok(),
            Err(_) => {
                return Err(Refusal::new(500, format!("strconv.Atoi: parsing \"{text}\": invalid syntax")));
            }
        },
    };
    Ok(Answer::Wait { operation: operation.id.clone(), timeout })
}

/// `GET /1.0/operations/{id}/websocket`.
pub(crate) fn websocket(world: &World, request: &Request, id: &str) -> Answered {
    let operation = found(world, id);
    if operation.is_err() && request.text("secret").is_empty() {
        return Err(Refusal::new(400, world.either("missing secret", "Missing websocket secret")));
    }
    let operation = operation?;
    if operation.class != Class::Websocket {
        return Err(Refusal::new(400, "Only websocket operations can be connected"));
    }
    if operation.status.is_final() {
        return Err(Refusal::new(500, "Only running operations can be connected"));
    }
    let secret = request.text("secret");
    if secret.is_empty() {
        return Err(Refusal::new(500, "missing secret"));
    }
    let fd = operation.channels.iter().find(|(_, channel)| channel.secret == secret);
    match fd {
        Some((fd, _)) => {
            Ok(Answer::Upgrade(Upgrade::Operation { operation: operation.id.clone(), fd: fd.clone() }))
        }
        None => {
            Err(Refusal::new(world.either(500, 403), world.either("permission denied", "Permission denied")))
        }
    }
}

/// Whether the sockets of an operation are pinged: those of a console are not.
pub(crate) fn pings(world: &World, id: &OperationId) -> bool {
    world.operations.get(id).is_some_and(|it| it.pings)
}
