//! The network between clients and the daemon: virtual connections in virtual time.
//!
//! ```text
//!  Socket (a client's end) ── write ──► Lane up ──► window, receive  ┐
//!         dropping closes                                            ├ Daemon
//!         read ◄── inbox ◄───────────── Lane down ◄── outgoing, sent ┘
//!                     Link: both lanes, and what has become of its ends
//! ```
//!
//! Within a lane order is kept; between links it is free. What happens next is what is due first: a piece on
//! a lane, something that the daemon does by itself, or something that was arranged.
//!
//! | file | idea |
//! |---|---|
//! | `network` | links, the daemon and the time |
//! | `link`    | one connection |
//! | `lane`    | one direction of it |
//! | `faults`  | what may go wrong, and what will on one connection |
//! | `socket`  | the client's end |
//! | `trace`   | what has passed |

mod faults;
mod lane;
mod link;
#[allow(clippy::module_inception)]
mod network;
mod socket;
mod trace;

pub use faults::Faults;
pub use trace::{Trace, What};

pub(crate) use network::{Arranged, Network};
pub(crate) use socket::Socket;
