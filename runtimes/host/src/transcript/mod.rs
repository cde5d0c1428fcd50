//! Transcripts: what passed between a client and a server, in a file that can be read, replayed and shown around.
//!
//! ```text
//!   socket ──▶ Tap ──▶ Anatomy ──▶ Veil ──▶ Tape ──▶ file ──▶ Transcript
//!              one for each connection      one for each client
//! ```
//!
//! A tap hears the plain side of a connection: what stands between that and the socket, TLS or a proxy, is not in
//! the file. Its keys are drawn anew for each connection, so that its bytes could be neither read nor made again;
//! the plain ones are the same with and without it, and are replayed byte for byte. Nor is a secret of it ever
//! there to be hidden: no key, and no password of a proxy. A connection whose handshake fails has nothing but its
//! end.
//!
//! | file | idea |
//! |---|---|
//! | `format`  | the lines of the file, to read and to write |
//! | `tap`     | what an adapter holds beside its sockets, and the file behind it |
//! | `anatomy` | what the bytes of a connection are: heads, bodies, frames |
//! | `veil`    | what of them is told |
//! | `json`    | under which key a string stands, and how much that tells |
//! | `mask`    | the protocol's secrets, replaced in a whole transcript or in a piece of one |

mod anatomy;
mod format;
mod json;
mod mask;
mod tap;
mod veil;

pub use anatomy::{Anatomy, Head, Kind, Run};
pub use format::{Direction, Entry, Header, Part, Transcript, What};
pub use tap::{Tap, Tape};
