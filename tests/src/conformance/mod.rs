//! Do two daemons answer the same? What the scenarios asked and were answered, compared field by field.
//!
//! ```text
//! scenario ──► its own recorder ──► daemon
//!                   │
//!               Collector: exchanges ──► Names, rules ──► Story: masked ──► compare ──► differences
//!                                                           │                  ▲
//!                                                           └──► golden files ─┘
//! ```
//!
//! | file | idea |
//! |---|---|
//! | `body`    | bytes of any number, counted and hashed |
//! | `socket`  | what a server says on a websocket |
//! | `collect` | the exchanges that pass a recorder |
//! | `names`   | what a scenario calls its own; what stands for names, ids, times |
//! | `rules`   | the members that are naturally different, and why |
//! | `masked`  | JSON of an answer, masked |
//! | `events`  | what a watcher was told |
//! | `story`   | a scenario's requests, each with its answers |
//! | `book`    | the stories of all runs |
//! | `golden`  | stories in files |
//! | `compare` | in what two runs differ |
//! | `check`   | runs beside the golden answers |

mod body;
mod book;
pub mod check;
mod collect;
pub mod compare;
mod events;
pub mod golden;
mod masked;
mod names;
mod rules;
mod socket;
mod story;

pub use body::Body;
pub use book::{Book, Run, Told};
pub use collect::{Answer, Collector, Exchange};
pub use compare::Difference;
use names::Names;
pub use names::Place;
pub use socket::Socket;
pub use story::{Entry, Story};
