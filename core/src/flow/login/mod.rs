//! Login at the identity provider that a server trusts (OpenID Connect), for people without a certificate.
//!
//! ```text
//!   offer ──▶ discovery ──▶ device grant: Prompt ──▶ the user confirms in a browser ──▶ Tokens
//!  server     issuer    └──▶ refresh grant ─────────────────────────────────────────▶ Tokens
//! ```
//!
//! The provider is another server than the session's: it gets no project and no credential, and what it answers
//! is bounded. No redirect is followed. Its signatures are not looked at: the server does that, with each token.
//!
//! | file | idea |
//! |---|---|
//! | `device`   | the login: a code that the user confirms in a browser (RFC 8628) |
//! | `refresh`  | new tokens for old ones (RFC 6749, section 6) |
//! | `inquiry`  | from the server to its provider: where and as which client to log in |
//! | `endpoint` | addresses that a provider may name |
//! | `answer`   | what a provider answers |
//! | `turn`     | one question at a time, and the time that its answer may take |
//! | `tokens`   | what it comes to, and the file that the stock clients keep it in |

mod answer;
mod device;
mod endpoint;
mod error;
mod inquiry;
mod refresh;
mod tokens;
mod turn;

pub use device::{Login, Prompt};
pub use error::{BadAddress, LoginError};
pub use refresh::Refresh;
pub use tokens::Tokens;
