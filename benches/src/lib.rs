//! What the library costs, in counts that repeat: instructions, allocations, system calls. No times.
//!
//! `benches/run` builds all, counts and prints the table; it fails where a bound is exceeded.
//!
//! | file | what |
//! |---|---|
//! | `allocations` | an allocator that counts |
//! | `samples`     | recorded answers, and a long list made of one |
//! | `server`      | answers like a daemon, in a process of its own |
//! | `papers`      | certificates and keys |
//! | `floor`       | the same call by hand: the least that it can cost |
//! | `floor_tls`   | the connection for it by hand, with TLS |
//! | `get`         | one GET, by every client, on a warm connection or a new one |
//! | `handshakes`  | how many of them calls need |
//! | `parse`       | bodies to values |
//! | `sockets`     | websocket frames in and out, and a command's output |
//! | `bin/work`    | does one of them so many times |

pub mod allocations;
pub mod floor;
pub mod floor_tls;
pub mod get;
pub mod handshakes;
pub mod papers;
pub mod parse;
pub mod samples;
pub mod server;
pub mod sockets;

/// Whatever went wrong in a measurement.
pub type Failure = Box<dyn std::error::Error>;
