use std::ops::Range;

use super::json::{Guard, Json, Step, Told};
use super::mask::{FAKE, Mask};
use super::{Direction, Kind, Run, What};

/// What stands in the first line of a private key, whatever the place where it stands.
const PRIVATE_KEY: &[u8] = b"PRIVATE KEY-----";

/// A longer string is hidden whatever it is.
const LONGEST: usize = 1 << 20;

/// Hides what must not be told of one direction of a connection.
///
/// | bytes | told |
/// |---|---|
/// | heads | all but credentials in fields and in the query |
/// | what frames bodies and messages, pings, pongs, close frames | all |
/// | JSON, texts of errors | all but passwords, tokens and the like; what the user works with, if that is kept |
/// | files, images, input, output, what is not known | if it is kept |
/// | forms, by which logins are made | nothing |
///
/// The secrets that bind the sockets of an operation to it are replaced and not hidden, so that a replay can
/// tell them apart. What may be the first part of a secret is held back until the rest of it is there.
#[derive(Debug)]
pub(super) struct Veil {
    direction: Direction,
    /// Whether what the user works with is told.
    keep: bool,
    /// The body is a form, by which credentials are sent to identity providers.
    form: bool,
    /// What passed and was not told yet.
    held: Vec<u8>,
    /// What of it is hidden.
    hidden: Vec<Range<usize>>,
    /// Where an open head begins.
    head: Option<usize>,
    json: Json,
    /// The bytes of an open string, and what each is masked with.
    open: Vec<(usize, u8)>,
    /// The open string is too long: it is hidden.
    long: bool,
    socket: bool,
}

impl Veil {
    pub(super) const fn new(direction: Direction, keep: bool) -> Self {
        Self {
            direction,
            keep,
            form: false,
            held: Vec::new(),
            hidden: Vec::new(),
            head: None,
            json: Json::new(direction),
            open: Vec::new(),
            long: false,
            socket: false,
        }
    }

    /// Takes what passed.
    pub(super) fn take(&mut self, run: Run<'_>, mask: &mut Mask) {
        let from = self.held.len();
        match run.kind {
            Kind::Text => self.text(run, mask),
            _ => self.held.extend_from_slice(run.bytes),
        }
        match run.kind {
            Kind::Head => {
                self.head.get_or_insert(from);
                if run.last {
                    self.end_head(mask);
                    self.json.begin(false);
                }
            }
            Kind::Frame if !self.socket => {
                self.socket = true;
                self.json.begin(true);
            }
            Kind::Unknown => {
                // What began like a head is none.
                let from = self.head.take().unwrap_or(from);
                if !self.keep {
                    self.hide(from..self.held.len());
                }
            }
            Kind::Content if !self.keep || self.form => self.hide(from..self.held.len()),
            _ => {}
        }
        if run.last && matches!(run.kind, Kind::Text | Kind::Chunk) {
            if let Some(word) = self.json.finish() {
                self.end_string(word, mask);
            }
            self.hide_open();
            self.json.begin(self.socket);
        }
    }

    /// Tells what can be told.
    pub(super) fn tell(&mut self, told: &mut Vec<What>) {
        let open = self.open.first().map(|(at, _)| *at);
        let upto = [self.head, open].into_iter().flatten().min().unwrap_or(self.held.len());
        self.tell_to(upto, told);
    }

    /// Tells all, since nothing more comes: what is open is hidden, as far as it could be a part of a secret.
    pub(super) fn end(&mut self, mask: &mut Mask, told: &mut Vec<What>) {
        self.hide_open();
        if let Some(from) = self.head {
            self.end_head(mask);
            let word = self.held[from..].iter().rev().take_while(|byte| !byte.is_ascii_whitespace()).count();
            self.hide(self.held.len() - word..self.held.len());
        }
        self.tell_to(self.held.len(), told);
    }

    fn tell_to(&mut self, upto: usize, told: &mut Vec<What>) {
        self.hidden.sort_by_key(|range| range.start);
        let mut at = 0;
        for range in std::mem::take(&mut self.hidden) {
            if range.start >= upto {
                self.hidden.push(range.start - upto..range.end - upto);
                continue;
            }
            let (start, end) = (range.start.max(at), range.end.max(at));
            if start > at {
                told.push(What::Data(self.direction, self.held[at..start].to_vec()));
            }
            if end > start {
                told.push(What::Blank(self.direction, end - start));
            }
            at = end;
        }
        if upto > at {
            told.push(What::Data(self.direction, self.held[at..upto].to_vec()));
        }
        self.held.drain(..upto);
        self.head = self.head.map(|at| at - upto);
        for (at, _) in &mut self.open {
            *at -= upto;
        }
    }

    fn hide(&mut self, range: Range<usize>) {
        match self.hidden.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ if range.is_empty() => {}
            _ => self.hidden.push(range),
        }
    }

    fn text(&mut self, run: Run<'_>, mask: &mut Mask) {
        for (byte, key) in run.bytes.iter().zip(run.mask.into_iter().cycle()) {
            let at = self.held.len();
            self.held.push(*byte);
            match self.json.step(byte ^ key) {
                Step::Between => {}
                Step::Over => {
                    if let Some(told) = self.json.take() {
                        self.end_string(told, mask);
                    }
                }
                Step::Inside if self.long => {
                    self.json.shorten();
                    self.hide(at..at + 1);
                }
                Step::Inside => {
                    self.open.push((at, key));
                    if self.open.len() > LONGEST {
                        self.hide_open();
                        self.long = true;
                    }
                }
            }
        }
    }

    /// Hides the string that is open, which may be a part of a secret.
    fn hide_open(&mut self) {
        self.long = false;
        for (at, _) in std::mem::take(&mut self.open) {
            self.hide(at..at + 1);
        }
    }

    /// Decides about the string or word that is over.
    fn end_string(&mut self, Told { key, text, guard }: Told, mask: &mut Mask) {
        let open = std::mem::take(&mut self.open);
        if std::mem::take(&mut self.long) {
            return;
        }
        // As it stands in a document, so that its place tells what it is.
        let mut whole = if key.is_empty() { b"\"".to_vec() } else { format!("\"{key}\":\"").into_bytes() };
        let from = whole.len();
        whole.extend_from_slice(&text);
        let replaced = mask.rewrite(&mut whole);
        let hidden = match guard {
            _ if text.windows(PRIVATE_KEY.len()).any(|part| part == PRIVATE_KEY) => true,
            Guard::Open => false,
            Guard::Content => !self.keep,
            Guard::Secret => !replaced && !text.starts_with(FAKE),
        };
        for ((at, key), byte) in open.into_iter().zip(&whole[from..]) {
            if hidden {
                self.hide(at..at + 1);
            } else {
                self.held[at] = byte ^ key;
            }
        }
    }

    /// Decides about the head that is whole, or as whole as it will be.
    fn end_head(&mut self, mask: &mut Mask) {
        let Some(from) = self.head.take() else { return };
        mask.rewrite(&mut self.held[from..]);
        let mut hidden = Vec::new();
        let mut at = from;
        self.form = false;
        for (number, line) in self.held[from..].split_inclusive(|byte| *byte == b'\n').enumerate() {
            let end = at + line.trim_ascii_end().len();
            if number == 0 {
                hidden.extend(secret_parameters(line).map(|range| at + range.start..at + range.end));
            } else if let Some(colon) = line.iter().position(|byte| *byte == b':')
                && is_credential(&line[..colon])
            {
                hidden.push((at + colon + 2).min(end)..end);
            } else if is_form(line) {
                self.form = true;
            }
            at += line.len();
        }
        for range in hidden {
            self.hide(range);
        }
    }
}

/// Whether a header field, or a parameter of a query, of this name is a credential.
fn is_credential(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    ["authorization", "cookie", "password", "secret", "token"].iter().any(|word| name.contains(word))
}

/// Whether this line of a head says that the body is a form.
fn is_form(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line).to_ascii_lowercase();
    line.starts_with("content-type:") && line.contains("x-www-form-urlencoded")
}

/// Where the values of such parameters stand in a line, if they were not replaced.
fn secret_parameters(line: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let query = line.iter().position(|byte| *byte == b'?').map_or(line.len(), |at| at + 1);
    let end = query + line[query..].iter().position(u8::is_ascii_whitespace).unwrap_or(line.len() - query);
    let mut at = query;
    line[query..end].split(|byte| *byte == b'&').filter_map(move |pair| {
        let start = at;
        at += pair.len() + 1;
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let value = &pair[equals + 1..];
        (is_credential(&pair[..equals]) && !value.starts_with(FAKE))
            .then(|| start + equals + 1..start + pair.len())
    })
}

#[cfg(test)]
mod tests;
