//! What lxio needs of the host and what is the same for every runtime: where a local daemon listens, the
//! remotes and keys of the stock clients, a clock, a seed, transcripts. The adapters use it; programs seldom
//! need it themselves, but for [`config`] and [`identity`].

#[cfg(all(feature = "config", feature = "tls"))]
mod adding;
mod clock;
#[cfg(feature = "config")]
pub mod config;
mod destination;
mod discover;
mod explain;
pub mod identity;
#[cfg(feature = "tls")]
mod joining;
mod proxy;
#[cfg(test)]
mod scratch;
mod seed;
#[cfg(feature = "tls")]
mod tls;
pub mod transcript;
mod tune;

#[cfg(all(feature = "config", feature = "tls"))]
pub use adding::Adding;
pub use clock::Clock;
pub use destination::Destination;
pub use discover::{Candidate, candidates};
pub use explain::explain;
#[cfg(feature = "tls")]
pub use joining::{BadJoining, shown, to_join};
pub use proxy::{BadProxyVariable, proxy_for};
pub use seed::seed;
pub use tune::tune;
