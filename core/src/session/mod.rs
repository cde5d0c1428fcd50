//! Where and how to speak to one server, and the one error that users see.
//!
//! ```text
//!   Remote ──(host: which socket?)──▶ greeting GET /1.0 ──▶ Session ──begin──▶ Attempt      one call
//!                                                             └─────────────▶ Drive<Flow>  a conversation
//! ```
//!
//! | file | idea |
//! |---|---|
//! | `remote`  | which server, what of it, and where a transcript goes |
//! | `session` | what a greeted server is and how it is spoken to |
//! | `attempt` | one try at a request on one connection |
//! | `patience`, `watch` | how long a server is waited for |
//! | `route`   | the ways to it, one in use |
//! | `pool`    | connections at rest |
//! | `drive`   | a flow and its connections as one machine, for a driver to move bytes for |
//! | `link`    | one of these connections |
//! | `error`   | the error |

mod attempt;
mod drive;
mod error;
mod link;
mod patience;
mod pool;
mod remote;
mod route;
#[allow(clippy::module_inception)]
mod session;
mod watch;

pub use attempt::Attempt;
pub use drive::{Drive, Step};
pub use error::{Cause, Error, ErrorKind};
pub use patience::Patience;
pub use pool::Pool;
pub use remote::{Address, Remote, TranscriptFile, Via};
pub use route::{Dial, Route, Way};
pub use session::Session;
