use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::LoginError;
use crate::bytes::Secret;
use crate::call::Credential;
use crate::model::Time;

/// What a login comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tokens {
    /// What is proven to the server with.
    pub access: Secret,
    /// What new ones are had for, when the server no longer takes that one.
    pub refresh: Option<Secret>,
    /// What the provider says of the user. Nobody looked at its signature.
    pub id: Option<Secret>,
    /// How long the access token is good, from the moment that it came, if the provider says.
    pub valid_for: Option<Duration>,
}

impl Tokens {
    /// `None` if the access token cannot be sent. The others may be empty, as they often are for absent.
    pub(super) fn new(access: Secret, refresh: Option<Secret>, id: Option<Secret>) -> Option<Self> {
        let sendable =
            !access.reveal().is_empty() && access.reveal().bytes().all(|byte| byte.is_ascii_graphic());
        let given = |token: &Secret| !token.reveal().is_empty();
        sendable.then(|| Self {
            access,
            refresh: refresh.filter(given),
            id: id.filter(given),
            valid_for: None,
        })
    }

    /// What goes with each request to the server.
    #[must_use]
    pub fn credential(&self) -> Credential {
        Credential::Bearer(self.access.clone())
    }

    /// The tokens as the stock clients keep them, in `oidctokens/REMOTE.json` beside their configuration. They
    /// came at `now`.
    #[must_use]
    pub fn to_json(&self, now: Timestamp) -> Secret {
        let text = |token: &Option<Secret>| token.as_ref().map_or("", Secret::reveal).to_owned();
        let expiry = self.valid_for.and_then(|valid_for| now.checked_add(valid_for).ok());
        Secret::new(
            json!({
                "access_token": self.access.reveal(),
                "token_type": "Bearer",
                "refresh_token": text(&self.refresh),
                "expiry": expiry.map_or_else(Time::never, Time::at),
                "IDTokenClaims": null,
                "IDToken": text(&self.id),
            })
            .to_string(),
        )
    }

    /// Reads what [`to_json`](Self::to_json) or a stock client wrote; it is `now`.
    ///
    /// Do not go by [`valid_for`](Self::valid_for) then, but by whether the server takes the token (401): a login by
    /// the stock client of Incus 6.0.4 writes that it ends at once.
    ///
    /// # Errors
    /// [`LoginError::BadTokens`].
    pub fn from_json(json: &str, now: Timestamp) -> Result<Self, LoginError> {
        let kept: Map<String, Value> = serde_json::from_str(json).map_err(|_| LoginError::BadTokens)?;
        let text = |name| kept.get(name).and_then(Value::as_str);
        let access = Secret::new(text("access_token").unwrap_or_default());
        let tokens =
            Self::new(access, text("refresh_token").map(Secret::new), text("IDToken").map(Secret::new));
        let tokens = tokens.ok_or(LoginError::BadTokens)?;
        let expiry = text("expiry").map(Time::parse).transpose().map_err(|_| LoginError::BadTokens)?;
        // One that is over is good for no time at all.
        let left = |expiry: Timestamp| Duration::try_from(expiry.duration_since(now)).unwrap_or_default();
        Ok(Self { valid_for: expiry.and_then(|time| time.get()).map(left), ..tokens })
    }

    /// What came for these: what did not come anew is as it was.
    pub(super) fn renewed(self, new: Self) -> Self {
        Self { refresh: new.refresh.or(self.refresh), id: new.id.or(self.id), ..new }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T11:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_file_is_that_of_the_stock_clients() {
        let stock = concat!(
            r#"{"access_token":"a.b.c","token_type":"Bearer","refresh_token":"RT","#,
            r#""expiry":"2026-11-22T11:05:00.5Z","IDTokenClaims":null,"IDToken":"d.e.f"}"#,
        );
        let tokens = Tokens::from_json(stock, now()).unwrap();
        assert_eq!(tokens.access.reveal(), "a.b.c");
        assert_eq!(tokens.refresh, Some(Secret::new("RT")));
        assert_eq!(tokens.id, Some(Secret::new("d.e.f")));
        assert_eq!(tokens.valid_for, Some(Duration::from_millis(300_500)));
        let written: serde_json::Value = serde_json::from_str(tokens.to_json(now()).reveal()).unwrap();
        assert_eq!(written, serde_json::from_str::<serde_json::Value>(stock).unwrap());
        let later = now() + Duration::from_secs(3600);
        assert_eq!(Tokens::from_json(stock, later).unwrap().valid_for, Some(Duration::ZERO));
    }

    #[test]
    fn what_is_absent_stays_so() {
        let mut tokens = Tokens::new(Secret::new("a"), None, Some(Secret::new(""))).unwrap();
        for valid_for in [None, Some(Duration::MAX)] {
            tokens.valid_for = valid_for;
            let read = Tokens::from_json(tokens.to_json(now()).reveal(), now()).unwrap();
            assert_eq!((read.refresh, read.id, read.valid_for), (None, None, None));
        }
    }

    #[test]
    fn what_cannot_be_sent_is_no_token() {
        let none = r#"{"IDTokenClaims":null,"IDToken":""}"#;
        for bad in ["", "{", "[]", none, r#"{"access_token":""}"#, r#"{"access_token":"hunter2\r\n"}"#] {
            let error = Tokens::from_json(bad, now()).unwrap_err();
            assert_eq!(error, LoginError::BadTokens, "{bad}");
        }
        let tokens = Tokens::new(Secret::new("hunter2"), Some(Secret::new("hunter2")), None).unwrap();
        assert!(!format!("{tokens:?} {:?}", tokens.to_json(now())).contains("hunter2"));
    }
}
