use lxio_core::bytes::{Chance, Inbox, Limits};
use lxio_core::call::CallError;
use lxio_core::flow::Fault;
use lxio_core::model::Event;
use lxio_core::session::Error;
use lxio_core::wire::{Incoming, Websocket};

use super::again::{Cut, Say, piece};
use super::sheet::Sheet;

/// The websocket that a connection became: says what was said on it, and hears what was to hear.
pub(super) fn listen(sheet: &Sheet, cut: Cut, chance: Chance, say: &mut Say<'_>) -> Result<String, Error> {
    let mut ear = Ear {
        sheet,
        cut,
        at: sheet.frames.1.unwrap_or(sheet.bytes.received.len()),
        socket: Websocket::client(Inbox::new(), &Limits::DEFAULT, chance),
        binary: 0,
        texts: 0,
        over: false,
        events: sheet.asked.last().is_some_and(|asked| asked.head.line[1].contains("/events")),
    };
    // In another cut pongs are others: of several pings at once only the last is answered.
    let frames = if cut == Cut::Recorded { client_frames(sheet) } else { Vec::new() };
    for frame in frames {
        match frame.kind {
            1 => {
                ear.socket.send_text(&String::from_utf8_lossy(&frame.payload));
            }
            2 => {
                ear.socket.send_binary(&frame.payload);
            }
            // An answer to something that came.
            _ => {
                while sheet.bytes.differs(frame.at, ear.socket.outgoing()).is_some()
                    || ear.socket.outgoing().is_empty()
                {
                    if !ear.hear()? {
                        break;
                    }
                }
            }
        }
        say.at = frame.at;
        let count = say.take(ear.socket.outgoing());
        if count == 0 {
            say.differs(frame.at, &[]);
        }
        ear.socket.wrote(count);
    }
    while ear.hear()? {}
    let Ear { binary, texts, over, .. } = ear;
    let end = match (over, sheet.end) {
        (true, _) => "it is over",
        (false, Some(_)) => "it broke off",
        (false, None) => "the client left",
    };
    Ok(format!("{binary} bytes and {texts} texts, {end}"))
}

/// What a websocket heard.
struct Ear<'a> {
    sheet: &'a Sheet,
    cut: Cut,
    at: usize,
    socket: Websocket,
    binary: usize,
    texts: usize,
    over: bool,
    events: bool,
}

impl Ear<'_> {
    /// Hears the next piece; `false` if there is none.
    fn hear(&mut self) -> Result<bool, Error> {
        let end = self.sheet.bytes.received.len();
        let space = self.socket.space();
        let count = piece(self.sheet, self.at, end, self.cut).min(space.len());
        if count == 0 && (self.over || self.sheet.end.is_none()) {
            return Ok(false);
        }
        space[..count].copy_from_slice(&self.sheet.bytes.received[self.at..self.at + count]);
        self.socket.read(count);
        self.at += count;
        loop {
            match self.socket.next().map_err(|error| Error::from(Fault::Websocket(error)))? {
                None => return Ok(count > 0),
                Some(Incoming::Binary { piece, .. }) => self.binary += piece.len(),
                Some(Incoming::Text(text)) => {
                    self.texts += 1;
                    if self.events
                        && let Err(error) = Event::parse(text.as_bytes())
                    {
                        let why = error.to_string();
                        return Err(CallError::Malformed { status: 101, why }.into());
                    }
                }
                Some(Incoming::Closing { .. }) => {}
                Some(Incoming::End) => {
                    self.over = true;
                    return Ok(count > 0);
                }
            }
        }
    }
}

/// A frame that a client sent, without its mask.
struct Frame {
    at: usize,
    kind: u8,
    payload: Vec<u8>,
}

fn client_frames(sheet: &Sheet) -> Vec<Frame> {
    let Some(mut at) = sheet.frames.0 else { return Vec::new() };
    let mut frames = Vec::new();
    while let [kind, length, rest @ ..] = &sheet.bytes.sent[at..] {
        let (size, length) = match (*length & 0x7f, rest) {
            (126, [a, b, ..]) => (2, usize::from(*a) << 8 | usize::from(*b)),
            (127, long) if long.len() >= 8 => {
                (8, long[..8].iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
            }
            (126 | 127, _) => break,
            (short, _) => (0, usize::from(short)),
        };
        let (Some(mask), there) = (rest.get(size..size + 4), rest.get(size + 4..).unwrap_or_default()) else {
            break;
        };
        let (count, start) = (there.len().min(length), at + 6 + size);
        let plain = |(at, (byte, mask)): (usize, (&u8, &u8))| match sheet.bytes.is_hidden(start + at) {
            true => *byte,
            false => byte ^ mask,
        };
        let mut payload: Vec<u8> =
            there[..count].iter().zip(mask.iter().cycle()).enumerate().map(plain).collect();
        // The client came no further; what it was about to say does not matter.
        payload.resize(length.min(count + (1 << 20)), b'x');
        frames.push(Frame { at, kind: kind & 0x0f, payload });
        at += 6 + size + count;
    }
    frames
}
