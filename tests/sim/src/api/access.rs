use super::certificates::fingerprint;
use super::known::is_known;
use crate::Peer;
use crate::http::{Method, Refusal, Request};
use crate::world::World;

/// What the sender of a request may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everything.
    Full,
    /// What concerns these projects, as the certificate of this fingerprint says.
    Projects { of: String, projects: Vec<String> },
    /// Read the metrics.
    Metrics,
    /// What everybody may.
    Nothing,
}

impl Access {
    /// Whether the server says that it trusts them.
    pub(crate) const fn is_trusted(&self) -> bool {
        matches!(self, Self::Full | Self::Projects { .. })
    }

    /// Whether what is in this project concerns them.
    pub(crate) fn covers(&self, project: &str) -> bool {
        match self {
            Self::Full => true,
            Self::Projects { projects, .. } => projects.iter().any(|it| it == project),
            Self::Metrics | Self::Nothing => false,
        }
    }
}

pub(crate) fn not_authorized() -> Refusal {
    Refusal::new(403, "not authorized")
}

impl World {
    /// What the sender of a request may do.
    pub(crate) fn access(&self, request: &Request) -> Access {
        let Peer::Network { certificate } = &request.peer else { return Access::Full };
        let known = certificate.as_ref().map(|der| fingerprint(der));
        let Some((of, it)) = known.and_then(|of| self.state.certificates.get(&of).map(|it| (of, it))) else {
            return Access::Nothing;
        };
        match it.kind.as_str() {
            "client" if it.restricted => Access::Projects { of, projects: it.projects.clone() },
            "metrics" => Access::Metrics,
            _ => Access::Full,
        }
    }
}

/// Refuses what the sender may not do. What depends on more than the path is left to the handlers.
pub(crate) fn check(world: &World, request: &Request, path: &[&str]) -> Result<(), Refusal> {
    let access = world.access(request);
    match &access {
        Access::Full => Ok(()),
        Access::Projects { .. } => restricted(world, request, path, &access),
        Access::Metrics if path == ["1.0", "metrics"] => Ok(()),
        Access::Metrics | Access::Nothing => untrusted(world, request, path),
    }
}

/// What everybody may: see what this is, see public images, join, and use a secret.
fn untrusted(world: &World, request: &Request, path: &[&str]) -> Result<(), Refusal> {
    let is_known = is_known(world.setup.flavour, path) || path.first() == Some(&"internal");
    if path == [""] || !is_known {
        return Ok(());
    }
    // With this field a client says that it would rather be refused than be shown little.
    let field = world.either("x-lxd-authenticated", "x-incus-authenticated");
    if request.field(field).is_some_and(|it| !it.is_empty()) {
        return Err(not_authorized());
    }
    let is_open = match (request.method, path) {
        (Method::Get, ["1.0"] | ["1.0", "images"] | ["1.0", "operations", _, "websocket"])
        | (Method::Post, ["1.0", "certificates"]) => true,
        (Method::Get, ["1.0", "images", "aliases", rest @ ..]) => !rest.is_empty(),
        (Method::Get, ["1.0", "images", _] | ["1.0", "images", _, "export"]) => true,
        (Method::Get, ["1.0", "metadata", "configuration"]) => true,
        (Method::Get, ["1.0", "operations", id, "wait"]) => has_secret(world, id, request.text("secret")),
        _ => false,
    };
    match path {
        _ if is_open => Ok(()),
        ["1.0", "metrics"] if !world.is_lxd() && request.method == Method::Get => Err(Refusal::new(
            403,
            "Failed to extract request details: Username not present in request context",
        )),
        _ => Err(not_authorized()),
    }
}

fn has_secret(world: &World, id: &str, secret: &str) -> bool {
    let operation = world.operations.values().find(|it| it.id.0 == id);
    !secret.is_empty() && operation.is_some_and(|it| it.metadata["secret"] == secret)
}

/// What a client of some projects may not.
fn restricted(world: &World, request: &Request, path: &[&str], access: &Access) -> Result<(), Refusal> {
    let refused = |incus: &str| Err(Refusal::new(403, world.either("not authorized", incus)));
    let reads = matches!(request.method, Method::Get | Method::Head);
    let foreign = |project: &str| {
        let incus = format!("User does not have permission for project \"{project}\"");
        Err(Refusal::new(403, world.either("not authorized".into(), incus)))
    };
    match path {
        ["1.0", "projects", name, ..] if !access.covers(name) => foreign(name),
        ["1.0", "projects", ..] | ["1.0"] | ["1.0", "storage-pools"] if !reads => {
            refused("Certificate is restricted")
        }
        ["1.0", "storage-pools"] if !world.is_lxd() => Err(Refusal::new(500, "Certificate is restricted")),
        ["1.0", "warnings", ..] => refused("Certificate is restricted"),
        ["1.0", "instances" | "profiles" | "events"] if request.text("all-projects") == "true" => Ok(()),
        ["1.0", "events"] if world.is_lxd() => Ok(()),
        ["1.0", kind @ ("instances" | "profiles" | "events"), rest @ ..] => {
            let project = request.project();
            if access.covers(project) {
                Ok(())
            } else if !world.is_lxd() && reads && rest.is_empty() && *kind != "events" {
                let (code, text) = if world.state.projects.contains_key(project) {
                    (500, format!("User does not have permissions for project \"{project}\""))
                } else {
                    (404, format!("Failed loading project \"{project}\": Project not found"))
                };
                Err(Refusal::new(code, text))
            } else {
                foreign(project)
            }
        }
        ["1.0", "images", ..] if !reads && !access.covers(request.project()) => foreign(request.project()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::Peer;
    use crate::api::probe::{Probe, each};

    /// Does something as a stranger.
    fn strange<T>(probe: &mut Probe, deed: impl FnOnce(&mut Probe) -> T) -> T {
        probe.peer = Peer::Network { certificate: None };
        let done = deed(probe);
        probe.peer = Peer::Local;
        done
    }

    fn asked(probe: &mut Probe, target: &str) -> u16 {
        strange(probe, |probe| probe.ask("GET", target, &Value::Null).0)
    }

    #[test]
    fn strangers_see_what_is_public() {
        each(|mut probe, _| {
            let image = probe.get("/1.0/images")["metadata"][0].as_str().unwrap().to_owned();
            let alias = "/1.0/images/aliases/busybox";
            let export = format!("{image}/export");
            let list =
                |probe: &mut Probe| strange(probe, |probe| probe.get("/1.0/images")["metadata"].clone());
            assert_eq!(list(&mut probe), json!([]));
            assert_eq!([&*image, alias, &*export].map(|it| asked(&mut probe, it)), [404; 3]);
            assert_eq!(probe.ask("PATCH", &image, &json!({ "public": true })).0, 200);
            assert_eq!(list(&mut probe), json!([image]));
            assert_eq!([&*image, alias].map(|it| asked(&mut probe, it)), [200; 2]);
            let bytes = strange(&mut probe, |probe| probe.raw(&format!("GET {export}"), b""));
            assert!(bytes.starts_with(b"HTTP/1.1 200 OK"));
        });
    }

    #[test]
    fn the_secret_of_a_token_opens_one_image() {
        each(|mut probe, _| {
            let image = probe.get("/1.0/images")["metadata"][0].as_str().unwrap().to_owned();
            let token = probe.begin("POST", &format!("{image}/secret"), &Value::Null);
            let secret = token["metadata"]["secret"].as_str().unwrap();
            assert_eq!(asked(&mut probe, &format!("{image}?secret=x")), 404);
            // Used, it is good until it is forgotten.
            for _ in 0..2 {
                assert_eq!(asked(&mut probe, &format!("{image}?secret={secret}")), 200);
                assert_eq!(probe.operation(&token)["status"], "Cancelled");
            }
            probe.pass(6000);
            assert_eq!(asked(&mut probe, &format!("{image}?secret={secret}")), 404);
        });
    }

    #[test]
    fn the_secret_of_an_operation_lets_a_stranger_wait() {
        each(|mut probe, _| {
            let image = probe.get("/1.0/images")["metadata"][0].as_str().unwrap().to_owned();
            let token = probe.begin("POST", &format!("{image}/secret"), &Value::Null);
            let secret = token["metadata"]["secret"].as_str().unwrap();
            let operation = format!("/1.0/operations/{}", token["id"].as_str().unwrap());
            assert_eq!(probe.ask("DELETE", &operation, &Value::Null).0, 200);
            let wait = format!("{operation}/wait?timeout=9");
            assert_eq!(asked(&mut probe, &wait), 403);
            assert_eq!(asked(&mut probe, &format!("{wait}&secret=x")), 403);
            let bytes = strange(&mut probe, |probe| probe.raw(&format!("GET {wait}&secret={secret}"), b""));
            assert!(bytes.starts_with(b"HTTP/1.1 200 OK"));
        });
    }
}
