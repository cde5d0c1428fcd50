//! A blocking client for LXD and Incus: std sockets, no runtime, no threads of its own.
//!
//! ```no_run
//! use lxio_blocking::{Client, Remote, instance};
//!
//! let client = Client::connect(Remote::local())?;
//! let web = instance("web");
//! client.run(web.start())?;
//! let out = client.run(web.exec(["uname", "-a"]))?;
//! println!("{} {}", out.status, out.stdout_text());
//! # Ok::<(), lxio_blocking::Error>(())
//! ```
//!
//! Four verbs: [`Client::connect`], [`Client::call`] for one REST call, [`Client::run`] for a conversation to
//! its end, [`Client::start`] for one that you take part in, as a [`Live`] handle.
//!
//! | file | idea |
//! |---|---|
//! | `client`   | the four verbs |
//! | `dial`     | how connections are made, the pool of them |
//! | `socket`   | one of them |
//! | `remotes`  | servers of the network: looked at, joined, added to the stock clients' |
//! | `live`     | the loop that moves a conversation's bytes |
//! | `exec`     | what a running command's handle can do: `Write` is its standard input |
//! | `events`   | what a handle can do that yields items: `Iterator` |
//! | `transfer` | what a handle of a streamed body can do: `Read` or `Write` |

mod client;
mod dial;
mod events;
mod exec;
mod live;
#[cfg(feature = "tls")]
mod remotes;
mod socket;
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
