//! Commands inside of instances.
//!
//! ```text
//!  POST exec ──► Wanted ──► an operation, and a Session ◄── step, whenever something moves
//!                             │  sockets ◄──► channels of the operation
//!                             │  command ◄──► pipes or terminal of the machine
//!                             └─ records: files for who asked for no sockets
//! ```
//!
//! | file | idea |
//! |---|---|
//! | `request` | what a client wants, and how it is answered |
//! | `session` | one command from its sockets' arrival to its code |
//! | `outlet`  | what passes between a command and its sockets or files |
//! | `streams` | one socket: what goes in, what comes out |
//! | `control` | messages that steer a command |

mod control;
mod outlet;
mod request;
mod session;
mod streams;
#[cfg(test)]
mod tests;

pub(crate) use control::{Control, Order};
pub(crate) use request::{post, resources};
pub(crate) use session::{Session, step};
