//! The whole client with its daemon in one thread: no socket, no clock, no chance but the seed's.
//!
//! ```text
//!  Simulation ──► Client: call, run, start, spawn ──► Conversation (the core's Drive) ──► Sockets
//!      │                                                                                    │
//!      └──► Core: turn ── everybody goes as far as they can, then time goes to what is next ┘
//! ```
//!
//! | file | idea |
//! |---|---|
//! | `simulation`   | what a test holds: time, faults, restarts, scripted answers |
//! | `core`         | what all in it share; its turns |
//! | `client`       | a client, as the blocking adapter has it |
//! | `conversation` | a flow and its sockets |
//! | `live`         | a conversation that somebody takes part in |
//! | `exec`         | … with a command |
//! | `transfer`     | … with a body that is streamed |
//! | `task`         | a conversation that goes on by itself |

mod client;
mod conversation;
mod core;
mod exec;
mod live;
#[allow(clippy::module_inception)]
mod simulation;
mod task;
mod transfer;

#[cfg(test)]
mod tests;

pub use client::Client;
pub use live::Live;
pub use simulation::Simulation;
pub use task::Task;

pub(crate) use self::core::Core;
