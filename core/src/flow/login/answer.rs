use std::time::Duration;

use http::StatusCode;
use serde_json::{Map, Value};

use super::endpoint::Endpoint;
use super::{LoginError, Prompt, Tokens};
use crate::bytes::Secret;
use crate::wire::Reply;

/// Most characters of a text of the provider that are shown.
const SHOWN: usize = 300;
/// How long a code is good if the provider does not say.
const LIFETIME: Duration = Duration::from_secs(600);
/// The longest that a code is waited for.
const LONGEST_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// The pause between two questions if the provider names none.
const INTERVAL: Duration = Duration::from_secs(5);
/// The shortest pause.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// An answer: a JSON object.
pub(super) struct Answer {
    fields: Map<String, Value>,
    status: u16,
}

impl Answer {
    /// Reads a good answer.
    pub(super) fn read(reply: &Reply<'_>) -> Result<Self, LoginError> {
        let status = reply.status().as_u16();
        if reply.status().is_redirection() {
            return Err(LoginError::Redirected { status });
        }
        if !reply.status().is_success() {
            return Err(LoginError::BadAnswer { status, why: "it is no good answer" });
        }
        Self::any(reply).ok_or(LoginError::BadAnswer { status, why: "it is no JSON object" })
    }

    /// Reads an answer whatever its status.
    fn any(reply: &Reply<'_>) -> Option<Self> {
        // The parser's own words would repeat what it found.
        let fields = serde_json::from_slice(reply.body()).ok()?;
        Some(Self { fields, status: reply.status().as_u16() })
    }

    const fn bad(&self, why: &'static str) -> LoginError {
        LoginError::BadAnswer { status: self.status, why }
    }

    /// The text of a field that may be absent or empty, which is the same.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, LoginError> {
        match self.fields.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
            Some(_) => Err(self.bad("a field that should be text is none")),
        }
    }

    /// The text of a field that must be there.
    pub(super) fn needed(&mut self, name: &str) -> Result<String, LoginError> {
        self.text(name)?.ok_or_else(|| self.bad("a field is absent"))
    }

    fn secret(&mut self, name: &str) -> Result<Option<Secret>, LoginError> {
        Ok(self.text(name)?.map(Secret::new))
    }

    fn seconds(&mut self, name: &str) -> Result<Option<Duration>, LoginError> {
        match self.fields.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_u64() {
                Some(seconds) => Ok(Some(Duration::from_secs(seconds))),
                None => Err(self.bad("a field that should be a number of seconds is none")),
            },
        }
    }
}

/// Printable, and not too much of it.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(SHOWN).collect()
}

/// The refusal in an answer, if it is one. What holds `secret`, which was sent, is not repeated.
fn refusal(reply: &Reply<'_>, secret: Option<&Secret>) -> Option<LoginError> {
    let mut answer = Answer::any(reply)?;
    let mut told = |name| {
        let text = answer.text(name).ok()??;
        secret.is_none_or(|secret| !text.contains(secret.reveal())).then(|| shown(&text))
    };
    let error = told("error")?;
    Some(match error.as_str() {
        "access_denied" => LoginError::Denied,
        "expired_token" => LoginError::Expired,
        "invalid_grant" => LoginError::InvalidGrant,
        _ => LoginError::Refused { error, description: told("error_description") },
    })
}

/// A login that has begun.
pub(super) struct Begun {
    /// What the user is told.
    pub(super) prompt: Prompt,
    /// What the provider knows it by.
    pub(super) code: Secret,
    /// The pause before each question how it goes.
    pub(super) interval: Duration,
}

/// The answer of the device authorization endpoint.
pub(super) fn begun(reply: &Reply<'_>, plain: bool) -> Result<Begun, LoginError> {
    if let Some(refusal) = refusal(reply, None) {
        return Err(refusal);
    }
    let mut answer = Answer::read(reply)?;
    let url = match answer.text("verification_uri")? {
        Some(url) => url,
        // As it was called before the standard.
        None => answer.needed("verification_url")?,
    };
    Endpoint::check_page("verification_uri", &url, plain)?;
    let complete_url = answer.text("verification_uri_complete")?;
    if let Some(url) = &complete_url {
        Endpoint::check_page("verification_uri_complete", url, plain)?;
    }
    let code = answer.needed("user_code")?;
    if shown(&code) != code {
        return Err(answer.bad("its code cannot be shown"));
    }
    let valid_for = answer.seconds("expires_in")?.unwrap_or(LIFETIME).min(LONGEST_LIFETIME);
    Ok(Begun {
        prompt: Prompt { url, complete_url, code, valid_for },
        code: Secret::new(answer.needed("device_code")?),
        interval: answer.seconds("interval")?.unwrap_or(INTERVAL).max(SHORTEST_INTERVAL),
    })
}

/// The answer of the token endpoint.
#[derive(Debug)]
pub(super) enum Granted {
    /// These.
    Tokens(Tokens),
    /// The user has not confirmed yet.
    Pending,
    /// As before, and it is asked too often.
    SlowDown,
    /// The provider is in trouble, perhaps not for long.
    Later(LoginError),
}

/// The answer of the token endpoint to a request that held `secret`.
pub(super) fn granted(reply: &Reply<'_>, secret: &Secret) -> Result<Granted, LoginError> {
    let busy = reply.status().is_server_error() || reply.status() == StatusCode::TOO_MANY_REQUESTS;
    match refusal(reply, Some(secret)) {
        None => {}
        Some(LoginError::Refused { error, .. }) if error == "authorization_pending" => {
            return Ok(Granted::Pending);
        }
        Some(LoginError::Refused { error, .. }) if error == "slow_down" => return Ok(Granted::SlowDown),
        Some(error @ LoginError::Refused { .. }) if busy => return Ok(Granted::Later(error)),
        Some(error) => return Err(error),
    }
    let mut answer = match Answer::read(reply) {
        Err(error) if busy => return Ok(Granted::Later(error)),
        answer => answer?,
    };
    let kind = answer.needed("token_type")?;
    if !kind.eq_ignore_ascii_case("bearer") {
        return Err(LoginError::TokenType { kind: shown(&kind) });
    }
    let access = Secret::new(answer.needed("access_token")?);
    let tokens = Tokens::new(access, answer.secret("refresh_token")?, answer.secret("id_token")?);
    let mut tokens = tokens.ok_or_else(|| answer.bad("its access token cannot be sent"))?;
    tokens.valid_for = answer.seconds("expires_in")?;
    Ok(Granted::Tokens(tokens))
}
