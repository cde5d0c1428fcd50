//! One REST call as a value: what is sent, and how the answer becomes a `T`.
//!
//! | file | idea |
//! |---|---|
//! | `target`     | path and query, built so that no name leaves its place |
//! | `request`    | what is sent, still free of flavour |
//! | `dialect`    | what a server speaks: its flavour and API extensions |
//! | `credential` | what a client proves with each request |
//! | `encode`     | request and server to a [`Draft`](crate::wire::Draft) |
//! | `joining`    | how a client becomes trusted, by what the server reads |
//! | `typed`      | a request and the type of its answer |
//! | `decode`     | replies to values |
//! | `change`     | the answer to a change: done, or an operation |
//! | `tagged`     | a value and the ETag it came with |

mod change;
mod credential;
mod decode;
mod dialect;
mod encode;
mod error;
mod joining;
mod request;
mod tagged;
mod target;
mod typed;

pub use change::Change;
pub use credential::Credential;
pub(crate) use decode::refusal;
pub use decode::{answer, change, exists, file_info, nothing, plain, tagged, value};
pub use dialect::{Dialect, Extensions, Flavour};
pub use encode::{Peer, check, encode};
pub use error::CallError;
pub use joining::Joining;
pub use request::{Field, Request};
pub use tagged::{ETag, Tagged};
pub use target::Target;
pub use typed::Call;
