//! What the suites share: a recorder of conversations, their transcripts, the count of used endpoints and
//! the image of the containers.
pub mod coverage;
pub mod mask;
pub mod recorder;
pub mod tarball;
pub mod traffic;
pub mod transcript;
