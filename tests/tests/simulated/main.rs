//! The whole client in virtual time: against a server that says what it should not, and in storms.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod endless;
mod hostile;
mod sockets;
mod storms;

use std::time::Duration;

use lxio_core::api::{profile, raw};
use lxio_core::bytes::Limits;
use lxio_core::session::{Error, Remote};
use lxio_sim::{Client, Simulation, What};
use serde_json::Value;

/// What is accepted at most here.
fn limits() -> Limits {
    let mut limits = Limits::default();
    (limits.head, limits.fields, limits.body) = (4 << 10, 40, 256 << 10);
    (limits.message, limits.output) = (64 << 10, 64 << 10);
    limits
}

/// A simulation that waits for a month, and a client with narrow limits.
fn stage() -> (Simulation, Client) {
    let sim = Simulation::seeded(7).patience(Duration::from_secs(30 * 24 * 3600));
    let client = sim.connect(Remote::local().limits(limits())).unwrap();
    (sim, client)
}

/// Gets a path.
fn get(client: &Client) -> Result<Value, Error> {
    client.call(raw::get("/1.0/profiles/default").json()).map(|it| it.value)
}

/// The client works, and asked for nothing twice: `asked` requests have come in all.
fn goes_on(sim: &Simulation, client: &Client, asked: u64) {
    assert_eq!(sim.daemon(|it| it.requests()), asked, "something was sent twice");
    assert!(client.call(profile("default").exists()).unwrap());
}

/// How many bytes the client was sent since it was asked last: its memory cannot have grown by more.
fn taken(sim: &Simulation) -> usize {
    let bytes = |what: &What| if let What::Down(bytes) = what { bytes.len() } else { 0 };
    sim.trace().iter().map(|it| bytes(&it.what)).sum()
}
