//! Whatever server and provider say.

use lxio_core::api::{login, refresh};
use lxio_core::flow::{Flow, Tokens};
use proptest::prelude::*;
use serde_json::json;

use super::harness::{Course, INCUS, Say, converse, device, discovery, offer, tokens};

/// A good answer to one of the questions, or to none, perhaps with some bytes of it changed, or cut short.
fn says() -> impl Strategy<Value = Say> {
    let good = vec![
        offer(INCUS),
        Say::json("200 OK", discovery()),
        Say::json("200 OK", device()),
        Say::json("200 OK", tokens()),
        Say::error("authorization_pending"),
        Say::error("slow_down"),
        Say::json("503 Service Unavailable", json!({"error": "server_error"})),
        Say::text("302 Found", ""),
    ];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    let bytes =
        (prop::sample::select(good), changes, prop::option::weighted(0.1, any::<prop::sample::Index>()));
    let said = bytes.prop_map(|(say, changes, cut)| {
        let Say::Bytes(mut bytes) = say else { unreachable!() };
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        Say::Bytes(bytes)
    });
    prop_oneof![10 => said, 1 => Just(Say::Nothing), 1 => Just(Say::Unreachable), 1 => Just(Say::Broken)]
}

/// The answers that lead to a prompt.
fn beginning() -> Vec<Say> {
    vec![offer(INCUS), Say::json("200 OK", discovery()), Say::json("200 OK", device())]
}

/// Good answers up to a point, which makes that point be reached.
fn course() -> impl Strategy<Value = Vec<Say>> {
    (0..4usize, prop::collection::vec(says(), 1..12)).prop_map(|(good, mut rest)| {
        let mut says = beginning();
        says.truncate(good);
        says.append(&mut rest);
        says
    })
}

/// A conversation ends; well only by a grant, and only the server itself hears of an attempt to log in there.
fn ends<F: Flow<Output = Tokens>>(flow: F, says: &[Say]) -> Course<F> {
    let last = says.len() - 1;
    let course = converse(flow, |number, _| says[number.min(last)].clone());
    for (number, sent) in course.sent.iter().enumerate() {
        assert_eq!(sent.request.origin.is_none(), number == 0);
        assert_eq!(sent.text.contains("Authorization"), number == 0);
        assert!(number == 0 || sent.request.line().contains(" https://"), "{}", sent.request.line());
    }
    if let Ok(tokens) = &course.result {
        let Say::Bytes(bytes) = &says[(course.sent.len() - 1).min(last)] else { panic!("nothing was said") };
        let grant = String::from_utf8_lossy(bytes);
        assert!(grant.contains(tokens.access.reveal()) && grant.contains("access_token"), "{grant}");
    }
    course
}

proptest! {
    #[test]
    fn a_login_ends(says in course()) {
        let course = ends(login(), &says);
        prop_assert!(course.result.is_err() || course.items.len() == 1, "nobody was asked");
    }

    #[test]
    fn a_renewal_ends(says in course()) {
        let old = ends(login(), &[beginning(), vec![Say::json("200 OK", tokens())]].concat());
        let course = ends(refresh(old.result.unwrap()), &says);
        prop_assert!(course.sent.len() <= 3);
    }
}
