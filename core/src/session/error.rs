use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::call::{CallError, Request};
use crate::flow::{Fault, FlowError, LoginError};
use crate::model::Operation;
use crate::wire::{FilterError, ServerCertificate, TlsError};

/// Whose fault it is and what can be done about it, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The call cannot be made as it was asked for. Nothing was sent.
    Misuse,
    /// The server lacks what the call needs. Nothing was sent.
    Unsupported,
    /// No server was found or reached.
    Unreachable,
    /// The connection failed on the way.
    Transport,
    /// What came is not what the protocol says.
    Protocol,
    /// The server does not trust this client, or forbids the call.
    Untrusted,
    /// This client does not trust the server: its certificate is not the right one. Nothing was sent.
    UnverifiedServer,
    /// The object does not exist.
    NotFound,
    /// The object changed in between (412), or is in the way (409).
    Conflict,
    /// The server said no for another reason.
    Refused,
    /// The operation failed, or was cancelled.
    OperationFailed,
    /// Whether the operation succeeded cannot be known.
    OperationUnknown,
    /// Time was up.
    TimedOut,
    /// The command was not executed.
    NotExecuted,
    /// A stream broke off before its end.
    Truncated,
    /// More came than the limits allow.
    TooLong,
    /// The caller's own reader failed.
    Input,
    /// The caller's own writer failed, or its transcript could not be begun.
    Output,
}

/// What happened, for callers who need more than [`Error::kind`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// A call or a conversation came to no good end.
    Flow(FlowError),
    /// No socket of a local daemon was found.
    NoDaemon {
        /// What was tried, in order, and how each failed.
        tried: Vec<(PathBuf, io::Error)>,
    },
    /// The server is neither LXD nor Incus.
    Stranger {
        /// What it calls itself.
        name: String,
    },
    /// None of the addresses of the server answers.
    NoAnswer {
        /// What was tried, in order, and how each failed.
        tried: Vec<(String, Error)>,
    },
    /// TLS cannot be spoken with what was given for it.
    #[cfg(feature = "tls")]
    Tls(crate::wire::SettingsError),
    /// The server does not trust this client, which has nothing to join it with, or joined it in vain.
    Untrusted,
    /// What the host keeps for clients, such as `config.yml`, is not there or of no use.
    Host(Box<dyn std::error::Error + Send + Sync>),
    /// The caller's reader failed in mid-upload; the connection was closed, so that the server does not take
    /// a part for the whole.
    Input(io::Error),
    /// The caller's writer failed in mid-download; the connection was closed.
    Output(io::Error),
    /// The transcript could not be begun.
    Transcript {
        /// Where it was to be.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The conversation had ended before.
    Over,
    /// The conversation waits for its caller, who waits for it: a body was not written, or not taken. Its
    /// connections were closed.
    Stuck,
}

/// The error of every public function that speaks to a server.
///
/// [`kind`](Self::kind) and the predicates are for programs, `Display` is one sentence for people, and
/// [`cause`](Self::cause) has what is known, such as the failed operation.
pub struct Error(Box<Inner>);

struct Inner {
    cause: Cause,
    line: Option<String>,
}

impl Error {
    /// The error of a cause that no request led to.
    #[must_use]
    pub fn new(cause: Cause) -> Self {
        Self(Box::new(Inner { cause, line: None }))
    }

    /// Names the request that led to it, without its query, which may hold secrets.
    #[must_use]
    pub fn at(self, request: &Request) -> Self {
        self.on(request.line())
    }

    pub(crate) fn on(mut self, line: String) -> Self {
        self.0.line.get_or_insert(line);
        self
    }

    /// What happened.
    #[must_use]
    pub const fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// Method and path of the request that led to it.
    #[must_use]
    pub fn request(&self) -> Option<&str> {
        self.0.line.as_deref()
    }

    /// Whose fault it is and what can be done about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match &self.0.cause {
            Cause::NoDaemon { .. } | Cause::NoAnswer { .. } => ErrorKind::Unreachable,
            Cause::Host(_) => ErrorKind::Misuse,
            Cause::Untrusted => ErrorKind::Untrusted,
            #[cfg(feature = "tls")]
            Cause::Tls(_) => ErrorKind::Misuse,
            Cause::Stranger { .. } => ErrorKind::Protocol,
            Cause::Input(_) => ErrorKind::Input,
            Cause::Output(_) | Cause::Transcript { .. } => ErrorKind::Output,
            Cause::Over | Cause::Stuck => ErrorKind::Misuse,
            Cause::Flow(error) => flow_kind(error),
        }
    }

    /// The server's code, if it is the server that said no. Mostly the HTTP status, but not always.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match &self.0.cause {
            Cause::Flow(FlowError::Call(error)) => error.code(),
            _ => None,
        }
    }

    /// The operation that failed, was cancelled or did not end in time.
    #[must_use]
    pub fn operation(&self) -> Option<&Operation> {
        match &self.0.cause {
            Cause::Flow(
                FlowError::OperationFailed(operation)
                | FlowError::OperationCancelled(operation)
                | FlowError::OperationTimedOut(operation),
            ) => Some(operation),
            _ => None,
        }
    }

    /// Whether the object does not exist (404).
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }

    /// Whether an object of that name exists already.
    ///
    /// Servers say so by 409 for some kinds, by 500 for others and by a failed operation for the rest, where
    /// only their text tells; this knows the texts of LXD 5 and 6 and of Incus 6. `false` means "not known".
    #[must_use]
    pub fn is_already_exists(&self) -> bool {
        let text = match &self.0.cause {
            Cause::Flow(FlowError::Call(CallError::Refused { code: 409, .. })) => return true,
            Cause::Flow(FlowError::Call(CallError::Refused { message, .. })) => message.as_str(),
            Cause::Flow(FlowError::OperationFailed(operation)) => operation.err(),
            _ => return false,
        };
        text.contains("already exists") || text.contains("UNIQUE constraint failed")
    }

    /// Whether somebody else changed the object in between (412).
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.kind() == ErrorKind::Conflict && self.code() != Some(409)
    }

    /// Whether time was up.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::TimedOut
    }

    /// Whether the server does not trust this client, or forbids the call.
    #[must_use]
    pub fn is_untrusted(&self) -> bool {
        self.kind() == ErrorKind::Untrusted
    }

    /// The certificate that the server showed, if it is not the right one: to be looked at, and to be pinned if
    /// it is the right one after all.
    #[must_use]
    pub fn server_certificate(&self) -> Option<&ServerCertificate> {
        match &self.0.cause {
            Cause::Flow(FlowError::Fault(Fault::Filter {
                error: FilterError::Tls(TlsError::Distrusted { certificate, .. }),
                ..
            })) => Some(certificate),
            _ => None,
        }
    }

    /// Whether the server lacks what the call needs.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        self.kind() == ErrorKind::Unsupported
    }

    /// Whether the same call may succeed later and nothing of it can have been acted upon: the server was
    /// not reached, is shutting down (503), or the connection failed before the request left.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match &self.0.cause {
            Cause::NoDaemon { .. } | Cause::NoAnswer { .. } => true,
            Cause::Flow(FlowError::Fault(fault)) => fault.is_transport() && !fault.may_have_acted(),
            Cause::Flow(FlowError::Conflict { .. }) => true,
            _ => self.code() == Some(503),
        }
    }
}

fn flow_kind(error: &FlowError) -> ErrorKind {
    match error {
        FlowError::Call(error) => call_kind(error),
        FlowError::Fault(fault) => fault_kind(fault),
        FlowError::OperationFailed(_) | FlowError::OperationCancelled(_) => ErrorKind::OperationFailed,
        FlowError::OperationVanished { .. } | FlowError::OperationLost { .. } => ErrorKind::OperationUnknown,
        FlowError::OperationTimedOut(_) => ErrorKind::TimedOut,
        FlowError::NotExecuted { .. } => ErrorKind::NotExecuted,
        FlowError::OutputTruncated { .. } | FlowError::EventsEnded { .. } | FlowError::EventsSilent => {
            ErrorKind::Truncated
        }
        FlowError::OutputTooLong { .. } => ErrorKind::TooLong,
        FlowError::Conflict { .. } => ErrorKind::Conflict,
        FlowError::Login(error) => login_kind(error),
        FlowError::Unexpected(_) => ErrorKind::Protocol,
    }
}

const fn login_kind(error: &LoginError) -> ErrorKind {
    match error {
        LoginError::NotOffered | LoginError::NoDeviceGrant => ErrorKind::Unsupported,
        LoginError::Denied | LoginError::InvalidGrant => ErrorKind::Untrusted,
        LoginError::Refused { .. } => ErrorKind::Refused,
        LoginError::Expired | LoginError::Silent => ErrorKind::TimedOut,
        LoginError::Trusted | LoginError::NoRefreshToken | LoginError::BadTokens => ErrorKind::Misuse,
        _ => ErrorKind::Protocol,
    }
}

const fn call_kind(error: &CallError) -> ErrorKind {
    match error {
        CallError::Unsupported { .. } | CallError::WrongFlavour { .. } => ErrorKind::Unsupported,
        CallError::Refused { code, .. } => match *code {
            401 | 403 => ErrorKind::Untrusted,
            404 => ErrorKind::NotFound,
            409 | 412 => ErrorKind::Conflict,
            _ => ErrorKind::Refused,
        },
        CallError::Malformed { .. } => ErrorKind::Protocol,
        _ => ErrorKind::Misuse,
    }
}

fn fault_kind(fault: &Fault) -> ErrorKind {
    use crate::wire::WireError;
    match fault {
        Fault::Dial(error) if error.kind() == io::ErrorKind::TimedOut => ErrorKind::TimedOut,
        Fault::TimedOut { .. } => ErrorKind::TimedOut,
        Fault::Filter { error, .. } => filter_kind(error),
        Fault::Dial(_) => ErrorKind::Unreachable,
        Fault::Io { .. } => ErrorKind::Transport,
        Fault::Wire { error: WireError::CutBody { .. }, .. } => ErrorKind::Truncated,
        Fault::Wire { error: WireError::ShortUpload { .. }, .. } => ErrorKind::Input,
        Fault::Wire { error, .. } if error.is_cut() => ErrorKind::Transport,
        Fault::Wire { error, .. } if error.is_misuse() => ErrorKind::Misuse,
        Fault::Wire { error: WireError::HeadTooLong { .. } | WireError::BodyTooLong { .. }, .. } => {
            ErrorKind::TooLong
        }
        Fault::Wire { .. } | Fault::Websocket(_) => ErrorKind::Protocol,
        Fault::Call(error) => call_kind(error),
    }
}

fn filter_kind(error: &FilterError) -> ErrorKind {
    match error {
        FilterError::Tls(TlsError::Distrusted { .. }) => ErrorKind::UnverifiedServer,
        FilterError::Tls(TlsError::Unwelcome(_)) => ErrorKind::Untrusted,
        FilterError::Tls(TlsError::Closed) => ErrorKind::Transport,
        FilterError::Tls(TlsError::BadName(_)) | FilterError::NoTls => ErrorKind::Misuse,
        FilterError::Tls(_) => ErrorKind::Protocol,
        FilterError::Tunnel(_) => ErrorKind::Unreachable,
    }
}

impl From<FlowError> for Error {
    fn from(error: FlowError) -> Self {
        Self::new(Cause::Flow(error))
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        Self::from(FlowError::Call(error))
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::from(FlowError::from(fault))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = &self.0.line {
            write!(f, "{line}: ")?;
        }
        match &self.0.cause {
            Cause::Flow(error) => error.fmt(f),
            Cause::NoDaemon { tried } => {
                f.write_str("no local LXD or Incus answers")?;
                for (at, (path, error)) in tried.iter().enumerate() {
                    let between = if at == 0 { "; tried " } else { ", " };
                    write!(f, "{between}{} ({error})", path.display())?;
                }
                Ok(())
            }
            Cause::NoAnswer { tried } => {
                f.write_str("no address of the server answers")?;
                for (at, (address, error)) in tried.iter().enumerate() {
                    let between = if at == 0 { "; tried " } else { ", " };
                    write!(f, "{between}{address} ({error})")?;
                }
                Ok(())
            }
            #[cfg(feature = "tls")]
            Cause::Tls(error) => error.fmt(f),
            Cause::Host(error) => error.fmt(f),
            Cause::Untrusted => {
                f.write_str("the server does not trust this client, which must join it first")
            }
            Cause::Stranger { name } if name.is_empty() => f.write_str("the server does not say what it is"),
            Cause::Stranger { name } => write!(f, "the server is {name:?}, neither LXD nor Incus"),
            Cause::Input(_) => f.write_str("the data to upload could not be read"),
            Cause::Output(_) => f.write_str("the data that came could not be written"),
            Cause::Transcript { path, .. } => {
                write!(f, "the transcript {} cannot be written", path.display())
            }
            Cause::Over => f.write_str("the conversation had ended before"),
            Cause::Stuck => f.write_str("the conversation waits for data that was not given to it"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind())
            .field("request", &self.0.line)
            .field("cause", &self.0.cause)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.cause {
            Cause::Flow(error) => error.source(),
            Cause::Host(error) => error.source(),
            Cause::Input(error) | Cause::Output(error) | Cause::Transcript { error, .. } => Some(error),
            _ => None,
        }
    }
}
