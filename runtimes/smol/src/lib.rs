//! A client for LXD and Incus on smol: no tasks and no threads of its own.
//!
//! ```no_run
//! use lxio_smol::{Client, Remote, instance};
//!
//! # async fn example() -> Result<(), lxio_smol::Error> {
//! let client = Client::connect(Remote::local()).await?;
//! let web = instance("web");
//! client.run(web.start()).await?;
//! let out = client.run(web.exec(["uname", "-a"])).await?;
//! println!("{} {}", out.status, out.stdout_text());
//! # Ok(())
//! # }
//! ```
//!
//! Four verbs: [`Client::connect`], [`Client::call`] for one REST call, [`Client::run`] for a conversation to
//! its end, [`Client::start`] for one that you take part in, as a [`Live`] handle.
//!
//! # In your program
//!
//! - It runs in any executor: `smol::block_on`, `async_io::block_on`, a `smol::Executor`, async-std's. What
//!   it needs is the reactor of async-io, which is there by itself: the thread that awaits in `block_on`
//!   drives it, or else one of its own that async-io starts. All work is done in the task that awaits. Its
//!   futures are [`Send`].
//! - Every future can be dropped at any time, by `or` or a time-out: nothing is left running, and a
//!   connection that was in use is closed. The futures of a [`Live`] handle's methods that borrow it lose
//!   nothing when they are dropped: the next one goes on.
//! - A handle moves bytes only while it is awaited. A stream of events that is left alone for 30 seconds is
//!   dropped by the server.
//!
//! | file | idea |
//! |---|---|
//! | `client`   | the four verbs |
//! | `dial`     | how connections are made, the pool of them, time |
//! | `socket`   | one of them |
//! | `remotes`  | servers of the network: looked at, joined, added to the stock clients' |
//! | `live`     | the loop that moves a conversation's bytes |
//! | `exec`     | what a running command's handle can do: `AsyncWrite` is its standard input |
//! | `events`   | what a handle can do that yields items: `Stream` |
//! | `transfer` | what a handle of a streamed body can do: `AsyncRead` or `AsyncWrite` |

mod client;
mod dial;
mod events;
mod exec;
mod live;
#[cfg(feature = "tls")]
mod remotes;
mod socket;
#[cfg(test)]
mod tests;
mod transfer;

pub use client::Client;
pub use live::Live;
pub use lxio_core::api::*;
pub use lxio_core::flow::{ExitStatus, Output, Piece};
pub use lxio_core::session::{Cause, Error, ErrorKind, Patience, Remote, TranscriptFile, Via};
#[cfg(feature = "tls")]
pub use lxio_core::wire::{Authorities, Fingerprint, Identity, ServerCertificate, Trust};
pub use lxio_core::{api, bytes, call, flow, model, session, wire};
#[cfg(feature = "tls")]
pub use lxio_host::BadJoining;
#[cfg(feature = "config")]
pub use lxio_host::config;
pub use lxio_host::identity;
