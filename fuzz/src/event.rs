//! A message of the event stream is read or refused, the same in any order of its fields, and what it tells
//! of secrets is not shown.

use lxio_core::model::{Event, EventBody};
use serde_json::Value;

/// The bytes are one text message.
///
/// # Panics
/// Where the invariant does not hold.
pub fn check(bytes: &[u8]) {
    let (parsed, held) = crate::memory::peak(|| Event::parse(bytes));
    assert!(held < 4096 * (bytes.len() + 4), "{held} bytes held for {}", bytes.len());
    let Ok(event) = parsed else { return };
    // What is skipped is not looked into: it may be no JSON all the same.
    let Ok(sorted) = serde_json::from_slice::<Value>(bytes) else { return };
    let text = sorted.to_string();
    match Event::parse(text.as_bytes()) {
        Ok(other) => assert_eq!(other, event, "{text}"),
        Err(error) => panic!("{error}: {text}"),
    }
    let shown = format!("{event:?}");
    if let EventBody::Operation(operation) = &event.body {
        assert_eq!(operation.is_final(), operation.status().is_final());
        for secret in operation.fds().values().chain(operation.secret().iter()) {
            // Short texts are in anything.
            assert!(
                secret.reveal().len() < 16
                    || !shown.contains(secret.reveal())
                    || elsewhere(&sorted, secret.reveal())
            );
        }
    }
    assert_eq!(event.kind(), event.clone().kind());
}

/// Whether the text stands where it is no secret.
fn elsewhere(event: &Value, text: &str) -> bool {
    match event {
        Value::Object(map) => map.iter().any(|(name, value)| {
            name.contains(text) || (!matches!(name.as_str(), "fds" | "secret") && elsewhere(value, text))
        }),
        Value::Array(list) => list.iter().any(|value| elsewhere(value, text)),
        Value::String(value) => value.contains(text) || text.contains(value.as_str()),
        _ => false,
    }
}
