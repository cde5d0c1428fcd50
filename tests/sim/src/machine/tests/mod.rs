//! A whole machine, from a script to what it prints.
//!
//! | file | holds |
//! |---|---|
//! | `bench` | a machine that runs, and time that passes when nothing else moves |
//! | `scripts` | scripts that a real busybox has run, too: `scripts.jsonl` says what came of them |
//! | `scenarios` | the scripts of the live suite |
//! | `conversation` | input, signals, terminals, back-pressure |
//! | `power` | start, halt, freeze, the first process |

mod bench;
mod conversation;
mod power;
mod scenarios;
mod scripts;
