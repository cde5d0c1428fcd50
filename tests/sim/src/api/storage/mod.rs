//! Storage: pools of the driver `dir`, and volumes in them.
//!
//! | file | idea |
//! |---|---|
//! | `pool`      | pools |
//! | `volume`    | volumes: a client's own, and those of instances |
//! | `snapshots` | snapshots of volumes |
//! | `buckets`   | buckets, which need a program that is not there |
//! | `users`     | what uses a network, a pool, a volume |

mod buckets;
mod pool;
mod snapshots;
mod users;
mod volume;

pub(crate) use buckets::bucket;
pub(crate) use pool::{POOL, first, pool, resources};
pub(crate) use snapshots::snapshot;
pub(crate) use volume::{VOLUME, volume};
