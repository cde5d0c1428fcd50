use lxio_core::bytes::Moment;

use super::Peer;
use super::script::Playing;
use crate::http::{Intake, Outbox};
use crate::websocket::Reader;
use crate::world::OperationId;

/// How the daemon ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// After all that is to be sent has left.
    End,
    /// At once, with what was not read thrown away.
    Reset,
}

/// One connection.
#[derive(Debug, Default)]
pub(super) struct Connection {
    pub(super) peer: Peer,
    pub(super) intake: Intake,
    pub(super) out: Outbox,
    pub(super) phase: Phase,
    /// The client has ended its direction.
    pub(super) ended: bool,
    pub(super) close: Option<Close>,
    /// It closes after all that is to be sent has left, but as something that was not read to its end does.
    pub(super) unread: bool,
    /// When it is to be looked at next, whatever happens.
    pub(super) wake: Option<Moment>,
}

/// What a connection is at.
#[derive(Debug, Default)]
pub(super) enum Phase {
    /// At a request, or between two.
    #[default]
    Requests,
    /// The answer comes when an operation ends.
    Waiting {
        operation: OperationId,
        manner: Manner,
        /// The connection ends after the answer.
        close: bool,
    },
    /// A websocket.
    Socket { reader: Reader, role: Role, heard: Moment },
    /// Bytes without frames: a file transfer session.
    Stream(u64),
    /// Was answered before its request was whole: nothing is read any more.
    Deaf,
    /// Says what a test has put there.
    Scripted(Playing),
}

/// How the end of an operation is told.
#[derive(Debug, Clone)]
pub(super) enum Manner {
    /// As a wait is answered.
    Wait {
        /// The head of the answer has left.
        headed: bool,
    },
    /// As if there were no operation; what is made has this path.
    Change(Option<String>),
}

/// What a websocket is for.
#[derive(Debug)]
pub(super) enum Role {
    /// A channel of an operation.
    Channel(OperationId, String),
    Events {
        kinds: Vec<String>,
        project: Option<String>,
    },
    /// Nobody is at its other end.
    Orphan,
}
