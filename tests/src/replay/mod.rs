//! Transcripts played back: to the core alone, and by a server to any client.
//!
//! ```text
//!  Tape ─── what a transcript says, per connection: bytes sent, bytes received, what had to come before what
//!   ├──▶ Net ──▶ Player      the server's bytes in memory, in the recorded order or in any other, to Drive
//!   └──▶ server              the same over a unix socket, to an adapter
//! ```

mod net;
mod player;
mod server;
mod tape;

pub use net::{Net, Order, Pieces};
pub use player::{Player, SEED};
pub use server::{Playing, serve};
pub use tape::{Conn, Delivery, Tape, Told, units};
