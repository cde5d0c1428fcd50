//! The file system of an instance.
//!
//! | file | holds |
//! |---|---|
//! | `tree` | [`Files`]: inodes and what can be done to them; a clone is a snapshot and shares everything |
//! | `walk` | from a path to an inode: links, `..`, bounds |
//! | `content` | the bytes of a file in shared pieces |
//! | `archive` | tar archives in and out |
//! | `builtin` | the root file system of an image that nobody imported |
//! | `errno` | what can go wrong, in the words of `strerror` |

mod archive;
mod builtin;
mod content;
mod errno;
mod tree;
mod walk;

pub(crate) use content::Content;
pub(crate) use errno::Errno;
pub(crate) use tree::{Device, Files, Inode, Kind, Node, Owner};
pub(crate) use walk::{Last, Place};
