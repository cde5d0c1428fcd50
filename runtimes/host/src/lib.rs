//! What lxio needs of the host and what is the same for every runtime: where a local daemon listens, a
//! clock, a seed, transcripts. The adapters use it; programs seldom need it themselves.

mod clock;
mod discover;
mod explain;
mod proxy;
mod seed;
pub mod transcript;

pub use clock::Clock;
pub use discover::{Candidate, candidates};
pub use explain::explain;
pub use proxy::{BadProxyVariable, proxy_for};
pub use seed::seed;
