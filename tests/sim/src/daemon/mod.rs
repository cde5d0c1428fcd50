//! The daemon as a machine: connections and bytes in, bytes and moments out. It has no socket and no clock.
//!
//! ```text
//!  driver                    Daemon                                  World
//!  connect, receive, ──►  Connection: Intake ──► Request ──► api ──► operations, events,
//!  ended, reset           Connection: Outbox ◄── Answer ◄── ┘        channels
//!  outgoing, sent   ◄──               ▲
//!  advance, next    ──►  settle: ends of operations to waiters, events to listeners, channels to sockets
//! ```
//!
//! | file | idea |
//! |---|---|
//! | `daemon`     | the machine and its surface |
//! | `connection` | one connection: its phases |
//! | `peer`       | who is at the other end |
//! | `serve`      | requests taken, answered |
//! | `settle`     | what has happened reaches the connections |
//! | `changes`    | changes, answered as servers of other versions do |
//! | `seen`       | a request, for the journal |
//! | `exchange`   | what passes between a connection and a channel |
//! | `script`     | answers that a test has put in place of the daemon's own |

mod changes;
mod connection;
#[allow(clippy::module_inception)]
mod daemon;
mod exchange;
mod peer;
mod script;
mod seen;
mod serve;
mod settle;

pub use connection::Close;
pub use daemon::{Conn, Daemon};
pub use peer::Peer;
pub use script::Scripted;
pub use seen::Seen;
