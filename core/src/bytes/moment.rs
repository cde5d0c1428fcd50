use std::time::Duration;

/// A point in time as the caller tells it: the time since some start that the caller chose.
///
/// The core compares and adds moments and never asks for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(Duration);

impl Moment {
    /// The moment `since_start` after the caller's start.
    #[must_use]
    pub const fn at(since_start: Duration) -> Self {
        Self(since_start)
    }

    /// This moment plus `wait`; stays at the end of time instead of overflowing.
    #[must_use]
    pub const fn plus(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(wait))
    }

    /// How long after `earlier` this is; zero if it is before.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        let start = Moment::at(Duration::from_secs(1));
        assert_eq!(start.plus(Duration::MAX).since(start), Duration::MAX - Duration::from_secs(1));
        assert_eq!(Moment::default().since(start), Duration::ZERO);
    }
}
