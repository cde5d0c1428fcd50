use super::{CallError, Credential, Dialect, Field, Request};
use crate::bytes::{Chance, Limits};
use crate::wire::{Buffers, Draft, Exchange, Key, Plan, Want};

/// The field that a credential goes in.
const AUTHORIZATION: &str = "Authorization";

/// The server that a session is with, and as whom it is spoken to.
#[derive(Debug, Clone, Copy)]
pub struct Peer<'a> {
    /// What it speaks.
    pub dialect: &'a Dialect,
    /// The project of requests that name none.
    pub project: Option<&'a str>,
    /// What is proven to it.
    pub credential: &'a Credential,
    /// What stands in `Host`.
    pub host: &'a str,
    /// What is accepted from it.
    pub limits: &'a Limits,
}

/// Checks what can be checked before a connection is made.
///
/// A request to another server than the session's needs no extension, whatever it says.
///
/// # Errors
/// [`CallError`] of the kinds that are raised before a byte is sent.
pub fn check(request: &Request, dialect: &Dialect, project: Option<&str>) -> Result<(), CallError> {
    request.target.text()?;
    for (name, value) in &request.fields {
        let name = match name {
            Field::Own(name) if request.origin.is_some() => {
                let what =
                    format!("the field {name} is for LXD or Incus, and the request for another server");
                return Err(CallError::BadArgument { what });
            }
            Field::Plain(name) | Field::Own(name) => name,
        };
        Draft::check_field(name, value).map_err(CallError::Head)?;
    }
    if request.origin.is_some() {
        return Ok(());
    }
    if let Some(needs) = request.only.filter(|needs| *needs != dialect.flavour) {
        return Err(CallError::WrongFlavour { needs });
    }
    if let Some(extension) = request.needs.iter().find(|extension| !dialect.extensions.has(extension)) {
        return Err(CallError::Unsupported { extension });
    }
    if (is_scoped(request) || project.is_some_and(is_beyond_default)) && !dialect.extensions.has("projects") {
        return Err(CallError::Unsupported { extension: "projects" });
    }
    Ok(())
}

/// Starts the exchange of `request` with `peer`, in its project if the request names none itself, or with the
/// server that the request names. `chance` gives the key of a websocket's handshake.
///
/// A request with an `Authorization` field of its own is sent with that one.
///
/// # Errors
/// As [`check`], and if the credential cannot stand in a field.
pub fn encode(
    request: &Request,
    peer: &Peer<'_>,
    buffers: Buffers,
    chance: &mut Chance,
) -> Result<Exchange, CallError> {
    check(request, peer.dialect, peer.project)?;
    let mut draft = match &request.origin {
        Some(origin) => Draft::new(buffers, &request.method, request.target.text()?, &origin.authority()),
        None => match peer.project.filter(|project| !is_scoped(request) && is_beyond_default(project)) {
            None => Draft::new(buffers, &request.method, request.target.text()?, peer.host),
            Some(project) => {
                let target = request.target.clone().query("project", project);
                Draft::new(buffers, &request.method, target.text()?, peer.host)
            }
        },
    }
    .map_err(CallError::Head)?;
    let proven =
        |name: &Field| matches!(name, Field::Plain(name) if name.eq_ignore_ascii_case(AUTHORIZATION));
    let silent = request.origin.is_some() || request.fields.iter().any(|(name, _)| proven(name));
    if let Some(value) = peer.credential.field().filter(|_| !silent) {
        draft.field(AUTHORIZATION, value.as_bytes()).map_err(CallError::Head)?;
    }
    for (name, value) in &request.fields {
        match name {
            Field::Plain(name) => draft.field(name, value),
            Field::Own(name) => draft.field(&format!("{}{name}", peer.dialect.flavour.field_prefix()), value),
        }
        .map_err(CallError::Head)?;
    }
    let key = matches!(request.want, Want::Upgrade(_)).then(|| Key::draw(chance));
    let plan = Plan { payload: request.payload.clone(), want: request.want.clone(), key };
    let body = request.most.map_or(peer.limits.body, |most| most.min(peer.limits.body));
    draft.send(plan, &Limits { body, ..peer.limits.clone() }).map_err(CallError::Head)
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
    use crate::bytes::Secret;
    use crate::call::{Extensions, Flavour, Target};
    use crate::wire::{Need, Origin};

    fn begin(
        request: &Request,
        flavour: Flavour,
        project: Option<&str>,
        credential: &Credential,
    ) -> Result<Exchange, CallError> {
        let dialect = Dialect { flavour, extensions: Extensions::from_iter(["projects"]) };
        let peer = Peer { dialect: &dialect, project, credential, host: "lxio", limits: &Limits::DEFAULT };
        encode(request, &peer, Buffers::new(), &mut Chance::seeded(1))
    }

    fn sent(exchange: &mut Exchange) -> String {
        match exchange.need() {
            Ok(Need::Write(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
            other => panic!("{other:?}"),
        }
    }

    fn head(request: &Request, flavour: Flavour, project: Option<&str>) -> Result<String, CallError> {
        begin(request, flavour, project, &Credential::None).map(|mut exchange| sent(&mut exchange))
    }

    fn proven(request: &Request, token: &str) -> Result<String, CallError> {
        let credential = Credential::Bearer(Secret::new(token));
        begin(request, Flavour::Incus, Some("p"), &credential).map(|mut exchange| sent(&mut exchange))
    }

    #[test]
    fn a_credential_goes_to_the_server_of_the_session_alone() {
        let here = Request::get(Target::at("/1.0/x"));
        assert_eq!(
            proven(&here, "t0ken").unwrap(),
            "GET /1.0/x?project=p HTTP/1.1\r\nHost: lxio\r\nAuthorization: Bearer t0ken\r\n\r\n"
        );
        let own = here.field(Field::Plain("authorization"), "Bearer");
        assert_eq!(
            proven(&own, "t0ken").unwrap(),
            "GET /1.0/x?project=p HTTP/1.1\r\nHost: lxio\r\nauthorization: Bearer\r\n\r\n"
        );
        // Nor does the other server have to have what only daemons have.
        let mut there = Request::post(Target::at("/token")).form(&[("a", "b")]).needs("network_acl");
        there.only = Some(Flavour::Lxd);
        assert_eq!(
            proven(&there.to(Origin::parse("idp.example", 443).unwrap()), "t0ken").unwrap(),
            concat!(
                "POST /token HTTP/1.1\r\nHost: idp.example\r\n",
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b"
            )
        );
    }

    #[test]
    fn a_credential_cannot_split_a_head() {
        let error = proven(&Request::get(Target::at("/1.0/x")), "hunter2\r\nX: y").unwrap_err();
        assert!(matches!(error, CallError::Head(_)), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }

    #[test]
    fn other_servers_have_no_fields_of_the_daemons() {
        let request = Request::get(Target::at("/x")).field(Field::Own("mode"), "0644");
        let request = request.to(Origin::parse("http://[::1]:8080", 80).unwrap());
        assert!(matches!(head(&request, Flavour::Lxd, None), Err(CallError::BadArgument { .. })));
    }

    #[test]
    fn a_request_may_want_less_than_the_limit() {
        for (most, accepted) in [(None, true), (Some(5), true), (Some(usize::MAX), true), (Some(4), false)] {
            let mut request = Request::get(Target::at("/1.0/x"));
            request.most = most;
            let mut exchange = begin(&request, Flavour::Lxd, None, &Credential::None).unwrap();
            let count = sent(&mut exchange).len();
            exchange.wrote(count);
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
            let Ok(Need::Read(space)) = exchange.need() else { panic!() };
            space[..answer.len()].copy_from_slice(answer);
            exchange.read(answer.len());
            assert_eq!(matches!(exchange.need(), Ok(Need::Done)), accepted, "{most:?}");
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
