//! The server's side of a websocket.
//!
//! | file | idea |
//! |---|---|
//! | `accept` | the answer to an upgrade |
//! | `frame`  | one frame out |
//! | `reader` | bytes in, what they say out: data in pieces, as it comes |

mod accept;
mod frame;
mod reader;

pub(crate) use accept::accept;
pub(crate) use frame::{Kind, close, push};
pub(crate) use reader::{Heard, Reader};
