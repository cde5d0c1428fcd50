use lxio_core::bytes::Moment;
use lxio_core::flow::Output;
use lxio_core::session::{Cause, Error, ErrorKind};

use super::Step;

/// What a step that went well has found.
#[derive(Debug)]
pub(super) enum Got {
    Nothing,
    /// Names and descriptions of profiles.
    Profiles(Vec<(String, String)>),
    /// What a command printed and how it ended.
    Output(Output),
    /// The content of a file.
    Content(Vec<u8>),
}

/// A step that was taken, and what came of it.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) step: Step,
    pub(super) began: Moment,
    pub(super) ended: Option<Moment>,
    /// None if it was dropped, or goes on.
    pub(super) outcome: Option<Result<Got, Error>>,
}

/// What came of a step, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Word {
    /// It went well.
    Good,
    /// It was dropped, or went on to the end.
    Open,
    /// It would never have ended.
    Stuck,
    /// It ended in an error.
    Bad(ErrorKind),
}

impl Taken {
    pub(super) fn word(&self) -> Word {
        match &self.outcome {
            None => Word::Open,
            Some(Ok(_)) => Word::Good,
            Some(Err(error)) if matches!(error.cause(), Cause::Stuck) => Word::Stuck,
            Some(Err(error)) => Word::Bad(error.kind()),
        }
    }

    pub(super) fn is_good(&self) -> bool {
        matches!(self.outcome, Some(Ok(_)))
    }

    /// Whether it is certain that it changed nothing: the server said no, or heard nothing.
    pub(super) fn changed_nothing(&self) -> bool {
        let Some(Err(error)) = &self.outcome else { return false };
        let refused = matches!(
            error.kind(),
            ErrorKind::Misuse
                | ErrorKind::Unsupported
                | ErrorKind::Unreachable
                | ErrorKind::Untrusted
                | ErrorKind::NotFound
                | ErrorKind::Conflict
                | ErrorKind::Refused
        );
        error.is_retryable() || (refused && !matches!(error.cause(), Cause::Stuck))
    }
}
