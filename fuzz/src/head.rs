//! A head is read as its lines say, whatever the cuts, or refused; nothing of it goes to a later one.

use ::http::Method;
use lxio_core::wire::Reuse;

use crate::oracle::Head;
use crate::play::{Setup, play_all};

/// Reads `bytes` as the answer to a HEAD, which has no body.
///
/// # Panics
/// Where the invariant does not hold.
pub fn check(bytes: &[u8]) {
    let setup = Setup { method: Method::HEAD, ..Setup::get() };
    let outcome = play_all(&setup, bytes);
    let Some(status) = outcome.status else {
        assert!(outcome.failed.is_some());
        return;
    };
    let (start, head) = Head::read_final(bytes).expect("a head that was read has an end");
    assert!(head.end <= setup.limits.head);
    assert_eq!(status, head.status());
    let fields: Vec<_> =
        outcome.fields.iter().map(|(name, value)| (name.as_bytes(), value.trim_ascii())).collect();
    assert_eq!(fields, head.fields);
    for (name, value) in &outcome.fields {
        assert!(
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':'),
            "{name:?}"
        );
        assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)), "{value:?}");
    }
    let says = |token: &str| {
        let tokens = head.values("connection").flat_map(|value| value.split(|byte| *byte == b','));
        tokens.map(<[u8]>::trim_ascii).any(|given| given.eq_ignore_ascii_case(token.as_bytes()))
    };
    let old = head.line.starts_with(b"HTTP/1.0");
    match outcome.reuse {
        Reuse::Yes => assert!(!says("close") && start + head.end == bytes.len()),
        Reuse::Leftover => assert!(!says("close") && start + head.end < bytes.len()),
        Reuse::ServerCloses => assert!(says("close") || old),
        other => panic!("{other:?} after a head alone"),
    }
    assert!(head.values("transfer-encoding").count() == 0 || head.values("content-length").count() == 0);
}
