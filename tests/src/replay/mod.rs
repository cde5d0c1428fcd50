//! Transcripts played back: to the core alone, and by a server to any client; and shown.
//!
//! ```text
//!  Tape ─── what a transcript says, per connection: bytes sent, bytes received, what had to come before what
//!   ├──▶ Net ──▶ Player      the server's bytes in memory, in the recorded order or in any other, to Drive
//!   └──▶ server              the same over a unix socket, to an adapter
//!
//!  Sheet ── a connection as requests and frames, of whoever wrote the transcript
//!   └──▶ again               each request sent again by the core, its answer read by what `shapes` says;
//!         └──▶ listen        the websocket that a connection became
//!
//!  show ─── a line for each head, body and frame
//! ```

mod again;
mod listen;
mod net;
mod player;
mod server;
mod shapes;
mod sheet;
mod show;
mod tape;

pub use again::{Again, Difference, again};
pub use net::{Net, Order, Pieces};
pub use player::{Player, SEED};
pub use server::{Playing, serve, serve_at};
pub use sheet::{Asked, Sheet};
pub use show::show;
pub use tape::{Conn, Delivery, Tape, Told, units};
