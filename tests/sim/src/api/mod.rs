//! The endpoints: what each request does to the world, and what it is told.
//!
//! ```text
//!  route ──► one file per resource: its state, its objects, its handlers
//! ```
//!
//! | file | idea |
//! |---|---|
//! | `route`      | which handler answers a path and a method |
//! | `state`      | what survives a restart |
//! | `body`       | the JSON of a request |
//! | `listing`    | lists: references or objects, filtered |
//! | `server`     | the server and its configuration |
//! | `operations` | operations: listed, waited for, cancelled, connected to |
//! | `events`     | the stream of events |
//! | `projects`   | projects, and which resources they share |
//! | `profiles`   | profiles |
//! | `instances`  | instances and their snapshots |

mod body;
mod events;
mod instances;
mod listing;
mod operations;
mod profiles;
mod projects;
mod route;
mod server;
mod state;

pub(crate) use operations::pings;
pub(crate) use route::{answer, early};
pub(crate) use state::{State, sftp, step};
