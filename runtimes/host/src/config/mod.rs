//! The configuration of the stock command-line clients, `incus` and `lxc`: which remotes there are, which is the
//! default, and where their certificates, keys and tokens are. It is read as they read it and written so that
//! they read it; what this library does not know stays as it is, in its place (comments do not).
//!
//! ```no_run
//! use lxio_host::config::{Client, Config, RemoteEntry};
//!
//! let mut config = Config::of(Client::Incus)?;
//! let remote = config.remote(config.default_remote())?.to_remote()?; // for `connect` of an adapter
//! println!("{remote:?}");
//! config.add("office", &RemoteEntry::new("https://203.0.113.7:8443"))?;
//! config.set_default("office")?;
//! config.save()?;
//! # Ok::<(), lxio_host::config::ConfigError>(())
//! ```
//!
//! | in the directory | what |
//! |---|---|
//! | `config.yml` | the remotes |
//! | `client.crt`, `client.key`, `client.ca` | who we are |
//! | `clientcerts/NAME.crt`, `.key`, `.ca` | who we are to one remote |
//! | `servercerts/NAME.crt` | the certificate that a remote's server must have |
//! | `oidctokens/NAME.json` | what a login has given |
//!
//! | file | idea |
//! |---|---|
//! | `environment` | whose configuration, and where |
//! | `tree`        | the text as a tree that keeps all there is |
//! | `emit`        | the tree as text |
//! | `entry`       | what is said of one remote |
//! | `builtin`     | the remotes that are there without being said |
//! | `remotes`     | a configuration, and its remotes with their files |
//! | `resolve`     | what is connected to by a name |
//! | `change`      | add, remove, rename, set |
//! | `save`        | to the disk, whole or not at all |
//! | `tokens`      | a login's tokens |
//! | `error`       | what can be wrong |

mod builtin;
mod change;
mod emit;
mod entry;
mod environment;
mod error;
mod remotes;
mod resolve;
mod save;
mod tokens;
mod tree;

pub use entry::{Auth, Place, Protocol, RemoteEntry};
pub use environment::{Client, Environment};
pub use error::ConfigError;
pub use remotes::{Config, ConfiguredRemote, Owner};
pub(crate) use resolve::resolve;
#[cfg(feature = "tls")]
pub(crate) use resolve::{present, unusable};
