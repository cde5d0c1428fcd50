//! What every other room stands on: buffers, bounds, time and chance as inputs, escaping, secrets.
//!
//! | file | idea |
//! |---|---|
//! | `inbox`  | bytes that arrived and were not yet understood |
//! | `outbox` | bytes that are to leave |
//! | `limits` | how much of anything is accepted from a peer |
//! | `moment` | time, as an argument |
//! | `chance` | random numbers, from the caller's seed |
//! | `escape` | text to path segments and query values |
//! | `name`   | names that cannot leave their place |
//! | `secret` | text that is never printed |

mod chance;
mod escape;
mod inbox;
mod limits;
mod moment;
mod name;
mod outbox;
mod secret;

pub use chance::Chance;
pub use escape::{push_query, push_segment};
pub use inbox::Inbox;
pub use limits::Limits;
pub use moment::Moment;
pub use name::{BadName, check_name};
pub use outbox::Outbox;
pub use secret::Secret;
