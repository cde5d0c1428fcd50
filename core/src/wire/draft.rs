use ::bytes::Bytes;
use http::Method;

use super::{Buffers, Exchange, Key, WireError};
use crate::bytes::Limits;

/// Bodies up to this size leave in one write with the head.
const ONE_WRITE: usize = 32 << 10;

/// What is uploaded.
#[derive(Clone, Default)]
pub enum Payload {
    /// No body.
    #[default]
    Empty,
    /// These bytes.
    Bytes(Bytes),
    /// So many bytes, asked for by [`Need::Fill`](super::Need::Fill).
    Sized(u64),
    /// As many bytes as come, asked for by [`Need::Fill`](super::Need::Fill), sent in chunks.
    Chunked,
}

/// Shows how much it is, not what.
impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Sized(length) => write!(f, "Sized({length})"),
            Self::Chunked => f.write_str("Chunked"),
        }
    }
}

/// What is done with the body of the response.
#[derive(Debug, Clone, Default)]
pub enum Want {
    /// It is collected, up to [`Limits::body`].
    #[default]
    Collect,
    /// A good answer that is not JSON is handed out by [`Need::Take`](super::Need::Take) as it comes;
    /// anything else is collected, so that an error can be read.
    Stream,
    /// The connection becomes another protocol's; anything but 101 is collected.
    Upgrade(Upgrade),
}

/// The protocol a connection is to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgrade {
    /// A websocket; the plan's key is its handshake's.
    Websocket,
    /// A protocol of that name, raw bytes afterwards.
    Raw(&'static str),
}

/// How an exchange goes on after its head.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// What is uploaded.
    pub payload: Payload,
    /// What is done with the response's body.
    pub want: Want,
    /// The key of a websocket's handshake; without one, the handshake of a websocket has the key of 16 zeros.
    pub key: Option<Key>,
}

/// A request head being written, straight into the buffer that is sent.
#[derive(Debug)]
pub struct Draft {
    buffers: Buffers,
    head_only: bool,
    bodiless: bool,
}

impl Draft {
    /// Begins a request: its line and `Host`.
    ///
    /// # Errors
    /// [`WireError::BadTarget`] if the target is empty or holds anything but visible ASCII.
    pub fn new(mut buffers: Buffers, method: &Method, target: &str, host: &str) -> Result<Self, WireError> {
        if target.is_empty() || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(WireError::BadTarget);
        }
        buffers.begin();
        let out = buffers.outbox.buffer();
        for part in [method.as_str(), " ", target, " HTTP/1.1\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        let bodiless = matches!(*method, Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS);
        let mut draft = Self { buffers, head_only: method == Method::HEAD, bodiless };
        draft.field("Host", host.as_bytes())?;
        Ok(draft)
    }

    /// Whether a header field can be sent, for who wants to know before there is a connection.
    ///
    /// # Errors
    /// As [`field`](Self::field).
    pub fn check_field(name: &str, value: &[u8]) -> Result<(), WireError> {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let text = |byte: &u8| *byte >= 0x20 && *byte != 0x7f || *byte == b'\t';
        if name.is_empty() || !name.bytes().all(token) || !value.iter().all(text) {
            return Err(WireError::BadField { name: name.escape_debug().collect() });
        }
        Ok(())
    }

    /// Adds a header field.
    ///
    /// # Errors
    /// [`WireError::BadField`] if the name is no token, or the value holds a control character other than
    /// a tab: such a value would end the field and start another.
    pub fn field(&mut self, name: &str, value: &[u8]) -> Result<(), WireError> {
        Self::check_field(name, value)?;
        let out = self.buffers.outbox.buffer();
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            out.extend_from_slice(part);
        }
        Ok(())
    }

    /// Ends the head and starts the exchange.
    ///
    /// # Errors
    /// [`WireError::BadField`] never, in practice: the fields written here are our own.
    pub fn send(mut self, mut plan: Plan, limits: &Limits) -> Result<Exchange, WireError> {
        match &plan.want {
            Want::Upgrade(Upgrade::Websocket) => {
                let key = plan.key.get_or_insert_with(|| Key::new([0; 16]));
                self.field("Connection", b"Upgrade")?;
                self.field("Upgrade", b"websocket")?;
                self.field("Sec-WebSocket-Version", b"13")?;
                self.field("Sec-WebSocket-Key", key.as_str().as_bytes())?;
            }
            Want::Upgrade(Upgrade::Raw(protocol)) => {
                self.field("Connection", b"Upgrade")?;
                self.field("Upgrade", protocol.as_bytes())?;
            }
            Want::Collect | Want::Stream => {}
        }
        match &plan.payload {
            Payload::Empty if self.bodiless => {}
            Payload::Empty => self.length(0),
            Payload::Bytes(bytes) => self.length(bytes.len() as u64),
            Payload::Sized(length) => self.length(*length),
            Payload::Chunked => self.field("Transfer-Encoding", b"chunked")?,
        }
        self.buffers.outbox.buffer().extend_from_slice(b"\r\n");
        let mut rest = Bytes::new();
        if let Payload::Bytes(bytes) = &plan.payload {
            if bytes.len() <= ONE_WRITE {
                self.buffers.outbox.buffer().extend_from_slice(bytes);
            } else {
                rest = bytes.clone();
            }
        }
        Ok(Exchange::new(self.buffers, plan, rest, self.head_only, limits))
    }

    fn length(&mut self, length: u64) {
        use std::io::Write;
        // Writing to memory cannot fail.
        let _ = write!(self.buffers.outbox, "Content-Length: {length}\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        Draft::new(Buffers::new(), &Method::POST, "/1.0/x", "lxio").unwrap()
    }

    #[test]
    fn a_head_is_these_bytes() {
        let mut draft = draft();
        draft.field("X-LXD-mode", b"0644").unwrap();
        let plan = Plan { payload: Payload::Bytes(Bytes::from_static(b"{}")), ..Plan::default() };
        let mut exchange = draft.send(plan, &Limits::DEFAULT).unwrap();
        let super::super::Need::Write(bytes) = exchange.need().unwrap() else { panic!() };
        assert_eq!(
            bytes,
            b"POST /1.0/x HTTP/1.1\r\nHost: lxio\r\nX-LXD-mode: 0644\r\nContent-Length: 2\r\n\r\n{}"
        );
    }

    #[test]
    fn nothing_splits_a_head() {
        for target in ["", "/a b", "/a\r\nX: y", "/\u{e9}"] {
            assert_eq!(
                Draft::new(Buffers::new(), &Method::GET, target, "h").unwrap_err(),
                WireError::BadTarget
            );
        }
        for (name, value) in [("A", "b\r\nC: d"), ("A", "b\0"), ("A:", "b"), ("", "b"), ("A b", "c")] {
            assert!(
                matches!(draft().field(name, value.as_bytes()), Err(WireError::BadField { .. })),
                "{name:?}"
            );
        }
        assert_eq!(draft().field("A", b"caf\xc3\xa9\t!"), Ok(()));
    }
}
