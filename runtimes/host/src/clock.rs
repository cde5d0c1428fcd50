use std::time::Instant;

use lxio_core::bytes::Moment;

/// The host's monotonic clock, counted from its own start, as the core wants its time.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Instant);

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The moment it is.
    #[must_use]
    pub fn now(&self) -> Moment {
        Moment::at(self.0.elapsed())
    }
}
