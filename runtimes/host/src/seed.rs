use std::hash::{BuildHasher, RandomState};

/// A seed that differs from process to process and from call to call.
#[must_use]
pub fn seed() -> u64 {
    // The standard library seeds its hash maps from the system's random numbers.
    RandomState::new().hash_one(std::process::id())
}
