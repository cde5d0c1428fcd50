//! Users, servers and connections that do what they should not, through all three adapters: a typed error
//! each time, nothing sent that should not be, and a client that works afterwards.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod events;
mod names;
mod operations;
mod replies;
mod retries;
mod transfers;
mod unreachable;

use lxio_core::api::raw;
use lxio_core::flow::{Fault, FlowError};
use lxio_core::session::{Cause, Error, Remote};
use lxio_core::wire::WireError;
use lxio_tests::actor::{Actor, Connect};
use lxio_tests::script::Server;

/// A client of the server that keeps no connection: every call has a new one.
fn fresh<A: Connect>(server: &Server) -> A {
    A::connect(Remote::socket(server.path()).seed(1).idle(0)).unwrap()
}

/// A client of the server as users have it.
fn client<A: Connect>(server: &Server) -> A {
    A::connect(Remote::socket(server.path()).seed(1)).unwrap()
}

/// Gets a path and gives the JSON.
fn get(actor: &mut impl Actor, path: &str) -> Result<serde_json::Value, Error> {
    actor.call(raw::get(path).json()).map(|got| got.value)
}

/// What was wrong with the bytes.
fn wire(error: &Error) -> Option<&WireError> {
    match error.cause() {
        Cause::Flow(FlowError::Fault(Fault::Wire { error, .. })) => Some(error),
        _ => None,
    }
}
