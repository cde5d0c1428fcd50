//! A proxy on loopback between a client and its server, for tests: HTTP CONNECT or SOCKS 5.
//!
//! ```text
//! client ──► Proxy ── ask ──► server, or where Manners::server says
//!              │
//!              └── counts connections, remembers what was asked for, is late, cuts
//! ```
//!
//! | file | idea |
//! |---|---|
//! | `server` | the listener, its manners, what passes |
//! | `ask`    | what a client says before, and the answers to it |

mod ask;
mod server;

pub use server::{Manners, Proxy};
