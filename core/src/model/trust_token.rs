//! Tokens that somebody becomes trusted with.

use std::fmt;

use data_encoding::BASE64;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use super::operation::Operation;
use super::text::{Fingerprint, Name};
use super::time::Time;
use crate::bytes::Secret;

/// No text of a token is longer, in bytes.
const LONGEST: usize = 64 << 10;

/// What a client is given so that a server comes to trust it: where the server is, how to know it, and a secret
/// that is good for one time.
///
/// Its text is that of the stock clients. Whoever has it can join in the place of the one who was meant:
/// `Debug` does not show the secret.
#[derive(Debug, Clone, PartialEq)]
pub struct TrustToken {
    client_name: Name,
    fingerprint: Fingerprint,
    addresses: Vec<String>,
    secret: Secret,
    expires_at: Time,
    rest: Rest,
}

/// Fields that this library has no name for, sent back with the others.
#[derive(Clone, PartialEq)]
struct Rest(Map<String, Value>);

impl TrustToken {
    /// Reads the text of a token. White space anywhere in it does not count, as mails and terminals break lines.
    ///
    /// # Errors
    /// [`BadTrustToken`] if it is none. It says what is wrong and repeats nothing of the text.
    pub fn decode(text: &str) -> Result<Self, BadTrustToken> {
        if text.len() > LONGEST {
            return Err(BadTrustToken::TooLong);
        }
        let text: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let json = BASE64.decode(&text).map_err(|_| BadTrustToken::Base64)?;
        match serde_json::from_slice(&json) {
            Ok(Value::Object(fields)) => Self::of(fields),
            _ => Err(BadTrustToken::Json),
        }
    }

    /// The token that an operation stands for, as the answer to the request for one begins it.
    ///
    /// # Errors
    /// [`BadTrustToken`] if it stands for none, or for one that no server would take: they take none without a
    /// name for the client.
    pub fn from_operation(operation: &Operation) -> Result<Self, BadTrustToken> {
        let it = operation.metadata();
        let field = |name: &str| it.get(name).cloned().unwrap_or_default();
        let fields = json!({
            "client_name": it.get("request").and_then(|request| request.get("name")),
            "fingerprint": field("fingerprint"),
            "addresses": field("addresses"),
            "secret": field("secret"),
            "expires_at": field("expiresAt"),
        });
        match fields {
            Value::Object(fields) => Self::of(fields),
            _ => Err(BadTrustToken::Json),
        }
    }

    fn of(mut fields: Map<String, Value>) -> Result<Self, BadTrustToken> {
        let mut text = |field| match fields.remove(field) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text),
            _ => Err(BadTrustToken::Missing { field }),
        };
        let client_name = text("client_name")?.into();
        let fingerprint = text("fingerprint")?.to_ascii_lowercase();
        let secret = Secret::new(text("secret")?);
        if fingerprint.len() != 64 || !fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(BadTrustToken::Fingerprint);
        }
        let addresses = match fields.remove("addresses") {
            Some(Value::Array(addresses)) if !addresses.is_empty() => addresses,
            _ => return Err(BadTrustToken::Missing { field: "addresses" }),
        };
        let addresses = addresses.into_iter().map(|address| match address {
            Value::String(address) if !address.is_empty() => Ok(address),
            _ => Err(BadTrustToken::Missing { field: "addresses" }),
        });
        let expires_at = match fields.remove("expires_at") {
            None | Some(Value::Null) => Time::never(),
            Some(Value::String(text)) => Time::parse(&text).map_err(|_| BadTrustToken::Expiry)?,
            Some(_) => return Err(BadTrustToken::Expiry),
        };
        Ok(Self {
            client_name,
            fingerprint: fingerprint.into(),
            addresses: addresses.collect::<Result<_, _>>()?,
            secret,
            expires_at,
            rest: Rest(fields),
        })
    }

    /// The text, as the stock clients take it.
    #[must_use]
    pub fn encode(&self) -> Secret {
        // Texts, a time and what was JSON before always are JSON.
        Secret::new(BASE64.encode(&serde_json::to_vec(&Fields(self)).unwrap_or_default()))
    }

    /// The name that the client's certificate will have.
    #[must_use]
    pub const fn client_name(&self) -> &Name {
        &self.client_name
    }

    /// The SHA-256 of the server's certificate, 64 digits of lower-case hex. The secret is for no other server.
    #[must_use]
    pub const fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Where the server listens, `host:port` each; at least one. Not all need be reachable from here.
    #[must_use]
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// The secret.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Until when it is good; unset if for ever.
    #[must_use]
    pub const fn expires_at(&self) -> &Time {
        &self.expires_at
    }

    /// Whether its time was over at `now`, in seconds since 1970. The server's clock is the one that counts.
    #[must_use]
    pub fn is_expired(&self, now: i64) -> bool {
        self.expires_at.get().is_some_and(|at| at.as_second() < now)
    }
}

/// The fields in the order of the stock clients.
struct Fields<'a>(&'a TrustToken);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("client_name", &self.0.client_name)?;
        map.serialize_entry("fingerprint", &self.0.fingerprint)?;
        map.serialize_entry("addresses", &self.0.addresses)?;
        map.serialize_entry("secret", self.0.secret.reveal())?;
        map.serialize_entry("expires_at", &self.0.expires_at)?;
        for (name, value) in &self.0.rest.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Shows names alone: nobody knows whether an unknown value is a secret.
impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Why a text, or an operation, is no trust token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadTrustToken {
    /// It is longer than any token: more than 64 KiB.
    TooLong,
    /// It is no base64.
    Base64,
    /// What is in it is no JSON object.
    Json,
    /// A field is missing, empty or of another kind.
    Missing {
        /// Which.
        field: &'static str,
    },
    /// The fingerprint is not 64 hexadecimal digits.
    Fingerprint,
    /// The time at which it expires cannot be read.
    Expiry,
    /// None of its addresses can be used from here.
    Addresses,
}

impl fmt::Display for BadTrustToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("the trust token is too long"),
            Self::Base64 => f.write_str("the trust token is no base64"),
            Self::Json => f.write_str("the trust token holds no JSON object"),
            Self::Missing { field } => write!(f, "the trust token has no {field}"),
            Self::Fingerprint => {
                f.write_str("the fingerprint in the trust token is not 64 hexadecimal digits")
            }
            Self::Expiry => f.write_str("the expiry of the trust token is no time"),
            Self::Addresses => f.write_str("none of the addresses in the trust token can be used"),
        }
    }
}

impl std::error::Error for BadTrustToken {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::from_value;

    const HASH: &str = "e6537d7056c08da0930ff8e61a6b8e44b6f70c5927032ed7832d7f79bfe5b8d6";

    /// As the stock client of Incus 6.0.4 writes it.
    fn json(expires: &str) -> String {
        format!(
            r#"{{"client_name":"ci","fingerprint":"{HASH}","addresses":["127.0.0.1:8443","[::1]:8443"],"secret":"hunter2","expires_at":"{expires}"}}"#
        )
    }

    fn text(json: &str) -> String {
        BASE64.encode(json.as_bytes())
    }

    fn with(field: &str, value: Value) -> String {
        let mut fields: Value = serde_json::from_str(&json("0001-01-01T00:00:00Z")).unwrap();
        fields[field] = value;
        text(&fields.to_string())
    }

    #[test]
    fn the_text_goes_in_and_comes_out() {
        for expires in ["0001-01-01T00:00:00Z", "2026-11-22T11:44:24.427923844Z"] {
            let given = text(&json(expires));
            let token = TrustToken::decode(&given).unwrap();
            assert_eq!(
                (token.client_name(), token.fingerprint()),
                (&Name::from("ci"), &Fingerprint::from(HASH))
            );
            assert_eq!(token.addresses(), ["127.0.0.1:8443", "[::1]:8443"]);
            assert_eq!(token.secret().reveal(), "hunter2");
            assert_eq!(token.encode().reveal(), given);
            let (front, back) = given.split_at(70);
            assert_eq!(TrustToken::decode(&format!(" {front}\r\n\t{back}\n")).unwrap(), token);
        }
        let token = TrustToken::decode(&with("type", json!("hunter2"))).unwrap();
        assert!(!format!("{token:?}").contains("hunter2"), "{token:?}");
        assert_eq!(TrustToken::decode(token.encode().reveal()).unwrap(), token);
    }

    #[test]
    fn what_is_no_token_says_why() {
        let missing = |field| BadTrustToken::Missing { field };
        for (text, why) in [
            (String::new(), BadTrustToken::Json),
            ("sekret!".into(), BadTrustToken::Base64),
            (text("{}").replace('=', ""), BadTrustToken::Base64),
            (text("[]"), BadTrustToken::Json),
            (text("{"), BadTrustToken::Json),
            (text(&"[".repeat(4000)), BadTrustToken::Json),
            (text("{}"), missing("client_name")),
            ("A".repeat(LONGEST + 1), BadTrustToken::TooLong),
            (with("client_name", "".into()), missing("client_name")),
            (with("secret", 7.into()), missing("secret")),
            (with("addresses", json!([])), missing("addresses")),
            (with("addresses", json!([""])), missing("addresses")),
            (with("addresses", Value::Null), missing("addresses")),
            (with("fingerprint", "".into()), missing("fingerprint")),
            (with("fingerprint", HASH[1..].into()), BadTrustToken::Fingerprint),
            (with("fingerprint", "x".repeat(64).into()), BadTrustToken::Fingerprint),
            (with("expires_at", "tomorrow".into()), BadTrustToken::Expiry),
            (with("expires_at", 7.into()), BadTrustToken::Expiry),
        ] {
            assert_eq!(TrustToken::decode(&text).unwrap_err(), why, "{text}");
        }
    }

    #[test]
    fn it_expires_if_it_says_when() {
        let at = |expires: &str| TrustToken::decode(&text(&json(expires))).unwrap();
        let second = 1_795_347_864;
        let token = at("2026-11-22T11:44:24.4Z");
        assert_eq!(token.expires_at().get().unwrap().as_second(), second);
        assert!(!token.is_expired(second) && token.is_expired(second + 1));
        assert!(!at("0001-01-01T00:00:00Z").is_expired(i64::MAX));
        let unset = TrustToken::decode(&with("expires_at", Value::Null)).unwrap();
        assert!(!unset.is_expired(i64::MAX));
    }

    #[test]
    fn the_operation_of_a_token_holds_it() {
        // As LXD 5.0.2 answered.
        let mut operation = json!({
            "id": "46e9ce20-b40b-4481-b12f-df203d87cb79", "class": "token", "status_code": 103,
            "metadata": {
                "addresses": ["127.0.0.1:8443"],
                "expiresAt": "2026-11-22T11:44:24.427923844Z",
                "fingerprint": HASH,
                "request": {"name": "ci", "type": "client", "restricted": true, "projects": ["default"],
                    "certificate": "", "password": "", "token": true},
                "secret": "hunter2",
            },
        });
        let of = |operation: &Value| TrustToken::from_operation(&from_value(operation.clone()).unwrap());
        let token = of(&operation).unwrap();
        assert_eq!((token.client_name().as_str(), token.secret().reveal()), ("ci", "hunter2"));
        assert_eq!(token.expires_at().to_string(), "2026-11-22T11:44:24.427923844Z");
        assert_eq!(TrustToken::decode(token.encode().reveal()).unwrap(), token);
        operation["metadata"]["request"]["name"] = "".into();
        assert_eq!(of(&operation).unwrap_err(), BadTrustToken::Missing { field: "client_name" });
        operation["metadata"] = Value::Null;
        assert!(of(&operation).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = TrustToken::decode(&text);
            let _ = TrustToken::decode(&BASE64.encode(&bytes));
        }
    }
}
