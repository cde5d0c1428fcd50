use bytes::{Buf, Bytes, BytesMut};

use super::Request;

/// A longer head is refused.
const HEAD: usize = 1 << 20;
/// So is one with more fields.
const FIELDS: usize = 128;

/// What comes out of an [`Intake`].
#[derive(Debug)]
pub(crate) enum Taken {
    /// Nothing until more comes.
    Nothing,
    /// A head; its body, if it has one, is still to come. Say [`Intake::skip`] to do without.
    Head(Box<Request>),
    /// A request with all of its body.
    Whole(Box<Request>),
    /// What the web server itself refuses: status and text.
    Refused(u16, &'static str),
}

/// Bytes to requests, one at a time.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    bytes: BytesMut,
    phase: Phase,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Head,
    Body {
        request: Box<Request>,
        body: BytesMut,
        framing: Framing,
    },
}

#[derive(Debug)]
enum Framing {
    Length(u64),
    /// Bytes left of this chunk, and then the end of its line.
    Chunk(u64),
    ChunkEnd,
    ChunkSize,
    Trailer,
}

impl Intake {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// How many bytes wait to be looked at.
    pub(crate) fn waiting(&self) -> usize {
        self.bytes.len()
    }

    /// A request has begun and is not whole.
    pub(crate) fn is_amid(&self) -> bool {
        !self.bytes.is_empty() || matches!(self.phase, Phase::Body { .. })
    }

    /// All bytes that wait: the connection changes its protocol.
    pub(crate) fn drain(&mut self) -> Bytes {
        self.bytes.split().freeze()
    }

    /// The body of the request is not wanted; whether it has all come already.
    pub(crate) fn skip(&mut self) -> bool {
        match std::mem::take(&mut self.phase) {
            Phase::Head => true,
            Phase::Body { framing: Framing::Length(left), .. } if left <= self.bytes.len() as u64 => {
                self.bytes.advance(usize::try_from(left).unwrap_or_default());
                true
            }
            Phase::Body { .. } => false,
        }
    }

    /// The next thing that has come.
    pub(crate) fn take(&mut self) -> Taken {
        match &mut self.phase {
            Phase::Head => self.head(),
            Phase::Body { .. } => self.body(),
        }
    }

    fn head(&mut self) -> Taken {
        let Some(end) = self.bytes.windows(4).position(|it| it == b"\r\n\r\n") else {
            return if self.bytes.len() > HEAD {
                Taken::Refused(431, "Request Header Fields Too Large")
            } else {
                Taken::Nothing
            };
        };
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut parsed = httparse::Request::new(&mut fields);
        let (Ok(httparse::Status::Complete(_)), Some(method), Some(target)) =
            (parsed.parse(&self.bytes[..end + 4]), parsed.method, parsed.path)
        else {
            return Taken::Refused(400, "Bad Request");
        };
        let old = parsed.version == Some(0);
        let fields: Vec<_> =
            parsed.headers.iter().map(|it| (it.name.to_ascii_lowercase(), it.value.to_vec())).collect();
        let mut request = Request::new(method, target, fields);
        request.old = old;
        self.bytes.advance(end + 4);
        if !old && request.field("host").is_none() {
            return Taken::Refused(400, "Bad Request: missing required Host header");
        }
        let chunked =
            request.field_text("transfer-encoding").is_some_and(|it| it.eq_ignore_ascii_case("chunked"));
        let length = match request.field_text("content-length").map(|it| it.trim().parse::<u64>()) {
            Some(Err(_)) => return Taken::Refused(400, "Bad Request"),
            Some(Ok(length)) => Some(length),
            None => None,
        };
        let framing = match (chunked, length) {
            (true, _) => Framing::ChunkSize,
            (false, Some(length)) if length > 0 => Framing::Length(length),
            _ => return Taken::Whole(Box::new(request)),
        };
        request.has_body = true;
        let request = Box::new(request);
        self.phase = Phase::Body { request: request.clone(), body: BytesMut::new(), framing };
        Taken::Head(request)
    }

    fn body(&mut self) -> Taken {
        let Phase::Body { body, framing, .. } = &mut self.phase else { return Taken::Nothing };
        loop {
            match framing {
                Framing::Length(left) | Framing::Chunk(left) => {
                    let count = (*left).min(self.bytes.len() as u64);
                    *left -= count;
                    let there = self.bytes.split_to(usize::try_from(count).unwrap_or_default());
                    body.extend_from_slice(&there);
                    if *left > 0 {
                        return Taken::Nothing;
                    }
                    if matches!(framing, Framing::Length(_)) {
                        break;
                    }
                    *framing = Framing::ChunkEnd;
                }
                Framing::ChunkEnd => {
                    if self.bytes.len() < 2 {
                        return Taken::Nothing;
                    }
                    if self.bytes.split_to(2)[..] != *b"\r\n" {
                        return Taken::Refused(400, "Bad Request");
                    }
                    *framing = Framing::ChunkSize;
                }
                Framing::ChunkSize => match httparse::parse_chunk_size(&self.bytes) {
                    Ok(httparse::Status::Complete((used, size))) => {
                        self.bytes.advance(used);
                        *framing = if size == 0 { Framing::Trailer } else { Framing::Chunk(size) };
                    }
                    Ok(httparse::Status::Partial) => return Taken::Nothing,
                    Err(_) => return Taken::Refused(400, "Bad Request"),
                },
                Framing::Trailer => {
                    let Some(end) = self.bytes.windows(2).position(|it| it == b"\r\n") else {
                        return Taken::Nothing;
                    };
                    self.bytes.advance(end + 2);
                    if end == 0 {
                        break;
                    }
                }
            }
        }
        match std::mem::take(&mut self.phase) {
            Phase::Body { mut request, body, .. } => {
                request.body = body.freeze();
                Taken::Whole(request)
            }
            Phase::Head => Taken::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[u8] = b"POST /1.0/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
        3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: r\r\n\r\nGET /1.0 HTTP/1.1\r\nHost: a\r\n\r\n";

    fn all(intake: &mut Intake, bytes: &[u8], cut: usize) -> Vec<(String, Vec<u8>)> {
        let mut whole = Vec::new();
        for piece in bytes.chunks(cut) {
            intake.push(piece);
            loop {
                match intake.take() {
                    Taken::Nothing => break,
                    Taken::Head(_) => {}
                    Taken::Whole(it) => whole.push((it.line, it.body.to_vec())),
                    Taken::Refused(code, why) => panic!("{code} {why}"),
                }
            }
        }
        whole
    }

    #[test]
    fn any_cut_gives_the_same_requests() {
        for cut in 1..TWO.len() {
            let whole = all(&mut Intake::default(), TWO, cut);
            assert_eq!(whole, [("POST /1.0/x".into(), b"abcde".to_vec()), ("GET /1.0".into(), vec![])]);
        }
    }

    #[test]
    fn a_body_can_be_skipped_when_it_is_there() {
        let mut intake = Intake::default();
        intake.push(b"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab");
        assert!(matches!(intake.take(), Taken::Head(_)));
        assert!(!intake.skip());
        let mut intake = Intake::default();
        intake.push(b"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET");
        assert!(matches!(intake.take(), Taken::Head(_)));
        assert!(intake.skip());
        assert_eq!(intake.waiting(), 3);
    }

    #[test]
    fn what_the_web_server_refuses() {
        for bytes in [
            &b"nonsense\r\n\r\n"[..],
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        ] {
            let mut intake = Intake::default();
            intake.push(bytes);
            assert!(matches!(intake.take(), Taken::Refused(400, _)));
        }
        let mut intake = Intake::default();
        intake.push(&vec![b'x'; HEAD + 1]);
        assert!(matches!(intake.take(), Taken::Refused(431, _)));
    }
}
