//! TLS as a byte filter, on rustls without its sockets.
//!
//! ```text
//!   Trust ─┐
//!   Identity ─┴─ TlsSettings::build ──▶ TlsClient ──connect(origin)──▶ Tls      one connection
//! ```
//!
//! | file | idea |
//! |---|---|
//! | `certificate` | a certificate and its fingerprint |
//! | `error`       | why a connection is not secure; the only file that stands without the feature `tls` |
//! | `identity`    | who the client is: its certificate and key |
//! | `trust`       | which server is the right one |
//! | `verify`      | trust as rustls asks for it |
//! | `settings`    | all that is the same for the connections of one client, resumption included |
//! | `filter`      | one connection |

mod certificate;
mod error;
#[cfg(feature = "tls")]
mod filter;
#[cfg(feature = "tls")]
mod identity;
#[cfg(feature = "tls")]
mod settings;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
mod trust;
#[cfg(feature = "tls")]
mod verify;

pub use certificate::{Fingerprint, FingerprintError, ServerCertificate};
pub use error::{Distrust, TlsError};
#[cfg(feature = "tls")]
pub use filter::Tls;
#[cfg(feature = "tls")]
pub use identity::{Identity, IdentityError};
#[cfg(feature = "tls")]
pub use settings::{SettingsError, TlsClient, TlsSettings, TlsWorld};
#[cfg(feature = "tls")]
pub use trust::{Authorities, Trust, TrustError};
