//! The processes of an instance.
//!
//! ```text
//! daemon ── Machine ── step(now) ── polls ──> one future per process ── System ──┐
//!             │                               (shell or applet)        calls    │
//!             └── Kernel: files, process table, descriptors, clock  <────────────┘
//!                    pipes and terminals: a writer waits for a reader, and the other way round
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `machine` | [`Machine`]: what the daemon sees |
//! | `boot` | start, halt, the first process |
//! | `kernel` | the table of processes; birth, death, waiting |
//! | `io` | what a descriptor does when it is read or written |
//! | `system` | [`System`]: the calls of one process, as futures |
//! | `program` | from a name to what runs |
//! | `pipe`, `tty` | bounded pipes, terminals |
//! | `signal` | names and numbers, what they do to a process that does not care |
//! | `noise` | bytes from a seed |

mod boot;
mod io;
mod kernel;
mod machine;
mod noise;
mod pipe;
mod program;
mod signal;
mod system;
mod tty;

#[cfg(test)]
pub(crate) use boot::StartError;
pub(crate) use io::Descriptor;
pub(crate) use kernel::{Pid, Status, Task};
pub(crate) use machine::{Command, CommandId, Machine, Stream};
pub(crate) use noise::Noise;
pub(crate) use program::SpawnError;
pub(crate) use signal::{Disposition, Signal};
pub(crate) use system::{Access, System};
