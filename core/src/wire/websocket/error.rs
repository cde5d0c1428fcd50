use std::fmt;

/// Why a websocket cannot go on. All but [`EndInFrame`](Self::EndInFrame) and
/// [`EndInMessage`](Self::EndInMessage) mean that the peer broke the protocol or exceeded a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebsocketError {
    /// A frame has a mask; only those of clients do.
    Masked,
    /// A frame uses reserved bits, although no extension was agreed on.
    ReservedBits,
    /// A frame is of a kind that does not exist.
    UnknownOpcode(u8),
    /// The length of a frame has its top bit set.
    BadLength(u64),
    /// A close, ping or pong frame says that more of it follows.
    FragmentedControl,
    /// A close, ping or pong frame is longer than 125 bytes.
    LongControl(u64),
    /// A frame continues a message, but none was begun.
    NothingToContinue,
    /// A message begins before the one before it ended.
    Interleaved,
    /// A text message is no valid UTF-8.
    InvalidText,
    /// A text message is longer than [`Limits::message`](crate::bytes::Limits::message).
    LongText {
        /// The limit.
        limit: usize,
    },
    /// A close frame holds one byte: no code fits.
    ShortClose,
    /// A close frame has a code that may not be sent.
    CloseCode(u16),
    /// The reason in a close frame is no valid UTF-8.
    CloseReason,
    /// The stream ended inside a frame.
    EndInFrame,
    /// The stream ended, or the peer closed, between two frames of one message.
    EndInMessage,
}

impl WebsocketError {
    /// The code to tell the peer with; none if there is nobody to tell.
    pub(crate) const fn code(&self) -> Option<u16> {
        match self {
            Self::InvalidText | Self::CloseReason => Some(1007),
            Self::LongText { .. } => Some(1009),
            Self::EndInFrame | Self::EndInMessage => None,
            _ => Some(1002),
        }
    }
}

impl fmt::Display for WebsocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Masked => f.write_str("the server sent a websocket frame with a mask"),
            Self::ReservedBits => f.write_str("the server set reserved bits in a websocket frame"),
            Self::UnknownOpcode(code) => {
                write!(f, "the server sent a websocket frame of unknown kind {code}")
            }
            Self::BadLength(length) => {
                write!(f, "the server sent a websocket frame of impossible length {length}")
            }
            Self::FragmentedControl => f.write_str("the server sent a websocket control frame in fragments"),
            Self::LongControl(length) => {
                write!(f, "the server sent a websocket control frame of {length} bytes")
            }
            Self::NothingToContinue => {
                f.write_str("the server continued a websocket message that it never began")
            }
            Self::Interleaved => f.write_str("the server began a websocket message inside another"),
            Self::InvalidText => f.write_str("the server sent a websocket text message that is not UTF-8"),
            Self::LongText { limit } => {
                write!(f, "the server sent a websocket text message longer than the limit of {limit} bytes")
            }
            Self::ShortClose => f.write_str("the server sent a websocket close frame of one byte"),
            Self::CloseCode(code) => {
                write!(f, "the server closed the websocket with the invalid code {code}")
            }
            Self::CloseReason => {
                f.write_str("the server closed the websocket with a reason that is not UTF-8")
            }
            Self::EndInFrame => f.write_str("the stream ended inside a websocket frame"),
            Self::EndInMessage => f.write_str("the stream ended inside a websocket message"),
        }
    }
}

impl std::error::Error for WebsocketError {}
