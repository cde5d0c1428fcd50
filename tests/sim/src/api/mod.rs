//! The endpoints: what each request does to the world, and what it is told.
//!
//! ```text
//!  route ──► one file per resource: its state, its objects, its handlers
//! ```
//!
//! | file | idea |
//! |---|---|
//! | `route`      | which handler answers a path and a method |
//! | `known`      | the paths that the released versions have |
//! | `state`      | what survives a restart |
//! | `body`       | the JSON of a request |
//! | `decode`     | what the daemons say of bytes that are no JSON |
//! | `members`    | the same, each member of a type |
//! | `listing`    | lists: references or objects, filtered |
//! | `server`     | the server and its configuration |
//! | `operations` | operations: listed, waited for, cancelled, connected to |
//! | `events`     | the stream of events |
//! | `paths`      | the paths of resources, with their names encoded |
//! | `keys`       | the keys that configuration may have |
//! | `projects`   | projects, and which resources they share |
//! | `profiles`   | profiles |
//! | `images`     | images and their aliases |
//! | `content`    | bytes as the web server gives them: ranges, nothing new |
//! | `collection` | resources that are hardly more than what a client wrote: one mechanism for all |
//! | `networks`   | networks and what belongs to them |
//! | `storage`    | pools and volumes |
//! | `access`     | who may do what |
//! | `certificates`, `base64` | who is trusted |
//! | `joining`    | how others come to be |
//! | `cluster`    | what a server says that is in no cluster; warnings |
//! | `host`       | the machine it runs on |
//! | `instances`  | instances and their snapshots |
//! | `exec`       | commands inside of instances |
//! | `console`    | the console of an instance |
//! | `files`      | files of instances |
//! | `sftp`       | file transfer sessions |
//! | `logs`       | what is kept beside instances |

mod access;
mod base64;
mod body;
mod certificates;
mod cluster;
mod collection;
mod console;
mod content;
mod decode;
mod events;
mod exec;
mod files;
mod host;
mod images;
mod instances;
mod joining;
mod keys;
mod known;
mod listing;
mod logs;
#[cfg(test)]
mod measured;
mod members;
mod networks;
mod operations;
mod paths;
#[cfg(test)]
mod probe;
mod profiles;
mod projects;
mod route;
mod server;
mod sftp;
mod state;
mod storage;

pub(crate) use images::another as another_image;
pub(crate) use operations::pings;
pub(crate) use route::{answer, early};
pub(crate) use sftp::open as sftp;
pub(crate) use state::{State, step};
