//! Peers on loopback that speak TLS, or should, for tests.
//!
//! ```text
//! client ──► Front ── plain ──► a server on a Unix socket
//!              └── remembers of each connection: handshake, the client's certificate, how much it heard
//! client ──► Peer ── what a test says, byte for byte
//! ```
//!
//! | file | idea |
//! |---|---|
//! | `front`  | TLS before a server that does not speak it, and ways to end it in the middle |
//! | `peer`   | bytes as they are, for what is no TLS, or half of it |
//! | `papers` | the keys and certificates of `fixtures/tls`, and how a server shows them |

mod front;
mod papers;
mod peer;

pub use front::{End, Front, Seen};
pub use papers::{Papers, file, identity, pin};
pub use peer::Peer;
