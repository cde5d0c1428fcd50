//! What ends a login badly, each by its own error and without one more request.

use lxio_core::api::login;
use lxio_core::flow::{BadAddress, Fault, FlowError, LoginError};
use lxio_core::session::{Error, ErrorKind};
use lxio_core::wire::WireError;
use lxio_tests::answers;
use serde_json::{Value, json};

use super::harness::{Course, DEVICE_CODE, INCUS, Say, converse, device, discovery, good, offer, tokens};
use super::{Login, confirmed, error, granted};

/// A login where the answer to the request of this number is `say`.
fn with(number: usize, say: &Say) -> Course<Login> {
    let course = converse(login(), |at, _| if at == number { say.clone() } else { good(at, |_| granted()) });
    assert_eq!(course.sent.len(), number + 1, "no request follows");
    course
}

/// The answer `body` with `value` for its field `key`; without it if that is null.
fn but(mut body: Value, key: &str, value: Value) -> Say {
    if value.is_null() {
        body.as_object_mut().unwrap().remove(key);
    } else {
        body[key] = value;
    }
    Say::json("200 OK", body)
}

#[test]
fn a_server_that_offers_no_login_is_told_from_one_that_trusts() {
    let server = |auth: &str| Say::Bytes(answers::sync(&json!({"auth": auth, "auth_methods": ["tls"]})));
    assert_eq!(error(with(0, &server("untrusted")).result), LoginError::NotOffered);
    assert_eq!(error(with(0, &server("trusted")).result), LoginError::Trusted);
    assert_eq!(error(with(0, &offer(&[])).result), LoginError::NotOffered);
    assert_eq!(
        error(with(0, &offer(&[INCUS[2], ("X-Incus-OIDC-issuer", "")])).result),
        LoginError::NotOffered
    );
    let broken = Say::json("500 Internal Server Error", answers::refusal(500, "no database"));
    assert_eq!(Error::from(with(0, &broken).result.unwrap_err()).code(), Some(500));
}

#[test]
fn the_provider_must_be_the_one_that_the_server_means() {
    for found in ["https://idp.example/realms/shop/", "https://evil.example", "\u{1b}[2J"] {
        let course = with(1, &but(discovery(), "issuer", json!(found)));
        let error = error(course.result);
        assert!(matches!(&error, LoginError::WrongIssuer { .. }), "{error}");
        assert!(!error.to_string().contains('\u{1b}'));
    }
    for bad in
        ["idp.example", "http://idp.example", "ftp://idp.example", "https://idp.example/?x", "https://a b"]
    {
        let course = with(0, &offer(&[INCUS[2], ("X-Incus-OIDC-issuer", bad)]));
        assert!(matches!(error(course.result), LoginError::BadAddress { of: "issuer", .. }), "{bad}");
    }
}

#[test]
fn nothing_is_asked_in_the_open() {
    for of in ["token_endpoint", "device_authorization_endpoint"] {
        for url in ["http://idp.example/x", "http://localhost/x", "http://127.0.0.1/x"] {
            let found = error(with(1, &but(discovery(), of, json!(url))).result);
            assert!(
                matches!(found, LoginError::BadAddress { of: it, why: BadAddress::Plain } if it == of),
                "{url}"
            );
        }
    }
    for of in ["verification_uri", "verification_uri_complete"] {
        for url in ["http://idp.example/", "javascript:alert(1)", "https://idp.example/\u{1b}[2J", "x"] {
            let found = error(with(2, &but(device(), of, json!(url))).result);
            assert!(matches!(found, LoginError::BadAddress { of: it, .. } if it == of), "{url}");
        }
    }
}

#[test]
fn a_provider_without_codes_is_known_before_it_is_asked() {
    let course = converse(login(), |number, _| match number {
        1 => but(discovery(), "device_authorization_endpoint", Value::Null),
        _ => good(number, |_| granted()),
    });
    assert_eq!((error(course.result), course.sent.len()), (LoginError::NoDeviceGrant, 2));
}

#[test]
fn no_redirect_is_followed() {
    let moved =
        Say::Bytes(answers::http("307 Temporary Redirect", &[("Location", "https://evil.example/")], b"{}"));
    for number in 1..=3 {
        assert_eq!(error(with(number, &moved).result), LoginError::Redirected { status: 307 });
    }
}

#[test]
fn what_is_not_understood_is_an_error() {
    let deep = "[".repeat(10_000);
    for number in 1..=3 {
        for text in ["", "{", "[]", "null", "\"x\"", "<html>", "\u{0}", "{\"error\":5}", "{}", &*deep] {
            let found = error(with(number, &Say::text("200 OK", text)).result);
            assert!(matches!(found, LoginError::BadAnswer { status: 200, .. }), "{number} {text:.9} {found}");
        }
        let found = error(with(number, &Say::text("404 Not Found", "{}")).result);
        assert!(matches!(found, LoginError::BadAnswer { status: 404, .. }), "{found}");
    }
    for (number, body, keys) in [
        (1, discovery(), &["issuer", "token_endpoint"][..]),
        (2, device(), &["device_code", "user_code", "verification_uri"]),
        (3, tokens(), &["access_token", "token_type"]),
    ] {
        for key in keys {
            for value in [Value::Null, json!(""), json!(5), json!({})] {
                let found = error(with(number, &but(body.clone(), key, value)).result);
                assert!(matches!(found, LoginError::BadAnswer { .. }), "{key}: {found}");
            }
        }
    }
    for (number, body, key) in
        [(2, device(), "interval"), (2, device(), "expires_in"), (3, tokens(), "expires_in")]
    {
        for value in [json!("5"), json!(-1), json!(1.5), json!([])] {
            let found = error(with(number, &but(body.clone(), key, value)).result);
            assert!(matches!(found, LoginError::BadAnswer { .. }), "{key}: {found}");
        }
    }
    for (number, key, value) in
        [(2, "user_code", "a\u{1b}[2J"), (3, "access_token", "a\r\nX: y"), (3, "access_token", "a b")]
    {
        let body = if number == 2 { device() } else { tokens() };
        let found = error(with(number, &but(body, key, json!(value))).result);
        assert!(matches!(found, LoginError::BadAnswer { .. }), "{key}: {found}");
    }
}

#[test]
fn too_long_an_answer_is_not_read_to_its_end() {
    for number in 1..=3 {
        let huge = Say::text("200 OK", &format!("{{\"x\":\"{}\"}}", "y".repeat(256 << 10)));
        let result = with(number, &huge).result;
        let Err(FlowError::Fault(Fault::Wire { error: WireError::BodyTooLong { .. }, .. })) = result else {
            panic!("{number}");
        };
    }
}

#[test]
fn the_users_no_is_typed() {
    for (code, expected, kind) in [
        ("access_denied", LoginError::Denied, ErrorKind::Untrusted),
        ("expired_token", LoginError::Expired, ErrorKind::TimedOut),
        ("invalid_grant", LoginError::InvalidGrant, ErrorKind::Untrusted),
    ] {
        let course = confirmed(&[Say::error("authorization_pending"), Say::error(code)]);
        assert_eq!(course.sent.len(), 5);
        let result = course.result.unwrap_err();
        assert!(matches!(&result, FlowError::Login(error) if *error == expected), "{result}");
        assert_eq!(Error::from(result).kind(), kind);
    }
    let refused = json!({"error": "invalid_client", "error_description": "no\u{7} such client"});
    for number in [2, 3] {
        let found = error(with(number, &Say::json("401 Unauthorized", refused.clone())).result);
        assert_eq!(found.to_string(), "the identity provider said no: invalid_client: no such client");
    }
    let found = error(with(3, &but(tokens(), "token_type", json!("DPoP\u{1b}"))).result);
    assert_eq!(found, LoginError::TokenType { kind: "DPoP".into() });
}

#[test]
fn a_secret_that_comes_back_is_not_repeated() {
    let echo = json!({"error": "invalid_request", "error_description": format!("what is {DEVICE_CODE}?")});
    let found = error(with(3, &Say::json("400 Bad Request", echo)).result);
    assert_eq!(found, LoginError::Refused { error: "invalid_request".into(), description: None });
    for text in
        ["{\"access_token\":\"hunter2\",\"token_type\":5}", "{\"access_token\":\"hunter2\"", "hunter2"]
    {
        let found = error(with(3, &Say::text("200 OK", text)).result);
        assert!(!format!("{found} {found:?}").contains("hunter2"), "{found}");
    }
}

#[test]
fn before_there_is_a_code_silence_is_an_error() {
    for number in 0..=2 {
        let course = with(number, &Say::Nothing);
        assert_eq!((error(course.result), course.at), (LoginError::Silent, 30));
        for say in [Say::Unreachable, Say::Broken] {
            assert!(matches!(with(number, &say).result, Err(FlowError::Fault(_))));
        }
    }
}
