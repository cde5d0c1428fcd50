//! Instances: containers that are made, changed, started, kept in snapshots.
//!
//! ```text
//!  create ──► Instance ◄── change, snapshots
//!               │  ▲
//!  power ──► run: start, stop ──► its Machine ──► step: what goes on in it, and that it has ended
//! ```
//!
//! | file | idea |
//! |---|---|
//! | `instance`  | an instance and its snapshots, and where they are found |
//! | `object`    | the JSON objects of both |
//! | `list`      | lists of instances, one of them, its state |
//! | `create`    | new ones |
//! | `source`    | what they are made of: an image, nothing, another one |
//! | `change`    | other settings, another name, deletion |
//! | `power`     | what clients want of the state: of one, of all |
//! | `run`       | starting, stopping, ends of their own |
//! | `snapshots` | snapshots, and going back to one |
//! | `metadata`  | what an image has said of itself, and templates |
//! | `check`     | names, configuration, devices |
//! | `input`     | the JSON of a request |
//! | `tell`      | lifecycle events, and what operations are about |

mod change;
mod check;
mod create;
mod input;
mod instance;
mod list;
mod metadata;
mod object;
mod power;
mod run;
mod snapshots;
mod source;
mod tell;
#[cfg(test)]
mod tests;

pub(crate) use change::{delete, patch, put, rename};
pub(crate) use create::create;
pub(crate) use instance::{Instance, Settings, Snapshot, Status};
pub(crate) use list::{backups, get, list, path, state};
pub(crate) use metadata::{
    delete_template, get as get_metadata, patch as patch_metadata, put as put_metadata, put_template,
    template,
};
pub(crate) use object::expanded;
pub(crate) use power::{put as put_state, put_all};
pub(crate) use run::{next, step};
pub(crate) use snapshots::{
    create as create_snapshot, delete as delete_snapshot, get as get_snapshot, list as list_snapshots,
    put as put_snapshot, rename as rename_snapshot,
};
pub(crate) use tell::By;

/// How the users of an instance are numbered on the host.
const IDMAP: &str = r#"[{"Isuid":true,"Isgid":false,"Hostid":100000,"Nsid":0,"Maprange":10000001},{"Isuid":false,"Isgid":true,"Hostid":100000,"Nsid":0,"Maprange":10000001}]"#;
