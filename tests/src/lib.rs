//! tests
pub mod tarball;
