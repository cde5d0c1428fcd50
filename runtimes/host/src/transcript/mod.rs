//! Transcripts: what passed between a client and a server, in a file that can be read, replayed and shown around.
//!
//! | file | idea |
//! |---|---|
//! | `format` | the lines of the file, to read and to write |
//! | `mask`   | the protocol's secrets, replaced in a whole transcript or in a piece of one |

mod format;
mod mask;

pub use format::{Direction, Entry, Header, Part, Transcript, What};
