use lxio_core::bytes::Chance;
use serde_json::{Map, Value, json};

use super::body::{self, Config};
use crate::http::{Answer, Answered, Refusal, Request, check_match};
use crate::world::World;

/// The server's own configuration, and what tells it from others.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) config: Config,
    pub(crate) pid: u32,
}

impl Server {
    pub(crate) fn new(chance: &mut Chance) -> Self {
        Self { config: Config::new(), pid: 1000 + (chance.draw() % 30_000) as u32 }
    }
}

/// `GET /1.0`.
pub(crate) fn get(world: &World) -> Answered {
    let extensions: Vec<_> = world.setup.extensions().collect();
    let mut server = json!({
        "config": world.state.server.config,
        "api_extensions": extensions,
        "api_status": "stable",
        "api_version": "1.0",
        "auth": "trusted",
        "public": false,
        "auth_methods": ["tls"],
        "environment": environment(world),
    });
    if !world.is_lxd() {
        server["auth_user_name"] = "root".into();
        server["auth_user_method"] = "unix".into();
    }
    Answer::tagged(server, &covered(world))
}

/// What it runs on.
fn environment(world: &World) -> Value {
    let lxc: Map<String, Value> = [
        "cgroup2",
        "core_scheduling",
        "devpts_fd",
        "idmapped_mounts_v2",
        "mount_injection_file",
        "network_gateway_device_route",
        "network_ipvlan",
        "network_l2proxy",
        "network_phys_macvlan_mtu",
        "network_veth_router",
        "pidfd",
        "seccomp_allow_deny_syntax",
        "seccomp_notify",
        "seccomp_proxy_send_notify_fd",
    ]
    .into_iter()
    .map(|it| (it.to_owned(), "true".into()))
    .collect();
    let mut kernel = json!({
        "idmapped_mounts": "true",
        "netnsid_getifaddrs": "true",
        "seccomp_listener": "true",
        "seccomp_listener_continue": "true",
        "uevent_injection": "true",
        "unpriv_fscaps": "true",
    });
    if world.is_lxd() {
        kernel["shiftfs"] = "false".into();
    } else {
        kernel["unpriv_binfmt"] = "true".into();
    }
    json!({
        "addresses": [],
        "architectures": ["x86_64", "i686"],
        "certificate": "",
        "certificate_fingerprint": "",
        "driver": "lxc",
        "driver_version": "5.0.2",
        "firewall": "nftables",
        "kernel": "Linux",
        "kernel_architecture": "x86_64",
        "kernel_features": kernel,
        "kernel_version": "6.1.0",
        "lxc_features": lxc,
        "os_name": "Debian GNU/Linux",
        "os_version": "12",
        "project": "default",
        "server": world.either("lxd", "incus"),
        "server_clustered": false,
        "server_event_mode": "full-mesh",
        "server_name": "simulated",
        "server_pid": world.state.server.pid,
        "server_version": world.either("5.0.2", "6.0.4"),
        "storage": "dir",
        "storage_version": "1",
        "storage_supported_drivers": [{ "Name": "dir", "Version": "1", "Remote": false }],
    })
}

/// What the ETag covers.
fn covered(world: &World) -> Value {
    json!({ "config": world.state.server.config })
}

/// `PUT /1.0`: what is left out is unset, but not the user's own keys.
pub(crate) fn put(world: &mut World, request: &Request) -> Answered {
    check_match(request.field("if-match"), &covered(world))?;
    let new = body::config(body::object(request)?.get("config"));
    check(&new)?;
    world.state.server.config.retain(|key, _| key.starts_with("user."));
    body::merge(&mut world.state.server.config, new);
    updated(world)
}

/// `PATCH /1.0`.
pub(crate) fn patch(world: &mut World, request: &Request) -> Answered {
    check_match(request.field("if-match"), &covered(world))?;
    let new = body::config(body::object(request)?.get("config"));
    check(&new)?;
    body::merge(&mut world.state.server.config, new);
    updated(world)
}

fn updated(world: &mut World) -> Answered {
    world.lifecycle("config-updated", "default", "/1.0", None);
    Answer::empty()
}

fn check(config: &Config) -> Result<(), Refusal> {
    const KNOWN: [&str; 12] = [
        "acme.",
        "backups.",
        "candid.",
        "cluster.",
        "core.",
        "images.",
        "instances.",
        "loki.",
        "maas.",
        "network.",
        "oidc.",
        "storage.",
    ];
    match config.keys().find(|key| !key.starts_with("user.") && !KNOWN.iter().any(|it| key.starts_with(it))) {
        Some(key) => Err(Refusal::new(400, format!("Cannot set '{key}' to '{}': unknown key", config[key]))),
        None => Ok(()),
    }
}
