//! What a daemon knows and does, without its connections.
//!
//! ```text
//!   api handlers ──► World ──► operations ──► schedule (work that is due later)
//!                     │  └───► events (told to every listener)
//!                     └──────► channels (the websockets of an operation) ◄──► the daemon's connections
//! ```
//!
//! | file | idea |
//! |---|---|
//! | `world`     | everything together, and the clock |
//! | `operation` | an operation: its life, its object |
//! | `schedule`  | work that is due later |
//! | `event`     | what listeners are told |
//! | `channel`   | one websocket of an operation, seen from its other end |

mod channel;
mod event;
mod operation;
mod schedule;
#[allow(clippy::module_inception)]
mod world;

pub(crate) use channel::{Channel, Message};
pub(crate) use event::Event;
pub(crate) use operation::{Begin, Class, Ending, Operation, OperationId, Outcome, Status};
pub(crate) use schedule::{Schedule, Step, Work};
pub(crate) use world::World;
