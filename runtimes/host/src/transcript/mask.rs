//! Takes the secrets out of a transcript, so that it can be kept in git.
//!
//! The secrets of the protocol are 64 lower-case hex digits: those of an operation's websockets, of an
//! image, of a token. Fingerprints and ETags look the same and are public: they stay, since a reader may
//! want to compare them with the bytes they belong to. So every run of exactly 64 hex digits is replaced
//! unless its place says that it is public, and a value that has a secret's place anywhere is a secret
//! everywhere:
//!
//! | before the digits | they are |
//! |---|---|
//! | `secret=`, `"secret":"`, `"control":"`, `"fs":"`, `"0":"`, `"1":"`, `"2":"` | secret |
//! | `fingerprint":"`, `images/`, `certificates/`, `tag: "`, `match: "` ... | public |
//! | anything else | secret |
//!
//! Tokens for trust and for joining are base64 of a JSON object that holds such a secret (and the server's
//! fingerprint): they are opened, treated the same way, and closed again.
//!
//! A secret is replaced by a value of the same length, the same one everywhere in the transcript, numbered
//! in order of appearance: `5ec2e7` and a hexadecimal number. Lengths, cuts and times stay as they were,
//! so a transcript replays like the original, and masking it again changes nothing.
//!
//! Not found: passwords (choose one that may be known), what a websocket frame of the client hides under
//! its mask, and a secret that a chunk of a chunked body cuts in two.

use std::collections::{BTreeSet, HashMap};

use data_encoding::BASE64_NOPAD;

use super::{Direction, Transcript, What};

/// Digits of a secret.
const LENGTH: usize = 64;

/// What the replacement of a secret begins with.
pub(super) const FAKE: &[u8] = b"5ec2e7";

/// What comes right before a secret.
const SECRET: &[&[u8]] = &[
    b"secret=",
    b"\"secret\":\"",
    b"\"secret\": \"",
    b"\"control\":\"",
    b"\"fs\":\"",
    b"\"0\":\"",
    b"\"1\":\"",
    b"\"2\":\"",
];

/// What comes right before a fingerprint or an ETag.
const PUBLIC: &[&[u8]] = &[
    b"fingerprint\":\"",
    b"fingerprint\": \"",
    b"-fingerprint: ",
    b"base_image\":\"",
    b"base-image\":\"",
    b"\"target\":\"",
    b"images/",
    b"certificates/",
    b"filename=",
    b"filename=\"",
    b"meta-",
    b"tag: \"",
    b"tag: ",
    b"match: \"",
    b"match: ",
];

impl Transcript {
    /// Replaces every secret, on both directions of all connections alike; see the module.
    pub fn mask_secrets(&mut self) {
        let mut mask = Mask::default();
        for conn in self.connections() {
            for way in [Direction::ToServer, Direction::ToClient] {
                mask.learn(&self.bytes(conn, way));
            }
        }
        // Numbered as they appear, which the streams one after the other do not show.
        for entry in &self.entries {
            if let What::Data(_, bytes) = &entry.what {
                mask.number(bytes);
            }
        }
        self.rewrite(|bytes| mask.apply(bytes));
    }

    /// Replaces a text everywhere, by one of the same length: what a machine's own name or kernel would
    /// tell of the place where the transcript was made. False, and nothing done, when the lengths differ.
    pub fn replace(&mut self, old: &str, new: &str) -> bool {
        if old.len() != new.len() || old.is_empty() {
            return false;
        }
        self.rewrite(|bytes| {
            let mut at = 0;
            while at + old.len() <= bytes.len() {
                if bytes[at..].starts_with(old.as_bytes()) {
                    bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
                    at += new.len();
                } else {
                    at += 1;
                }
            }
        });
        true
    }

    /// Changes each stream as a whole and puts it back into its pieces.
    fn rewrite(&mut self, mut change: impl FnMut(&mut [u8])) {
        for conn in self.connections() {
            for way in [Direction::ToServer, Direction::ToClient] {
                let mut bytes = self.bytes(conn, way);
                change(&mut bytes);
                let mut rest = &bytes[..];
                for entry in self.entries.iter_mut().filter(|e| e.conn == conn) {
                    if let What::Data(direction, piece) = &mut entry.what
                        && *direction == way
                    {
                        let (now, later) = rest.split_at(piece.len());
                        piece.copy_from_slice(now);
                        rest = later;
                    }
                }
            }
        }
    }
}

type Value = [u8; LENGTH];

/// The secrets met so far, and what stands for each.
#[derive(Default)]
pub(super) struct Mask {
    secret: BTreeSet<Value>,
    public: BTreeSet<Value>,
    fakes: HashMap<Value, Value>,
}

impl Mask {
    /// Replaces the secrets in a piece that cuts none, as far as this piece and those before it tell. Whether
    /// anything was replaced.
    pub(super) fn rewrite(&mut self, bytes: &mut [u8]) -> bool {
        let before = bytes.to_vec();
        self.learn(bytes);
        self.apply(bytes);
        bytes != before
    }

    /// Sorts the values of a stream by their places.
    fn learn(&mut self, bytes: &[u8]) {
        for at in runs(bytes) {
            let value = value(bytes, at);
            let before = before(bytes, at);
            if SECRET.iter().any(|s| before.ends_with(s)) {
                self.secret.insert(value);
            } else if PUBLIC.iter().any(|s| before.ends_with(s)) {
                self.public.insert(value);
            }
        }
        for (_, token) in tokens(bytes) {
            self.learn(&token);
        }
    }

    /// Gives a number to every secret that appears here for the first time.
    fn number(&mut self, bytes: &[u8]) {
        for at in runs(bytes) {
            self.fake(value(bytes, at));
        }
        for (_, token) in tokens(bytes) {
            self.number(&token);
        }
    }

    fn apply(&mut self, bytes: &mut [u8]) {
        for at in runs(bytes).collect::<Vec<_>>() {
            if let Some(fake) = self.fake(value(bytes, at)) {
                bytes[at..at + LENGTH].copy_from_slice(&fake);
            }
        }
        for (at, mut token) in tokens(bytes) {
            self.apply(&mut token);
            let closed = BASE64_NOPAD.encode(&token);
            bytes[at..at + closed.len()].copy_from_slice(closed.as_bytes());
        }
    }

    fn fake(&mut self, value: Value) -> Option<Value> {
        if self.public.contains(&value) && !self.secret.contains(&value) {
            return None;
        }
        let next = self.fakes.len() + 1;
        Some(*self.fakes.entry(value).or_insert_with(|| {
            let mut fake = [b'0'; LENGTH];
            fake[..FAKE.len()].copy_from_slice(FAKE);
            let digits = format!("{next:x}");
            fake[LENGTH - digits.len()..].copy_from_slice(digits.as_bytes());
            fake
        }))
    }
}

/// The few bytes before a value, in lower case: header names have no fixed one.
fn before(bytes: &[u8], at: usize) -> Vec<u8> {
    bytes[at.saturating_sub(24)..at].to_ascii_lowercase()
}

fn value(bytes: &[u8], at: usize) -> Value {
    let mut value = [0; LENGTH];
    value.copy_from_slice(&bytes[at..at + LENGTH]);
    value
}

/// Where runs of exactly 64 hex digits begin.
fn runs(bytes: &[u8]) -> impl Iterator<Item = usize> {
    words(bytes, u8::is_ascii_alphanumeric)
        .filter(|(_, word)| {
            word.len() == LENGTH && word.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
        .map(|(at, _)| at)
}

/// The JSON objects in base64 that are long enough for a secret, opened, and where each begins.
fn tokens(bytes: &[u8]) -> Vec<(usize, Vec<u8>)> {
    words(bytes, |b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
        .filter(|(_, word)| word.len() > LENGTH && word.starts_with(b"eyJ"))
        .filter_map(|(at, word)| Some((at, BASE64_NOPAD.decode(word).ok()?)))
        .collect()
}

fn words(bytes: &[u8], inside: impl Fn(&u8) -> bool + Copy) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + bytes[at..].iter().position(inside)?;
        let end = bytes[start..].iter().position(|b| !inside(b)).map_or(bytes.len(), |n| start + n);
        at = end;
        Some((start, &bytes[start..end]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{Entry, Header};
    use data_encoding::BASE64;
    use std::time::Duration;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa11111111111111111111111111111111";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb22222222222222222222222222222222";
    const PRINT: &str = "cccccccccccccccccccccccccccccccc33333333333333333333333333333333";

    fn fake(n: u32) -> String {
        format!("5ec2e7{n:058x}")
    }

    fn transcript(pieces: &[(u64, Direction, &str)]) -> Transcript {
        let entries = pieces
            .iter()
            .map(|(conn, way, text)| Entry {
                conn: *conn,
                at: Duration::ZERO,
                what: What::Data(*way, text.as_bytes().to_vec()),
            })
            .collect();
        Transcript { header: Header::default(), entries }
    }

    fn text(transcript: &Transcript, conn: u64, way: Direction) -> String {
        String::from_utf8(transcript.bytes(conn, way)).unwrap()
    }

    use Direction::{ToClient, ToServer};

    #[test]
    fn the_same_on_all_sides_and_in_any_cut() {
        let answer = format!("{{\"fds\":{{\"0\":\"{A}\",\"control\":\"{B}\"}},\"fingerprint\":\"{PRINT}\"}}");
        let request =
            format!("GET /1.0/operations/x/websocket?secret={B} HTTP/1.1\r\nIf-Match: \"{PRINT}\"\r\n\r\n");
        for cut in 0..answer.len() {
            let (one, two) = answer.split_at(cut);
            let mut t = transcript(&[(0, ToClient, one), (0, ToClient, two), (1, ToServer, &request)]);
            let lengths: Vec<_> =
                t.entries.iter().map(|e| matches!(&e.what, What::Data(_, d) if d.len() == cut)).collect();
            t.mask_secrets();
            let (masked_answer, masked_request) = (text(&t, 0, ToClient), text(&t, 1, ToServer));
            assert!(!masked_answer.contains(A) && !masked_answer.contains(B), "{cut}");
            let b = masked_answer.split("control\":\"").nth(1).unwrap()[..64].to_owned();
            assert!(b.starts_with("5ec2e7") && masked_request.contains(&b), "{cut}");
            assert!(masked_answer.contains(PRINT) && masked_request.contains(PRINT));
            assert_eq!(masked_answer.len(), answer.len());
            let after: Vec<_> =
                t.entries.iter().map(|e| matches!(&e.what, What::Data(_, d) if d.len() == cut)).collect();
            assert_eq!(lengths, after);
        }
    }

    #[test]
    fn unknown_places_are_secret_and_other_lengths_are_left() {
        let long = format!("{A}0");
        let mut t =
            transcript(&[(0, ToClient, &format!("x {A} y {long} z {} {}", &A[1..], A.to_uppercase()))]);
        t.mask_secrets();
        let upper = A.to_uppercase();
        assert_eq!(text(&t, 0, ToClient), format!("x {} y {long} z {} {upper}", fake(1), &A[1..]));
    }

    #[test]
    fn a_secret_somewhere_is_one_everywhere() {
        let mut t = transcript(&[
            (0, ToClient, &format!("/1.0/images/{A} ")),
            (1, ToClient, &format!("{{\"secret\":\"{A}\"}}")),
        ]);
        t.mask_secrets();
        assert_eq!(text(&t, 0, ToClient), format!("/1.0/images/{} ", fake(1)));
        let once = t.clone();
        t.mask_secrets();
        assert_eq!(t, once);
    }

    #[test]
    fn texts_are_replaced_across_cuts() {
        let mut t =
            transcript(&[(0, ToClient, "a ho"), (0, ToServer, "host"), (0, ToClient, "st hoststhost")]);
        assert!(t.replace("host", "name"));
        assert_eq!(text(&t, 0, ToClient), "a name namestname");
        assert_eq!(text(&t, 0, ToServer), "name");
        assert!(!t.replace("name", "longer"));
    }

    #[test]
    fn tokens_are_opened() {
        for name in ["x", "xy", "xyz"] {
            let inner =
                format!("{{\"client_name\":\"{name}\",\"fingerprint\":\"{PRINT}\",\"secret\":\"{A}\"}}");
            let token = format!("{{\"trust_token\":\"{}\"}}", BASE64.encode(inner.as_bytes()));
            let mut t = transcript(&[(0, ToServer, &token)]);
            t.mask_secrets();
            let masked = inner.replace(A, &fake(1));
            assert_eq!(
                text(&t, 0, ToServer),
                format!("{{\"trust_token\":\"{}\"}}", BASE64.encode(masked.as_bytes()))
            );
        }
    }
}
