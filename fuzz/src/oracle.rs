//! Slow and simple readings of the bytes that the library reads fast, to compare with.

/// A response head as a list of lines.
#[derive(Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// The status line.
    pub line: &'a [u8],
    /// Names and values, without the space around values.
    pub fields: Vec<(&'a [u8], &'a [u8])>,
    /// Where the head ends.
    pub end: usize,
}

impl<'a> Head<'a> {
    /// The first head in `bytes`, if all of it is there.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (mut at, mut lines) = (0, Vec::new());
        loop {
            let length = bytes[at..].iter().position(|byte| *byte == b'\n')?;
            let line = &bytes[at..at + length];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            at += length + 1;
            if line.is_empty() && !lines.is_empty() {
                break;
            }
            lines.push(line);
        }
        let mut lines = lines.into_iter();
        let line = lines.next()?;
        let fields = lines
            .map(|line| {
                let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
                (&line[..colon], line.get(colon + 1..).unwrap_or_default().trim_ascii())
            })
            .collect();
        Some(Self { line, fields, end: at })
    }

    /// The first head that is no interim one, or that switches protocols, and where it starts.
    #[must_use]
    pub fn read_final(bytes: &'a [u8]) -> Option<(usize, Self)> {
        let mut start = 0;
        loop {
            let head = Self::read(&bytes[start..])?;
            if head.status() >= 200 || head.status() == 101 {
                return Some((start, head));
            }
            start += head.end;
        }
    }

    /// The number in the status line; 0 if there is none.
    #[must_use]
    pub fn status(&self) -> u16 {
        let digits = self.line.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
        digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }

    /// The values of all fields of that name.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.fields
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| *value)
    }
}

/// The body that chunks stand for, and how many bytes they take; `None` if they do not end, or are none.
#[must_use]
pub fn chunked(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let length = bytes[at..].iter().position(|byte| *byte == b'\n')?;
        let line = &bytes[at..at + length];
        at += length + 1;
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let size = std::str::from_utf8(&line[..digits])
            .ok()
            .and_then(|text| usize::from_str_radix(text, 16).ok())?;
        if size == 0 {
            break;
        }
        body.extend_from_slice(bytes.get(at..at.checked_add(size)?)?);
        at += size;
        if bytes.get(at..at + 2)? != b"\r\n" {
            return None;
        }
        at += 2;
    }
    loop {
        let length = bytes[at..].iter().position(|byte| *byte == b'\n')?;
        let line = &bytes[at..at + length];
        at += length + 1;
        if line.is_empty() || line == b"\r" {
            return Some((body, at));
        }
    }
}

/// One frame of a websocket, with its mask taken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The first byte: flags and kind.
    pub first: u8,
    /// Whether it was masked.
    pub masked: bool,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// The whole frames at the front of `bytes`, and how many bytes they take.
#[must_use]
pub fn frames(bytes: &[u8]) -> (Vec<Frame>, usize) {
    let (mut all, mut at) = (Vec::new(), 0);
    while let Some((frame, size)) = frame(&bytes[at..]) {
        all.push(frame);
        at += size;
    }
    (all, at)
}

fn frame(bytes: &[u8]) -> Option<(Frame, usize)> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (length, mut at) = match second & 0x7f {
        126 => (u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?), 10),
        short => (u64::from(short), 2),
    };
    let masked = second & 0x80 != 0;
    let mask: [u8; 4] = if masked { bytes.get(at..at + 4)?.try_into().ok()? } else { [0; 4] };
    at += if masked { 4 } else { 0 };
    let end = at.checked_add(usize::try_from(length).ok()?)?;
    let payload =
        bytes.get(at..end)?.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    Some((Frame { first, masked, payload }, end))
}

/// What a command's output socket carries: the binary bytes before the first text message, if there is one.
#[must_use]
pub fn output(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut all, mut text) = (Vec::new(), false);
    for frame in frames(bytes).0 {
        match frame.first & 0x0f {
            0 if !text => all.extend_from_slice(&frame.payload),
            2 => {
                text = false;
                all.extend_from_slice(&frame.payload);
            }
            1 => text = true,
            _ => {}
        }
        if text && frame.first & 0x80 != 0 && frame.first & 0x0f < 2 {
            return Some(all);
        }
    }
    None
}

/// Undoes percent escapes; what is none stays.
#[must_use]
pub fn unescaped(text: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text);
    while let Some((&byte, after)) = rest.split_first() {
        let escape = after.get(..2).filter(|_| byte == b'%').and_then(|two| std::str::from_utf8(two).ok());
        match escape.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = &after[2..];
            }
            None => {
                out.push(byte);
                rest = after;
            }
        }
    }
    out
}
