//! A client makes one full handshake, however many connections it needs.
#![allow(clippy::unwrap_used, reason = "a test")]

use lxio_benches::get::{Connections, WARM};
use lxio_benches::handshakes::count;

#[test]
fn connections_are_kept_and_sessions_resumed() {
    const CALLS: usize = 20;
    for client in ["blocking", "tokio", "smol"] {
        assert_eq!(count(client, Connections::Warm, true, CALLS).unwrap(), (1, 0), "{client}");
        // One connection is for the greeting.
        let others = WARM + CALLS;
        assert_eq!(count(client, Connections::New, true, CALLS).unwrap(), (1, others), "{client}");
        assert_eq!(count(client, Connections::New, false, CALLS).unwrap(), (1 + others, 0), "{client}");
    }
}
