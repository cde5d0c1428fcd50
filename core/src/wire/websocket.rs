//! The client's end of a websocket (RFC 6455), after the upgrade.
//!
//! | file | idea |
//! |---|---|
//! | `websocket`        | what arrives: frames to messages |
//! | `websocket/sender` | what leaves: messages, pongs, the close frame |
//! | `websocket/error`  | why it cannot go on |

mod error;
mod sender;
#[cfg(test)]
mod tests;

pub use error::WebsocketError;

use super::frame::{Head, Kind};
use crate::bytes::{Chance, Inbox, Limits};
use sender::Sender;
use tungstenite::protocol::frame::coding::CloseCode;

/// The least room that is lent for a read.
const ROOM: usize = 4 << 10;
/// A text frame up to this size is awaited in the inbox and lent from there; with [`ROOM`] it fits into
/// [`Inbox::ROOM`]. Longer ones that are not there as a whole are collected.
const AWAITED: u64 = 8 << 10;

/// A websocket after its upgrade, seen from the client: bytes in, messages out, and the reverse.
///
/// Drive it like this: write [`outgoing`](Self::outgoing) whenever it is not empty; take
/// [`next`](Self::next) until it says `None`, and only then read into [`space`](Self::space). Who does not
/// want more, reads no more: nothing is lost and nothing piles up. Pings and close frames are answered by
/// what appears in `outgoing`.
///
/// ```
/// # use lxio_core::{bytes::*, wire::*};
/// let mut socket = Websocket::client(Inbox::new(), &Limits::DEFAULT, Chance::seeded(1));
/// let arrived = [0x82, 6, b'h', b'e', b'l', b'l', b'o', b'\n', 0x81, 0];
/// socket.space()[..arrived.len()].copy_from_slice(&arrived);
/// socket.read(arrived.len());
/// assert_eq!(socket.next(), Ok(Some(Incoming::Binary { piece: b"hello\n", last: true })));
/// assert_eq!(socket.next(), Ok(Some(Incoming::Text(""))));
/// assert_eq!(socket.next(), Ok(None));
/// socket.read(0);
/// assert_eq!(socket.next(), Ok(Some(Incoming::End)));
/// ```
pub struct Websocket {
    inbox: Inbox,
    /// Bytes at the front of the inbox that the caller was shown.
    lent: usize,
    /// The frame whose payload is at the front of the inbox.
    frame: Option<Frame>,
    /// The message that has begun and not ended: text or binary.
    message: Option<Kind>,
    /// The part of a text message that is no longer in the inbox.
    text: Vec<u8>,
    /// Whether the caller was shown all of `text`.
    told: bool,
    limit: usize,
    sender: Sender,
    heard: bool,
    /// Whether the stream ended.
    ended: bool,
    /// Whether the peer's close frame came.
    closed: bool,
    failed: Option<WebsocketError>,
}

/// The rest of a frame.
#[derive(Clone, Copy)]
struct Frame {
    /// Never a continuation: that has the kind of its message.
    kind: Kind,
    last: bool,
    left: u64,
}

/// What came from the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A part of a binary message, as large as it happened to arrive: binary messages are never collected,
    /// so that memory does not grow with them.
    Binary {
        /// The bytes; empty only if `last` is set.
        piece: &'a [u8],
        /// Whether the message ends here.
        last: bool,
    },
    /// A text message as a whole. An empty one is how these servers mark the end of a stream.
    Text(&'a str),
    /// The peer's close frame; it was answered. Only [`End`](Self::End) comes after it.
    Closing {
        /// Why, as a number, if the peer said.
        code: Option<u16>,
        /// Why, in words; often empty.
        reason: &'a str,
    },
    /// The stream ended between two messages, with or without a close frame. Said again each time.
    End,
}

/// What [`Incoming`] will hold, before it is borrowed.
#[derive(Clone, Copy)]
enum Found {
    Binary { length: usize, last: bool },
    Text { length: usize },
    Collected,
    Closing { code: Option<u16>, length: usize },
    End,
}

impl Websocket {
    /// The client's end of a connection whose upgrade is done. `rest` holds what came after the head of the
    /// answer; `chance` gives the masks.
    #[must_use]
    pub fn client(rest: Inbox, limits: &Limits, chance: Chance) -> Self {
        Self {
            heard: !rest.is_empty(),
            inbox: rest,
            lent: 0,
            frame: None,
            message: None,
            text: Vec::new(),
            told: false,
            limit: limits.message,
            sender: Sender::new(chance),
            ended: false,
            closed: false,
            failed: None,
        }
    }

    /// What is to be written to the peer; empty if there is nothing. Worth a look after each
    /// [`next`](Self::next), also when that failed: the peer is told why.
    #[must_use]
    pub fn outgoing(&self) -> &[u8] {
        self.sender.data()
    }

    /// Says that the first `count` bytes of [`outgoing`](Self::outgoing) were written.
    pub fn wrote(&mut self, count: usize) {
        self.sender.wrote(count);
    }

    /// Lends room for the next read, never none. It grows if [`next`](Self::next) was not asked until it
    /// said `None`.
    pub fn space(&mut self) -> &mut [u8] {
        self.release();
        if self.closed || self.failed.is_some() {
            self.inbox.recycle();
        }
        self.inbox.space(ROOM)
    }

    /// Says that `count` bytes of [`space`](Self::space) were filled; 0 means that the stream ended, and
    /// then nothing can follow.
    pub fn read(&mut self, count: usize) {
        if count == 0 {
            self.ended = true;
        } else if !self.ended {
            self.heard = true;
            self.inbox.filled(count);
        }
    }

    /// Whether anything at all (also a ping or a pong) arrived since this was asked last.
    #[must_use]
    pub fn heard(&mut self) -> bool {
        std::mem::take(&mut self.heard)
    }

    /// Whether messages can still be sent: no close frame was, and nothing failed.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends a binary message. False, and nothing is sent, if the socket is not [open](Self::is_open).
    pub fn send_binary(&mut self, payload: &[u8]) -> bool {
        self.sender.send(Kind::Binary, payload)
    }

    /// Sends a text message. False, and nothing is sent, if the socket is not [open](Self::is_open).
    pub fn send_text(&mut self, text: &str) -> bool {
        self.sender.send(Kind::Text, text.as_bytes())
    }

    /// Sends a close frame, unless one was sent. From here on the messages of the peer are dropped; its own
    /// close frame and the end of the stream are still told.
    ///
    /// A code that may not stand in a frame (such as 1005) is left out, with the reason; a reason longer
    /// than 123 bytes is cut.
    pub fn close(&mut self, code: u16, reason: &str) {
        self.sender.close(Some(code), reason);
    }

    /// The next thing that arrived; `None` if more has to be read first.
    ///
    /// # Errors
    /// [`WebsocketError`] if the peer broke the protocol or a limit, or the stream ended inside a frame or a
    /// message. The socket stays failed and says the same each time.
    #[allow(clippy::should_implement_trait, reason = "what it lends ends with the next call")]
    pub fn next(&mut self) -> Result<Option<Incoming<'_>>, WebsocketError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.release();
        let found = match self.step() {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(None),
            Err(error) => return Err(fail(&mut self.failed, &mut self.sender, error)),
        };
        let Self { inbox, text, failed, sender, closed, .. } = self;
        let (bytes, wrong) = match found {
            Found::Binary { length, last } => {
                return Ok(Some(Incoming::Binary { piece: &inbox.data()[..length], last }));
            }
            Found::End => return Ok(Some(Incoming::End)),
            Found::Text { length } => (&inbox.data()[..length], WebsocketError::InvalidText),
            Found::Collected => (text.as_slice(), WebsocketError::InvalidText),
            Found::Closing { length, .. } => (&inbox.data()[..length], WebsocketError::CloseReason),
        };
        match (str::from_utf8(bytes), found) {
            (Ok(reason), Found::Closing { code, .. }) => {
                sender.close(code, "");
                *closed = true;
                Ok(Some(Incoming::Closing { code, reason }))
            }
            (Ok(text), _) => Ok(Some(Incoming::Text(text))),
            (Err(_), _) => Err(fail(failed, sender, wrong)),
        }
    }

    /// Takes back what the caller was shown.
    fn release(&mut self) {
        self.inbox.consume(std::mem::take(&mut self.lent));
        if std::mem::take(&mut self.told) {
            self.text.clear();
            self.text.shrink_to(Inbox::ROOM);
        }
    }

    /// Reads frames until something is found that the caller wants to know. Each turn drops bytes, ends a
    /// frame or returns.
    fn step(&mut self) -> Result<Option<Found>, WebsocketError> {
        loop {
            if self.closed {
                return self.starved();
            }
            let frame = match self.frame {
                Some(frame) => frame,
                None => match Head::parse(self.inbox.data())? {
                    Some(head) => self.begin(head)?,
                    None => return self.starved(),
                },
            };
            let there = self.inbox.len();
            let here = usize::try_from(frame.left).map_or(there, |left| left.min(there));
            let whole = here as u64 == frame.left;
            match frame.kind {
                kind if kind.is_control() => {
                    if !whole {
                        return self.starved();
                    }
                    self.frame = None;
                    match kind {
                        Kind::Close => return self.closing(here).map(Some),
                        Kind::Ping => self.sender.pong(&self.inbox.data()[..here]),
                        _ => {}
                    }
                    self.inbox.consume(here);
                }
                _ if here == 0 && !whole => return self.starved(),
                _ if self.sender.is_closed() => {
                    self.text = Vec::new();
                    self.advance(frame, here);
                    self.inbox.consume(here);
                }
                Kind::Text => {
                    let alone = frame.last && self.text.is_empty();
                    if alone && whole {
                        self.advance(frame, here);
                        self.lent = here;
                        return Ok(Some(Found::Text { length: here }));
                    }
                    if alone && frame.left <= AWAITED {
                        return self.starved();
                    }
                    self.collect(frame.left, here);
                    self.advance(frame, here);
                    if whole && frame.last {
                        self.told = true;
                        return Ok(Some(Found::Collected));
                    }
                }
                _ => {
                    self.advance(frame, here);
                    let last = whole && frame.last;
                    if here > 0 || last {
                        self.lent = here;
                        return Ok(Some(Found::Binary { length: here, last }));
                    }
                }
            }
        }
    }

    /// Takes a head off the inbox and checks that its frame may come now.
    fn begin(&mut self, head: Head) -> Result<Frame, WebsocketError> {
        let kind = match (head.kind, self.message) {
            (Kind::Continuation, None) => return Err(WebsocketError::NothingToContinue),
            (Kind::Continuation, Some(kind)) => kind,
            (Kind::Text | Kind::Binary, Some(_)) => return Err(WebsocketError::Interleaved),
            (kind, _) => kind,
        };
        if !kind.is_control() {
            self.message = Some(kind);
        }
        let room = (self.limit as u64).saturating_sub(self.text.len() as u64);
        if kind == Kind::Text && head.length > room && !self.sender.is_closed() {
            return Err(WebsocketError::LongText { limit: self.limit });
        }
        self.inbox.consume(head.size);
        let frame = Frame { kind, last: head.last, left: head.length };
        self.frame = Some(frame);
        Ok(frame)
    }

    /// Counts `here` bytes of the payload of a text or binary frame as read.
    fn advance(&mut self, frame: Frame, here: usize) {
        let left = frame.left - here as u64;
        self.frame = (left > 0).then_some(Frame { left, ..frame });
        if left == 0 && frame.last {
            self.message = None;
        }
    }

    /// Moves `here` of the `left` bytes of a text frame out of the inbox.
    fn collect(&mut self, left: u64, here: usize) {
        if self.text.capacity() - self.text.len() < here {
            // Doubles, but never past the end of the frame, which the limit covers.
            let more = self.text.len().max(Inbox::ROOM).max(here);
            self.text.reserve_exact(usize::try_from(left).map_or(more, |left| left.min(more)));
        }
        self.text.extend_from_slice(&self.inbox.data()[..here]);
        self.inbox.consume(here);
    }

    /// Looks into a close frame whose payload is the first `length` bytes of the inbox.
    fn closing(&mut self, length: usize) -> Result<Found, WebsocketError> {
        let payload = &self.inbox.data()[..length];
        let code = match (payload.first_chunk(), length) {
            (_, 0) => None,
            (Some(&code), _) => Some(u16::from_be_bytes(code)),
            (None, _) => return Err(WebsocketError::ShortClose),
        };
        if let Some(code) = code.filter(|&code| !CloseCode::from(code).is_allowed()) {
            return Err(WebsocketError::CloseCode(code));
        }
        if self.message.is_some() && self.is_open() {
            self.sender.close(code, "");
            return Err(WebsocketError::EndInMessage);
        }
        let code_size = if code.is_some() { 2 } else { 0 };
        self.inbox.consume(code_size);
        self.lent = length - code_size;
        Ok(Found::Closing { code, length: self.lent })
    }

    /// What to say when the inbox does not hold enough to go on.
    fn starved(&self) -> Result<Option<Found>, WebsocketError> {
        if !self.ended {
            Ok(None)
        } else if !self.is_open() {
            // Both have closed, or we have and do not care where the peer stops.
            Ok(Some(Found::End))
        } else if self.frame.is_some() || !self.inbox.is_empty() {
            Err(WebsocketError::EndInFrame)
        } else if self.message.is_some() {
            Err(WebsocketError::EndInMessage)
        } else {
            Ok(Some(Found::End))
        }
    }
}

/// Keeps `error` for every later question.
fn fail(failed: &mut Option<WebsocketError>, sender: &mut Sender, error: WebsocketError) -> WebsocketError {
    sender.fail(&error);
    *failed = Some(error.clone());
    error
}

/// Shows no bytes: they may be secrets.
impl std::fmt::Debug for Websocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Websocket")
            .field("arrived", &self.inbox.len())
            .field("outgoing", &self.outgoing().len())
            .field("open", &self.is_open())
            .field("closed", &self.closed)
            .field("ended", &self.ended)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
