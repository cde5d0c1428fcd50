//! The REST API of LXD and Incus as pure state machines.
pub mod api;
pub mod bytes;
pub mod call;
pub mod flow;
pub mod model;
pub mod session;
pub mod wire;
