use std::fmt;

use super::{TlsError, TunnelError};

/// What stands between the plain bytes of a machine and the socket: TLS, a proxy on the way.
///
/// It has the face of every machine here: bytes to write, space to read into. [`seal`](Self::seal) and
/// [`open`](Self::open) are its inner side.
pub trait Filter: fmt::Debug + Send + Sync {
    /// What is to be written to the socket; empty if there is nothing.
    fn outgoing(&mut self) -> &[u8];

    /// Says that the first `count` bytes of [`outgoing`](Self::outgoing) left.
    fn wrote(&mut self, count: usize);

    /// Lends space to read into from the socket.
    fn space(&mut self) -> &mut [u8];

    /// Says that `count` bytes were read into [`space`](Self::space); 0 is the end of the stream.
    fn read(&mut self, count: usize);

    /// Takes plain bytes to send, as many as it has room for; 0 if none can be sent yet.
    ///
    /// # Errors
    /// [`FilterError`] if the other side cannot or must not be spoken to; the same again if asked again. What
    /// is outgoing then tells it why.
    fn seal(&mut self, plain: &[u8]) -> Result<usize, FilterError>;

    /// Puts plain bytes that came into `space`.
    ///
    /// # Errors
    /// As [`seal`](Self::seal).
    fn open(&mut self, space: &mut [u8]) -> Result<Opened, FilterError>;

    /// Whether it stands: plain bytes can pass.
    fn stands(&self) -> bool;
}

/// What [`Filter::open`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// So many bytes, never none.
    Bytes(usize),
    /// Nothing before more is read from the socket.
    Starved,
    /// The other side said that nothing follows.
    End,
    /// The stream ended, and the other side had not said that it would: somebody may have cut it.
    Cut,
}

/// Why a [`Filter`] lets nothing pass.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FilterError {
    /// TLS.
    Tls(TlsError),
    /// The proxy.
    Tunnel(TunnelError),
    /// TLS is asked for and was not built in: the feature `tls` is off.
    NoTls,
}

impl FilterError {
    /// Whether it lies with the connection, so that another one may do: not if the other side is the wrong one.
    #[must_use]
    pub const fn is_transport(&self) -> bool {
        matches!(self, Self::Tls(TlsError::Closed) | Self::Tunnel(_))
    }

    /// Whether the other side gave no reason.
    #[must_use]
    pub const fn is_silent(&self) -> bool {
        matches!(self, Self::Tls(TlsError::Closed) | Self::Tunnel(TunnelError::Cut))
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tls(error) => error.fmt(f),
            Self::Tunnel(error) => error.fmt(f),
            Self::NoTls => f.write_str("TLS was not built in: enable the feature `tls`"),
        }
    }
}

impl std::error::Error for FilterError {}

impl From<TlsError> for FilterError {
    fn from(error: TlsError) -> Self {
        Self::Tls(error)
    }
}

impl From<TunnelError> for FilterError {
    fn from(error: TunnelError) -> Self {
        Self::Tunnel(error)
    }
}
