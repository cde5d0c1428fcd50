//! What the suites share: a recorder of conversations, their transcripts, the count of used endpoints and
//! the image of the containers.
pub mod actor;
pub mod adapter;
pub mod answers;
pub mod conformance;
pub mod coverage;
pub mod daemon;
pub mod live;
pub mod proxy;
pub mod recorder;
pub mod remotes;
pub mod replay;
pub mod scenarios;
pub mod scenes;
pub mod script;
pub mod storm;
pub mod tarball;
pub mod tls;
pub mod tour;
pub mod traffic;
pub mod transcript;

/// The README's code, compiled as the doc tests are.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
