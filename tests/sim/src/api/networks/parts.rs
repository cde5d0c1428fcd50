use serde_json::{Value, json};

use super::super::body;
use super::super::collection::{Item, Kind, PLAIN, Place, refused};
use crate::http::{Answer, Answered, Refusal, Request};
use crate::world::World;

/// Rules for what may come and go.
pub(crate) static ACL: Kind = Kind {
    id: "network-acls",
    path: |world, _, name| world.path(&["network-acls", name]),
    source: |world, it| world.path(&["network-acls", &it.name]),
    action: "network-acl",
    lists: &["egress", "ingress"],
    missing: ["Network ACL not found"; 2],
    in_use: "Cannot delete an ACL that is in use",
    taken: |_, _, _| Refusal::new(400, "The network ACL already exists"),
    check_name: check_acl_name,
    renamed: "Name is required",
    check: check_acl,
    ..PLAIN
};

/// Zones of names.
pub(crate) static ZONE: Kind = Kind {
    id: "network-zones",
    path: |world, _, name| world.path(&["network-zones", name]),
    feature: Some("networks.zones"),
    source: |world, it| world.path(&["network-zones", &it.name]),
    action: "network-zone",
    missing: ["Network zone not found"; 2],
    taken: |_, _, _| Refusal::new(400, "The network zone already exists"),
    check_name: |_, name| if name.is_empty() { Err(Refusal::new(500, "Name is required")) } else { Ok(()) },
    check: |_, _, item, old| only(item, old, &["dns.nameservers", "network.nat", "peers."]),
    dress: |world, place, _, value, listed| {
        value["used_by"] = json!([]);
        if !world.is_lxd() {
            // One of them is told without.
            value["project"] = if listed { place.project.as_str().into() } else { "".into() };
        }
    },
    ..PLAIN
};

/// Names in a zone.
pub(crate) static RECORD: Kind = Kind {
    id: "records",
    path: |world, zone, name| world.path(&["network-zones", zone, "records", name]),
    feature: Some("networks.zones"),
    source: |world, it| world.path(&["network-zones", &it.parent, "records", &it.name]),
    action: "network-zone-record",
    lists: &["entries"],
    missing: ["Network zone record not found"; 2],
    taken: |world, _, _| {
        let columns = world.either("", "networks_zones_records.network_zone_id, ");
        Refusal::new(500, format!("UNIQUE constraint failed: {columns}networks_zones_records.name"))
    },
    check: |_, _, item, old| {
        // A list that was not given is none at all.
        if item.more["entries"] == json!([]) {
            item.more.insert("entries".into(), Value::Null);
        }
        only(item, old, &[])
    },
    // Both merge it with what the zone has.
    base: |world, place, _| {
        let zone =
            Place { parent: String::new(), name: place.parent.clone(), project: place.project.clone() };
        world.items(&ZONE).get(&zone).map(|it| it.config.clone()).unwrap_or_default()
    },
    dress: |_, _, _, _, _| {},
    ..PLAIN
};

/// Other networks that these are joined with; of Incus alone, and of no project.
pub(crate) static INTEGRATION: Kind = Kind {
    id: "network-integrations",
    path: |world, _, name| world.path(&["network-integrations", name]),
    feature: None,
    source: |world, it| world.path(&["network-integrations", &it.name]),
    action: "network-integration",
    fixed: &["type"],
    missing: ["Network_integration not found"; 2],
    taken: |_, _, _| Refusal::new(409, "This \"networks_integrations\" entry already exists"),
    check: |_, _, item, old| match item.more["type"].as_str() {
        Some("ovn") => only(item, old, &["ovn."]),
        kind => {
            let text = format!("Invalid integration type \"{}\"", kind.unwrap_or_default());
            Err(Refusal::new(400, text))
        }
    },
    keeps: true,
    dress: |_, _, _, value, _| value["used_by"] = json!([]),
    ..PLAIN
};

/// Addresses of a bridge whose traffic goes to others.
pub(crate) static FORWARD: Kind = Kind {
    id: "forwards",
    path: |world, network, name| world.path(&["networks", network, "forwards", name]),
    source: |world, it| world.path(&["networks", &it.parent, "forwards", &it.name]),
    action: "network-forward",
    key: "listen_address",
    lists: &["ports"],
    missing: ["Network forward not found"; 2],
    taken: |_, _, _| {
        Refusal::new(409, "Failed creating forward: A forward for that listen address already exists")
    },
    check: |_, place, item, old| {
        if place.name.parse::<std::net::IpAddr>().is_err() {
            let why = format!("invalid CIDR address: {}", place.name);
            let text = format!("Failed parsing address forward listen address \"{}\": {why}", place.name);
            return Err(Refusal::new(500, format!("Failed creating forward: {text}")));
        }
        only(item, old, &["target_address"])
    },
    dress: |world, _, _, value, _| value["location"] = world.either("", "none").into(),
    ..PLAIN
};

/// Refuses keys that are neither the user's nor begin like one of `known`.
fn only(item: &Item, old: Option<&Item>, known: &[&str]) -> Result<(), Refusal> {
    let fits = |key: &str| key.starts_with("user.") || known.iter().any(|it| key.starts_with(it));
    match item.config.keys().find(|it| !fits(it)) {
        Some(odd) => refused(old, [500, 400], format!("Invalid config option \"{odd}\"")),
        None => Ok(()),
    }
}

fn check_acl_name(world: &World, name: &str) -> Result<(), Refusal> {
    let refused = |text: &str| Err(Refusal::new(500, text));
    match name {
        "" => refused("Name is required"),
        _ if name.contains(|it: char| !it.is_ascii_alphanumeric() && it != '-') => {
            refused("Name can only contain alphanumeric and hyphen characters")
        }
        _ if world.is_lxd() && name.starts_with(|it: char| it.is_ascii_digit()) => {
            refused("Name must not start with a number")
        }
        _ if name.starts_with('-') => refused("Name must not start with \"-\" character"),
        _ => Ok(()),
    }
}

fn check_acl(world: &mut World, _: &Place, item: &mut Item, old: Option<&Item>) -> Result<(), Refusal> {
    only(item, old, &[])?;
    let actions: &[&str] = if world.is_lxd() {
        &["allow", "drop", "reject"]
    } else {
        &["allow", "allow-stateless", "drop", "reject"]
    };
    for direction in ["ingress", "egress"] {
        let rules = item.more[direction].as_array().into_iter().flatten();
        for (at, rule) in rules.enumerate() {
            let is_one =
                |member: &str, known: &[&str]| known.contains(&rule[member].as_str().unwrap_or_default());
            let bad = |what: &str, known: &[&str]| {
                let text =
                    format!("Invalid {direction} rule {at}: {what} must be one of: {}", known.join(", "));
                refused(old, [500, 400], text)
            };
            if !is_one("action", actions) {
                return bad("Action", actions);
            }
            let states = ["disabled", "enabled", "logged"];
            if !is_one("state", &states) {
                return bad("State", &states);
            }
        }
    }
    Ok(())
}

/// `GET /1.0/network-acls/{name}/log`: only networks of another kind keep one.
pub(crate) fn log(world: &World, request: &Request, name: &str) -> Answered {
    let place = world.place(request, &ACL, "", name)?;
    world.item(&ACL, &place, false)?;
    Err(Refusal::new(500, "Only OVN log entries may be retrieved at this time"))
}

impl World {
    /// Refuses a zone that is not there.
    pub(crate) fn zone(&self, request: &Request, name: &str) -> Result<(), Refusal> {
        let place = self.place(request, &ZONE, "", name)?;
        self.item(&ZONE, &place, false).map(drop)
    }
}

/// `POST /1.0/network-integrations/{name}`: Incus tells of it as of a deletion.
pub(crate) fn rename_integration(world: &mut World, request: &Request, name: &str) -> Answered {
    let old = world.place(request, &INTEGRATION, "", name)?;
    let item = world.item(&INTEGRATION, &old, true)?.clone();
    let new = Place { name: body::text(&body::object(request)?, "name").to_owned(), ..old.clone() };
    if world.items(&INTEGRATION).contains_key(&new) {
        return Err((INTEGRATION.taken)(world, &new.name, true));
    }
    world.drop_item(&INTEGRATION, &old);
    world.keep_item(&INTEGRATION, new.clone(), item);
    world.item_event(&INTEGRATION, "deleted", &new, Some(json!({ "old_name": name })));
    Answer::empty()
}
