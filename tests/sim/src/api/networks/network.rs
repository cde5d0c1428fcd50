use serde_json::{Value, json};

use super::super::collection::{self, Item, Kind, Place, refused};
use super::super::keys::{Bad, NETWORK as NETWORK_KEYS};
use super::super::{body, listing};
use crate::http::{Answer, Answered, Refusal, Request};
use crate::world::World;

/// `POST /1.0/networks`: the kind is looked at first.
pub(crate) fn create(world: &mut World, request: &Request) -> Answered {
    let object = body::object(request)?;
    match body::text(&object, "type") {
        _ if body::text(&object, "name").is_empty() => Err(Refusal::new(400, "No name provided")),
        "" | "bridge" | "macvlan" | "physical" | "sriov" => collection::create(world, request, &NETWORK, ""),
        "ovn" => Err(Refusal::no_method()),
        _ => Err(Refusal::new(400, "Unknown driver")),
    }
}

/// Networks that are managed.
pub(crate) static NETWORK: Kind = Kind {
    id: "networks",
    path: |world, _, name| world.path(&["networks", name]),
    feature: Some("networks"),
    action: "network",
    source: |world, it| world.path(&["networks", &it.name]),
    key: "name",
    lists: &[],
    fixed: &["type"],
    missing: ["Network not found", "Failed loading network: Network not found"],
    in_use: "The network is currently in use",
    taken: |world, name, renames| match world.is_lxd() && !renames {
        true => Refusal::new(400, "The network already exists"),
        false => Refusal::new(409, format!("Network \"{name}\" already exists")),
    },
    check_name,
    check,
    base: |_, _, old| old.config.clone(),
    renamed: "New network name not provided",
    told_first: true,
    keeps: false,
    dress,
    users,
};

/// Interfaces that the host has anyway, and their kinds.
pub(super) const FOUND: [(&str, &str); 2] = [("eth0", "physical"), ("lo", "loopback")];

fn check_name(_: &World, name: &str) -> Result<(), Refusal> {
    let refused = |text: &str| Err(Refusal::new(400, text));
    let is_odd = |it: char| it.is_whitespace() || "/\\:".contains(it) || it.is_control();
    match name {
        "" => refused("No name provided"),
        _ if name.len() < 2 => refused("Network interface is too short (minimum 2 characters)"),
        _ if name.len() > 15 => refused("Network interface is too long (maximum 15 characters)"),
        _ if name.contains(is_odd) => refused("Network interface contains invalid characters"),
        _ => Ok(()),
    }
}

fn check(world: &mut World, place: &Place, item: &mut Item, old: Option<&Item>) -> Result<(), Refusal> {
    let name = &place.name;
    let bad = |key: &str, why: &str| {
        refused(old, [500, 400], format!("Invalid value for network \"{name}\" option \"{key}\": {why}"))
    };
    if item.more["type"] == "" {
        item.more.insert("type".into(), "bridge".into());
    }
    let driver = item.more["type"].as_str().unwrap_or_default().to_owned();
    if driver == "bridge" && old.is_none() {
        complete(world, item);
    }
    if driver != "bridge" && item.config.get("parent").is_none_or(String::is_empty) {
        return bad("parent", "Required value");
    }
    let free = ["user.", "volatile.", "tunnel.", "bgp.peers."];
    for (key, value) in item.config.iter().filter(|(key, _)| !free.iter().any(|it| key.starts_with(it))) {
        match NETWORK_KEYS.check(world.setup.flavour, &format!("{driver}/{key}"), value) {
            Ok(()) => {}
            Err(Bad::Value(why)) => return bad(key, &why),
            Err(Bad::Key) => {
                let text = format!("Invalid option for network \"{name}\" option \"{key}\"");
                return refused(old, [500, 400], text);
            }
        }
    }
    for (key, family) in [("ipv4.address", "IPv4"), ("ipv6.address", "IPv6")] {
        let address = item.config.get(key).map_or("", String::as_str);
        if !["", "none", "auto"].contains(&address) && !is_subnet(address, family) {
            return bad(key, &format!("invalid CIDR address: {address}"));
        }
    }
    let parent = item.config.get("parent");
    let shared = |(at, it): (&Place, &Item)| at != place && it.config.get("parent") == parent;
    if driver == "physical" && world.items(&NETWORK).iter().any(shared) {
        let text = format!("Parent interface \"{}\" in use by another network", parent.map_or("", |it| it));
        return Err(Refusal::new(500, text));
    }
    Ok(())
}

fn is_subnet(text: &str, family: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let most = if family == "IPv4" { 32 } else { 128 };
    let is_address = match family {
        "IPv4" => address.parse::<std::net::Ipv4Addr>().is_ok(),
        _ => address.parse::<std::net::Ipv6Addr>().is_ok(),
    };
    is_address && length.parse::<u8>().is_ok_and(|it| it <= most)
}

/// Gives a new bridge the addresses that nobody named.
fn complete(world: &mut World, item: &mut Item) {
    let (first, second, third) = (world.chance.draw(), world.chance.draw(), world.chance.draw());
    let own = [
        ("ipv4", format!("10.{}.{}.1/24", first % 254 + 1, second % 254 + 1)),
        (
            "ipv6",
            format!(
                "fd42:{:x}:{:x}:{:x}::1/64",
                first >> 48 | 0x1000,
                second >> 48 | 0x1000,
                third >> 48 | 0x1000
            ),
        ),
    ];
    for (family, address) in own {
        let key = format!("{family}.address");
        if item.config.get(&key).is_none_or(|it| it.is_empty() || it == "auto") {
            item.config.insert(key, address);
            item.config.entry(format!("{family}.nat")).or_insert_with(|| "true".into());
        }
    }
    // What tells one bridge's hardware address from another's.
    let host = format!("00:16:3e:{:02x}:{:02x}:{:02x}", third & 0xff, third >> 8 & 0xff, third >> 16 & 0xff);
    item.config.insert("volatile.bridge.hwaddr".into(), host);
}

fn dress(world: &World, place: &Place, _: &Item, value: &mut Value, _: bool) {
    if let Some(config) = value["config"].as_object_mut() {
        config.retain(|key, _| key != "volatile.bridge.hwaddr");
    }
    value["managed"] = true.into();
    value["status"] = "Created".into();
    value["locations"] = json!(["none"]);
    let users = users(world, place);
    value["used_by"] = if users.is_empty() && world.is_lxd() { Value::Null } else { users.into() };
    if !world.is_lxd() {
        value["project"] = place.project.as_str().into();
    }
}

/// What has a device in a network: instances and profiles.
fn users(world: &World, place: &Place) -> Vec<String> {
    world.device_users(&place.project, "networks", |device| {
        let is = |key: &str| device.get(key).is_some_and(|it| *it == place.name);
        device.get("type").is_some_and(|it| it == "nic") && (is("network") || is("parent"))
    })
}

/// An interface of the host that nobody manages.
fn found(world: &World, name: &str, kind: &str) -> Value {
    let mut value = json!({
        "config": {},
        "description": "",
        "locations": Value::Null,
        "managed": false,
        "name": name,
        "status": "",
        "type": kind,
        "used_by": if world.is_lxd() && name != "lo" { Value::Null } else { json!([]) },
    });
    if !world.is_lxd() {
        value["project"] = "default".into();
    }
    value
}

/// `GET /1.0/networks`: also those that the host has anyway, in the default project.
pub(crate) fn list(world: &World, request: &Request) -> Answered {
    let Answer::Sync { metadata, etag } = collection::list(world, request, &NETWORK, "")? else {
        return Answer::value(Value::Null);
    };
    if world.home(request.project(), "networks") != "default" {
        return Ok(Answer::Sync { metadata, etag });
    }
    let items = FOUND.map(|(name, kind)| (world.path(&["networks", name]), found(world, name, kind)));
    let rest = if world.is_lxd() {
        listing::unfiltered(request, items)
    } else {
        listing::list(world, request, items)
    };
    match (metadata, rest?) {
        (Value::Array(mut all), Answer::Sync { metadata: Value::Array(rest), .. }) => {
            all.extend(rest);
            Answer::value(all)
        }
        (metadata, _) => Answer::value(metadata),
    }
}

/// `GET /1.0/networks/{name}`.
pub(crate) fn get(world: &World, request: &Request, name: &str) -> Answered {
    match (FOUND.iter().find(|it| it.0 == name), collection::get(world, request, &NETWORK, "", name)) {
        (Some((name, kind)), Err(refusal)) if refusal.code == 404 => {
            Answer::tagged(found(world, name, kind), &json!([name]))
        }
        (_, answered) => answered,
    }
}

/// The kind of a network that is managed: `bridge`...
pub(crate) fn driver(world: &World, request: &Request, name: &str) -> Result<String, Refusal> {
    let project = world.home_checked(request.project(), "networks")?.to_owned();
    let place = Place { project, parent: String::new(), name: name.to_owned() };
    let network = world.items(&NETWORK).get(&place);
    let network = network.ok_or_else(|| Refusal::new(404, "Failed loading network: Network not found"))?;
    Ok(network.more["type"].as_str().unwrap_or_default().to_owned())
}
