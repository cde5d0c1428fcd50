//! The commands of a busybox.
//!
//! | file | holds |
//! |---|---|
//! | `dispatch` | the table of names; from a name to what runs |
//! | `print` | `echo`, `printf`, `seq`, `yes` |
//! | `stream` | `cat`, `head`, `tail`, `tee`, `wc`, `tr`, `dd`, `sha256sum` |
//! | `search` | `grep`, `sed`, `sort`, `uniq`, `cut` |
//! | `pattern` | basic regular expressions |
//! | `place` | `ls`, `stat`, `readlink`, `basename`, `dirname`, `which` |
//! | `arrange` | `rm`, `mkdir`, `mv`, `cp`, `ln`, `touch`, `chmod`, `chown`, `truncate` |
//! | `identity` | `id`, `env`, `hostname`, `uname`, `date`, `ps`, `tty`, `stty` |
//! | `run` | `init`, `sleep`, `kill`, `setsid`: what other processes feel |
//! | `check` | `test` |

mod arrange;
mod check;
mod dispatch;
mod identity;
mod pattern;
mod place;
mod print;
mod run;
mod search;
mod stream;

pub(crate) use dispatch::{BUILT_IN, NAMES, built_in, task};
pub(crate) use print::escape;
