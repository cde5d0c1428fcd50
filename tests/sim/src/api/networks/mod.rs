//! Networks and what belongs to them.
//!
//! | file | idea |
//! |---|---|
//! | `network` | networks: bridges with addresses of their own, and what the host has |
//! | `state`   | how the interface of one is, and who has an address of it |
//! | `parts`   | rules, forwards, zones and their records, integrations |

mod network;
mod parts;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use network::{NETWORK, create, driver, get, list};
pub(crate) use parts::{ACL, FORWARD, INTEGRATION, RECORD, ZONE, log, rename_integration};
pub(crate) use state::{HOST, allocations, leases, state};
