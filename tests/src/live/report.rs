use std::fmt::Display;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A line for each scenario, adapter and daemon, and the count.
#[derive(Debug, Default)]
pub struct Report {
    passed: AtomicU32,
    failed: AtomicU32,
    times: bool,
}

impl Report {
    /// A new one; `times` adds to each line how long it took.
    #[must_use]
    pub fn new(times: bool) -> Self {
        Self { times, ..Self::default() }
    }

    fn took(&self, time: Duration) -> String {
        if self.times { format!("  {:.1} s", time.as_secs_f64()) } else { String::new() }
    }

    /// It went as it must.
    pub fn ok(&self, what: impl Display, time: Duration) {
        self.passed.fetch_add(1, Ordering::Relaxed);
        println!("ok {what}{}", self.took(time));
    }

    /// It did not.
    pub fn failed(&self, what: impl Display, why: impl Display, time: Duration) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        println!("FAIL {what}: {why}{}", self.took(time));
    }

    /// It cannot be run here.
    pub fn not_applicable(&self, what: impl Display, why: impl Display) {
        println!("n/a {what}: {why}");
    }

    /// A figure that was measured.
    pub fn figure(&self, what: impl Display, figure: impl Display) {
        println!("   {what}: {figure}");
    }

    /// The last line; whether all went well.
    pub fn close(&self) -> bool {
        let (passed, failed) = (self.passed.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed));
        println!("{passed} passed, {failed} failed");
        failed == 0 && passed > 0
    }
}
