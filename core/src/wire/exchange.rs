use ::bytes::Bytes;
use http::StatusCode;

use super::chunked::{Chunked, Piece};
use super::head::{self, Framing};
use super::upload::{self, Upload};
use super::{Buffers, Key, Plan, Reply, Upgrade, Want, WireError};
use crate::bytes::{Inbox, Limits};

/// Bytes read at once of a streamed download.
const BLOCK: usize = upload::BLOCK;

/// What an [`Exchange`] needs before it can go on. Exhaustive on purpose: a driver handles every case.
#[derive(Debug)]
pub enum Need<'a> {
    /// Write these bytes to the connection, then say how many with [`Exchange::wrote`].
    Write(&'a [u8]),
    /// Put bytes of the body to upload here, then say how many with [`Exchange::filled`]; 0 ends the body.
    Fill(&'a mut [u8]),
    /// Read from the connection into this space, then say how many with [`Exchange::read`]; 0 is the end.
    Read(&'a mut [u8]),
    /// Take these bytes of the streamed response body, then say how many with [`Exchange::took`].
    Take(&'a [u8]),
    /// The response is complete: [`Exchange::reply`], then [`Exchange::finish`].
    Done,
}

/// Whether a connection can carry another exchange, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reuse {
    /// It can.
    Yes,
    /// The exchange was not over.
    Unfinished,
    /// The server said `Connection: close`, or speaks HTTP/1.0.
    ServerCloses,
    /// The end of the connection was the end of the body.
    BodyUntilClose,
    /// The response came before all of the request had left.
    AnsweredEarly,
    /// Bytes came that nobody asked for.
    Leftover,
    /// The connection speaks another protocol now.
    Upgraded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Head,
    Length(u64),
    Chunked,
    UntilClose,
    Done,
}

/// One request and its response on one connection.
///
/// ```
/// use lxio_core::bytes::Limits;
/// use lxio_core::wire::{Buffers, Draft, Need, Plan, Reuse};
///
/// let draft = Draft::new(Buffers::new(), &http::Method::GET, "/1.0", "lxio")?;
/// let mut exchange = draft.send(Plan::default(), &Limits::DEFAULT)?;
/// let mut server = &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"[..];
/// let mut sent = Vec::new();
/// loop {
///     match exchange.need()? {
///         Need::Write(bytes) => { sent.extend_from_slice(bytes); let n = bytes.len(); exchange.wrote(n) }
///         Need::Read(space) => { let n = std::io::Read::read(&mut server, space).unwrap(); exchange.read(n) }
///         Need::Fill(_) | Need::Take(_) => unreachable!("nothing is streamed here"),
///         Need::Done => break,
///     }
/// }
/// assert_eq!(sent, b"GET /1.0 HTTP/1.1\r\nHost: lxio\r\n\r\n");
/// assert_eq!(exchange.reply().unwrap().body(), b"{}");
/// assert_eq!(exchange.finish().1, Reuse::Yes);
/// # Ok::<(), lxio_core::wire::WireError>(())
/// ```
pub struct Exchange {
    buffers: Buffers,
    limits: Limits,
    want: Want,
    key: Option<Key>,
    /// What follows the outbox: the rest of a body in memory, or a streamed one.
    rest: Bytes,
    upload: Upload,
    head_only: bool,
    /// Something of a response came, good or bad.
    heard: bool,
    phase: Phase,
    /// The writing side failed; only the answer counts now.
    write_failed: bool,
    left: bool,
    ended: bool,
    severed: bool,
    scanned: usize,
    interim: usize,
    status: Option<StatusCode>,
    keep_alive: bool,
    chunked: Chunked,
    /// Bytes of the response body at the front of the inbox, decoded.
    collected: usize,
    /// Bytes of framing behind them, decoded and not yet dropped.
    gap: usize,
    streams: bool,
    /// Bytes at the front of the inbox that may be taken.
    ready: usize,
    passed: u64,
    length: Option<u64>,
    failed: Option<WireError>,
}

enum Step {
    Write,
    WriteRest,
    WriteBlock,
    Fill,
    Read(usize),
    Take,
    Done,
}

impl Exchange {
    pub(super) fn new(buffers: Buffers, plan: Plan, rest: Bytes, head_only: bool, limits: &Limits) -> Self {
        Self {
            buffers,
            limits: limits.clone(),
            want: plan.want,
            key: plan.key,
            rest,
            upload: Upload::new(&plan.payload),
            head_only,
            heard: false,
            phase: Phase::Head,
            write_failed: false,
            left: false,
            ended: false,
            severed: false,
            scanned: 0,
            interim: 0,
            status: None,
            keep_alive: false,
            chunked: Chunked::new(),
            collected: 0,
            gap: 0,
            streams: false,
            ready: 0,
            passed: 0,
            length: None,
            failed: None,
        }
    }

    /// What is needed next. Asking twice changes nothing.
    ///
    /// # Errors
    /// What the peer did wrong, or [`WireError::ShortUpload`]; the same again if asked again. The
    /// connection must be closed.
    pub fn need(&mut self) -> Result<Need<'_>, WireError> {
        Ok(match self.next_step()? {
            Step::Write => Need::Write(self.buffers.outbox.data()),
            Step::WriteRest => Need::Write(&self.rest),
            Step::WriteBlock => Need::Write(self.upload.framed()),
            Step::Fill => Need::Fill(self.upload.space()),
            Step::Read(room) => Need::Read(self.buffers.inbox.space(room)),
            Step::Take => Need::Take(&self.buffers.inbox.data()[..self.ready]),
            Step::Done => Need::Done,
        })
    }

    /// Says that the first `count` bytes of [`Need::Write`] left.
    pub fn wrote(&mut self, count: usize) {
        self.left |= count > 0;
        if !self.buffers.outbox.is_empty() {
            self.buffers.outbox.wrote(count);
        } else if !self.rest.is_empty() {
            let _ = self.rest.split_to(count.min(self.rest.len()));
        } else {
            self.upload.wrote(count);
        }
    }

    /// Says that writing failed because the peer no longer listens (broken pipe, reset). The peer may have
    /// answered before it stopped, so what is needed next is the answer.
    pub fn write_failed(&mut self) {
        self.write_failed = true;
    }

    /// Where to read into, if there is anything to read: for [`Need::Read`], and while [`Need::Write`] waits for
    /// the connection. A server that answers before it has heard all does not listen any more, and over TCP its
    /// answer goes with the connection.
    pub fn incoming(&mut self) -> Option<&mut [u8]> {
        let room = match self.next_step() {
            Ok(Step::Read(room)) => room,
            Ok(Step::Write | Step::WriteRest | Step::WriteBlock) if !self.ended => Inbox::ROOM,
            _ => return None,
        };
        Some(self.buffers.inbox.space(room))
    }

    /// Whether nothing moves before the caller has filled or taken something.
    #[must_use]
    pub fn waits_for_caller(&self) -> bool {
        let sends = self.phase == Phase::Head && !self.write_failed && !self.upload.is_over();
        let unsent =
            !self.buffers.outbox.is_empty() || !self.rest.is_empty() || !self.upload.framed().is_empty();
        self.ready > 0 || sends && !unsent
    }

    /// Says that the first `count` bytes of [`Need::Fill`] are filled; 0 ends the body.
    pub fn filled(&mut self, count: usize) {
        if let Err(error) = self.upload.filled(count) {
            self.failed = Some(error);
        }
    }

    /// Says that `count` bytes were read into [`Need::Read`] or [`incoming`](Self::incoming); 0 is the end of
    /// the stream.
    pub fn read(&mut self, count: usize) {
        if count == 0 {
            self.ended = true;
        } else {
            self.heard = true;
            self.buffers.inbox.filled(count);
        }
    }

    /// Says that the stream ended although the peer, which speaks a protocol that says so, had not said that it
    /// would. A body that only the end of the connection ends is not complete then.
    pub fn cut(&mut self) {
        (self.ended, self.severed) = (true, true);
    }

    /// Says that the first `count` bytes of [`Need::Take`] were taken.
    pub fn took(&mut self, count: usize) {
        let count = count.min(self.ready);
        self.ready -= count;
        self.passed += count as u64;
        self.buffers.inbox.consume(count);
    }

    /// The response: complete after [`Need::Done`]; while its body is streamed, the head without a body;
    /// before that, `None`.
    #[must_use]
    pub fn reply(&self) -> Option<Reply<'_>> {
        let complete = self.phase == Phase::Done || self.streams;
        let status = self.status.filter(|_| complete)?;
        let body = if self.streams { &[][..] } else { &self.buffers.inbox.data()[..self.collected] };
        Some(Reply { status, head: &self.buffers.head, fields: &self.buffers.fields, body })
    }

    /// Whether the response body is handed out by [`Need::Take`]. Known once [`reply`](Self::reply) is.
    #[must_use]
    pub const fn streams(&self) -> bool {
        self.streams
    }

    /// The announced length of the response body, if there is one.
    #[must_use]
    pub const fn length(&self) -> Option<u64> {
        self.length
    }

    /// Whether any byte of the request left. As long as none did, the request can safely be sent again.
    #[must_use]
    pub const fn left(&self) -> bool {
        self.left
    }

    /// Whether any byte of a response came.
    #[must_use]
    pub const fn answered(&self) -> bool {
        self.heard
    }

    /// Ends the exchange: the buffers for the next one, and whether the connection can carry it.
    #[must_use]
    pub fn finish(self) -> (Buffers, Reuse) {
        let reuse = self.reuse();
        (self.buffers, reuse)
    }

    fn reuse(&self) -> Reuse {
        let unsent = !self.buffers.outbox.is_empty() || !self.rest.is_empty() || !self.upload.is_over();
        match self.phase {
            _ if self.failed.is_some() => Reuse::Unfinished,
            Phase::Done if self.status == Some(StatusCode::SWITCHING_PROTOCOLS) => Reuse::Upgraded,
            Phase::Done if unsent || self.write_failed => Reuse::AnsweredEarly,
            Phase::Done if self.ended => Reuse::BodyUntilClose,
            Phase::Done if !self.keep_alive => Reuse::ServerCloses,
            Phase::Done if self.buffers.inbox.len() > self.collected => Reuse::Leftover,
            Phase::Done => Reuse::Yes,
            _ => Reuse::Unfinished,
        }
    }

    fn next_step(&mut self) -> Result<Step, WireError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.step().inspect_err(|error| self.failed = Some(error.clone()))
    }

    fn step(&mut self) -> Result<Step, WireError> {
        let early = self.phase == Phase::Head && !self.buffers.inbox.is_empty();
        if self.phase == Phase::Head && !self.write_failed && !(early && self.parse_head()?) {
            if !self.buffers.outbox.is_empty() {
                return Ok(Step::Write);
            }
            if !self.rest.is_empty() {
                return Ok(Step::WriteRest);
            }
            if !self.upload.framed().is_empty() {
                return Ok(Step::WriteBlock);
            }
            if !self.upload.is_over() {
                return Ok(Step::Fill);
            }
        }
        loop {
            match self.phase {
                Phase::Head => {
                    if self.buffers.inbox.is_empty() || !self.parse_head()? {
                        if self.ended {
                            let nothing = self.buffers.inbox.is_empty() && self.interim == 0;
                            return Err(if nothing { WireError::Closed } else { WireError::CutHead });
                        }
                        return Ok(Step::Read(Inbox::ROOM));
                    }
                }
                Phase::Length(left) => {
                    let there = self.undecoded().len();
                    let count = usize::try_from(left).unwrap_or(usize::MAX).min(there);
                    self.accept(count)?;
                    let left = left - count as u64;
                    self.phase = if left == 0 { Phase::Done } else { Phase::Length(left) };
                    if self.ready > 0 {
                        return Ok(Step::Take);
                    }
                    if left > 0 {
                        return self.read_body(usize::try_from(left).unwrap_or(usize::MAX));
                    }
                }
                Phase::Chunked => {
                    if self.ready > 0 {
                        return Ok(Step::Take);
                    }
                    let undecoded = &self.buffers.inbox.data()[self.collected + self.gap..];
                    let there = undecoded.len();
                    match self.chunked.look(undecoded, self.limits.head)? {
                        Piece::Framing(count) if self.collected == 0 => self.buffers.inbox.consume(count),
                        Piece::Framing(count) => self.gap += count,
                        Piece::Data(most) => {
                            let count = usize::try_from(most).unwrap_or(usize::MAX).min(there);
                            self.chunked.took(count as u64);
                            self.close_up(count);
                            self.accept(count)?;
                        }
                        Piece::More => {
                            self.drop_gap();
                            return self.read_body(0);
                        }
                        Piece::End => {
                            self.drop_gap();
                            self.phase = Phase::Done;
                        }
                    }
                }
                Phase::UntilClose => {
                    let there = self.undecoded().len();
                    self.accept(there)?;
                    if self.ready > 0 {
                        return Ok(Step::Take);
                    }
                    if !self.ended || self.severed {
                        return self.read_body(0);
                    }
                    self.phase = Phase::Done;
                }
                Phase::Done => return Ok(if self.ready > 0 { Step::Take } else { Step::Done }),
            }
        }
    }

    /// Bytes that came and are neither collected nor ready to be taken.
    fn undecoded(&self) -> &[u8] {
        &self.buffers.inbox.data()[self.collected + self.ready..]
    }

    /// Moves the next `count` bytes over the gap, to the body in front of it: each byte of a body moves at
    /// most once, however small its chunks are.
    fn close_up(&mut self, count: usize) {
        if self.gap > 0 {
            let from = self.collected + self.gap;
            self.buffers.inbox.data_mut().copy_within(from..from + count, self.collected);
        }
    }

    /// Drops the framing behind the body. Little lies behind it: all that could be decoded was.
    fn drop_gap(&mut self) {
        let gap = std::mem::take(&mut self.gap);
        self.buffers.inbox.cut(self.collected..self.collected + gap);
    }

    /// Counts the next `count` undecoded bytes as body.
    fn accept(&mut self, count: usize) -> Result<(), WireError> {
        if self.streams {
            self.ready += count;
        } else {
            self.collected += count;
            if self.collected > self.limits.body {
                return Err(WireError::BodyTooLong { limit: self.limits.body });
            }
        }
        Ok(())
    }

    /// Asks for more of the body, `hint` bytes of which are known to follow.
    fn read_body(&self, hint: usize) -> Result<Step, WireError> {
        if self.ended {
            let got = self.passed + (self.collected + self.ready) as u64;
            return Err(WireError::CutBody { got, expected: self.length });
        }
        Ok(Step::Read(if self.streams { BLOCK } else { hint.clamp(Inbox::ROOM, BLOCK) }))
    }

    /// Parses the next head if it is there; interim ones are read over.
    fn parse_head(&mut self) -> Result<bool, WireError> {
        loop {
            let data = self.buffers.inbox.data();
            if !head::looks_like_http(data) {
                let start = data[..data.len().min(32)].escape_ascii().to_string();
                return Err(WireError::NotHttp { start });
            }
            let end = head::end_of_head(data, self.scanned);
            let known = end.unwrap_or(data.len());
            if known > self.limits.head {
                return Err(WireError::HeadTooLong { limit: self.limits.head });
            }
            let Some(end) = end else {
                self.scanned = data.len();
                return Ok(false);
            };
            self.scanned = 0;
            self.buffers.head.clear();
            self.buffers.head.extend_from_slice(&data[..end]);
            self.buffers.inbox.consume(end);
            let facts = head::parse(&self.buffers.head, &mut self.buffers.fields, &self.limits)?;
            if facts.status == StatusCode::SWITCHING_PROTOCOLS {
                self.check_upgrade()?;
                self.status = Some(facts.status);
                self.phase = Phase::Done;
                return Ok(true);
            }
            if facts.status.is_informational() {
                self.interim += 1;
                if self.interim > self.limits.interim {
                    return Err(WireError::TooManyInterim { limit: self.limits.interim });
                }
                continue;
            }
            self.status = Some(facts.status);
            self.keep_alive = facts.keep_alive;
            self.streams = matches!(self.want, Want::Stream) && facts.status.is_success() && !facts.json;
            let bodiless = self.head_only
                || facts.status == StatusCode::NO_CONTENT
                || facts.status == StatusCode::NOT_MODIFIED;
            self.length = match facts.framing {
                Framing::Length(length) => Some(length),
                _ => None,
            };
            self.phase = match facts.framing {
                _ if bodiless => Phase::Done,
                Framing::Length(0) => Phase::Done,
                Framing::Length(length) => Phase::Length(length),
                Framing::Chunked => Phase::Chunked,
                Framing::UntilClose => Phase::UntilClose,
            };
            return match facts.framing {
                Framing::Length(length) if !bodiless && !self.streams && length > self.limits.body as u64 => {
                    Err(WireError::BodyTooLong { limit: self.limits.body })
                }
                _ => Ok(true),
            };
        }
    }

    fn check_upgrade(&self) -> Result<(), WireError> {
        let Want::Upgrade(upgrade) = &self.want else {
            return Err(WireError::BadUpgrade { what: "nobody asked for it" });
        };
        let head = Reply {
            status: StatusCode::SWITCHING_PROTOCOLS,
            head: &self.buffers.head,
            fields: &self.buffers.fields,
            body: &[],
        };
        let protocol = match upgrade {
            Upgrade::Websocket => "websocket",
            Upgrade::Raw(protocol) => protocol,
        };
        if !head.text("upgrade").is_some_and(|given| given.trim().eq_ignore_ascii_case(protocol)) {
            return Err(WireError::BadUpgrade { what: "it is to another protocol" });
        }
        let answer = head.field("sec-websocket-accept").unwrap_or_default();
        if *upgrade == Upgrade::Websocket && !self.key.as_ref().is_some_and(|key| key.accepts(answer)) {
            return Err(WireError::BadUpgrade { what: "the key was not answered" });
        }
        Ok(())
    }
}

/// Shows where it stands, not what is said.
impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange")
            .field("phase", &self.phase)
            .field("status", &self.status)
            .field("buffers", &self.buffers)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
