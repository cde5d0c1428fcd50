use super::collection::Kind;
use super::known::is_known;
use super::{
    access, certificates, cluster, collection, console, events, exec, files, host, images, instances, logs,
    networks, operations, profiles, projects, server, sftp, storage,
};
use crate::http::{Answer, Answered, Method, Refusal, Request};
use crate::world::World;

/// Answers a request that has come whole.
pub(crate) fn answer(world: &mut World, request: &Request) -> Answered {
    if world.listeners > 0 {
        let (method, url) = request.line.split_once(' ').unwrap_or_default();
        let context = serde_json::json!({
            "ip": "@", "method": method, "protocol": "unix", "url": url, "username": "root",
        });
        world.log("debug", "Handling API request", context);
    }
    if request.method == Method::Options {
        return Ok(Answer::Bytes(crate::http::Body { status: 200, ..Default::default() }));
    }
    let path = instances::path(world, request)?;
    access::check(world, request, &path)?;
    let answered = dispatch(world, request, request.method, &path);
    if let Err(refusal) = &answered
        && (*refusal == Refusal::no_path() || *refusal == Refusal::no_method())
    {
        *world.unknown.entry(request.line.clone()).or_default() += 1;
    }
    answered
}

/// The table of endpoints.
fn dispatch(world: &mut World, request: &Request, method: Method, path: &[&str]) -> Answered {
    use Method::{Delete, Get, Head, Patch, Post, Put};
    match (method, path) {
        (Get, [""]) => Answer::value(vec!["/1.0"]),
        (Get, ["1.0"]) => server::get(world, request),
        (Put, ["1.0"]) => server::put(world, request),
        (Patch, ["1.0"]) => server::patch(world, request),

        (Get, ["1.0", "events"]) => events::listen(world, request),

        (Get, ["1.0", "instances"]) => instances::list(world, request),
        (Post, ["1.0", "instances"]) => instances::create(world, request),
        (Put, ["1.0", "instances"]) => instances::put_all(world, request),
        (Get, ["1.0", "instances", name]) => instances::get(world, request, name),
        (Put, ["1.0", "instances", name]) => instances::put(world, request, name),
        (Patch, ["1.0", "instances", name]) => instances::patch(world, request, name),
        (Post, ["1.0", "instances", name]) => instances::rename(world, request, name),
        (Delete, ["1.0", "instances", name]) => instances::delete(world, request, name),
        (Get, ["1.0", "instances", name, "state"]) => instances::state(world, request, name),
        (Put, ["1.0", "instances", name, "state"]) => instances::put_state(world, request, name),
        (Get, ["1.0", "instances", name, "backups"]) => instances::backups(world, request, name),
        (Get, ["1.0", "instances", name, "metadata"]) => instances::get_metadata(world, request, name),
        (Put, ["1.0", "instances", name, "metadata"]) => instances::put_metadata(world, request, name),
        (Patch, ["1.0", "instances", name, "metadata"]) => instances::patch_metadata(world, request, name),
        (Get, ["1.0", "instances", name, "metadata", "templates"]) => {
            instances::template(world, request, name)
        }
        (Post, ["1.0", "instances", name, "metadata", "templates"]) => {
            instances::put_template(world, request, name)
        }
        (Delete, ["1.0", "instances", name, "metadata", "templates"]) => {
            instances::delete_template(world, request, name)
        }
        (Get, ["1.0", "instances", name, "snapshots"]) => instances::list_snapshots(world, request, name),
        (Post, ["1.0", "instances", name, "snapshots"]) => instances::create_snapshot(world, request, name),
        (Get, ["1.0", "instances", name, "snapshots", it]) => {
            instances::get_snapshot(world, request, name, it)
        }
        (Put | Patch, ["1.0", "instances", name, "snapshots", it]) => {
            instances::put_snapshot(world, request, name, it)
        }
        (Post, ["1.0", "instances", name, "snapshots", it]) => {
            instances::rename_snapshot(world, request, name, it)
        }
        (Delete, ["1.0", "instances", name, "snapshots", it]) => {
            instances::delete_snapshot(world, request, name, it)
        }

        (Post, ["1.0", "instances", name, "exec"]) => exec::post(world, request, name),
        (Post, ["1.0", "instances", name, "console"]) => console::post(world, request, name),
        (Get, ["1.0", "instances", name, "console"]) => console::get(world, request, name),
        (Delete, ["1.0", "instances", name, "console"]) => console::clear(world, request, name),
        (Get, ["1.0", "instances", name, "sftp"]) => sftp::get(world, request, name),
        (Get | Head, ["1.0", "instances", name, "files"]) => files::get(world, request, name),
        (Post, ["1.0", "instances", name, "files"]) => files::post(world, request, name),
        (Delete, ["1.0", "instances", name, "files"]) => files::delete(world, request, name),
        (Get, ["1.0", "instances", name, "logs"]) => logs::list(world, request, name),
        (Get, ["1.0", "instances", name, "logs", "exec-output"]) if !world.is_lxd() => {
            logs::list_records(world, request, name)
        }
        (Get, ["1.0", "instances", name, "logs", it]) => logs::get(world, request, name, it, false),
        (Delete, ["1.0", "instances", name, "logs", it]) => logs::delete(world, request, name, it, false),
        (Get, ["1.0", "instances", name, "logs", "exec-output", it]) if !world.is_lxd() => {
            logs::get(world, request, name, it, true)
        }
        (Delete, ["1.0", "instances", name, "logs", "exec-output", it]) if !world.is_lxd() => {
            logs::delete(world, request, name, it, true)
        }

        (Get, ["1.0", "operations"]) => operations::list(world, request),
        (Get, ["1.0", "operations", id]) => operations::get(world, id),
        (Delete, ["1.0", "operations", id]) => operations::cancel(world, id),
        (Get, ["1.0", "operations", id, "wait"]) => operations::wait(world, request, id),
        (Get, ["1.0", "operations", id, "websocket"]) => operations::websocket(world, request, id),

        (Get, ["1.0", "images"]) => images::list(world, request),
        (Post, ["1.0", "images"]) => images::create(world, request),
        (Get, ["1.0", "images", "aliases"]) => images::list_aliases(world, request),
        (Post, ["1.0", "images", "aliases"]) => images::create_alias(world, request),
        // Their names may have slashes.
        (Get, ["1.0", "images", "aliases", name @ ..]) if !name.is_empty() => {
            images::get_alias(world, request, &name.join("/"))
        }
        (Put, ["1.0", "images", "aliases", name @ ..]) if !name.is_empty() => {
            images::put_alias(world, request, &name.join("/"))
        }
        (Patch, ["1.0", "images", "aliases", name @ ..]) if !name.is_empty() => {
            images::patch_alias(world, request, &name.join("/"))
        }
        (Post, ["1.0", "images", "aliases", name @ ..]) if !name.is_empty() => {
            images::rename_alias(world, request, &name.join("/"))
        }
        (Delete, ["1.0", "images", "aliases", name @ ..]) if !name.is_empty() => {
            images::delete_alias(world, request, &name.join("/"))
        }
        (_, ["1.0", "images", "aliases"]) => Err(missing(world, path)),
        (Get, ["1.0", "images", name]) => images::get(world, request, name),
        (Put, ["1.0", "images", name]) => images::put(world, request, name),
        (Patch, ["1.0", "images", name]) => images::patch(world, request, name),
        (Delete, ["1.0", "images", name]) => images::delete(world, request, name),
        (Get, ["1.0", "images", name, "export"]) => images::export(world, request, name),
        (Post, ["1.0", "images", name, "export"]) => images::push(world, request, name),
        (Post, ["1.0", "images", name, "refresh"]) => images::refresh(world, request, name),
        (Post, ["1.0", "images", name, "secret"]) => images::secret(world, request, name),

        (Get, ["1.0", "profiles"]) => profiles::list(world, request),
        (Post, ["1.0", "profiles"]) => profiles::create(world, request),
        (Get, ["1.0", "profiles", name]) => profiles::get(world, request, name),
        (Put, ["1.0", "profiles", name]) => profiles::put(world, request, name),
        (Patch, ["1.0", "profiles", name]) => profiles::patch(world, request, name),
        (Post, ["1.0", "profiles", name]) => profiles::rename(world, request, name),
        (Delete, ["1.0", "profiles", name]) => profiles::delete(world, request, name),

        (Get, ["1.0", "projects"]) => projects::list(world, request),
        (Post, ["1.0", "projects"]) => projects::create(world, request),
        (Get, ["1.0", "projects", name]) => projects::get(world, name),
        (Put, ["1.0", "projects", name]) => projects::put(world, request, name),
        (Patch, ["1.0", "projects", name]) => projects::patch(world, request, name),
        (Post, ["1.0", "projects", name]) => projects::rename(world, request, name),
        (Delete, ["1.0", "projects", name]) => projects::delete(world, name),
        (Get, ["1.0", "projects", name, "state"]) => projects::state(world, name),
        (Get, ["1.0", "projects", name, "access"]) if !world.is_lxd() => projects::access(world, name),

        (Get, ["1.0", "resources"]) => host::resources(world, request),
        (Get, ["1.0", "metrics"]) => host::metrics(world),
        (Get, ["1.0", "metadata", "configuration"]) if !world.is_lxd() => host::configuration(),
        (Get, ["internal", "ready"]) => Answer::empty(),

        (Get, ["1.0", "certificates"]) => certificates::list(world, request),
        (Post, ["1.0", "certificates"]) => certificates::create(world, request),
        (Get, ["1.0", "certificates", name]) => certificates::get(world, name),
        (Put, ["1.0", "certificates", name]) => certificates::put(world, request, name),
        (Patch, ["1.0", "certificates", name]) => certificates::patch(world, request, name),
        (Delete, ["1.0", "certificates", name]) => certificates::delete(world, request, name),

        (Get, ["1.0", "cluster"]) => cluster::get(world),
        (Put, ["1.0", "cluster"]) => cluster::put(world, request),
        (_, ["1.0", "cluster", part @ ("members" | "groups"), rest @ ..]) if rest.len() < 3 => {
            cluster::part(world, method, &[&[*part], rest].concat())
        }
        (_, ["1.0", "warnings", rest @ ..]) if rest.len() < 2 => cluster::warnings(world, request, rest),

        (Get, ["1.0", "networks"]) => networks::list(world, request),
        (Post, ["1.0", "networks"]) => networks::create(world, request),
        (Get, ["1.0", "networks", name]) => networks::get(world, request, name),
        (Get, ["1.0", "networks", name, "state"]) => networks::state(world, request, name),
        (Get, ["1.0", "networks", name, "leases"]) => networks::leases(world, request, name),
        (_, ["1.0", "networks", name, "forwards", rest @ ..]) => {
            match networks::driver(world, request, name)?.as_str() {
                "bridge" => simple(world, request, &networks::FORWARD, name, rest),
                driver => unsupported(driver, "forwards"),
            }
        }
        (_, ["1.0", "networks", name, part @ ("peers" | "load-balancers"), ..])
            if is_known(world.setup.flavour, path) =>
        {
            let what = if *part == "peers" { "peering" } else { "load balancers" };
            unsupported(&networks::driver(world, request, name)?, what)
        }
        (_, ["1.0", "networks", rest @ ..]) => simple(world, request, &networks::NETWORK, "", rest),
        (_, ["1.0", "network-acls", name, "log"]) if method == Get => networks::log(world, request, name),
        (_, ["1.0", "network-acls", rest @ ..]) => simple(world, request, &networks::ACL, "", rest),
        (_, ["1.0", "network-zones", zone, "records", rest @ ..]) => {
            world.zone(request, zone)?;
            simple(world, request, &networks::RECORD, zone, rest)
        }
        (_, ["1.0", "network-zones", rest @ ..]) => simple(world, request, &networks::ZONE, "", rest),
        (Post, ["1.0", "network-integrations", name]) if !world.is_lxd() => {
            networks::rename_integration(world, request, name)
        }
        (_, ["1.0", "network-integrations", rest @ ..]) if !world.is_lxd() => {
            simple(world, request, &networks::INTEGRATION, "", rest)
        }
        (Get, ["1.0", "network-allocations"]) if !world.is_lxd() => networks::allocations(world, request),

        (Get, ["1.0", "storage-pools", pool]) => storage::pool(world, request, pool),
        (Get, ["1.0", "storage-pools", pool, "resources"]) => storage::resources(world, pool),
        (_, ["1.0", "storage-pools", pool, "volumes", "custom", volume, "snapshots", rest @ ..])
            if rest.len() < 2 =>
        {
            storage::snapshot(world, request, pool, volume, rest)
        }
        (_, ["1.0", "storage-pools", pool, "volumes", rest @ ..]) if is_known(world.setup.flavour, path) => {
            storage::volume(world, request, pool, rest)
        }
        (_, ["1.0", "storage-pools", pool, "buckets", rest @ ..]) if is_known(world.setup.flavour, path) => {
            storage::bucket(world, request, pool, rest)
        }
        (_, ["1.0", "storage-pools", rest @ ..]) => simple(world, request, &storage::POOL, "", rest),

        _ => Err(missing(world, path)),
    }
}

/// The endpoints of a kind that is nothing special.
fn simple(
    world: &mut World,
    request: &Request,
    kind: &'static Kind,
    parent: &str,
    path: &[&str],
) -> Answered {
    use Method::{Delete, Get, Patch, Post, Put};
    match (request.method, path) {
        (Get, []) => collection::list(world, request, kind, parent),
        (Post, []) => collection::create(world, request, kind, parent),
        (Get, [name]) => collection::get(world, request, kind, parent, name),
        (Put, [name]) => collection::change(world, request, kind, parent, name, false),
        (Patch, [name]) => collection::change(world, request, kind, parent, name, true),
        (Post, [name]) if !kind.renamed.is_empty() => collection::rename(world, request, kind, parent, name),
        (Delete, [name]) => collection::delete(world, request, kind, parent, name),
        (_, [] | [_]) => Err(Refusal::no_method()),
        _ => Err(Refusal::no_path()),
    }
}

fn unsupported(driver: &str, what: &str) -> Answered {
    Err(Refusal::new(400, format!("Network driver \"{driver}\" does not support {what}")))
}

/// Why nothing answers: no such path, or not for this method.
fn missing(world: &World, path: &[&str]) -> Refusal {
    if is_known(world.setup.flavour, path) { Refusal::no_method() } else { Refusal::no_path() }
}

/// What can be refused before the body has come.
pub(crate) fn early(world: &mut World, request: &Request) -> Option<Refusal> {
    let path = match instances::path(world, request) {
        Ok(path) => path,
        Err(refusal) => return Some(refusal),
    };
    if let Err(refusal) = access::check(world, request, &path) {
        return Some(refusal);
    }
    match (request.method, path.as_slice()) {
        (Method::Post, ["1.0", "instances", name, "files"]) => files::begin(world, request, name).err(),
        (_, path) => Some(missing(world, path)).filter(|it| *it == Refusal::no_path()),
    }
}
