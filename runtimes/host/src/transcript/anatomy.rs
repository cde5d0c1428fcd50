use std::collections::VecDeque;

use super::Direction;

/// A longer head, or line between chunks, is none.
const LONGEST: usize = 128 << 10;

/// What a run of bytes is on its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Of the head of a request or a response.
    Head,
    /// Of what frames the chunks of a body.
    Chunk,
    /// Of the head of a websocket's frame.
    Frame,
    /// Of the payload of a ping, a pong or a close frame.
    Control,
    /// Of JSON, or of the text of an error.
    Text,
    /// Of what somebody moves: a file, an image, the input or output of a command.
    Content,
    /// Of nothing that is known.
    Unknown,
}

/// A run of bytes of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run<'a> {
    /// What they are.
    pub kind: Kind,
    /// The bytes.
    pub bytes: &'a [u8],
    /// What the bytes of a websocket's client are masked with, in turn; zeros elsewhere.
    pub mask: [u8; 4],
    /// Whether the head, the body or the message ends with them.
    pub last: bool,
}

/// The head of a request or a response, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The three parts of its first line.
    pub line: [String; 3],
    /// Its fields, with names as they are spelled.
    pub fields: Vec<(String, Vec<u8>)>,
}

/// Takes the bytes of one connection apart as they pass, for who looks on: it believes both sides, and what it
/// does not understand is [`Kind::Unknown`]. Any cut of the bytes gives the same kinds.
#[derive(Debug)]
pub struct Anatomy {
    to_server: Phase,
    to_client: Phase,
    /// Requests without an answer yet: method and target.
    asked: VecDeque<(String, String)>,
    /// The websocket tells events.
    events: bool,
}

#[derive(Debug)]
enum Phase {
    Head(Vec<u8>),
    /// So much of a body; `None` is to the end of the connection.
    Body(Option<u64>, Kind),
    Chunks(Chunks, Kind),
    /// The head of a frame; the kind is that of the message that has begun.
    Frame(Vec<u8>, Kind),
    Payload(Payload),
    Unknown,
}

#[derive(Debug)]
enum Chunks {
    Size(Vec<u8>),
    Data(u64),
    /// The end of the line behind the data.
    After,
    /// The lines behind the last chunk.
    Trailer(Vec<u8>),
}

/// What is left of the payload of a frame.
#[derive(Clone, Copy, Debug)]
struct Payload {
    left: u64,
    mask: [u8; 4],
    kind: Kind,
    /// The kind of the message that this one stands in, or is.
    message: Kind,
    /// Its message ends with it.
    last: bool,
}

impl Head {
    /// Takes a head apart.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut lines =
            bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).skip_while(|line| line.is_empty());
        let line = std::str::from_utf8(lines.next()?).ok()?;
        let mut words = line.splitn(3, ' ').map(str::to_owned);
        let line = [words.next()?, words.next()?, words.next().unwrap_or_default()];
        let mut fields = Vec::new();
        for line in lines.take_while(|line| !line.is_empty()) {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = std::str::from_utf8(&line[..colon]).ok()?;
            fields.push((name.to_owned(), line[colon + 1..].trim_ascii().to_vec()));
        }
        Some(Self { line, fields })
    }

    /// The first field of that name, in any case, if it is text.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let (_, value) = self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// The status, if it is the head of a response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.line[0].starts_with("HTTP/1.").then(|| self.line[1].parse().ok())?
    }

    fn is_json(&self) -> bool {
        self.field("content-type").is_some_and(|kind| kind.starts_with("application/json"))
    }

    /// How a body of this kind follows, if the head says so.
    fn body(&self, kind: Kind) -> Option<Phase> {
        if self.field("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return Some(Phase::Chunks(Chunks::Size(Vec::new()), kind));
        }
        match self.field("content-length")?.parse() {
            Ok(0) => Some(Phase::default()),
            Ok(length) => Some(Phase::Body(Some(length), kind)),
            Err(_) => Some(Phase::Unknown),
        }
    }
}

impl Default for Phase {
    fn default() -> Self {
        Self::Head(Vec::new())
    }
}

impl Default for Anatomy {
    fn default() -> Self {
        Self::new()
    }
}

impl Anatomy {
    /// A connection on which nothing has passed.
    #[must_use]
    pub fn new() -> Self {
        Self {
            to_server: Phase::default(),
            to_client: Phase::default(),
            asked: VecDeque::new(),
            events: false,
        }
    }

    /// Takes apart what passed in one direction.
    pub fn push<'a>(&mut self, direction: Direction, mut bytes: &'a [u8], mut each: impl FnMut(Run<'a>)) {
        while !bytes.is_empty() {
            let phase = match direction {
                Direction::ToServer => &mut self.to_server,
                Direction::ToClient => &mut self.to_client,
            };
            let plain = |kind, bytes, last| Run { kind, bytes, mask: [0; 4], last };
            let run = match phase {
                Phase::Head(head) => {
                    let (count, whole) = fill(head, bytes);
                    if !may_be_head(direction, head) || head.len() > LONGEST {
                        *phase = Phase::Unknown;
                        continue;
                    }
                    if whole {
                        let head = std::mem::take(head);
                        self.begin(direction, &head);
                    }
                    plain(Kind::Head, &bytes[..count], whole)
                }
                Phase::Body(left, kind) => {
                    let count = left.map_or(bytes.len(), |left| at_most(left, bytes));
                    let (kind, last) = (*kind, *left == Some(count as u64));
                    if let Some(left) = left {
                        *left -= count as u64;
                    }
                    if last {
                        *phase = Phase::default();
                    }
                    plain(kind, &bytes[..count], last)
                }
                Phase::Chunks(chunks, kind) => {
                    let (run, count, over) = chunks.push(bytes, *kind);
                    if over {
                        *phase = Phase::default();
                    }
                    plain(run, &bytes[..count], over)
                }
                Phase::Frame(head, message) => {
                    let count = bytes.len().min(frame_head_size(head) - head.len());
                    head.extend_from_slice(&bytes[..count]);
                    let whole = head.len() == frame_head_size(head);
                    if whole {
                        let payload = Payload::new(head, *message, direction, self.events);
                        *phase = payload.or_next();
                    }
                    plain(Kind::Frame, &bytes[..count], whole)
                }
                Phase::Payload(payload) => {
                    let count = at_most(payload.left, bytes);
                    let Payload { mask, kind, last, .. } = *payload;
                    payload.left -= count as u64;
                    payload.mask.rotate_left(count % 4);
                    let over = payload.left == 0;
                    *phase = payload.or_next();
                    Run { kind, bytes: &bytes[..count], mask, last: last && over }
                }
                Phase::Unknown => plain(Kind::Unknown, bytes, false),
            };
            bytes = &bytes[run.bytes.len()..];
            each(run);
        }
    }

    /// A head is whole.
    fn begin(&mut self, direction: Direction, head: &[u8]) {
        let head = Head::parse(head);
        match (direction, head) {
            (Direction::ToServer, Some(head)) => {
                let kind = if head.is_json() { Kind::Text } else { Kind::Content };
                self.to_server = head.body(kind).unwrap_or_default();
                let [method, target, _] = head.line;
                self.asked.push_back((method, target));
            }
            (Direction::ToClient, Some(head)) => self.answer(&head),
            (Direction::ToServer, None) => self.to_server = Phase::Unknown,
            (Direction::ToClient, None) => self.to_client = Phase::Unknown,
        }
    }

    fn answer(&mut self, head: &Head) {
        let Some(status) = head.status() else {
            self.to_client = Phase::Unknown;
            return;
        };
        if (100..200).contains(&status) && status != 101 {
            return;
        }
        let (method, target) = self.asked.pop_front().unwrap_or_default();
        if status == 101 {
            self.events = target.split('?').next().is_some_and(|path| path.ends_with("/events"));
            let websocket = head.field("upgrade").is_some_and(|name| name.eq_ignore_ascii_case("websocket"));
            for phase in [&mut self.to_server, &mut self.to_client] {
                *phase = match websocket {
                    true => Phase::Frame(Vec::new(), Kind::Content),
                    false => Phase::Body(None, Kind::Content),
                };
            }
        } else if method != "HEAD" && !matches!(status, 204 | 304) {
            let kind = if head.is_json() || status >= 400 { Kind::Text } else { Kind::Content };
            self.to_client = head.body(kind).unwrap_or(Phase::Body(None, kind));
        }
    }
}

impl Chunks {
    /// What the next bytes are, how many of them, and whether the body ends with them.
    fn push(&mut self, bytes: &[u8], kind: Kind) -> (Kind, usize, bool) {
        if let Self::Data(left) = self {
            let count = at_most(*left, bytes);
            *left -= count as u64;
            if *left == 0 {
                *self = Self::After;
            }
            return (kind, count, false);
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (count, whole) = (end.map_or(bytes.len(), |at| at + 1), end.is_some());
        let mut over = false;
        match self {
            Self::Size(line) => {
                // Sizes are short: what else stands in the line does not matter.
                line.extend(bytes[..count].iter().take(LONGEST.saturating_sub(line.len())));
                if whole {
                    let digits: String = line
                        .iter()
                        .map(|byte| char::from(*byte))
                        .take_while(char::is_ascii_hexdigit)
                        .collect();
                    *self = match u64::from_str_radix(&digits, 16) {
                        Ok(0) | Err(_) => Self::Trailer(Vec::new()),
                        Ok(size) => Self::Data(size),
                    };
                }
            }
            Self::After if whole => *self = Self::Size(Vec::new()),
            Self::Trailer(line) => {
                line.extend(bytes[..count].iter().take(LONGEST.saturating_sub(line.len())));
                if whole {
                    over = line.trim_ascii().is_empty();
                    line.clear();
                }
            }
            Self::After | Self::Data(_) => {}
        }
        (Kind::Chunk, count, over)
    }
}

impl Payload {
    /// What follows the head of a frame. `message` is the kind of the message that has begun before.
    fn new(head: &[u8], message: Kind, direction: Direction, events: bool) -> Self {
        let kind = match (head[0] & 0x0f, direction) {
            (0, _) => message,
            // Commands to the control socket, and events. Text elsewhere is what somebody typed or printed.
            (1, Direction::ToServer) => Kind::Text,
            (1, Direction::ToClient) if events => Kind::Text,
            (8.., _) => Kind::Control,
            _ => Kind::Content,
        };
        let mut mask = [0; 4];
        if head[1] & 0x80 != 0 {
            mask.copy_from_slice(&head[head.len() - 4..]);
        }
        let message = if kind == Kind::Control { message } else { kind };
        Self { left: frame_length(head), mask, kind, message, last: head[0] & 0x80 != 0 }
    }

    /// The phase in which this payload is next: past it when nothing of it is left.
    fn or_next(self) -> Phase {
        if self.left == 0 { Phase::Frame(Vec::new(), self.message) } else { Phase::Payload(self) }
    }
}

/// How long the head of a frame is that begins like this, as far as it can be known.
fn frame_head_size(head: &[u8]) -> usize {
    let Some(length) = head.get(1) else { return 2 };
    let extended = match length & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + extended + if length & 0x80 != 0 { 4 } else { 0 }
}

/// The length of the payload behind a whole head.
fn frame_length(head: &[u8]) -> u64 {
    let of = |bytes: &[u8]| bytes.iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
    match head[1] & 0x7f {
        126 => of(&head[2..4]),
        127 => of(&head[2..10]),
        short => short.into(),
    }
}

fn at_most(left: u64, bytes: &[u8]) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len())
}

/// Moves bytes to a head up to its end: how many, and whether that was reached.
fn fill(head: &mut Vec<u8>, bytes: &[u8]) -> (usize, bool) {
    let old = head.len();
    head.extend_from_slice(bytes);
    let start = head.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let from = old.saturating_sub(3).max(start);
    let end = (from..head.len()).find_map(|at| match head[at..] {
        [b'\n', b'\n', ..] => Some(at + 2),
        [b'\n', b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    });
    head.truncate(end.unwrap_or(head.len()));
    (head.len() - old, end.is_some())
}

/// Whether a head can begin like this.
fn may_be_head(direction: Direction, bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii_start();
    match direction {
        Direction::ToClient => bytes.iter().zip(b"HTTP/1.").all(|(byte, known)| byte == known),
        Direction::ToServer => bytes.iter().take_while(|byte| **byte != b' ').all(u8::is_ascii_uppercase),
    }
}

#[cfg(test)]
mod tests;
