use jiff::{Timestamp, Zoned, tz::TimeZone};
use serde_json::{Map, Value, json};

use super::access::not_authorized;
use super::{base64, body};
use crate::http::{Answer, Answered, Refusal, Request};
use crate::world::{Begin, Class, Operation, Status, World};

/// A token that somebody else may become trusted with.
pub(super) fn issue(world: &mut World, request: &Request, object: &Map<String, Value>) -> Answered {
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
    let expiry = world.state.server.config.get("core.remote_token_expiry");
    if let Some(expiry) = expiry.and_then(|it| after(world.time_of_day(), it)) {
        begin.metadata["expiresAt"] = expiry.to_string().into();
    }
    let id = world.open(begin);
    Ok(Answer::Async(id))
}

/// What a client is trusted with that the daemon does not know yet: what it asks for itself if it has the
/// password, what the token was issued for if it has one.
pub(super) fn admit(
    world: &mut World,
    mut object: Map<String, Value>,
) -> Result<Map<String, Value>, Refusal> {
    let shown = body::text(&object, world.either("password", "trust_token"));
    if let Some(secret) = secret_of(shown) {
        return redeem(world, &secret);
    }
    let password = world.state.server.config.get("core.trust_password").filter(|it| !it.is_empty());
    if world.is_lxd() && password.is_some_and(|it| it == shown) {
        object.remove("token");
        return Ok(object);
    }
    Err(not_authorized())
}

/// The secret in the text of a token, if it is one.
fn secret_of(text: &str) -> Option<String> {
    let token: Value = serde_json::from_slice(&base64::decode(text).ok()?).ok()?;
    let is_text = |name: &str| token[name].as_str().is_some_and(|it| !it.is_empty());
    let whole = ["client_name", "fingerprint", "secret"].into_iter().all(is_text)
        && token["addresses"].as_array().is_some_and(|it| !it.is_empty());
    token["secret"].as_str().filter(|_| whole).map(str::to_owned)
}

/// Uses the token up, also one that has expired.
fn redeem(world: &mut World, secret: &str) -> Result<Map<String, Value>, Refusal> {
    let fits = |it: &&Operation| {
        it.class == Class::Token
            && it.status == Status::Running
            && it.metadata["secret"] == secret
            && it.metadata["request"].is_object()
    };
    let Some(operation) = world.operations.values().find(fits) else {
        return Err(Refusal::new(403, "No matching certificate add operation found"));
    };
    let (id, metadata) = (operation.id.clone(), operation.metadata.clone());
    world.cancel(&id);
    let expiry = metadata["expiresAt"].as_str().and_then(|it| it.parse::<Timestamp>().ok());
    if expiry.is_some_and(|it| it < world.time_of_day()) {
        let why = "Failed during search for certificate add token operation: Token has expired";
        return Err(Refusal::new(500, why));
    }
    Ok(metadata["request"].as_object().cloned().unwrap_or_default())
}

/// The moment that an expression such as `1d 5H` says, counted from `now`; nothing if it is none.
pub(super) fn after(now: Timestamp, expression: &str) -> Option<Timestamp> {
    let mut at = Zoned::new(now, TimeZone::UTC);
    let mut words = expression.split_ascii_whitespace().peekable();
    words.peek()?;
    for word in words {
        let unit = word.chars().last()?;
        let count: i32 = word.strip_suffix(unit)?.parse().ok().filter(|count| *count >= 0)?;
        let span = jiff::Span::new();
        let span = match unit {
            'S' => span.try_seconds(count),
            'M' => span.try_minutes(count),
            'H' => span.try_hours(count),
            'd' => span.try_days(count),
            'w' => span.try_weeks(count),
            'm' => span.try_months(count),
            'y' => span.try_years(count),
            _ => return None,
        };
        at = at.checked_add(span.ok()?).ok()?;
    }
    Some(at.timestamp())
}
