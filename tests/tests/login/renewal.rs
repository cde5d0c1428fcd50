//! New tokens for old ones.

use lxio_core::api::{login, refresh};
use lxio_core::flow::{FlowError, LoginError, Refresh, Tokens};
use serde_json::{Value, json};

use super::harness::{Course, Say, converse, good, seconds, tokens};
use super::{error, granted};

/// What a login gave, with this refresh token.
fn old(refresh: Value) -> Tokens {
    let mut body = tokens();
    body["refresh_token"] = refresh;
    body["access_token"] = json!("access-1");
    let logged_in = converse(login(), |number, _| good(number, |_| Say::json("200 OK", body.clone())));
    logged_in.result.unwrap()
}

/// A renewal for which the provider says this.
fn renewed(say: &Say) -> Course<Refresh> {
    converse(refresh(old(json!("refresh-1"))), |number, _| match number {
        0 | 1 => good(number, |_| granted()),
        _ => say.clone(),
    })
}

#[test]
fn a_renewal_is_these_requests() {
    let course = renewed(&granted());
    let lines = [
        "GET /1.0",
        "GET https://idp.example:443/realms/shop/.well-known/openid-configuration",
        "POST https://token.idp.example:8443/token",
    ];
    assert_eq!(course.lines(), lines);
    assert!(!course.sent[2].request.idempotent, "a refresh token that comes twice counts as stolen");
    assert_eq!(
        course.sent[2].body(),
        "grant_type=refresh_token&refresh_token=refresh-1&client_id=lxio%20test"
    );
    let tokens = course.result.unwrap();
    assert_eq!(tokens.access.reveal(), "access-2");
    assert_eq!(tokens.refresh.unwrap().reveal(), "refresh-2");
    assert_eq!(tokens.valid_for, Some(seconds(300)));
}

#[test]
fn what_does_not_come_anew_is_kept() {
    let tokens = renewed(&Say::json("200 OK", json!({"access_token": "access-3", "token_type": "Bearer"})));
    let tokens = tokens.result.unwrap();
    assert_eq!(tokens.access.reveal(), "access-3");
    assert_eq!(tokens.refresh.unwrap().reveal(), "refresh-1");
    assert_eq!(tokens.id.unwrap().reveal(), "id-2");
    assert_eq!(tokens.valid_for, None, "that was how long the old one was good");
}

#[test]
fn without_a_refresh_token_nothing_is_sent() {
    for none in [Value::Null, json!("")] {
        let course = converse(refresh(old(none)), |_, _| panic!());
        assert_eq!(error(course.result), LoginError::NoRefreshToken);
    }
}

#[test]
fn a_renewal_is_tried_once() {
    for (say, expected) in [
        (Say::error("invalid_grant"), LoginError::InvalidGrant),
        (Say::error("access_denied"), LoginError::Denied),
        (Say::Nothing, LoginError::Silent),
        (
            Say::error("authorization_pending"),
            LoginError::BadAnswer { status: 400, why: "it is the answer to a login" },
        ),
        (
            Say::text("503 Service Unavailable", "busy"),
            LoginError::BadAnswer { status: 503, why: "it is no good answer" },
        ),
        (
            Say::json("400 Bad Request", json!({"error": "refresh-1", "error_description": "refresh-1"})),
            LoginError::BadAnswer { status: 400, why: "it is no good answer" },
        ),
    ] {
        let course = renewed(&say);
        assert_eq!(course.sent.len(), 3);
        assert_eq!(error(course.result), expected);
    }
    for say in [Say::Unreachable, Say::Broken, Say::text("200 OK", &"x".repeat(257 << 10))] {
        let course = renewed(&say);
        assert_eq!(course.sent.len(), 3);
        assert!(matches!(course.result, Err(FlowError::Fault(_))));
    }
}
