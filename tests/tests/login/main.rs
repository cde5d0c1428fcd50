//! Logins at an identity provider in memory, request by request.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod anything;
mod harness;
mod refusals;
mod renewal;

use lxio_core::api::login;
use lxio_core::call::Credential;
use lxio_core::flow::{FlowError, Login, LoginError, Tokens};
use serde_json::json;

use harness::{
    CREDENTIAL, Course, DEVICE_CODE, INCUS, Say, converse, device, discovery, good, offer, seconds, tokens,
};

fn error<T>(result: Result<T, FlowError>) -> LoginError {
    match result {
        Err(FlowError::Login(error)) => error,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it went well"),
    }
}

/// A login whose provider says these things when it is asked how it goes.
fn confirmed(says: &[Say]) -> Course<Login> {
    converse(login(), |number, _| good(number, |question| says[question.min(says.len() - 1)].clone()))
}

fn granted() -> Say {
    Say::json("200 OK", tokens())
}

#[test]
fn a_login_is_these_requests() {
    let course = confirmed(&[Say::error("authorization_pending"), granted()]);
    let texts: Vec<&str> = course.sent.iter().map(|sent| &*sent.text).collect();
    let asked = concat!(
        "POST /token?x=1 HTTP/1.1\r\nHost: token.idp.example:8443\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\nAccept: application/json\r\nContent-Length: 105\r\n\r\n",
        "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=the-device-code&client_id=lxio%20test",
    );
    assert_eq!(
        texts,
        [
            "GET /1.0 HTTP/1.1\r\nHost: lxio\r\nAuthorization: Bearer\r\n\r\n",
            concat!(
                "GET /realms/shop/.well-known/openid-configuration HTTP/1.1\r\nHost: idp.example\r\n",
                "Accept: application/json\r\n\r\n",
            ),
            concat!(
                "POST /device HTTP/1.1\r\nHost: idp.example\r\n",
                "Content-Type: application/x-www-form-urlencoded\r\nAccept: application/json\r\n",
                "Content-Length: 59\r\n\r\nclient_id=lxio%20test&scope=openid%20offline_access%20email",
            ),
            asked,
            asked,
        ]
    );
    assert!(texts.iter().all(|text| !text.contains(CREDENTIAL)));
    assert_eq!(course.times(), [0, 0, 0, 3, 6]);
    assert!(course.sent.iter().all(|sent| sent.request.idempotent), "asking again does no harm");
    let [prompt] = &course.items[..] else { panic!() };
    assert_eq!(prompt.url, "https://idp.example/activate");
    assert_eq!(prompt.complete_url.as_deref(), Some("https://idp.example/activate?user_code=WDJB-MJHT"));
    assert_eq!((&*prompt.code, prompt.valid_for), ("WDJB-MJHT", seconds(900)));
    let tokens: Tokens = course.result.unwrap();
    assert_eq!(tokens.access.reveal(), "access-2");
    assert_eq!(tokens.refresh.as_ref().unwrap().reveal(), "refresh-2");
    assert_eq!(tokens.id.as_ref().unwrap().reveal(), "id-2");
    assert_eq!(tokens.valid_for, Some(seconds(300)));
    assert_eq!(tokens.credential(), Credential::Bearer(tokens.access.clone()));
}

#[test]
fn each_daemon_says_in_its_way_what_to_ask_for() {
    let scope = |fields: &[(&str, &str)]| {
        let course = converse(login(), |number, _| match number {
            0 => offer(fields),
            _ => good(number, |_| granted()),
        });
        course.result.unwrap();
        course.sent[2].body().split_once('&').unwrap().1.to_owned()
    };
    let with = |base: &[(&'static str, &'static str)], more: &[(&'static str, &'static str)]| {
        scope(&[base, more].concat())
    };
    const LXD: &[(&str, &str)] = &[("X-LXD-OIDC-issuer", harness::ISSUER), ("x-lxd-oidc-clientid", "c")];
    assert_eq!(scope(INCUS), "scope=openid%20offline_access%20email");
    assert_eq!(with(INCUS, &[("X-Incus-OIDC-scopes", "openid, groups")]), "scope=openid%20groups");
    assert_eq!(scope(LXD), "scope=openid%20offline_access%20email%20profile");
    assert_eq!(
        with(LXD, &[("X-LXD-OIDC-groups-claim", "teams"), ("X-LXD-OIDC-audience", "a&b")]),
        "scope=openid%20offline_access%20email%20profile%20teams&audience=a%26b"
    );
    let scopes = [("X-LXD-OIDC-groups-claim", "teams"), ("X-LXD-OIDC-scopes", r#"["openid","email"]"#)];
    assert_eq!(with(LXD, &scopes), "scope=openid%20email");
}

#[test]
fn the_provider_says_how_often_it_is_asked() {
    let (pending, slow) = (Say::error("authorization_pending"), Say::error("slow_down"));
    let course = confirmed(&[pending.clone(), slow.clone(), pending, slow, granted()]);
    assert_eq!(course.times()[3..], [3, 6, 14, 22, 35]);
    course.result.unwrap();

    // Without a word from it, every five seconds, and never without a pause.
    for (interval, times) in [(json!(null), [5, 10]), (json!(0), [1, 2]), (json!(u64::MAX), [600, 0])] {
        let course = converse(login(), |number, _| match number {
            2 => {
                let mut device = device();
                device["interval"] = interval.clone();
                device["expires_in"] = json!(null);
                Say::json("200 OK", device)
            }
            _ => good(number, |question| [Say::error("authorization_pending"), granted()][question].clone()),
        });
        match times {
            [end, 0] => assert_eq!((error(course.result), course.at), (LoginError::Expired, end)),
            _ => assert_eq!(course.times()[3..], times),
        }
    }
}

#[test]
fn a_network_that_comes_and_goes_ends_no_login() {
    let busy = || Say::text("503 Service Unavailable", "<html>");
    let pending = Say::error("authorization_pending");
    let troubled = Say::json("500 Internal Server Error", json!({"error": "server_error"}));
    let course =
        confirmed(&[Say::Unreachable, Say::Broken, Say::Nothing, busy(), pending.clone(), granted()]);
    // Twice the pause after each, and 30 seconds are waited for the one that never came.
    assert_eq!(course.times()[3..], [3, 9, 21, 75, 123, 126]);
    course.result.unwrap();
    let course = confirmed(&[troubled.clone(), pending, granted()]);
    assert_eq!(course.times()[3..], [3, 9, 12]);
    for cut in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"] {
        let course = confirmed(&[Say::Bytes(cut.into()), granted()]);
        assert_eq!(course.times()[3..], [3, 9], "{cut}");
        course.result.unwrap();
    }

    // It does end, with the code.
    for say in [Say::Unreachable, Say::Nothing, busy(), troubled] {
        let course = confirmed(&[say]);
        assert_eq!(error(course.result), LoginError::Expired);
        assert!(course.at >= 900 && course.sent.len() < 15, "{} {}", course.at, course.sent.len());
    }
}

#[test]
fn a_code_that_nobody_confirms_is_given_up() {
    let course = confirmed(&[Say::error("authorization_pending")]);
    assert_eq!((error(course.result), course.at), (LoginError::Expired, 900));
    assert!(course.sent.iter().all(|sent| sent.at < 900));
}

#[test]
fn a_provider_within_this_machine_needs_no_tls() {
    let local = |text: &str| text.replace("https://idp.example", "http://127.0.0.1:9000");
    let course = converse(login(), |number, _| match number {
        0 => offer(&[INCUS[2], ("X-Incus-OIDC-issuer", "http://127.0.0.1:9000/realms/shop")]),
        1 => Say::text("200 OK", &local(&discovery().to_string())),
        2 => Say::text("200 OK", &local(&device().to_string())),
        _ => granted(),
    });
    assert_eq!(course.lines()[2], "POST http://127.0.0.1:9000/device");
    assert_eq!(course.items[0].url, "http://127.0.0.1:9000/activate");
    course.result.unwrap();
}

#[test]
fn what_proves_anything_is_not_shown() {
    let mut shown = String::new();
    let course = converse(login(), |number, request| {
        shown += &format!("{request:?}");
        good(number, |_| granted())
    });
    let tokens = course.result.unwrap();
    shown += &format!("{tokens:?}");
    for secret in [DEVICE_CODE, "access-2", "refresh-2", "id-2"] {
        assert!(!shown.contains(secret), "{secret}");
    }
}
