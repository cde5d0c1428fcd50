//! File transfer sessions: the protocol SFTP, version 3, over an upgraded connection.
//!
//! | file | idea |
//! |---|---|
//! | `session` | bytes of a connection to packets, and back |
//! | `packet`  | what packets are made of |
//! | `serve`   | one packet answered |
//! | `entry`   | what a packet tells of a file |

mod entry;
mod packet;
mod serve;
mod session;
#[cfg(test)]
mod tests;

pub(crate) use session::{Session, get, open, step};
