use std::ops::Range;

use lxio_host::transcript::{Anatomy, Direction, Head, Kind, Part, Run, Transcript, What};

use super::tape::Conn;

/// One connection of a transcript, taken apart: what was asked on it, and what came when.
#[derive(Debug, Default)]
pub struct Sheet {
    /// Its number in the transcript.
    pub conn: u64,
    /// The bytes of both directions.
    pub bytes: Conn,
    /// What was asked, in order.
    pub asked: Vec<Asked>,
    /// Where in what was sent, and where in what was received, the frames of a websocket begin.
    pub frames: (Option<usize>, Option<usize>),
    /// Where each piece that was received ends.
    pub pieces: Vec<usize>,
    /// How the server ended it: by a reset of this number, or in order.
    pub end: Option<Option<i32>>,
}

/// One request.
#[derive(Debug)]
pub struct Asked {
    /// What its head says.
    pub head: Head,
    /// Where it stands in what was sent.
    pub place: Range<usize>,
    /// Where its answer begins in what was received: no earlier.
    pub answer: usize,
    /// Its body, without what frames it.
    pub body: Vec<u8>,
    /// The sizes of its body's chunks.
    pub chunks: Vec<usize>,
    /// All of it was sent.
    pub whole: bool,
    /// What it is a part of.
    pub part: Option<Part>,
}

impl Sheet {
    /// The connections of a transcript.
    #[must_use]
    pub fn all(transcript: &Transcript) -> Vec<Self> {
        transcript.connections().into_iter().map(|conn| Self::new(transcript, conn)).collect()
    }

    fn new(transcript: &Transcript, conn: u64) -> Self {
        let mut sheet = Self { conn, ..Self::default() };
        let hidden = transcript.blanks(conn, Direction::ToServer);
        sheet.bytes = Conn { sent: transcript.bytes(conn, Direction::ToServer), hidden, ..Conn::default() };
        sheet.bytes.received = transcript.bytes(conn, Direction::ToClient);
        let (sent, received) = (sheet.bytes.sent.clone(), sheet.bytes.received.clone());
        let (mut anatomy, mut open, mut part) = (Anatomy::new(), Open::default(), None);
        let (mut up, mut down) = (0, 0);
        for what in transcript.of(conn) {
            let (direction, count) = match what {
                What::Data(direction, bytes) => (*direction, bytes.len()),
                What::Blank(direction, count) => (*direction, *count),
                What::Use(serves) => {
                    part = *serves;
                    continue;
                }
                What::Eof(Direction::ToClient) => {
                    sheet.end = Some(None);
                    continue;
                }
                What::Reset(Direction::ToClient, errno) => {
                    sheet.end = Some(Some(*errno));
                    continue;
                }
                _ => continue,
            };
            match direction {
                Direction::ToServer => anatomy.push(direction, &sent[up..up + count], |run| {
                    sheet.sent(run, up, down, part, &mut open);
                    up += run.bytes.len();
                }),
                Direction::ToClient => {
                    anatomy.push(direction, &received[down..down + count], |run| {
                        if run.kind == Kind::Frame {
                            sheet.frames.1.get_or_insert(down);
                        }
                        down += run.bytes.len();
                    });
                    sheet.pieces.push(down);
                }
            }
        }
        sheet
    }

    fn sent(&mut self, run: Run<'_>, at: usize, received: usize, part: Option<Part>, open: &mut Open) {
        let end = at + run.bytes.len();
        if run.kind == Kind::Head {
            open.head.extend_from_slice(run.bytes);
            if let Some(head) = run.last.then(|| Head::parse(&std::mem::take(&mut open.head))).flatten() {
                let bodiless = head.field("transfer-encoding").is_none()
                    && head.field("content-length").is_none_or(|length| length == "0");
                let start = self.asked.last().map_or(0, |last| last.place.end);
                self.asked.push(Asked {
                    head,
                    place: start..end,
                    answer: received,
                    body: Vec::new(),
                    chunks: Vec::new(),
                    whole: bodiless,
                    part,
                });
            }
            return;
        }
        match (run.kind, self.asked.last_mut()) {
            (Kind::Frame, _) => {
                self.frames.0.get_or_insert(at);
            }
            (Kind::Chunk, Some(asked)) => {
                open.line.extend_from_slice(run.bytes);
                if run.bytes.ends_with(b"\n") {
                    let line = std::mem::take(&mut open.line);
                    let size = std::str::from_utf8(line.trim_ascii()).ok();
                    let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
                    asked.chunks.extend(size.filter(|size| *size > 0));
                }
                (asked.place.end, asked.whole) = (end, run.last);
            }
            (Kind::Text | Kind::Content, Some(asked)) if self.frames.0.is_none() => {
                asked.body.extend_from_slice(run.bytes);
                (asked.place.end, asked.whole) = (end, run.last);
            }
            _ => {}
        }
    }

    /// Where what was received in answer to a request ends: where the next was sent, or the frames begin.
    #[must_use]
    pub fn answer(&self, number: usize) -> Range<usize> {
        let end = match self.asked.get(number + 1) {
            Some(next) => next.answer,
            None => self.frames.1.unwrap_or(self.bytes.received.len()),
        };
        self.asked[number].answer.min(end)..end
    }
}

/// What is not whole yet.
#[derive(Default)]
struct Open {
    head: Vec<u8>,
    line: Vec<u8>,
}
