use serde_json::{Value, json};

use crate::api::probe::each;

#[test]
fn a_bridge() {
    each(|mut probe, is_lxd| {
        let (status, _) = probe.ask("POST", "/1.0/networks", &json!({ "name": "br0" }));
        assert_eq!(status, 201);
        let got = probe.get("/1.0/networks/br0")["metadata"].clone();
        let address = got["config"]["ipv4.address"].as_str().unwrap().to_owned();
        assert!(address.starts_with("10.") && address.ends_with(".1/24"), "{address}");
        assert_eq!((&got["type"], &got["config"]["ipv6.nat"]), (&json!("bridge"), &json!("true")));

        let state = probe.get("/1.0/networks/br0/state")["metadata"].clone();
        assert_eq!(format!("{}/24", state["addresses"][0]["address"].as_str().unwrap()), address);
        let hardware = state["hwaddr"].as_str().unwrap().replace(':', "");
        assert_eq!(state["bridge"]["id"], format!("8000.{hardware}"));
        let leases = probe.get("/1.0/networks/br0/leases")["metadata"].clone();
        assert_eq!(leases.as_array().unwrap().len(), if is_lxd { 0 } else { 2 });

        let device = json!({ "nic": { "type": "nic", "network": "br0" } });
        let profile = json!({ "name": "p", "devices": device });
        assert_eq!(probe.ask("POST", "/1.0/profiles", &profile).0, 201);
        assert_eq!(probe.get("/1.0/networks/br0")["metadata"]["used_by"], json!(["/1.0/profiles/p"]));
        assert_eq!(probe.ask("DELETE", "/1.0/networks/br0", &Value::Null).0, 400);

        let forwards = "/1.0/networks/br0/forwards";
        let forward = json!({ "listen_address": "192.0.2.9", "config": { "target_address": "10.0.0.2" } });
        assert_eq!(probe.ask("POST", forwards, &forward).0, 201);
        assert_eq!(probe.ask("POST", forwards, &forward).0, 409);
        assert_eq!(probe.ask("POST", forwards, &json!({ "listen_address": "x" })).0, 500);
        let all = probe.get(&format!("{forwards}?recursion=1"))["metadata"].clone();
        assert_eq!((&all[0]["listen_address"], &all[0]["ports"]), (&json!("192.0.2.9"), &json!([])));

        probe.ask("DELETE", "/1.0/profiles/p", &Value::Null);
        assert_eq!(probe.ask("DELETE", "/1.0/networks/br0", &Value::Null).0, 200);
        assert_eq!(probe.ask("GET", forwards, &Value::Null).0, 404);
    });
}

#[test]
fn what_is_not_written_as_it_must_be() {
    each(|mut probe, _| {
        let mut made =
            |config: Value| probe.ask("POST", "/1.0/networks", &json!({ "name": "br1", "config": config })).0;
        assert_eq!(made(json!({ "ipv4.address": "10.0.0.1" })), 500);
        assert_eq!(made(json!({ "ipv4.adress": "none" })), 500);
        assert_eq!(made(json!({ "ipv4.address": "none", "ipv6.address": "fd00::1/64", "user.a": "b" })), 201);
        let got = probe.get("/1.0/networks/br1")["metadata"]["config"].clone();
        assert_eq!(got, json!({ "ipv4.address": "none", "ipv6.address": "fd00::1/64", "user.a": "b" }));
    });
}
