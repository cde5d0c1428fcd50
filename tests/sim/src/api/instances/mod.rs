//! Instances: containers that are made, changed, started, kept in snapshots.
//!
//! | file | idea |
//! |---|---|
//! | `instance`  | an instance and its snapshots, and where they are found |
//! | `object`    | the JSON objects of both |
//! | `list`      | lists of instances, and one of them |

mod instance;
mod list;
mod object;

pub(crate) use instance::{Instance, Settings, Snapshot, Status};
pub(crate) use list::{get, list};
