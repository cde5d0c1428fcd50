//! The server's side of HTTP/1.1, as the daemons' web server speaks it.
//!
//! ```text
//! bytes ──► Intake ──► Request ──► (the daemon) ──► Answer ──► Outbox ──► bytes
//! ```
//!
//! | file | idea |
//! |---|---|
//! | `request` | a request: method, target, fields, body |
//! | `intake`  | bytes to requests, one at a time |
//! | `answer`  | what a request is answered with |
//! | `encode`  | an answer as bytes |
//! | `outbox`  | bytes that wait to leave |

mod answer;
mod encode;
mod intake;
mod outbox;
mod request;

pub(crate) use answer::{Answer, Answered, Body, Refusal, Upgrade, check_match};
pub(crate) use encode::{Date, encode, late_chunk, late_head, length, sync};
pub(crate) use intake::{Intake, Taken};
pub(crate) use outbox::Outbox;
pub(crate) use request::{Method, Request};
