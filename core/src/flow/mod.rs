//! Conversations: several calls and sockets that make one thing happen.
//!
//! ```text
//!              ┌── poll(now) ──▶ Effect: Send · Open · Write · Shut · Emit · Wait · Done
//!   a Flow ────┤
//!              └◀─ handle(slot, event, now)
//! ```
//!
//! A flow touches nothing: it says what should happen on which slot (a place for one connection), and is
//! told what did. Poll until it says `Wait` or `Done`; handle what happened; poll again.
//!
//! | file | conversation |
//! |---|---|
//! | `settle`   | a change, and the operation it may begin, to the end |
//! | `wait`     | one operation to its end: the part that settle, edit and exec share |
//! | `exec`     | a command over websockets |
//! | `recorded` | a command whose output the server keeps in files |
//! | `edit`     | get, change, put if unchanged, again on conflict |
//! | `join`     | a stranger to the server becomes one whom it trusts |
//! | `single`   | one call, as a conversation |
//! | `chain`    | a call, and a conversation that its answer begins |
//! | `transfer` | a body streamed up or down |
//! | `watch`    | events as they come |
//! | `login`    | a login at the identity provider that a server trusts, and its renewal |

mod chain;
mod edit;
mod error;
mod exec;
mod join;
mod login;
mod output;
mod recorded;
mod settle;
mod single;
mod transfer;
mod wait;
mod watch;

use crate::bytes::{Limits, Moment};
use crate::call::Request;
use crate::wire::Reply;

pub use chain::Chain;
pub use edit::{Edit, Editable};
pub use error::{Fault, FlowError, Limit};
pub use exec::Exec;
pub use join::Join;
pub use login::{BadAddress, Login, LoginError, Prompt, Refresh, Tokens};
pub use output::{ExitStatus, Output, Piece};
pub use recorded::Recorded;
pub use settle::{Ended, Settle};
pub use single::Single;
pub use transfer::{Download, Upload};
pub use watch::Watch;

/// A place for one connection within a flow: small numbers, chosen by the flow.
pub type Slot = u8;

/// A message to a websocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

/// What a flow wants to happen. Exhaustive on purpose: a driver handles every case.
#[derive(Debug)]
pub enum Effect<I, O> {
    /// Send this request on a connection of its own for this slot; the answer is [`Event::Reply`].
    Send(Slot, Request),
    /// Open this websocket; [`Event::Opened`] says it is open, [`Event::Reply`] that the server refused.
    Open(Slot, Request),
    /// Send this to the slot's websocket; [`Event::Drained`] says that all has left.
    Write(Slot, Message),
    /// Close what the slot holds; nothing more is heard of it.
    Shut(Slot),
    /// Hand this to the caller.
    Emit(I),
    /// Nothing more to do until an event comes, or this moment.
    Wait(Option<Moment>),
    /// It is over.
    Done(Result<O, FlowError>),
}

/// What happened on a slot.
#[derive(Debug)]
pub enum Event<'a> {
    /// The head of a streamed answer; the body passes by the flow, [`Event::Reply`] says that it is over.
    Head(Reply<'a>),
    /// The answer.
    Reply(Reply<'a>),
    /// The websocket is open.
    Opened,
    /// Part of a binary message.
    Binary(&'a [u8]),
    /// A text message.
    Text(&'a str),
    /// Something came that is no message: a ping. The other side lives.
    Heard,
    /// Everything written so far has left.
    Drained,
    /// The websocket is over, in order or by the connection's end; these servers seldom say goodbye.
    Ended,
    /// The connection could not be made, or failed.
    Failed(Fault),
}

/// A conversation as a machine.
pub trait Flow {
    /// What it hands out on the way.
    type Item;
    /// What it comes to.
    type Output;

    /// What should happen next. To be called until it says [`Effect::Wait`] or [`Effect::Done`].
    fn poll(&mut self, now: Moment) -> Effect<Self::Item, Self::Output>;

    /// Takes note of what happened.
    fn handle(&mut self, slot: Slot, event: Event<'_>, now: Moment);

    /// Whether the conversation stands: what was opened is open, what was asked has its first answer.
    /// Starting a flow returns once it does, so that what comes after is not missed.
    fn ready(&self) -> bool {
        true
    }

    /// Tells the flow that a caller wants its items as they come; otherwise it may collect them.
    fn live(&mut self) {}

    /// Tells the flow the session's limits, before it is polled first.
    fn bound(&mut self, _limits: &Limits) {}
}

/// A flow that needs nobody beside it: it can be run to its end in one go.
pub trait Unattended: Flow {}

/// What can be made a flow of.
pub trait IntoFlow {
    /// The flow.
    type Flow: Flow;
    /// Makes it.
    fn into_flow(self) -> Self::Flow;
}

impl<F: Flow> IntoFlow for F {
    type Flow = F;

    fn into_flow(self) -> F {
        self
    }
}
