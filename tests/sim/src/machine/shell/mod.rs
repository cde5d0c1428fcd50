//! The `sh` that scripts meet: what POSIX says and busybox does, as far as it goes. What it does not know is
//! a syntax error or a command that is not found, never something else than was meant.
//!
//! ```text
//! text ──lex──parse──> Node ──run──> fork, exec, wait, redirect, traps
//!                       Word ──expand──> fields (substitute, split, match names)
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `tree` | what a script is made of |
//! | `lex`, `parse` | from bytes to the tree, one complete command at a time |
//! | `expand`, `fields`, `arithmetic`, `matching` | from words to arguments |
//! | `run`, `launch`, `redirect`, `trap` | what commands do |
//! | `variables` | values, exported or not |
//! | `builtin`, `special` | commands of the shell itself |
//! | `source` | where the text comes from: `-c`, a file, standard input, a terminal |

mod arithmetic;
mod builtin;
mod expand;
mod fields;
mod launch;
mod lex;
mod matching;
mod parse;
mod redirect;
mod run;
mod source;
mod special;
mod trap;
mod tree;
mod variables;

pub(crate) use matching::{class, set};
pub(crate) use source::main;
