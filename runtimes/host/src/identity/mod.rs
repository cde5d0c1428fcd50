//! Who we are to a server on the network: the files of a certificate and its key, and how new ones are made.
//!
//! | file | idea |
//! |---|---|
//! | `files`    | where the stock clients keep them |
//! | `generate` | a new key and its certificate (feature `generate`) |

mod files;
#[cfg(feature = "generate")]
mod generate;

pub use files::IdentityFiles;
#[cfg(feature = "generate")]
pub use generate::{GenerateError, Generated, default_name, generate};
