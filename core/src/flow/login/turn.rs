use std::time::Duration;

use crate::bytes::Moment;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whose turn it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Turn {
    /// Ours, from this moment on.
    Ours(Moment),
    /// The other side's, up to this moment.
    Theirs(Moment),
}

/// What a [`Turn`] comes to at a moment.
pub(super) enum Due {
    /// It is time to ask.
    Ask,
    /// Nothing happens before this moment.
    Wait(Moment),
    /// The answer did not come in time.
    Silent,
}

impl Turn {
    /// Ours, at once.
    pub(super) fn now() -> Self {
        Self::Ours(Moment::default())
    }

    /// A question has left.
    pub(super) const fn asked(now: Moment) -> Self {
        Self::Theirs(now.plus(PATIENCE))
    }

    pub(super) fn due(self, now: Moment) -> Due {
        match self {
            Self::Ours(from) if from <= now => Due::Ask,
            Self::Theirs(until) if until <= now => Due::Silent,
            Self::Ours(moment) | Self::Theirs(moment) => Due::Wait(moment),
        }
    }

    /// Whether an answer is awaited.
    pub(super) const fn is_theirs(self) -> bool {
        matches!(self, Self::Theirs(_))
    }
}
