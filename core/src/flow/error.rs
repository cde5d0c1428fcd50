use std::fmt;
use std::io;

use super::login::LoginError;
use crate::call::CallError;
use crate::model::{Operation, OperationId};
use crate::wire::{FilterError, WebsocketError, WireError};

/// How a connection failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// It could not be made.
    Dial(io::Error),
    /// Reading or writing failed.
    Io {
        /// What the system says.
        error: io::Error,
        /// Whether any byte of the request had left, so that the server may have acted on it.
        left: bool,
    },
    /// What came is no HTTP, or broke off.
    Wire {
        /// What about it.
        error: WireError,
        /// Whether any byte of the request had left, so that the server may have acted on it.
        left: bool,
    },
    /// What came is no websocket, or broke off.
    Websocket(WebsocketError),
    /// What stands between us and the server lets nothing pass: TLS, a proxy.
    Filter {
        /// What about it.
        error: FilterError,
        /// Whether any byte of the request had left, so that the server may have acted on it.
        left: bool,
    },
    /// The server was waited for as long as [`Patience`](crate::session::Patience) goes.
    TimedOut {
        /// Which limit it came to.
        limit: Limit,
        /// Whether any byte of the request had left, so that the server may have acted on it.
        left: bool,
    },
    /// The request was refused here, before anything was sent.
    Call(CallError),
}

/// What a call had to be done within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The time for a connection to stand.
    Connect,
    /// The time in which no byte moves.
    Read,
    /// The time for the whole call.
    Total,
}

impl Fault {
    /// Whether it lies with the connection, so that another one may do.
    #[must_use]
    pub const fn is_transport(&self) -> bool {
        match self {
            Self::Dial(_) | Self::Io { .. } => true,
            Self::TimedOut { limit, .. } => matches!(limit, Limit::Connect),
            Self::Wire { error, .. } => error.is_cut(),
            Self::Filter { error, .. } => error.is_transport(),
            Self::Websocket(_) | Self::Call(_) => false,
        }
    }

    /// Whether the server may have acted on the request all the same.
    #[must_use]
    pub const fn may_have_acted(&self) -> bool {
        match self {
            Self::Dial(_) | Self::Call(_) => false,
            Self::Io { left, .. }
            | Self::Wire { left, .. }
            | Self::Filter { left, .. }
            | Self::TimedOut { left, .. } => *left,
            Self::Websocket(_) => true,
        }
    }
}

impl From<io::Error> for Fault {
    /// A connection could not be made.
    fn from(error: io::Error) -> Self {
        Self::Dial(error)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial(_) => f.write_str("the server cannot be reached"),
            Self::Io { .. } => f.write_str("the connection failed"),
            Self::Wire { error, .. } => error.fmt(f),
            Self::Websocket(error) => error.fmt(f),
            Self::Filter { error, .. } => error.fmt(f),
            Self::TimedOut { limit, .. } => f.write_str(match limit {
                Limit::Connect => "the connection did not stand in time",
                Limit::Read => "the server fell silent",
                Limit::Total => "the call did not end in time",
            }),
            Self::Call(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Dial(error) | Self::Io { error, .. } => Some(error),
            // These speak for themselves in Display.
            Self::Wire { .. }
            | Self::Websocket(_)
            | Self::Filter { .. }
            | Self::TimedOut { .. }
            | Self::Call(_) => None,
        }
    }
}

/// Why a conversation came to no good end, with what is known about the state it left behind.
#[derive(Debug)]
#[non_exhaustive]
pub enum FlowError {
    /// A call was refused, by us or by the server.
    Call(CallError),
    /// A connection failed.
    Fault(Fault),
    /// The operation failed. The server's reason is in it.
    OperationFailed(Box<Operation>),
    /// The operation was cancelled.
    OperationCancelled(Box<Operation>),
    /// The server no longer knows the operation, though its end was never seen: it ended more than five
    /// seconds ago, or the server was restarted. Whether it succeeded is unknown.
    OperationVanished {
        /// Which.
        id: OperationId,
        /// What the server said last about waiting for it, if anything.
        said: Option<String>,
    },
    /// The connection failed while the operation ran, and asking again failed too. It may still be running.
    OperationLost {
        /// Which.
        id: OperationId,
        /// How asking failed.
        fault: Fault,
    },
    /// The caller's time was up. The operation was left running.
    OperationTimedOut(Box<Operation>),
    /// The command could not be executed: 127 if it was not found, 126 if it is no program. A command that itself
    /// ends with one of these, such as a shell that does not find what it is told to run, looks the same.
    NotExecuted {
        /// What a shell would return.
        code: i32,
        /// The server's text.
        message: String,
    },
    /// The command's output broke off before its end: what came is not all.
    OutputTruncated {
        /// Which output.
        stream: &'static str,
        /// How many bytes came.
        got: u64,
        /// How it broke off, if by a fault.
        fault: Option<Fault>,
    },
    /// The command printed more than [`Limits::output`](crate::bytes::Limits::output).
    OutputTooLong {
        /// Which output.
        stream: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// Somebody else changed the object each time before our change could be stored.
    Conflict {
        /// How often it was tried.
        tries: u32,
    },
    /// The stream of events ended. What happens from now on is not seen.
    EventsEnded {
        /// How it broke off, if by a fault.
        fault: Option<Fault>,
    },
    /// Nothing was heard on the stream of events for so long that the connection must be dead.
    EventsSilent,
    /// A login came to no good end.
    Login(LoginError),
    /// The server's answer lacks something that the conversation needs.
    Unexpected(String),
}

impl FlowError {
    /// The error of a command whose operation failed: some failures say that it was never executed.
    pub(super) fn of_command(self) -> Self {
        match self {
            Self::OperationFailed(operation) => match operation.exit_code() {
                Some(code @ (126 | 127)) => Self::NotExecuted { code, message: operation.err().clone() },
                _ => Self::OperationFailed(operation),
            },
            error => error,
        }
    }
}

impl fmt::Display for FlowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => error.fmt(f),
            Self::Fault(fault) => fault.fmt(f),
            Self::OperationFailed(operation) => write!(f, "the operation failed: {}", operation.err()),
            Self::OperationCancelled(_) => f.write_str("the operation was cancelled"),
            Self::OperationVanished { id, said: Some(said) } => write!(
                f,
                "the server no longer knows operation {id}, and whether it succeeded is unknown; waiting for it was answered: {said}"
            ),
            Self::OperationVanished { id, said: None } => {
                write!(f, "the server no longer knows operation {id}, and whether it succeeded is unknown")
            }
            Self::OperationLost { id, fault } => {
                write!(f, "operation {id} was lost sight of and may still be running: {fault}")
            }
            Self::OperationTimedOut(operation) => {
                write!(f, "operation {} did not end in time and is still running", operation.id())
            }
            Self::NotExecuted { code, message } => {
                write!(f, "the command was not executed ({code}): {message}")
            }
            Self::OutputTruncated { stream, got, .. } => {
                write!(f, "the command's {stream} broke off after {got} bytes")
            }
            Self::OutputTooLong { stream, limit } => {
                write!(f, "the command's {stream} is longer than {limit} bytes")
            }
            Self::Conflict { tries } => {
                write!(f, "the object was changed by somebody else {tries} times in a row")
            }
            Self::EventsEnded { .. } => f.write_str("the stream of events ended"),
            Self::EventsSilent => {
                f.write_str("the stream of events fell silent: its connection must be dead")
            }
            Self::Login(error) => error.fmt(f),
            Self::Unexpected(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for FlowError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Fault(fault) => std::error::Error::source(fault),
            Self::OperationLost { fault, .. } => std::error::Error::source(fault),
            Self::OutputTruncated { fault: Some(fault), .. } | Self::EventsEnded { fault: Some(fault) } => {
                Some(fault)
            }
            _ => None,
        }
    }
}

impl From<CallError> for FlowError {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<LoginError> for FlowError {
    fn from(error: LoginError) -> Self {
        Self::Login(error)
    }
}

impl From<Fault> for FlowError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Call(error) => Self::Call(error),
            fault => Self::Fault(fault),
        }
    }
}
