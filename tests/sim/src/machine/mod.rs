//! What is inside an instance: its files, its processes, and what the processes run.
//!
//! | room | holds |
//! |---|---|
//! | [`files`] | the file system: inodes, contents in shared pieces, tar in and out, the built-in root |
//! | [`process`] | [`Machine`](process::Machine): processes as futures that it polls, pipes, terminals, signals |
//! | [`shell`] | the `sh` that scripts meet: parser, expansion, running |
//! | [`applets`] | the other commands of a busybox |
//!
//! Nothing in here knows of HTTP or of the daemon. Time comes with every step, chance from a seed.

mod applets;
pub(crate) mod files;
pub(crate) mod process;
mod shell;
#[cfg(test)]
mod tests;
