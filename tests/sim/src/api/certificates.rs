use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::Digest;

use super::access::{Access, not_authorized};
use super::{base64, body, joining, listing};
use crate::Peer;
use crate::http::{Answer, Answered, Refusal, Request, check_match};
use crate::world::World;

/// A certificate of somebody who is trusted, by its fingerprint.
pub(crate) type Certificates = BTreeMap<String, Certificate>;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Certificate {
    name: String,
    /// `client`, `metrics` or `server`.
    pub(super) kind: String,
    pub(super) restricted: bool,
    pub(super) projects: Vec<String>,
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

    fn check_projects(&self, it: &Certificate) -> Result<(), Refusal> {
        let known = |name: &String| self.state.projects.contains_key(name);
        if it.projects.iter().all(known) { Ok(()) } else { Err(Refusal::new(404, "Project not found")) }
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
    let mut object = body::of(request, "CertificatesPost")?;
    body::check(&object, "CertificatesPost")?;
    for name in ["type", "certificate", world.either("password", "trust_token")] {
        let odd = object.get(name).filter(|it| !it.is_string() && !it.is_null());
        if let Some(odd) = odd {
            return Err(body::mistyped(body::kind(odd), "CertificatesPost", name, "string"));
        }
    }
    let given = match world.access(request) {
        Access::Full if body::flag(&object, "token") => return joining::issue(world, request, &object),
        Access::Full if body::text(&object, "certificate").is_empty() => {
            return Err(Refusal::new(400, "Client is already trusted"));
        }
        Access::Full => None,
        Access::Projects { .. }
            if body::text(&object, "certificate").is_empty() && !body::flag(&object, "token") =>
        {
            return Err(Refusal::new(400, "Client is already trusted"));
        }
        Access::Projects { .. } => return Err(not_authorized()),
        Access::Metrics | Access::Nothing => {
            object = joining::admit(world, object)?;
            match &request.peer {
                Peer::Network { certificate } if body::text(&object, "certificate").is_empty() => Some(
                    certificate.clone().ok_or_else(|| Refusal::new(400, "No client certificate provided"))?,
                ),
                _ => None,
            }
        }
    };
    if !["client", "metrics", "server"].contains(&body::text(&object, "type")) {
        return Err(Refusal::new(400, "Invalid certificate type"));
    }
    let bad = |at| Refusal::new(400, format!("illegal base64 data at input byte {at}"));
    let der = match given {
        Some(der) => der.to_vec(),
        None => base64::decode(body::text(&object, "certificate")).map_err(bad)?,
    };
    if !is_sequence(&der) {
        return Err(Refusal::new(400, "Invalid certificate material: x509: malformed certificate"));
    }
    let fingerprint = fingerprint(&der);
    if world.state.certificates.contains_key(&fingerprint) {
        return Err(Refusal::new(409, "Certificate already in trust store"));
    }
    let name = Some(body::text(&object, "name")).filter(|it| !it.is_empty());
    let certificate = Certificate {
        name: name.map_or_else(|| common_name(&der), str::to_owned),
        kind: body::text(&object, "type").to_owned(),
        restricted: body::flag(&object, "restricted"),
        projects: body::texts(&object, "projects").unwrap_or_default(),
        description: body::text(&object, "description").to_owned(),
        pem: format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", base64::encode(&der)),
    };
    world.check_projects(&certificate)?;
    world.state.certificates.insert(fingerprint.clone(), certificate);
    world.certificate_event("certificate-created", &fingerprint);
    Ok(Answer::Created(world.path(&["certificates", &fingerprint])))
}

/// The common name of whom a certificate is for: the last one in it.
fn common_name(der: &[u8]) -> String {
    const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];
    let at = der.windows(3).rposition(|it| it == COMMON_NAME);
    let text = at.and_then(|at| match &der[at + 3..] {
        [_, length, text @ ..] => text.get(..usize::from(*length)),
        _ => None,
    });
    String::from_utf8_lossy(text.unwrap_or_default()).into_owned()
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
    let access = world.access(request);
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
    if access != Access::Full && new != *old {
        return Err(Refusal::new(403, "Only the certificate can be changed"));
    }
    world.check_projects(&new)?;
    let mut now = fingerprint.clone();
    let pem = body::text(&object, "certificate");
    if !pem.is_empty() {
        let Some(der) = bytes_of(pem) else {
            // LXD trips over it, and the connection goes down.
            let bad = Refusal::new(400, "Invalid PEM encoded certificate");
            return if world.is_lxd() { Ok(Answer::Nothing) } else { Err(bad) };
        };
        now = self::fingerprint(&der);
        new.pem = pem.to_owned();
    }
    if matches!(&access, Access::Projects { of, .. } if now != fingerprint && *of != fingerprint) {
        return Err(Refusal::new(403, "Certificate cannot be changed"));
    }
    if now != fingerprint && world.state.certificates.contains_key(&now) {
        let why = "UNIQUE constraint failed: certificates.fingerprint";
        return Err(Refusal::new(500, format!("Update \"certificates\" entry failed: {why}")));
    }
    world.state.certificates.remove(&fingerprint);
    world.state.certificates.insert(now, new);
    world.certificate_event("certificate-updated", &fingerprint);
    Answer::empty()
}

/// `DELETE /1.0/certificates/{fingerprint}`.
pub(crate) fn delete(world: &mut World, request: &Request, prefix: &str) -> Answered {
    let access = world.access(request);
    if access != Access::Full && world.is_lxd() {
        return Err(not_authorized());
    }
    let fingerprint = world.certificate(prefix)?.0.to_owned();
    if access != Access::Full {
        return Err(Refusal::new(403, "Certificate is restricted"));
    }
    world.state.certificates.remove(&fingerprint);
    world.certificate_event("certificate-deleted", prefix);
    Answer::empty()
}
