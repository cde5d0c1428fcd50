//! Bytes of one connection: HTTP/1.1 as a client speaks it, and websockets.
//!
//! ```text
//!  Draft ──send──▶ Exchange ──Done──▶ finish ──▶ (Buffers, Reuse)      next Draft on the same connection
//!                    │  need(): Write · Fill · Read · Take · Done
//!                    └── 101 ──▶ Websocket    what came after the head goes with it
//!  Tunnel ──Done──▶ into_rest    before all this, where a proxy stands between here and the Origin
//! ```
//!
//! Nothing here knows what a body means. Every machine has the same face: it says what it needs, and is
//! told how much of it happened. End of stream is a read of zero bytes and nothing else.

mod buffers;
mod chunked;
mod draft;
mod error;
mod exchange;
mod filter;
mod frame;
mod handshake;
mod head;
mod line;
mod origin;
mod reply;
mod tls;
mod tunnel;
mod tunnelled;
mod upload;
mod websocket;

pub use buffers::Buffers;
pub use draft::{Draft, Payload, Plan, Upgrade, Want};
pub use error::WireError;
pub use exchange::{Exchange, Need, Reuse};
pub use filter::{Filter, FilterError, Opened};
pub use handshake::Key;
pub(crate) use line::{Guard, Plain};
pub use line::{Line, Listener};
pub use origin::{Host, Origin, OriginError, Scheme};
pub use reply::{Fields, Reply};
#[cfg(feature = "tls")]
pub use tls::{
    Authorities, Identity, IdentityError, SettingsError, Tls, TlsClient, TlsSettings, TlsWorld, Trust,
    TrustError,
};
pub use tls::{Distrust, Fingerprint, FingerprintError, ServerCertificate, TlsError};
pub use tunnel::{Proxy, ProxyError, ProxyKind, SocksRefusal, Tunnel, TunnelError};
pub use tunnelled::Tunnelled;
pub use websocket::{Incoming, Websocket, WebsocketError};
