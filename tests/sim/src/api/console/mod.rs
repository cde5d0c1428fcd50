//! The console of an instance.
//!
//! | file | idea |
//! |---|---|
//! | `session` | a client at the console |
//! | `log`     | what the console has shown |

mod log;
mod session;
#[cfg(test)]
mod tests;

pub(crate) use log::{Shown, clear, get};
pub(crate) use session::{Session, post, step};
