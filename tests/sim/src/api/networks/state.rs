use serde_json::{Value, json};

use super::super::collection::{Item, Place};
use super::network::NETWORK;
use crate::http::{Answer, Answered, Refusal, Request};
use crate::world::World;

/// The addresses of the host that others reach it at, as parts of URLs.
pub(crate) const HOST: [&str; 2] = ["192.0.2.2", "[fd00::2]"];

/// `GET /1.0/networks/{name}/state`: of any interface that the host has.
pub(crate) fn state(world: &World, request: &Request, name: &str) -> Answered {
    let address = |family: &str, address: &str, netmask: &str, scope: &str| json!({ "family": family, "address": address, "netmask": netmask, "scope": scope });
    let (kind, hwaddr, mtu, addresses, bridge) = match (name, bridge(world, request, name)) {
        (_, Some(it)) => {
            let hwaddr = it.config.get("volatile.bridge.hwaddr").cloned().unwrap_or_default();
            let own =
                [("inet", "ipv4.address"), ("inet6", "ipv6.address")].iter().filter_map(|(family, key)| {
                    let (at, netmask) = it.config.get(*key)?.split_once('/')?;
                    Some(address(family, at, netmask, "global"))
                });
            let id = format!("8000.{}", hwaddr.replace(':', ""));
            let mut bridge = json!({
                "id": id, "stp": false, "forward_delay": 1500, "vlan_default": 1, "vlan_filtering": true,
                "upper_devices": [],
            });
            if it.config.get("bridge.driver").is_some_and(|it| it == "openvswitch") {
                bridge = Value::Null;
            }
            ("broadcast", hwaddr, 1500, own.collect(), bridge)
        }
        ("lo", None) => {
            let own =
                vec![address("inet", "127.0.0.1", "8", "local"), address("inet6", "::1", "128", "local")];
            ("loopback", String::new(), 65536, own, Value::Null)
        }
        ("eth0", None) => {
            let own = vec![
                address("inet", "192.0.2.2", "24", "global"),
                address("inet6", "fd00::2", "64", "global"),
            ];
            ("broadcast", "02:00:00:00:00:02".to_owned(), 1500, own, Value::Null)
        }
        _ => return Err(Refusal::new(404, format!("Network interface \"{name}\" not found"))),
    };
    Answer::value(json!({
        "addresses": addresses,
        "bond": Value::Null,
        "bridge": bridge,
        "counters": { "bytes_received": 0, "bytes_sent": 0, "packets_received": 0, "packets_sent": 0 },
        "hwaddr": hwaddr,
        "mtu": mtu,
        "ovn": Value::Null,
        "state": "up",
        "type": kind,
        "vlan": Value::Null,
    }))
}

fn managed<'a>(world: &'a World, request: &Request, name: &str) -> Option<&'a Item> {
    let project = world.home(request.project(), "networks").to_owned();
    world.items(&NETWORK).get(&Place { project, parent: String::new(), name: name.to_owned() })
}

fn bridge<'a>(world: &'a World, request: &Request, name: &str) -> Option<&'a Item> {
    managed(world, request, name).filter(|it| it.more["type"] == "bridge")
}

/// `GET /1.0/networks/{name}/leases`: nobody asks for an address here, so the network's own are all there are.
pub(crate) fn leases(world: &World, request: &Request, name: &str) -> Answered {
    if managed(world, request, name).is_none() {
        return Err(Refusal::new(404, "Failed loading network: Network not found"));
    }
    let Some(bridge) = bridge(world, request, name) else { return Err(Refusal::new(500, "Not implemented")) };
    Answer::value(gateways(world, name, bridge))
}

fn gateways(world: &World, name: &str, bridge: &Item) -> Vec<Value> {
    let own =
        ["ipv4.address", "ipv6.address"].iter().filter_map(|it| bridge.config.get(*it)?.split_once('/'));
    let lease = |address: &str| json!({ "hostname": format!("{name}.gw"), "hwaddr": "", "address": address, "type": "gateway", "location": "" });
    if world.is_lxd() { Vec::new() } else { own.map(|(address, _)| lease(address)).collect() }
}

/// `GET /1.0/network-allocations`: the addresses that networks have.
pub(crate) fn allocations(world: &World, request: &Request) -> Answered {
    let project = world.home_checked(request.project(), "networks")?;
    let networks = world.items(&NETWORK).iter().filter(|(place, _)| place.project == project);
    let mut all = Vec::new();
    for (place, network) in networks {
        for family in ["ipv4", "ipv6"] {
            let Some(address) =
                network.config.get(&format!("{family}.address")).filter(|it| it.contains('/'))
            else {
                continue;
            };
            all.push(json!({
                "address": address,
                "hwaddr": "",
                "nat": network.config.get(&format!("{family}.nat")).is_some_and(|it| it == "true"),
                "network": place.name,
                "type": "network",
                "used_by": world.url_in(&place.project, &["networks", &place.name]),
            }));
        }
    }
    Answer::value(all)
}
