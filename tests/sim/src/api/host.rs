use serde_json::{Value, json};

use crate::http::{Answer, Answered, Body, Refusal, Request};
use crate::world::World;

/// `GET /1.0/resources`: a small machine.
pub(crate) fn resources(world: &World, request: &Request) -> Answered {
    if !request.text("target").is_empty() {
        return Err(Refusal::new(404, "Cluster member not found"));
    }
    const MEMORY: u64 = 8 << 30;
    let thread = json!({ "id": 0, "isolated": false, "numa_node": 0, "online": true, "thread": 0 });
    let mut core = json!({ "core": 0, "die": 0, "threads": [thread] });
    if !world.is_lxd() {
        core["flags"] = json!(["fpu"]);
    }
    let socket = json!({
        "cache": [{ "level": 1, "size": 32768, "type": "Data" }],
        "cores": [core],
        "name": "Simulated",
        "socket": 0,
        "vendor": "GenuineIntel",
    });
    let node = json!({
        "hugepages_total": 0, "hugepages_used": 0, "numa_node": 0, "total": MEMORY, "used": MEMORY / 4,
    });
    let port = json!({
        "address": "02:00:00:00:00:02", "auto_negotiation": false, "id": "eth0", "link_detected": true, "port": 0,
        "port_type": "other", "protocol": "ethernet", "transceiver_type": "internal",
    });
    let card = json!({
        "driver": "virtio_net", "driver_version": "6.1.0", "numa_node": 0, "pci_address": "0000:00:03.0",
        "ports": [port], "product_id": "0001", "vendor_id": "1af4",
    });
    let disk = json!({
        "block_size": 0, "device": "254:0", "device_id": "", "id": "vda", "numa_node": 0, "partitions": [],
        "pci_address": "0000:00:02.0", "read_only": false, "removable": false, "rpm": 1, "size": 100_u64 << 30,
        "type": "virtio",
    });
    let mut all = json!({
        "cpu": { "architecture": "x86_64", "sockets": [socket], "total": 1 },
        "gpu": { "cards": [], "total": 0 },
        "memory": {
            "hugepages_size": 2_097_152, "hugepages_total": 0, "hugepages_used": 0, "nodes": [node],
            "total": MEMORY, "used": MEMORY / 4,
        },
        "network": { "cards": [card], "total": 1 },
        "pci": { "devices": [], "total": 0 },
        "storage": { "disks": [disk], "total": 1 },
        "system": {
            "chassis": Value::Null, "family": "", "firmware": Value::Null, "motherboard": Value::Null, "product": "",
            "serial": "", "sku": "", "type": "virtual-machine", "uuid": "", "vendor": "", "version": "",
        },
        "usb": { "devices": [], "total": 0 },
    });
    if !world.is_lxd() {
        let processes = world.state.instances.len() + 100;
        all["load"] =
            json!({ "Average1Min": 0.5, "Average5Min": 0.25, "Average10Min": 0.1, "Processes": processes });
    }
    Answer::value(all)
}

/// `GET /1.0/metrics`: what can be counted here. Nothing is measured inside of instances.
pub(crate) fn metrics(world: &World) -> Answered {
    let mut text = String::new();
    if !world.is_lxd() {
        let count = world.operations.len();
        text = format!(
            "# HELP incus_operations_total The number of running operations\n# TYPE incus_operations_total counter\n\
             incus_operations_total {count}\n"
        );
    }
    text.push_str("# EOF\n");
    Ok(Answer::Bytes(Body {
        status: 200,
        kind: "text/plain".into(),
        pieces: vec![text.into_bytes().into()],
        ..Body::default()
    }))
}

/// `GET /1.0/metadata/configuration`: the keys that are known here, without what they are good for.
pub(crate) fn configuration() -> Answered {
    use super::keys::{INSTANCE, PROJECT, SERVER};
    let keys = |keys: super::keys::Keys| {
        let entry = |key: &str| json!({ key: { "longdesc": "", "shortdesc": "", "type": "string" } });
        json!({ "keys": keys.names().map(entry).collect::<Vec<_>>() })
    };
    Answer::value(json!({
        "configs": {
            "instance": { "miscellaneous": keys(INSTANCE) },
            "project": { "specific": keys(PROJECT) },
            "server": { "miscellaneous": keys(SERVER) },
        },
    }))
}
