//! What the live suite stands on: a daemon under test, what a scenario is given, how a list of scenarios is
//! run, and how everything is removed again.
//!
//! | file | idea |
//! |---|---|
//! | `failure`  | why a scenario failed: what, and where in the scenario |
//! | `door`     | where a daemon is reached: a Unix socket, or HTTPS |
//! | `daemon`   | a daemon under test, and the hook that can kill and start it |
//! | `fixture`  | what the suite puts on a daemon, and how it is removed |
//! | `context`  | what a scenario is given |
//! | `data`     | bytes without end, their hash, small images |
//! | `simulated`| a simulated daemon, ready for scenarios |
//! | `schedule` | the list on one pair of daemon and adapter |
//! | `report`   | a line for each, and the count |
//! | `child`    | the parts that are measured in a process of their own |

pub mod child;
mod context;
mod daemon;
pub mod data;
mod door;
mod failure;
mod fixture;
mod report;
mod schedule;
mod simulated;

pub use context::Context;
pub use daemon::{Daemon, Hook};
pub use door::{Door, Https, Keys};
pub use failure::{Failure, refused};
pub(crate) use failure::{ensure, same};
pub use fixture::Fixture;
pub use report::Report;
pub use schedule::{Mode, Need, Options, Scenario, Verdict, interrupt, pair};
pub use simulated::simulated;
