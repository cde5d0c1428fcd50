//! The REST API of LXD and Incus as pure state machines: no socket, no clock, no runtime.
//!
//! Programs use one of the adapters, `lxio-blocking`, `lxio-smol` or `lxio-tokio`, which re-export all that a
//! user needs of this crate. Use it directly to write another adapter, a test double, a fuzzer.
//!
//! ```text
//!    api       handles: instance("web"), images(), raw::get(..)            what a server has
//!     │
//!    flow      settle · exec · edit · watch · transfer                     several calls and sockets
//!     │
//!    call      Call<T>: a request and the type of its answer               one REST call
//!     │   ╲
//!    wire  model   HTTP/1.1, websockets, TLS · JSON shapes                 they do not know each other
//!     │   ╱
//!    bytes     buffers, limits, time and chance as inputs, escaping, secrets
//!
//!    session   where and how to connect, the pool, the error, and Drive: what an adapter turns
//! ```
//!
//! There are two surfaces to drive, and nothing else. For one call, [`session::Attempt`] lends its buffers to
//! the socket:
//!
//! ```
//! use lxio_core::api::instance;
//! use lxio_core::bytes::Chance;
//! use lxio_core::session::{Attempt, Remote, Session};
//! use lxio_core::wire::{Buffers, Need};
//!
//! // What a server answers; a program has a socket here.
//! let mut socket = std::io::Cursor::new(concat!(
//!     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 119\r\n\r\n",
//!     r#"{"type":"sync","status":"Success","status_code":200,"operation":"","error_code":0,"error":"","#,
//!     r#""metadata":{"name":"web"}}"#,
//! ));
//! let session = Session::stranger(&Remote::local());
//! let call = instance("web").get();
//! let mut attempt = Attempt::begin(&session, &call.request, Buffers::new(), false, &mut Chance::seeded(1))?;
//! loop {
//!     match attempt.need()? {
//!         Need::Write(bytes) => { let count = bytes.len(); attempt.wrote(count) }
//!         Need::Read(space) => { let count = std::io::Read::read(&mut socket, space)?; attempt.read(count) }
//!         Need::Fill(_) => attempt.filled(0),
//!         Need::Take(bytes) => { let count = bytes.len(); attempt.took(count) }
//!         Need::Done => break,
//!     }
//! }
//! assert_eq!(attempt.conclude(&call)?.name(), &"web");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! For a conversation, [`session::Drive`] says which connections to make, and moves their bytes in the same
//! way. Time and chance are arguments everywhere, so equal input gives equal bytes.

pub mod api;
pub mod bytes;
pub mod call;
pub mod flow;
pub mod model;
pub mod session;
pub mod wire;
