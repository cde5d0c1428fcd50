//! A simulated LXD or Incus daemon.
//!
//! ```text
//!  your test ──► Simulation: clients, network, daemon, in one thread and in virtual time
//!  any client ──► a real socket ──► Daemon
//! ```
//!
//! [`Daemon`] is a machine without socket and clock that speaks the real protocol, byte for byte: HTTP/1.1,
//! envelopes, operations, events, websockets. It does what LXD 5.0.2 or Incus 6.0.4 do for containers. What it
//! does not know is answered by 404 or 501, as a daemon would, and [counted](Daemon::unknown).

mod api;
mod certificate;
mod daemon;
mod http;
mod image;
mod listen;
mod machine;
mod network;
mod setup;
mod simulation;
mod websocket;
mod world;

pub use daemon::{Close, Conn, Daemon, Peer, Scripted, Seen};
pub use image::image;
pub use listen::Server;
pub use network::{Faults, Trace, What};
pub use setup::{Changes, Setup};
pub use simulation::{Client, Live, Simulation, Task};
