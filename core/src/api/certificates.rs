use serde::Serialize;

use super::listing::list;
use crate::bytes::BadName;
use crate::call::{self, Call, CallError, Change, ETag, Joining, Request, Tagged, Target};
use crate::flow::{Edit, Join, Settle};
use crate::model::{Certificate, CertificateCreate, Fingerprint, Name, Operation, Reference, TrustToken};
use crate::wire::Reply;

/// The certificates that the server trusts.
#[must_use]
pub const fn certificates() -> CertificatesHandle {
    CertificatesHandle(())
}

/// The certificate of that fingerprint, or of a unique prefix of it.
#[must_use]
pub fn certificate(fingerprint: impl Into<Fingerprint>) -> CertificateHandle {
    CertificateHandle { fingerprint: fingerprint.into() }
}

/// The certificates that the server trusts.
#[derive(Debug, Clone, Copy)]
pub struct CertificatesHandle(());

impl CertificatesHandle {
    fn here(self) -> Target {
        Target::at("/1.0/certificates")
    }

    /// `GET /1.0/certificates`: where they are, which holds their fingerprints.
    #[must_use]
    pub fn names(&self) -> Call<Vec<Reference>> {
        Request::get(self.here()).answered(list)
    }

    /// `GET /1.0/certificates?recursion=1`: the certificates.
    #[must_use]
    pub fn all(&self) -> Call<Vec<Certificate>> {
        Request::get(self.here().query("recursion", "1")).answered(list)
    }

    /// `POST /1.0/certificates`: trusts a certificate.
    #[must_use]
    pub fn create(&self, create: &CertificateCreate) -> Settle<()> {
        let mut request = Request::post(self.here()).json(create);
        if create.restricted || !create.projects.is_empty() {
            request = request.needs("certificate_project");
        }
        Settle::plain(request)
    }

    /// `POST /1.0/certificates`: a token with which one client may join. It will be called `name`; if `projects`
    /// are given, it is restricted to them.
    ///
    /// A server that does not listen on the network refuses (400). The token is good once, and for ever unless
    /// `core.remote_token_expiry` is set; cancel its operation to take it back. A restart of the server does the
    /// same. API extension `certificate_token`.
    #[must_use]
    pub fn create_token(&self, name: impl Into<Name>, projects: Option<&[&str]>) -> Call<IssuedToken> {
        let name = name.into();
        let body = serde_json::json!({
            "type": "client",
            "name": name,
            "token": true,
            "restricted": projects.is_some(),
            "projects": projects.unwrap_or_default(),
        });
        let mut request = Request::post(self.here()).json(&body).needs("certificate_token");
        // Servers give out tokens without a name, and take none.
        if name.is_empty() {
            request.target.refuse(BadName::Empty { kind: "client" }.into());
        }
        if projects.is_some() {
            request = request.needs("certificate_project");
        }
        request.answered(issued)
    }

    /// Makes the server trust this client, by what somebody who is trusted gave to it: `GET /1.0`, and unless the
    /// server trusts it already `POST /1.0/certificates`, `GET /1.0`. Ends with the server as it shows itself.
    ///
    /// `name` is what the server calls the client if it joins by password; a token has the name in it.
    #[must_use]
    pub fn join(&self, joining: Joining, name: impl Into<String>) -> Join {
        Join::new(joining, name.into())
    }
}

/// A token, and the operation on the server that stands for it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct IssuedToken {
    /// The token, for the client that is to join.
    pub token: TrustToken,
    /// Goes on until the token is used or expires; cancelled, the token is no longer good.
    pub operation: Operation,
}

fn issued(reply: &Reply<'_>) -> Result<IssuedToken, CallError> {
    let malformed = |why| CallError::Malformed { status: reply.status().as_u16(), why };
    let Change::Operation(operation) = call::change(reply)? else {
        return Err(malformed("it is no operation, where a token was promised".into()));
    };
    let token = TrustToken::from_operation(&operation).map_err(|bad| malformed(bad.to_string()))?;
    Ok(IssuedToken { token, operation: *operation })
}

/// One certificate, by fingerprint.
#[derive(Debug, Clone)]
pub struct CertificateHandle {
    fingerprint: Fingerprint,
}

impl CertificateHandle {
    fn here(&self) -> Target {
        Target::at("/1.0/certificates").name("certificate", &self.fingerprint)
    }

    /// Its fingerprint, as it was given.
    #[must_use]
    pub const fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// `GET /1.0/certificates/FINGERPRINT`.
    #[must_use]
    pub fn get(&self) -> Call<Tagged<Certificate>> {
        Request::get(self.here()).answered(call::tagged)
    }

    /// `GET /1.0/certificates/FINGERPRINT`: whether it is trusted.
    #[must_use]
    pub fn exists(&self) -> Call<bool> {
        Request::get(self.here()).answered(call::exists)
    }

    /// `PUT /1.0/certificates/FINGERPRINT`: all that can be set, as `certificate` has it. With `etag`, only if
    /// nobody changed it since. API extension `certificate_update`.
    #[must_use]
    pub fn replace(&self, certificate: &Certificate, etag: Option<&ETag>) -> Settle<()> {
        let request = Request::put(self.here()).json(&certificate.writable()).if_match(etag);
        Settle::plain(request.needs("certificate_update"))
    }

    /// `PATCH /1.0/certificates/FINGERPRINT`: only what `change` names, such as `{"name": "ci"}`. API extension
    /// `certificate_update`.
    #[must_use]
    pub fn patch(&self, change: &impl Serialize) -> Settle<()> {
        Settle::plain(Request::patch(self.here()).json(change).needs("certificate_update"))
    }

    /// Get, change, put, and again if somebody else changed it meanwhile. API extension `certificate_update`.
    #[must_use]
    pub fn edit<F: FnMut(&mut Certificate)>(&self, change: F) -> Edit<Certificate, F> {
        Edit::new(self.here(), change).needs("certificate_update")
    }

    /// `DELETE /1.0/certificates/FINGERPRINT`: trusts it no more.
    #[must_use]
    pub fn delete(&self) -> Settle<()> {
        Settle::plain(Request::delete(self.here()))
    }
}
