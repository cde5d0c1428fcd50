//! What the library costs, in counts that repeat: instructions, allocations, system calls. No times.
//!
//! `benches/run` builds all, counts and prints the table; it fails where a bound is exceeded.
//!
//! | file | what |
//! |---|---|
//! | `allocations` | an allocator that counts |
//! | `samples`     | recorded answers, and a long list made of one |
//! | `server`      | answers like a daemon, in a process of its own |
//! | `floor`       | the same call by hand: the least that it can cost |
//! | `warm_get`    | one GET on a warm connection, by every client |
//! | `parse`       | bodies to values |
//! | `sockets`     | websocket frames in and out, and a command's output |
//! | `bin/work`    | does one of them so many times |

pub mod allocations;
pub mod floor;
pub mod parse;
pub mod samples;
pub mod server;
pub mod sockets;
pub mod warm_get;

/// Whatever went wrong in a measurement.
pub type Failure = Box<dyn std::error::Error>;
