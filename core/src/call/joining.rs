use serde_json::json;

use super::{CallError, Dialect, Flavour, Request, Target};
use crate::bytes::Secret;
use crate::model::TrustToken;

/// What a client that a server does not trust yet shows to become trusted.
#[derive(Debug, Clone, PartialEq)]
pub enum Joining {
    /// The trust password of the server. LXD alone has one, and its newest versions no more.
    Password(Secret),
    /// A token that somebody who is trusted was given.
    Token(TrustToken),
}

impl Joining {
    /// `POST /1.0/certificates` by the client itself: the server takes the certificate that the client shows on
    /// this connection. `name` is what it will be called; the common name in the certificate if empty. A
    /// token brings a name of its own, and projects if it is restricted.
    ///
    /// LXD takes a token in the place of the password, unless it has `explicit_trust_token`. Incus has no
    /// password: the request is refused before it is sent.
    #[must_use]
    pub fn request(&self, name: &str, dialect: &Dialect) -> Request {
        let incus = dialect.flavour == Flavour::Incus;
        let (field, secret) = match self {
            Self::Password(password) => ("password", password.clone()),
            Self::Token(token) if incus || dialect.extensions.has("explicit_trust_token") => {
                ("trust_token", token.encode())
            }
            Self::Token(token) => ("password", token.encode()),
        };
        let body = json!({ "type": "client", "name": name, field: secret.reveal() });
        let mut request = Request::post(Target::at("/1.0/certificates")).json(&body);
        if incus && matches!(self, Self::Password(_)) {
            let what = "Incus has no trust password: join with a token".into();
            request.target.refuse(CallError::BadArgument { what });
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Payload;
    use serde_json::{Value, from_slice};

    fn token() -> TrustToken {
        TrustToken::decode(concat!(
            "eyJjbGllbnRfbmFtZSI6ImNpIiwiZmluZ2VycHJpbnQiOiIwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
            "ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmIiwiYWRkcmVzc2VzIjpbIjEyNy4wLjAuMTo4NDQzIl0sInNlY3JldCI6Imh1bnRlcjIi",
            "LCJleHBpcmVzX2F0IjoiMDAwMS0wMS0wMVQwMDowMDowMFoifQ==",
        ))
        .unwrap()
    }

    fn body(joining: &Joining, flavour: Flavour, extensions: &[&str]) -> Result<Value, CallError> {
        let dialect = Dialect { flavour, extensions: extensions.iter().copied().collect() };
        let request = joining.request("me", &dialect);
        request.target.text()?;
        let shown = format!("{joining:?} {request:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("eyJ"), "{shown}");
        match &request.payload {
            Payload::Bytes(bytes) => Ok(from_slice(bytes).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_server_gets_the_field_that_it_reads() {
        let joining = Joining::Token(token());
        let text = token().encode();
        let with = |field: &str| json!({ "type": "client", "name": "me", field: text.reveal() });
        assert_eq!(body(&joining, Flavour::Lxd, &[]).unwrap(), with("password"));
        assert_eq!(body(&joining, Flavour::Lxd, &["explicit_trust_token"]).unwrap(), with("trust_token"));
        assert_eq!(body(&joining, Flavour::Incus, &[]).unwrap(), with("trust_token"));
        let joining = Joining::Password(Secret::new("hunter2"));
        let sent = body(&joining, Flavour::Lxd, &[]).unwrap();
        assert_eq!(sent, json!({ "type": "client", "name": "me", "password": "hunter2" }));
    }

    #[test]
    fn incus_is_sent_no_password() {
        let error = body(&Joining::Password(Secret::new("hunter2")), Flavour::Incus, &[]).unwrap_err();
        assert!(error.is_misuse() && !error.to_string().contains("hunter2"), "{error}");
    }
}
