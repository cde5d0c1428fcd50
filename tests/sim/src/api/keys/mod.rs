//! The keys that configuration may have, and their values.
//!
//! | file | keys of |
//! |---|---|
//! | `instance.txt` | instances and profiles |
//! | `network.txt`  | networks |
//! | `project.txt`  | projects |
//! | `server.txt`   | the server |
//!
//! | kind | values | | kind | values |
//! |---|---|---|---|---|
//! | `any` | any text | | `size` | bytes, with a suffix |
//! | `bool`, `truth` | a truth (`truth` is the server's) | | `cpus` | a number of processors, or a set of them |
//! | `integer`, `number` | a whole number (`number` is the server's) | | `address` | where to listen |
//! | `natural` | one that is not below zero | | `compression` | an algorithm |
//! | `priority` | 0 to 10 | | `a\|b` | one of these |

mod table;

pub(crate) use table::{Bad, INSTANCE, Keys, NETWORK, PROJECT, SERVER};
