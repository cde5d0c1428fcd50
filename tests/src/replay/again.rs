use std::fmt;
use std::io;

use data_encoding::BASE64;
use lxio_core::bytes::{Chance, Limits};
use lxio_core::call::{Field, Request, Target};
use lxio_core::session::{Attempt, Error, Remote, Session};
use lxio_core::wire::{Buffers, Need, Payload, Upgrade, Want};
use lxio_host::transcript::Transcript;

use super::listen::listen;
use super::shapes;
use super::sheet::{Asked, Sheet};

/// How much of what differs is shown.
const SHOWN: usize = 80;
/// The fields of a request that the core makes itself.
const OURS: &[&str] = &[
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "sec-websocket-version",
    "sec-websocket-key",
];

/// What a transcript comes to when the core says it again.
#[derive(Debug, Default)]
pub struct Again {
    /// What came of each request and of each websocket, a line each.
    pub lines: Vec<String>,
    /// What the core does otherwise than the transcript.
    pub differences: Vec<Difference>,
}

/// Where the core does something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// On which connection.
    pub conn: u64,
    /// Behind how many bytes that were sent.
    pub at: usize,
    /// What the transcript has there, and what the core.
    pub expected: String,
    /// What the core has there.
    pub got: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { conn, at, expected, got } = self;
        write!(f, "connection {conn} differs at byte {at}: expected {expected}, got {got}")
    }
}

/// How the server's bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// In the recorded pieces.
    Recorded,
    /// All at once.
    Whole,
    /// One by one.
    Single,
}

/// Has the core send every request of a transcript again, in order, on each connection, and read the recorded
/// answers: in the recorded pieces, all at once and byte by byte.
///
/// A websocket's client is the core, too: it says the recorded messages, and its masks follow from the key of
/// the handshake. Where the key is not one that this library draws, frames are not compared.
#[must_use]
pub fn again(transcript: &Transcript) -> Again {
    let mut again = Again::default();
    for sheet in Sheet::all(transcript) {
        for number in 0..sheet.asked.len() {
            let [first, whole, single] =
                [Cut::Recorded, Cut::Whole, Cut::Single].map(|cut| exchange(&sheet, number, cut));
            again.differences.extend(first.difference);
            for other in [whole, single] {
                if other.line != first.line {
                    again.differences.push(Difference {
                        conn: sheet.conn,
                        at: sheet.asked[number].place.start,
                        expected: first.line.clone(),
                        got: format!("{} when the answer is cut otherwise", other.line),
                    });
                }
            }
            again.lines.push(format!("{} {}", label(&sheet, &sheet.asked[number]), first.line));
        }
    }
    again
}

/// Where a request was made, and which.
fn label(sheet: &Sheet, asked: &Asked) -> String {
    let part = asked.part.map_or_else(String::new, |part| format!(" run {} slot {}", part.run, part.slot));
    let path = asked.head.line[1].split('?').next().unwrap_or_default();
    format!("#{}{part} {} {path}:", sheet.conn, asked.head.line[0])
}

/// What came of one request.
struct Came {
    line: String,
    difference: Option<Difference>,
}

fn exchange(sheet: &Sheet, number: usize, cut: Cut) -> Came {
    let asked = &sheet.asked[number];
    let upgrade = asked.head.field("upgrade").is_some();
    let key = asked.head.field("sec-websocket-key").unwrap_or_default();
    let known = behind(key);
    let mut chance = known.clone().unwrap_or(Chance::seeded(0));
    let deaf = upgrade && known.is_none();
    let mut say = Say { sheet, at: asked.place.start, end: asked.place.end, deaf, difference: None };
    let line = match talk(asked, number, cut, &mut chance, &mut say) {
        Ok((line, false)) => line,
        Ok((line, true)) => {
            say.end = sheet.bytes.sent.len();
            let heard = listen(sheet, cut, chance.fork(), &mut say);
            format!("{line}, {}", heard.unwrap_or_else(|error| format!("{:?}: {error}", error.kind())))
        }
        Err(error) => format!("{:?}: {error}", error.kind()),
    };
    Came { line, difference: say.difference }
}

/// What the core says, beside what was said.
pub(super) struct Say<'a> {
    pub(super) sheet: &'a Sheet,
    pub(super) at: usize,
    /// Where the request, or what was sent at all, ends.
    end: usize,
    /// It cannot be compared.
    deaf: bool,
    difference: Option<Difference>,
}

impl Say<'_> {
    /// How many of these bytes were sent.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.end - self.at);
        if let Some(at) = self.sheet.bytes.differs(self.at, &bytes[..count]) {
            self.differs(at, &bytes[at - self.at..]);
        }
        self.at += count;
        count
    }

    pub(super) fn differs(&mut self, at: usize, got: &[u8]) {
        if self.deaf || self.difference.is_some() {
            return;
        }
        let show = |bytes: &[u8]| match bytes {
            [] => "nothing".to_owned(),
            bytes => format!("\"{}\"", bytes[..bytes.len().min(SHOWN)].escape_ascii()),
        };
        let expected = show(&self.sheet.bytes.sent[at..self.end.max(at)]);
        self.difference = Some(Difference { conn: self.sheet.conn, at, expected, got: show(got) });
    }
}

/// Sends a request again; what came of it, and whether the connection speaks websocket now.
fn talk(
    asked: &Asked,
    number: usize,
    cut: Cut,
    chance: &mut Chance,
    say: &mut Say<'_>,
) -> Result<(String, bool), Error> {
    let [method, target, _] = &asked.head.line;
    let mut limits = Limits::default();
    limits.body = usize::MAX;
    let mut session = Session::stranger(&Remote::local().limits(limits));
    // A server of the network is called by its name.
    if let Some((_, host)) = asked.head.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("host")) {
        session.host = String::from_utf8_lossy(host).into_owned();
    }
    let request = request(asked);
    let sheet = say.sheet;
    let answer = sheet.answer(number);
    let (mut at, last) = (answer.start, number + 1 == sheet.asked.len());
    let mut chunks = asked.chunks.iter();
    let mut body = asked.body.as_slice();
    let mut attempt = Attempt::begin(&session, &request, Buffers::new(), false, chance)
        .map_err(|error| Error::from(error).at(&request))?;
    let failed = |fault| Session::failed(&request, fault);
    loop {
        match attempt.need().map_err(failed)? {
            Need::Write(bytes) => match say.take(bytes) {
                0 if asked.whole => {
                    say.differs(say.at, bytes);
                    attempt.write_failed(io::ErrorKind::BrokenPipe.into());
                }
                // The client came no further.
                0 => attempt.write_failed(io::ErrorKind::BrokenPipe.into()),
                count => attempt.wrote(count),
            },
            Need::Fill(space) => match chunks.next() {
                Some(size) => {
                    let count = body.len().min(*size).min(space.len());
                    let (now, later) = body.split_at(count);
                    space[..count].copy_from_slice(now);
                    body = later;
                    attempt.filled(count);
                }
                None if asked.whole => attempt.filled(0),
                None => attempt.write_failed(io::ErrorKind::BrokenPipe.into()),
            },
            Need::Read(space) => {
                let piece = piece(sheet, at, answer.end, cut);
                let count = piece.min(space.len());
                space[..count].copy_from_slice(&sheet.bytes.received[at..at + count]);
                at += count;
                match sheet.end.filter(|_| last && count == 0) {
                    Some(Some(errno)) => {
                        return Err(failed(attempt.read_failed(io::Error::from_raw_os_error(errno))));
                    }
                    None if count == 0 => {
                        return Ok(("the client left before it was answered".into(), false));
                    }
                    _ => attempt.read(count),
                }
            }
            Need::Take(bytes) => {
                let count = bytes.len();
                attempt.took(count);
            }
            Need::Done => break,
        }
    }
    if say.at < say.end {
        say.differs(say.at, &[]);
    }
    let Some(reply) = attempt.reply() else { return Ok(("there is no answer".into(), false)) };
    let status = reply.status();
    if status.as_u16() == 101 {
        return Ok(("101".into(), true));
    }
    let read = shapes::read(method, target, &reply).map_err(|error| Error::from(error).at(&request))?;
    Ok((format!("{} {read}", status.as_u16()), false))
}

/// The request as the core has it.
fn request(asked: &Asked) -> Request {
    let [method, target, _] = &asked.head.line;
    let mut request = Request::get(Target::foreign(target));
    // One that is none stays GET, and differs.
    request.method = method.parse().unwrap_or(request.method);
    for (name, value) in &asked.head.fields {
        if !OURS.iter().any(|known| name.eq_ignore_ascii_case(known)) {
            // The core's fields have names that are known when it is compiled; this is a program that ends.
            request = request.field(Field::Plain(name.clone().leak()), value);
        }
    }
    if asked.head.field("transfer-encoding").is_some() {
        request.payload = Payload::Chunked;
    } else if let Some(length) = asked.head.field("content-length").and_then(|length| length.parse().ok()) {
        let mut body = asked.body.clone();
        body.resize(length, b'x');
        request.payload = Payload::Bytes(body.into());
    }
    if asked.head.field("upgrade").is_some() {
        request.want = Want::Upgrade(Upgrade::Websocket);
    }
    request
}

/// How many bytes come at once behind the first `at`, of those before `end`.
pub(super) fn piece(sheet: &Sheet, at: usize, end: usize, cut: Cut) -> usize {
    let left = end.saturating_sub(at);
    match cut {
        Cut::Whole => left,
        Cut::Single => left.min(1),
        Cut::Recorded => {
            let until = sheet.pieces.get(sheet.pieces.partition_point(|piece| *piece <= at));
            left.min(until.map_or(left, |until| until - at))
        }
    }
}

/// The chance that drew a handshake's key, as it was before: what follows from it are the masks of the frames.
/// `None` if no chance of this library draws this key.
fn behind(key: &str) -> Option<Chance> {
    let nonce: [u8; 16] = BASE64.decode(key.as_bytes()).ok()?.try_into().ok()?;
    let (first, second) = nonce.split_at(8);
    let [first, second] =
        [first, second].map(|half| half.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)));
    // The steps of SplitMix64, backwards.
    let mut z = first;
    z = (z ^ z >> 31 ^ z >> 62).wrapping_mul(0x3196_42b2_d24d_8ec3);
    z = (z ^ z >> 27 ^ z >> 54).wrapping_mul(0x96de_1b17_3f11_9089);
    let seed = (z ^ z >> 30 ^ z >> 60).wrapping_sub(0x9e37_79b9_7f4a_7c15);
    let mut chance = Chance::seeded(seed);
    (chance.draw() == first && chance.draw() == second).then(|| Chance::seeded(seed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lxio_core::wire::Key;

    #[test]
    fn a_key_tells_the_chance_that_drew_it() {
        for seed in [0, 1, 0x1c10, u64::MAX, 0x0123_4567_89ab_cdef] {
            let mut chance = Chance::seeded(seed);
            let key = Key::draw(&mut chance);
            let mut found = behind(key.as_str()).unwrap();
            assert_eq!(Key::draw(&mut found), key);
            assert_eq!(found.draw(), chance.draw());
        }
        assert!(behind("dGhlIHNhbXBsZSBub25jZQ==").is_none());
        assert!(behind("no key").is_none());
    }
}
