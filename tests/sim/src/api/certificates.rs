use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha2::Digest;

use super::{base64, body, listing};
use crate::http::{Answer, Answered, Refusal, Request, check_match};
use crate::world::{Begin, Class, World};

/// A certificate of somebody who is trusted, by its fingerprint.
pub(crate) type Certificates = BTreeMap<String, Certificate>;

#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    name: String,
    /// `client` or `metrics`.
    kind: String,
    restricted: bool,
    projects: Vec<String>,
    description: String,
    pem: String,
}

/// The fingerprint of a certificate's bytes.
pub(crate) fn fingerprint(der: &[u8]) -> String {
    sha2::Sha256::digest(der).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes between the first and the last line of a PEM text.
pub(crate) fn bytes_of(pem: &str) -> Option<Vec<u8>> {
    let inner = pem.trim().strip_prefix("-----BEGIN CERTIFICATE-----")?;
    base64::decode(inner.strip_suffix("-----END CERTIFICATE-----")?).ok()
}

impl World {
    fn certificate(&self, prefix: &str) -> Result<(&str, &Certificate), Refusal> {
        let mut fitting =
            self.state.certificates.range(prefix.to_owned()..).filter(|(it, _)| it.starts_with(prefix));
        match (fitting.next(), fitting.next()) {
            (Some((fingerprint, it)), None) => Ok((fingerprint, it)),
            (Some(_), Some(_)) => Err(Refusal::new(500, "More than one certificate matches")),
            (None, _) => Err(Refusal::new(404, "Certificate not found")),
        }
    }

    fn certificate_value(&self, fingerprint: &str, it: &Certificate) -> Value {
        let mut value = json!({
            "certificate": it.pem,
            "fingerprint": fingerprint,
            "name": it.name,
            "projects": it.projects,
            "restricted": it.restricted,
            "type": it.kind,
        });
        if !self.is_lxd() {
            value["description"] = it.description.as_str().into();
        }
        value
    }

    fn certificate_event(&mut self, action: &str, fingerprint: &str) {
        let path = self.path(&["certificates", fingerprint]);
        self.lifecycle(action, "default", &path, None);
    }
}

/// `GET /1.0/certificates`.
pub(crate) fn list(world: &World, request: &Request) -> Answered {
    let items = world.state.certificates.iter();
    let items =
        items.map(|(name, it)| (world.path(&["certificates", name]), world.certificate_value(name, it)));
    if world.is_lxd() { listing::unfiltered(request, items) } else { listing::list(world, request, items) }
}

/// `POST /1.0/certificates`.
pub(crate) fn create(world: &mut World, request: &Request) -> Answered {
    let object = body::of(request, "CertificatesPost")?;
    body::check(&object, "CertificatesPost")?;
    if body::flag(&object, "token") {
        return token(world, request, &object);
    }
    let given = body::text(&object, "certificate");
    if given.is_empty() {
        return Err(Refusal::new(400, "Client is already trusted"));
    }
    if !["client", "metrics"].contains(&body::text(&object, "type")) {
        return Err(Refusal::new(400, "Invalid certificate type"));
    }
    let bad = |at| Refusal::new(400, format!("illegal base64 data at input byte {at}"));
    let der = base64::decode(given).map_err(bad)?;
    if !is_sequence(&der) {
        return Err(Refusal::new(400, "Invalid certificate material: x509: malformed certificate"));
    }
    let fingerprint = fingerprint(&der);
    if world.state.certificates.contains_key(&fingerprint) {
        return Err(Refusal::new(409, "Certificate already in trust store"));
    }
    let certificate = Certificate {
        name: body::text(&object, "name").to_owned(),
        kind: body::text(&object, "type").to_owned(),
        restricted: body::flag(&object, "restricted"),
        projects: body::texts(&object, "projects").unwrap_or_default(),
        description: body::text(&object, "description").to_owned(),
        pem: format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", base64::encode(&der)),
    };
    world.state.certificates.insert(fingerprint.clone(), certificate);
    world.certificate_event("certificate-created", &fingerprint);
    Ok(Answer::Created(world.path(&["certificates", &fingerprint])))
}

/// Whether the bytes are one sequence from the first to the last, as every certificate is.
fn is_sequence(der: &[u8]) -> bool {
    let length = match der {
        [0x30, length @ 0..=0x7f, ..] => usize::from(*length) + 2,
        [0x30, 0x81, length, ..] => usize::from(*length) + 3,
        [0x30, 0x82, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])) + 4,
        _ => return false,
    };
    length == der.len()
}

/// A token that somebody else may become trusted with.
fn token(world: &mut World, request: &Request, object: &Map<String, Value>) -> Answered {
    let refused = |text: &str| Err(Refusal::new(400, text));
    if !body::text(object, "certificate").is_empty() {
        return refused("Can't use certificate if token is requested");
    }
    if body::text(object, "type") != "client" {
        return refused("Tokens can only be issued for client certificates");
    }
    let addresses = world.addresses();
    if addresses.is_empty() {
        return refused("Can't issue token when server isn't listening on network");
    }
    let mut asked = json!({
        "certificate": "",
        "name": body::text(object, "name"),
        "projects": body::texts(object, "projects").unwrap_or_default(),
        "restricted": body::flag(object, "restricted"),
        "token": true,
        "type": "client",
    });
    asked[world.either("password", "trust_token")] = "".into();
    if !world.is_lxd() {
        asked["description"] = body::text(object, "description").into();
    }
    let mut begin =
        Begin::task("Executing operation", request.project(), world.either(Value::Null, json!({})));
    begin.class = Class::Token;
    begin.may_cancel = true;
    begin.metadata = json!({
        "addresses": addresses,
        "fingerprint": world.server_certificate().1,
        "request": asked,
        "secret": world.secret(),
    });
    let id = world.open(begin);
    Ok(Answer::Async(id))
}

/// `GET /1.0/certificates/{fingerprint}`.
pub(crate) fn get(world: &World, prefix: &str) -> Answered {
    let (fingerprint, it) = world.certificate(prefix)?;
    let value = world.certificate_value(fingerprint, it);
    Answer::tagged(value.clone(), &value)
}

/// `PUT /1.0/certificates/{fingerprint}`.
pub(crate) fn put(world: &mut World, request: &Request, prefix: &str) -> Answered {
    change(world, request, prefix, true)
}

/// `PATCH /1.0/certificates/{fingerprint}`.
pub(crate) fn patch(world: &mut World, request: &Request, prefix: &str) -> Answered {
    change(world, request, prefix, false)
}

fn change(world: &mut World, request: &Request, prefix: &str, whole: bool) -> Answered {
    let (fingerprint, old) = world.certificate(prefix)?;
    check_match(request.field("if-match"), &world.certificate_value(fingerprint, old))?;
    let object = body::of(request, "CertificatePut")?;
    body::check(&object, "CertificatePut")?;
    let (fingerprint, mut new) = (fingerprint.to_owned(), old.clone());
    let wanted = |name: &str| whole || object.contains_key(name);
    if wanted("type") && body::text(&object, "type") != new.kind {
        return Err(Refusal::new(world.either(403, 400), "The certificate type cannot be changed"));
    }
    if wanted("name") {
        new.name = body::text(&object, "name").to_owned();
    }
    if wanted("description") {
        new.description = body::text(&object, "description").to_owned();
    }
    if wanted("restricted") {
        new.restricted = body::flag(&object, "restricted");
    }
    if wanted("projects") {
        new.projects = body::texts(&object, "projects").unwrap_or_default();
    }
    let mut now = fingerprint.clone();
    if let Some(der) = bytes_of(body::text(&object, "certificate")) {
        now = self::fingerprint(&der);
        new.pem = body::text(&object, "certificate").to_owned();
    }
    world.state.certificates.remove(&fingerprint);
    world.state.certificates.insert(now, new);
    world.certificate_event("certificate-updated", &fingerprint);
    Answer::empty()
}

/// `DELETE /1.0/certificates/{fingerprint}`.
pub(crate) fn delete(world: &mut World, prefix: &str) -> Answered {
    let fingerprint = world.certificate(prefix)?.0.to_owned();
    world.state.certificates.remove(&fingerprint);
    world.certificate_event("certificate-deleted", prefix);
    Answer::empty()
}
