//! Storms: random programs of client calls in bad weather, each in a simulation of its own, and a model that knows
//! what must hold.
//!
//! ```text
//!  seed ──draw──► Program ──play──► what came of each step ──judge──► Verdict
//!                    ▲                                                  │ a fault
//!                    └──────────────── shrink ◄─────────────────────────┘
//! ```
//!
//! | file | idea |
//! |---|---|
//! | `program` | steps, who takes them and how; as text, too |
//! | `weather` | which faults a network has |
//! | `draw`    | a program out of a seed |
//! | `play`    | a program in a simulation |
//! | `deeds`   | what each deed is as a conversation |
//! | `outcome` | what came of a step |
//! | `judge`   | what must hold afterwards |
//! | `oracle`  | what the daemon has, asked past the network |
//! | `shrink`  | the smallest program that still fails |

mod deeds;
mod draw;
mod judge;
mod oracle;
mod outcome;
mod play;
mod program;
mod shrink;
mod weather;

pub use draw::draw;
pub use outcome::Word;
pub use play::{Verdict, play};
pub use program::{Deed, How, Program, Step};
pub use shrink::shrink;
pub use weather::Weather;
