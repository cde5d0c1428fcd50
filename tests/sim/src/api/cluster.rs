use serde_json::{Value, json};

use super::body;
use crate::http::{Answer, Answered, Method, Refusal, Request};
use crate::world::World;

/// `GET /1.0/cluster`: this server is in none.
pub(crate) fn get(world: &World) -> Answered {
    let pools = world.pools().map(|pool| {
        json!({
            "entity": "storage-pool",
            "name": pool,
            "key": "source",
            "value": "",
            "description": format!("\"source\" property for storage pool \"{pool}\""),
        })
    });
    let value = json!({ "enabled": false, "member_config": pools.collect::<Vec<_>>(), "server_name": "" });
    Answer::tagged(value.clone(), &value)
}

/// `PUT /1.0/cluster`: clusters are not simulated; what cannot be one is refused as the daemons do it.
pub(crate) fn put(world: &World, request: &Request) -> Answered {
    let object = body::of(request, "ClusterPut")?;
    if !body::flag(&object, "enabled") {
        return Err(Refusal::no_method());
    }
    if body::text(&object, "server_name").is_empty() {
        return Err(Refusal::new(400, "ServerName is required when enabling clustering"));
    }
    let address = world.state.server.config.get("core.https_address").map_or("", String::as_str);
    if address.is_empty() || address.starts_with(':') || address.starts_with("[::]") {
        let text = format!(
            "Cannot use wildcard core.https_address \"{address}\" for cluster.https_address. Please specify a new \
             cluster.https_address or core.https_address"
        );
        return Err(Refusal::new(500, text));
    }
    Err(Refusal::no_method())
}

/// What is below `/1.0/cluster/members` and `/1.0/cluster/groups`.
pub(crate) fn part(world: &World, method: Method, path: &[&str]) -> Answered {
    let unclustered = Refusal::new(400, "This server is not clustered");
    let no_member = Refusal::new(404, "Cluster member not found");
    Err(match (method, path) {
        (Method::Post, ["members"]) => unclustered,
        (Method::Get, ["members"])
        | (Method::Get | Method::Put | Method::Patch | Method::Delete, ["members", _]) => {
            Refusal::new(500, "Server is not clustered")
        }
        (Method::Post, ["members", _]) => {
            world.either(Refusal::new(500, "expected to update one row, not 0"), no_member)
        }
        (Method::Get, ["members", _, "state"]) => world.either(Refusal::no_method(), no_member),
        (Method::Post, ["members", _, "state"]) => no_member,
        (Method::Get | Method::Post, ["groups"]) => unclustered,
        (Method::Get | Method::Post | Method::Put | Method::Patch, ["groups", _]) => unclustered,
        (Method::Delete, ["groups", _]) => world.either(
            Refusal::new(500, "Query deleted 0 rows instead of 1"),
            Refusal::new(404, "Cluster_group not found"),
        ),
        _ => Refusal::no_method(),
    })
}

/// `/1.0/warnings`: there are none.
pub(crate) fn warnings(world: &mut World, request: &Request, path: &[&str]) -> Answered {
    let missing = Refusal::new(404, "Warning not found");
    match (request.method, path) {
        (Method::Get, []) => Answer::value(Vec::<Value>::new()),
        (Method::Put | Method::Patch, [name]) => {
            let object = body::of(request, "WarningPut")?;
            let status = body::text(&object, "status");
            if !["new", "acknowledged"].contains(&status) {
                return Err(Refusal::new(400, format!("Invalid warning type \"{status}\"")));
            }
            if !world.is_lxd() {
                return Err(missing);
            }
            // LXD does not look whether there is such a warning.
            let action = if status == "new" { "warning-reset" } else { "warning-acknowledged" };
            let path = world.path(&["warnings", name]);
            world.lifecycle(action, "default", &path, None);
            Answer::empty()
        }
        (Method::Get, [_]) => Err(missing),
        (Method::Delete, [_]) => Err(missing),
        _ => Err(Refusal::no_method()),
    }
}
