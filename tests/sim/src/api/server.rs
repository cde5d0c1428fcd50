use lxio_core::bytes::Chance;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Map, Value, json};

use super::access::Access;
use super::body::{self, Config};
use super::certificates;
use super::keys::{Bad, SERVER};
use crate::Peer;
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
pub(crate) fn get(world: &World, request: &Request) -> Answered {
    if !request.text("target").is_empty() && world.access(request).is_trusted() {
        return Err(Refusal::new(404, "Cluster member not found"));
    }
    let access = world.access(request);
    let told = access == Access::Full;
    let config = world.state.server.config.iter().filter(|_| told).map(|(key, value)| {
        // A password is not told.
        let told = if key == "core.trust_password" { true.into() } else { value.as_str().into() };
        (key.clone(), told)
    });
    let extensions: Vec<_> = world.setup.extensions().collect();
    let mut server = json!({
        "config": config.collect::<Map<String, Value>>(),
        "api_extensions": extensions,
        "api_status": "stable",
        "api_version": "1.0",
        "auth": if access.is_trusted() { "trusted" } else { "untrusted" },
        "public": false,
        "auth_methods": ["tls"],
        "environment": environment(world, request.project()),
    });
    if world.is_lxd() && !told {
        server["config"] = Value::Null;
    }
    if !access.is_trusted() {
        if let Some(server) = server.as_object_mut() {
            server.retain(|name, value| name != "environment" && !value.is_null());
        }
        return Answer::value(server);
    }
    if !world.is_lxd() {
        let (name, method) = match &request.peer {
            Peer::Local => ("root".into(), "unix"),
            Peer::Network { certificate } => {
                (certificates::fingerprint(certificate.as_deref().unwrap_or_default()), "tls")
            }
        };
        server["auth_user_name"] = name.into();
        server["auth_user_method"] = method.into();
    }
    Answer::tagged(server, &covered(world))
}

/// What it runs on.
fn environment(world: &World, project: &str) -> Value {
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
    let (certificate, fingerprint) = world.server_certificate();
    json!({
        "addresses": world.addresses(),
        "architectures": ["x86_64", "i686"],
        "certificate": certificate,
        "certificate_fingerprint": fingerprint,
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
        "project": project,
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
    let new = wanted(world, &body::of(request, "ServerPut")?)?.unwrap_or_default();
    world.check_server(&new)?;
    world.state.server.config.retain(|key, _| key.starts_with("user."));
    body::merge(&mut world.state.server.config, new);
    updated(world)
}

/// `PATCH /1.0`. One that Incus refuses makes it forget the keys of this one member of a cluster.
pub(crate) fn patch(world: &mut World, request: &Request) -> Answered {
    check_match(request.field("if-match"), &covered(world))?;
    let Some(new) = wanted(world, &body::of(request, "ServerPut")?)? else { return Answer::empty() };
    if let Err(refusal) = world.check_server(&new) {
        if !world.is_lxd() {
            world.state.server.config.retain(|key, _| !LOCAL.contains(&key.as_str()));
        }
        return Err(refusal);
    }
    body::merge(&mut world.state.server.config, new);
    updated(world)
}

/// Keys that each member of a cluster has for itself.
const LOCAL: [&str; 12] = [
    "cluster.https_address",
    "core.bgp_address",
    "core.bgp_routerid",
    "core.debug_address",
    "core.dns_address",
    "core.https_address",
    "core.metrics_address",
    "core.storage_buckets_address",
    "core.syslog_socket",
    "network.ovs.connection",
    "storage.backups_volume",
    "storage.images_volume",
];

/// The configuration in a request, if it has one. Values that are no texts are refused in two ways.
fn wanted(world: &World, object: &Map<String, Value>) -> Result<Option<Config>, Refusal> {
    let Some(config) = object.get("config").filter(|it| !it.is_null()) else { return Ok(None) };
    if world.is_lxd()
        && let Some((key, odd)) = config.as_object().into_iter().flatten().find(|(_, it)| !it.is_string())
    {
        let kind = match odd {
            Value::Number(_) => "float64",
            Value::Bool(_) => "bool",
            Value::Array(_) => "[]interface {}",
            Value::Object(_) => "map[string]interface {}",
            _ => "<nil>",
        };
        return Err(Refusal::new(400, format!("cannot set '{key}': invalid type {kind}")));
    }
    body::check(object, "ServerPut")?;
    Ok(Some(body::config(Some(config))))
}

fn updated(world: &mut World) -> Answered {
    world.lifecycle("config-updated", "default", "/1.0", None);
    Answer::empty()
}

impl World {
    fn check_server(&self, config: &Config) -> Result<(), Refusal> {
        for (key, value) in config.iter().filter(|(key, _)| !key.starts_with("user.")) {
            let bad = |why: &str| Err(Refusal::new(400, format!("cannot set '{key}' to '{value}': {why}")));
            match SERVER.check(self.setup.flavour, key, value) {
                Ok(()) => {}
                Err(Bad::Key) => return bad("unknown key"),
                Err(Bad::Value(why)) => return bad(&why),
            }
            let pool = value.split('/').next().unwrap_or_default();
            if key.starts_with("storage.") && !pool.is_empty() && !self.has_pool(pool) {
                let why = format!("Unable to load storage pool \"{pool}\": Storage pool not found");
                return Err(Refusal::new(404, format!("Failed validation of \"{key}\": {why}")));
            }
        }
        Ok(())
    }

    /// Where it says that it listens, besides its socket.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let address = self.state.server.config.get("core.https_address").map_or("", String::as_str);
        if address.is_empty() {
            return Vec::new();
        }
        let has_port = address.ends_with(|it: char| it.is_ascii_digit())
            && address.rsplit_once(':').is_some_and(|(host, _)| !host.contains(':') || host.ends_with(']'));
        let (host, port) =
            if has_port { address.rsplit_once(':').unwrap_or_default() } else { (address, "8443") };
        match host {
            // Everywhere: all addresses of the host that others can reach.
            "" | "0.0.0.0" | "[::]" => {
                super::networks::HOST.iter().map(|it| format!("{it}:{port}")).collect()
            }
            host => vec![format!("{host}:{port}")],
        }
    }

    /// Its certificate, and the fingerprint of that.
    pub(crate) fn server_certificate(&self) -> (&str, String) {
        let measured =
            self.either(include_str!("../extensions/lxd.pem"), include_str!("../extensions/incus.pem"));
        let pem = self.setup.certificate.as_ref().map_or(measured, |it| &it.pem);
        let der = CertificateDer::from_pem_slice(pem.as_bytes());
        (pem, der.map(|der| certificates::fingerprint(&der)).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::api::probe::each;

    #[test]
    fn a_refused_patch_costs_incus_the_keys_of_the_member() {
        each(|mut probe, is_lxd| {
            let mut patch = |config| probe.ask("PATCH", "/1.0", &json!({ "config": config })).0;
            assert_eq!(patch(json!({ "core.https_address": "127.0.0.1:8443", "user.a": "1" })), 200);
            assert_eq!(patch(json!({ "core.nope": "1" })), 400);
            let server = probe.get("/1.0")["metadata"].clone();
            let address = json!("127.0.0.1:8443");
            assert_eq!(server["config"].get("core.https_address"), is_lxd.then_some(&address));
            assert_eq!(server["config"]["user.a"], "1");
            let listens = if is_lxd { json!([address]) } else { json!([]) };
            assert_eq!(server["environment"]["addresses"], listens);
        });
    }

    #[test]
    fn the_certificate_has_its_fingerprint() {
        each(|mut probe, _| {
            let environment = probe.get("/1.0")["metadata"]["environment"].clone();
            let der = super::certificates::bytes_of(environment["certificate"].as_str().unwrap()).unwrap();
            assert_eq!(environment["certificate_fingerprint"], super::certificates::fingerprint(&der));
        });
    }
}
