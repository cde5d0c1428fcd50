use super::{CallError, Dialect, Field, Request};
use crate::bytes::{Chance, Limits};
use crate::wire::{Buffers, Draft, Exchange, Key, Plan, Want};

/// Checks what can be checked before a connection is made.
///
/// # Errors
/// [`CallError`] of the kinds that are raised before a byte is sent.
pub fn check(request: &Request, dialect: &Dialect, project: Option<&str>) -> Result<(), CallError> {
    request.target.text()?;
    if let Some(needs) = request.only.filter(|needs| *needs != dialect.flavour) {
        return Err(CallError::WrongFlavour { needs });
    }
    if let Some(extension) = request.needs.iter().find(|extension| !dialect.extensions.has(extension)) {
        return Err(CallError::Unsupported { extension });
    }
    if (is_scoped(request) || project.is_some_and(is_beyond_default)) && !dialect.extensions.has("projects") {
        return Err(CallError::Unsupported { extension: "projects" });
    }
    for (Field::Plain(name) | Field::Own(name), value) in &request.fields {
        Draft::check_field(name, value).map_err(CallError::Head)?;
    }
    Ok(())
}

/// Starts the exchange of `request` with a server that speaks `dialect`, in `project` if the request names
/// none itself. `chance` gives the key of a websocket's handshake.
///
/// # Errors
/// As [`check`].
pub fn encode(
    request: &Request,
    dialect: &Dialect,
    project: Option<&str>,
    host: &str,
    buffers: Buffers,
    limits: &Limits,
    chance: &mut Chance,
) -> Result<Exchange, CallError> {
    check(request, dialect, project)?;
    let project = project.filter(|project| !is_scoped(request) && is_beyond_default(project));
    let mut draft = match project {
        None => Draft::new(buffers, &request.method, request.target.text()?, host),
        Some(project) => {
            let target = request.target.clone().query("project", project);
            Draft::new(buffers, &request.method, target.text()?, host)
        }
    }
    .map_err(CallError::Head)?;
    for (name, value) in &request.fields {
        match name {
            Field::Plain(name) => draft.field(name, value),
            Field::Own(name) => draft.field(&format!("{}{name}", dialect.flavour.field_prefix()), value),
        }
        .map_err(CallError::Head)?;
    }
    let key = matches!(request.want, Want::Upgrade(_)).then(|| Key::draw(chance));
    let plan = Plan { payload: request.payload.clone(), want: request.want.clone(), key };
    draft.send(plan, limits).map_err(CallError::Head)
}

/// Whether the request says itself which project it means.
fn is_scoped(request: &Request) -> bool {
    request.target.has_query("project") || request.target.has_query("all-projects")
}

/// The default project needs no name, and servers without projects know no other.
fn is_beyond_default(project: &str) -> bool {
    project != "default"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Extensions, Flavour, Target};
    use crate::wire::Need;

    fn head(request: &Request, flavour: Flavour, project: Option<&str>) -> Result<String, CallError> {
        let dialect = Dialect { flavour, extensions: Extensions::from_iter(["projects"]) };
        let mut exchange = encode(
            request,
            &dialect,
            project,
            "lxio",
            Buffers::new(),
            &Limits::DEFAULT,
            &mut Chance::seeded(1),
        )?;
        match exchange.need() {
            Ok(Need::Write(bytes)) => Ok(String::from_utf8_lossy(bytes).into_owned()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn own_fields_follow_the_flavour() {
        let request = Request::post(Target::at("/1.0/x")).field(Field::Own("mode"), "0644");
        assert!(head(&request, Flavour::Lxd, None).unwrap().contains("X-LXD-mode: 0644\r\n"));
        assert!(head(&request, Flavour::Incus, None).unwrap().contains("X-Incus-mode: 0644\r\n"));
    }

    #[test]
    fn the_project_of_the_client_yields_to_that_of_the_call() {
        let plain = Request::get(Target::at("/1.0/x"));
        let scoped = Request::get(Target::at("/1.0/x").query("project", "a b"));
        let line = |request, project| {
            head(request, Flavour::Lxd, project).unwrap().lines().next().unwrap().to_owned()
        };
        assert_eq!(line(&plain, None), "GET /1.0/x HTTP/1.1");
        assert_eq!(line(&plain, Some("default")), "GET /1.0/x HTTP/1.1");
        assert_eq!(line(&plain, Some("p")), "GET /1.0/x?project=p HTTP/1.1");
        assert_eq!(line(&scoped, Some("p")), "GET /1.0/x?project=a%20b HTTP/1.1");
    }

    #[test]
    fn what_the_server_lacks_is_refused_before_a_byte() {
        let gated = Request::get(Target::at("/1.0/x")).needs("network_acl");
        assert_eq!(
            head(&gated, Flavour::Lxd, None),
            Err(CallError::Unsupported { extension: "network_acl" })
        );
        let mut only = Request::get(Target::at("/1.0/x"));
        only.only = Some(Flavour::Incus);
        assert_eq!(head(&only, Flavour::Lxd, None), Err(CallError::WrongFlavour { needs: Flavour::Incus }));
        let split = Request::get(Target::at("/1.0/x")).field(Field::Own("uid"), "0\r\nX: y");
        assert!(matches!(head(&split, Flavour::Lxd, None), Err(CallError::Head(_))));
    }
}
