//! Reads along an HTTP/1.1 conversation: which request got which status, and what else was said.
//!
//! Bytes come in pieces of any size, as an observer sees them; heads are kept until they are whole,
//! bodies never.
//!
//! ```text
//! each direction:  Head ──► Body(n) | Chunked | UntilEnd ──► Head ...
//!                    ├── 101 ──► Upgraded
//!                    └── no HTTP at all ──► Blind
//! ```

use std::collections::VecDeque;

use crate::recorder::Direction;

/// A longer head is no HTTP.
const MAX_HEAD: usize = 1 << 20;
/// Nor is one with more header fields.
const MAX_FIELDS: usize = 256;

/// A request and the status of its answer; told when the head of the answer is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The request's method.
    pub method: String,
    /// The request's target, as sent.
    pub target: String,
    /// The status of the final answer, or 101.
    pub status: u16,
}

/// What bytes mean, as they pass.
#[derive(Debug)]
pub enum Piece<'a> {
    /// The head of a request is whole.
    Request {
        /// Its method.
        method: &'a str,
        /// Its target, as sent.
        target: &'a str,
        /// Its header fields.
        fields: &'a [httparse::Header<'a>],
    },
    /// The head of a final answer, or of a 101, is whole.
    Answer {
        /// Method and target of its request: the first that has no answer yet.
        request: Option<(String, String)>,
        /// Its status.
        status: u16,
        /// Its header fields.
        fields: &'a [httparse::Header<'a>],
    },
    /// A part of the body of the message whose head came last in this direction, without its framing.
    Body(&'a [u8]),
    /// That message is whole. Not told of a body that lasts until the connection ends.
    End,
    /// Behind a 101: no HTTP any more.
    Upgraded(&'a [u8]),
}

/// One connection.
#[derive(Debug, Default)]
pub struct Traffic {
    requests: Phase,
    answers: Phase,
    /// Method and target of requests without an answer yet.
    pending: VecDeque<(String, String)>,
}

#[derive(Debug)]
enum Phase {
    Head(Vec<u8>),
    Body(u64),
    Chunked(Chunk),
    UntilEnd,
    Upgraded,
    Blind,
}

impl Default for Phase {
    fn default() -> Self {
        Self::Head(Vec::new())
    }
}

#[derive(Debug)]
enum Chunk {
    /// In the digits of a size.
    Size(u64),
    /// Between a size and the end of its line.
    Extension(u64),
    Data(u64),
    /// Between the data and the end of its line.
    After,
    /// In the lines behind the last chunk; whether this one is empty so far.
    Trailer(bool),
}

impl Traffic {
    /// Takes what passed in one direction and tells what was answered by it.
    pub fn push(&mut self, direction: Direction, bytes: &[u8], mut told: impl FnMut(Answered)) {
        self.read(direction, bytes, |piece| {
            if let Piece::Answer { request: Some((method, target)), status, .. } = piece {
                told(Answered { method, target, status });
            }
        });
    }

    /// Takes what passed in one direction and tells all that it means.
    pub fn read(&mut self, direction: Direction, mut bytes: &[u8], mut told: impl FnMut(Piece<'_>)) {
        while !bytes.is_empty() {
            let phase = match direction {
                Direction::ToServer => &mut self.requests,
                Direction::ToClient => &mut self.answers,
            };
            match phase {
                Phase::Blind => return,
                Phase::UntilEnd => return told(Piece::Body(bytes)),
                Phase::Upgraded => return told(Piece::Upgraded(bytes)),
                Phase::Body(left) => {
                    let n = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    let (body, rest) = bytes.split_at(n);
                    bytes = rest;
                    *left -= n as u64;
                    told(Piece::Body(body));
                    if *left == 0 {
                        *phase = Phase::default();
                        told(Piece::End);
                    }
                }
                Phase::Chunked(chunk) => {
                    let (used, done) = chunk.push(bytes, &mut told);
                    bytes = &bytes[used..];
                    if done {
                        *phase = Phase::default();
                        told(Piece::End);
                    }
                }
                Phase::Head(head) => {
                    let used = fill(head, bytes);
                    bytes = &bytes[used..];
                    if head.ends_with(b"\r\n\r\n") {
                        let head = std::mem::take(head);
                        match direction {
                            Direction::ToServer => self.request(&head, &mut told),
                            Direction::ToClient => self.answer(&head, &mut told),
                        }
                    } else if head.len() >= MAX_HEAD {
                        *phase = Phase::Blind;
                    }
                }
            }
        }
    }

    fn request(&mut self, head: &[u8], told: &mut impl FnMut(Piece<'_>)) {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        let whole = request.parse(head).is_ok_and(|status| status.is_complete());
        let (true, Some(method), Some(target)) = (whole, request.method, request.path) else {
            self.requests = Phase::Blind;
            return;
        };
        self.pending.push_back((method.to_owned(), target.to_owned()));
        self.requests = framed(request.headers).unwrap_or_default();
        told(Piece::Request { method, target, fields: request.headers });
        if matches!(self.requests, Phase::Head(_)) {
            told(Piece::End);
        }
    }

    fn answer(&mut self, head: &[u8], told: &mut impl FnMut(Piece<'_>)) {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut answer = httparse::Response::new(&mut fields);
        let whole = answer.parse(head).is_ok_and(|status| status.is_complete());
        let (true, Some(status)) = (whole, answer.code) else {
            self.answers = Phase::Blind;
            return;
        };
        if (100..200).contains(&status) && status != 101 {
            return;
        }
        let request = self.pending.pop_front();
        let head_only = request.as_ref().is_some_and(|(method, _)| method == "HEAD");
        if status == 101 {
            self.requests = Phase::Upgraded;
            self.answers = Phase::Upgraded;
        } else if !head_only && status != 204 && status != 304 {
            self.answers = framed(answer.headers).unwrap_or(Phase::UntilEnd);
        }
        told(Piece::Answer { request, status, fields: answer.headers });
        if matches!(self.answers, Phase::Head(_)) {
            told(Piece::End);
        }
    }
}

/// Moves bytes to a head up to its end, and says how many.
fn fill(head: &mut Vec<u8>, bytes: &[u8]) -> usize {
    // Empty lines before a head are allowed.
    if head.is_empty()
        && let n @ 1.. = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count()
    {
        return n;
    }
    let old = head.len();
    head.extend_from_slice(&bytes[..bytes.len().min(MAX_HEAD - old)]);
    let from = old.saturating_sub(3);
    if let Some(at) = head[from..].windows(4).position(|w| w == b"\r\n\r\n") {
        head.truncate(from + at + 4);
    }
    head.len() - old
}

/// The body that a head announces, if it says anything about one.
fn framed(fields: &[httparse::Header<'_>]) -> Option<Phase> {
    let field = |name: &str| {
        let found = fields.iter().find(|f| f.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(found.value).ok().map(str::trim)
    };
    if field("transfer-encoding").is_some_and(|v| v.to_ascii_lowercase().ends_with("chunked")) {
        return Some(Phase::Chunked(Chunk::Size(0)));
    }
    match field("content-length")?.parse() {
        Ok(0) => Some(Phase::default()),
        Ok(length) => Some(Phase::Body(length)),
        Err(_) => Some(Phase::Blind),
    }
}

impl Chunk {
    /// Tells the data in these bytes; how many were used, and whether the body ended with them.
    fn push(&mut self, bytes: &[u8], told: &mut impl FnMut(Piece<'_>)) -> (usize, bool) {
        let mut at = 0;
        while at < bytes.len() {
            if let Self::Data(left) = self {
                let n = (bytes.len() - at).min(usize::try_from(*left).unwrap_or(usize::MAX));
                told(Piece::Body(&bytes[at..at + n]));
                at += n;
                *left -= n as u64;
                if *left == 0 {
                    *self = Self::After;
                }
                continue;
            }
            let byte = bytes[at];
            at += 1;
            match self {
                Self::Size(size) => match (char::from(byte).to_digit(16), byte) {
                    (Some(digit), _) => *size = size.saturating_mul(16).saturating_add(digit.into()),
                    (None, b'\n') => *self = Self::sized(*size),
                    (None, _) => *self = Self::Extension(*size),
                },
                Self::Extension(size) if byte == b'\n' => *self = Self::sized(*size),
                Self::After if byte == b'\n' => *self = Self::Size(0),
                Self::Trailer(empty) => match byte {
                    b'\n' if *empty => return (at, true),
                    b'\n' => *empty = true,
                    b'\r' => {}
                    _ => *empty = false,
                },
                Self::Extension(_) | Self::After | Self::Data(_) => {}
            }
        }
        (at, false)
    }

    fn sized(size: u64) -> Self {
        if size == 0 { Self::Trailer(true) } else { Self::Data(size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{ToClient, ToServer};

    /// A conversation as pieces in order of time.
    const TALK: &[(Direction, &[u8])] = &[
        (ToServer, b"GET /1.0 HTTP/1.1\r\nHost: x\r\n\r\n"),
        (ToClient, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (ToClient, b"5;x=y\r\nHTTP/\r\n0\r\nA: b\r\n\r\n"),
        (ToServer, b"\r\nPUT /1.0/instances/a HTTP/1.1\r\nhost: x\r\ncontent-length: 22\r\n\r\n"),
        (ToServer, b"GET / HTTP/1.1\r\n\r\nabcd"),
        (ToClient, b"HTTP/1.1 100 Continue\r\n\r\n"),
        (ToClient, b"HTTP/1.1 202 Accepted\r\nContent-Length: 4\r\n\r\n1234"),
        (ToServer, b"HEAD /files HTTP/1.1\r\nHost: x\r\n\r\nDELETE /a HTTP/1.1\r\nHost: x\r\n\r\n"),
        (ToClient, b"HTTP/1.1 501 No\r\nContent-Length: 120\r\n\r\n"),
        (ToClient, b"HTTP/1.1 204 Gone\r\n\r\n"),
        (ToServer, b"POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (ToServer, b"3\r\n\r\n\r\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n"),
        (ToClient, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        (ToServer, b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
        (ToClient, b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n\x81\x00"),
        (ToServer, b"GET /not HTTP/1.1\r\n\r\n"),
        (ToClient, b"HTTP/1.1 200 OK\r\n\r\n"),
    ];

    /// What must be told of it.
    const TOLD: &[(&str, u16)] =
        &[("/1.0", 200), ("/1.0/instances/a", 202), ("/files", 501), ("/a", 204), ("/b", 404), ("/ws", 101)];

    fn told(pieces: impl IntoIterator<Item = (Direction, Vec<u8>)>) -> Vec<(String, u16)> {
        let mut traffic = Traffic::default();
        let mut all = Vec::new();
        for (direction, bytes) in pieces {
            traffic.push(direction, &bytes, |a| all.push((a.target, a.status)));
        }
        all
    }

    #[test]
    fn any_cut_tells_the_same() {
        let wanted: Vec<_> = TOLD.iter().map(|(t, s)| (t.to_string(), *s)).collect();
        for size in 1..120 {
            let cut = TALK.iter().flat_map(|(d, b)| b.chunks(size).map(|c| (*d, c.to_vec())));
            assert_eq!(told(cut), wanted, "in pieces of {size}");
        }
    }

    #[test]
    fn any_cut_tells_the_same_bodies() {
        for size in 1..120 {
            let (mut traffic, mut bodies, mut ends) = (Traffic::default(), [Vec::new(), Vec::new()], 0);
            for (direction, bytes) in TALK {
                for bytes in bytes.chunks(size) {
                    traffic.read(*direction, bytes, |piece| match piece {
                        Piece::Body(data) => bodies[*direction as usize].extend_from_slice(data),
                        Piece::Upgraded(data) => bodies[*direction as usize].extend_from_slice(data),
                        Piece::End => ends += 1,
                        _ => {}
                    });
                }
            }
            let [up, down] = bodies.map(|all| String::from_utf8_lossy(&all).into_owned());
            assert_eq!(
                up, "GET / HTTP/1.1\r\n\r\nabcd\r\n\r0123456789abcdefGET /not HTTP/1.1\r\n\r\n",
                "in pieces of {size}"
            );
            assert_eq!(down, "HTTP/1234\u{fffd}\0HTTP/1.1 200 OK\r\n\r\n", "in pieces of {size}");
            assert_eq!(ends, 11, "in pieces of {size}");
        }
    }

    #[test]
    fn a_body_without_length_lasts_to_the_end() {
        let got = told([
            (ToServer, b"GET /a HTTP/1.1\r\n\r\n".to_vec()),
            (
                ToClient,
                b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nHTTP/1.1 200 OK\r\n\r\n".to_vec(),
            ),
            (ToServer, b"GET /b HTTP/1.1\r\n\r\n".to_vec()),
            (ToClient, b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
        ]);
        assert_eq!(got, [("/a".to_owned(), 400)]);
    }

    #[test]
    fn an_answer_may_come_before_the_body() {
        let got = told([
            (ToServer, b"POST /a HTTP/1.1\r\nContent-Length: 8\r\n\r\n1234".to_vec()),
            (ToClient, b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno".to_vec()),
            (ToServer, b"5678GET /b HTTP/1.1\r\n\r\n".to_vec()),
            (ToClient, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()),
        ]);
        assert_eq!(got, [("/a".to_owned(), 404), ("/b".to_owned(), 200)]);
    }

    #[test]
    fn garbage_is_survived() {
        for bytes in
            [&b"\0\x01\x02\r\n\r\n"[..], b"HTTP/1.1 99999999\r\n\r\n", b"\x16\x03\x01\x02\r\n\r\nxyz"]
        {
            for direction in [ToServer, ToClient] {
                assert_eq!(told(bytes.iter().map(|b| (direction, vec![*b]))), []);
            }
        }
        assert_eq!(told([(ToServer, vec![b'a'; MAX_HEAD + 10])]), []);
    }
}
