//! From a connection to a proxy to one to the server: what is said before TLS.
//!
//! | file | idea |
//! |---|---|
//! | `tunnel`         | the talk with a proxy, of either kind |
//! | `tunnel/proxy`   | which proxy, and who asks it |
//! | `tunnel/connect` | `CONNECT` of HTTP |
//! | `tunnel/socks5`  | SOCKS 5, with user names (RFC 1928, RFC 1929) |
//! | `tunnel/error`   | why it gave no connection |

mod connect;
mod error;
mod proxy;
mod socks5;
#[cfg(test)]
mod tests;

use super::{Need, Origin};
use crate::bytes::{Inbox, Limits, Outbox};
use connect::Connect;
use socks5::Socks5;

pub use error::{SocksRefusal, TunnelError};
pub use proxy::{Proxy, ProxyError, ProxyKind};

/// Bytes read at once: more than any good answer has, and little if it is none.
const BLOCK: usize = 4 << 10;

/// The talk with a proxy that makes a connection to it one to the server. The server's name goes to the
/// proxy, which looks it up.
///
/// ```
/// use lxio_core::bytes::Limits;
/// use lxio_core::wire::{Need, Origin, Proxy, Tunnel};
///
/// let proxy = Proxy::parse("http://proxy.example:3128")?;
/// let mut tunnel = Tunnel::new(&proxy, &Origin::parse("shop.example", 8443)?, &Limits::DEFAULT);
/// let mut answer = &b"HTTP/1.1 200 OK\r\n\r\nhello"[..];
/// let mut sent = Vec::new();
/// loop {
///     match tunnel.need()? {
///         Need::Write(bytes) => { sent.extend_from_slice(bytes); let n = bytes.len(); tunnel.wrote(n) }
///         Need::Read(space) => { let n = std::io::Read::read(&mut answer, space)?; tunnel.read(n) }
///         Need::Fill(_) | Need::Take(_) => unreachable!("a tunnel has no body"),
///         Need::Done => break,
///     }
/// }
/// assert_eq!(sent, b"CONNECT shop.example:8443 HTTP/1.1\r\nHost: shop.example:8443\r\n\r\n");
/// assert_eq!(tunnel.into_rest().data(), b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Tunnel {
    inbox: Inbox,
    outbox: Outbox,
    talk: Talk,
    ended: bool,
    failed: Option<TunnelError>,
}

/// What a talk needs before it can go on.
enum Next {
    /// What it put into the outbox must leave.
    Write,
    /// More must come.
    Read,
    /// The proxy passes on what is said from here.
    Done,
}

enum Talk {
    Connect(Connect),
    Socks5(Socks5),
}

impl Tunnel {
    /// Through `proxy` to `server`. Of the limits those of a head count.
    #[must_use]
    pub fn new(proxy: &Proxy, server: &Origin, limits: &Limits) -> Self {
        let mut outbox = Outbox::new();
        let talk = match proxy.kind() {
            ProxyKind::Http => Talk::Connect(Connect::begin(proxy, server, limits, outbox.buffer())),
            ProxyKind::Socks5 => Talk::Socks5(Socks5::begin(proxy, server, outbox.buffer())),
        };
        Self { inbox: Inbox::new(), outbox, talk, ended: false, failed: None }
    }

    /// What is needed next: only [`Need::Write`], [`Need::Read`] and [`Need::Done`] occur. Asking twice
    /// changes nothing.
    ///
    /// # Errors
    /// What the proxy said instead of yes; the same again if asked again. The connection must be closed.
    pub fn need(&mut self) -> Result<Need<'_>, TunnelError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let next = self.next().inspect_err(|error| self.failed = Some(error.clone()))?;
        Ok(match next {
            Next::Write => Need::Write(self.outbox.data()),
            Next::Read => Need::Read(self.inbox.space(BLOCK)),
            Next::Done => Need::Done,
        })
    }

    /// Says that the first `count` bytes of [`Need::Write`] left.
    pub fn wrote(&mut self, count: usize) {
        self.outbox.wrote(count);
    }

    /// Says that `count` bytes were read into [`Need::Read`]; 0 is the end of the stream.
    pub fn read(&mut self, count: usize) {
        self.ended |= count == 0;
        self.inbox.filled(count);
    }

    /// What came behind the proxy's answer: the first bytes of the server. Meant for after [`Need::Done`].
    #[must_use]
    pub fn into_rest(self) -> Inbox {
        self.inbox
    }

    fn next(&mut self) -> Result<Next, TunnelError> {
        if !self.outbox.is_empty() {
            return Ok(Next::Write);
        }
        let next = match &mut self.talk {
            Talk::Connect(connect) => connect.next(&mut self.inbox)?,
            Talk::Socks5(socks) => socks.next(&mut self.inbox, self.outbox.buffer())?,
        };
        if matches!(next, Next::Read) && self.ended { Err(TunnelError::Cut) } else { Ok(next) }
    }
}

/// Shows where it stands, not what is said.
impl std::fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.talk {
            Talk::Connect(_) => ProxyKind::Http,
            Talk::Socks5(_) => ProxyKind::Socks5,
        };
        f.debug_struct("Tunnel")
            .field("kind", &kind)
            .field("inbox", &self.inbox)
            .field("outbox", &self.outbox)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
