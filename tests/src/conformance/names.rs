use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::collect::Exchange;
use crate::live::Daemon;
use crate::live::data::sha256;

/// What stands for the prefix of a scenario's names, and of those that scenarios share.
const OURS: &str = "~";

/// Where a scenario ran: what its names begin with.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The scenario.
    pub scenario: String,
    /// The tag of the run, `lxio-12ab34`.
    pub tag: String,
    /// What the scenario's names start with: the tag, a letter for the adapter, a number, `-`.
    pub prefix: String,
    /// The container that scenarios share.
    pub shared: String,
    /// The fingerprint of the image that containers are made of.
    pub image: String,
    /// The daemon's directory, as it names it in texts.
    pub directory: String,
    /// The daemon's name for the host's architecture.
    pub architecture: String,
}

impl Place {
    /// Of a scenario on this daemon.
    #[must_use]
    pub fn of(daemon: &Daemon, scenario: &str, prefix: &str, shared: &str) -> Self {
        let directory = daemon.direct.socket().and_then(Path::parent);
        Self {
            scenario: scenario.to_owned(),
            tag: daemon.tag.clone(),
            prefix: prefix.to_owned(),
            shared: shared.to_owned(),
            image: daemon.fingerprint.to_string(),
            directory: directory.unwrap_or(Path::new("")).to_string_lossy().into_owned(),
            architecture: daemon.architecture.clone(),
        }
    }
}

/// What a scenario may call its own on a daemon where others run at the same time; and what stands for
/// names, ids and times, which are never the same twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    place: Place,
    /// Texts that were found in the traffic, and what stands for them; the longest first.
    words: Vec<(String, String)>,
    /// The operations that the scenario began, and which request began each.
    operations: HashMap<String, usize>,
}

impl Names {
    /// Learns from the whole traffic of a scenario.
    #[must_use]
    pub(super) fn of(place: &Place, exchanges: &[Exchange]) -> Self {
        let mut names = Self { place: place.clone(), ..Self::default() };
        // One that is right below the root is in too many paths.
        if place.directory.matches('/').count() > 1 {
            names.word(&place.directory, "{dir}");
        }
        names.word(&place.prefix, OURS);
        names.word(&place.shared, "~shared");
        names.word(&format!("{}-", place.tag), OURS);
        names.fingerprint(&place.image, "image");
        for (at, exchange) in exchanges.iter().enumerate() {
            names.learn(at, exchange);
        }
        names.words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        names
    }

    fn word(&mut self, word: &str, stands: &str) {
        if !word.is_empty() && !self.words.iter().any(|(known, _)| known == word) {
            self.words.push((word.to_owned(), stands.to_owned()));
        }
    }

    /// Whole, and as the daemons and the scenarios shorten it.
    fn fingerprint(&mut self, print: &str, stands: &str) {
        if print.len() != 64 || !is_hex(print) || self.words.iter().any(|(known, _)| known == print) {
            return;
        }
        self.word(print, &format!("{{{stands}}}"));
        for short in [16, 12] {
            self.word(&print[..short], &format!("{{{stands}:{short}}}"));
        }
    }

    fn learn(&mut self, at: usize, exchange: &Exchange) {
        let path = exchange.target.split('?').next().unwrap_or_default();
        let mut prints = Vec::new();
        if let Some(rest) = path.strip_prefix("/1.0/images/") {
            prints.push(rest.split('/').next().unwrap_or_default().to_owned());
        }
        if let Some(print) = path.strip_prefix("/1.0/certificates/") {
            prints.push(print.to_owned());
        }
        if exchange.method == "POST" && path == "/1.0/images" {
            prints.push(exchange.body.hash());
        }
        if let Some(sent) = exchange.body.bytes().and_then(|it| serde_json::from_slice::<Value>(it).ok()) {
            prints.extend(sent["target"].as_str().map(str::to_owned));
            prints.extend(sent["source"]["fingerprint"].as_str().map(str::to_owned));
        }
        let told = exchange.answer.as_ref().and_then(|it| it.body.bytes());
        let told: Value = told.and_then(|it| serde_json::from_slice(it).ok()).unwrap_or_default();
        let begun = exchange.answer.as_ref().is_some_and(|it| it.status == 202);
        let metadata = &told["metadata"];
        let id = metadata["id"].as_str().unwrap_or_default();
        if begun {
            self.operations.insert(id.to_owned(), at);
            for key in ["fds", "secret"] {
                match &metadata["metadata"][key] {
                    Value::String(secret) => self.word(secret, "{secret}"),
                    Value::Object(fds) => {
                        for (fd, secret) in fds {
                            self.word(secret.as_str().unwrap_or_default(), &format!("{{secret {fd}}}"));
                        }
                    }
                    _ => {}
                }
            }
            // A name that the server chose.
            let made = metadata["resources"]["instances"][0].as_str().unwrap_or_default();
            let made = made.rsplit('/').next().unwrap_or_default().split('?').next().unwrap_or_default();
            if path == "/1.0/instances" && exchange.method == "POST" && !made.contains(&self.place.tag) {
                self.word(made, "{chosen}");
            }
        }
        if self.operations.contains_key(id) {
            prints.extend(metadata["metadata"]["fingerprint"].as_str().map(str::to_owned));
        }
        for print in prints {
            let number = 1 + self
                .words
                .iter()
                .filter(|(word, to)| word.len() == 64 && to.starts_with("{own "))
                .count();
            // Said on purpose, as one that does not exist.
            if print.chars().any(|c| !print.starts_with(c)) {
                self.fingerprint(&print, &format!("own {number}"));
            }
        }
    }

    /// The scenario.
    #[must_use]
    pub(super) fn scenario(&self) -> &str {
        &self.place.scenario
    }

    /// Which exchange began this operation, if the scenario did.
    #[must_use]
    pub(super) fn began(&self, operation: &str) -> Option<usize> {
        self.operations.get(operation).copied()
    }

    /// Whether the scenario made what this text names.
    #[must_use]
    pub(super) fn made(&self, text: &str) -> bool {
        text.contains(&self.place.prefix)
            || self.words.iter().any(|(word, to)| {
                (to == "{chosen}" || to.starts_with("{own ")) && text.contains(word.as_str())
            })
    }

    /// Whether this is the fingerprint of the image that the suite has put on the daemon.
    pub(super) fn is_image(&self, fingerprint: &Value) -> bool {
        *fingerprint == *self.place.image
    }

    /// Whether this text of a list names something of another scenario, or of nobody of the suite.
    #[must_use]
    pub(super) fn foreign(&self, text: &str) -> bool {
        let place = &self.place;
        if self.made(text) {
            return false;
        }
        let numbered = |rest: &str| {
            let rest = rest.as_bytes();
            rest.len() > 4
                && rest[0].is_ascii_lowercase()
                && rest[1..4].iter().all(u8::is_ascii_digit)
                && rest[4] == b'-'
        };
        let tag = format!("{}-", place.tag);
        if text.match_indices(&tag).any(|(at, _)| numbered(&text[at + tag.len()..])) {
            return true;
        }
        let below = |list: &str| {
            let rest = text.strip_prefix(list)?;
            rest.split(['/', '?']).next()
        };
        if let Some(id) = below("/1.0/operations/") {
            return !self.operations.contains_key(id);
        }
        if let Some(print) = below("/1.0/images/")
            && print != "aliases"
        {
            return print != place.image;
        }
        if below("/1.0/certificates/").is_some() {
            return true;
        }
        let mut names = ["/1.0/instances/", "/1.0/images/aliases/"].into_iter().filter_map(below);
        names.any(|name| !name.contains(&place.tag))
    }

    /// Whether this element of a list is of another scenario, or of nobody of the suite.
    #[must_use]
    pub(super) fn foreign_object(&self, value: &Value) -> bool {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (name, id) = (text(&value["name"]), text(&value["id"]));
        if value["status_code"].is_u64() && value["may_cancel"].is_boolean() {
            return !self.operations.contains_key(&id);
        }
        if value["fingerprint"].is_string() {
            return self.foreign(&format!("/1.0/images/{}", text(&value["fingerprint"])));
        }
        if value["expanded_config"].is_object()
            && value["ephemeral"].is_boolean()
            && !value["expires_at"].is_string()
        {
            return self.foreign(&format!("/1.0/instances/{name}"));
        }
        if value["target"].is_string() {
            return self.foreign(&format!("/1.0/images/aliases/{name}"));
        }
        self.foreign(&name) || self.foreign(&text(&value["project"]))
    }

    /// The text with everything replaced that is never the same twice.
    #[must_use]
    pub(super) fn mask(&self, text: &str) -> String {
        if text == self.place.architecture {
            return "{architecture}".into();
        }
        let mut text = text.to_owned();
        for (word, to) in &self.words {
            if text.contains(word.as_str()) {
                text = text.replace(word.as_str(), to);
            }
        }
        let mut masked = String::with_capacity(text.len());
        let mut rest = text.as_str();
        let mut inside = false;
        while let Some(next) = rest.chars().next() {
            let found = if inside { None } else { self.found(rest) };
            if let Some((length, stands)) = found {
                masked.push_str(stands);
                rest = &rest[length..];
                inside = true;
                continue;
            }
            inside = next.is_ascii_alphanumeric();
            masked.push(next);
            rest = &rest[next.len_utf8()..];
        }
        masked
    }

    /// A hash, an id or a time at the beginning of a text: its length, and what stands for it.
    fn found(&self, text: &str) -> Option<(usize, &'static str)> {
        let word = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
        if word == 64 && is_hex(&text[..64]) && !text[..64].chars().all(|c| text.starts_with(c)) {
            return Some((64, "{hash}"));
        }
        if let Some(id) = text.get(..36)
            && is_uuid(id)
        {
            return Some((36, if self.operations.contains_key(id) { "{operation}" } else { "{uuid}" }));
        }
        time(text).map(|length| (length, "{time}"))
    }

    /// What stands for the hash of a body: that of an image is its fingerprint.
    #[must_use]
    pub(super) fn hash(&self, hash: &str) -> String {
        let known = self.words.iter().find(|(word, _)| word == hash);
        known.map_or_else(|| hash.to_owned(), |(_, to)| to.clone())
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_uuid(text: &str) -> bool {
    text.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    })
}

/// The length of the time at the beginning of a text, if there is one and the clock made it: no unset one
/// (of the years 1 and 1970), and none that a scenario chose (far in the future).
fn time(text: &str) -> Option<usize> {
    const FORM: &[u8] = b"0000-00-00 00:00:00";
    let bytes = text.as_bytes();
    let fits = |(byte, form): (&u8, &u8)| match form {
        b'0' => byte.is_ascii_digit(),
        b' ' => matches!(byte, b'T' | b' '),
        form => byte == form,
    };
    if bytes.len() < FORM.len() || !bytes.iter().zip(FORM).all(fits) {
        return None;
    }
    if !(1971..2035).contains(&text[..4].parse::<u32>().unwrap_or_default()) {
        return None;
    }
    let mut at = FORM.len();
    if bytes.get(at) == Some(&b'.') {
        at += 1 + bytes[at + 1..].iter().take_while(|it| it.is_ascii_digit()).count();
    }
    let rest = &text[at..];
    let zone = if rest.starts_with('Z') {
        1
    } else if rest.starts_with(" +0000 UTC") {
        10
    } else if rest.starts_with(['+', '-']) && rest.as_bytes().get(3) == Some(&b':') {
        6.min(rest.len())
    } else {
        0
    };
    Some(at + zone)
}

/// A few digits that tell one text from another.
#[must_use]
pub(super) fn label(text: &str) -> String {
    sha256(text.as_bytes())[..6].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn names() -> Names {
        let place = Place {
            tag: "lxio-12ab34".into(),
            prefix: "lxio-12ab34-b012-".into(),
            shared: "lxio-12ab34-b-shared".into(),
            image: ONE.into(),
            directory: "/var/lib/d".into(),
            architecture: "x86_64".into(),
            ..Place::default()
        };
        Names::of(&place, &[])
    }

    #[test]
    fn what_is_never_the_same_twice_has_a_token() {
        let other = ONE.replace('0', "1");
        for (text, masked) in [
            ("/1.0/instances/lxio-12ab34-b012-web0?x=y", "/1.0/instances/~web0?x=y"),
            ("lxio-12ab34-b-shared, lxio-12ab34-image", "~shared, ~image"),
            (
                &format!("\"{ONE}\" {} {other} {other}0", &ONE[..12]),
                &format!("\"{{image}}\" {{image:12}} {{hash}} {other}0"),
            ),
            ("exec_01234567-89ab-4def-8123-456789abcdef.stdout", "exec_{uuid}.stdout"),
            ("at 2026-11-22T02:40:25.123456789Z!", "at {time}!"),
            ("2026-11-22 02:40:25 +0000 UTC", "{time}"),
            ("2026-11-22T02:40:25+01:00 2026-11-22", "{time} 2026-11-22"),
            ("0001-01-01T00:00:00Z 1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z 1970-01-01T00:00:00Z"),
            ("2035-06-01T08:00:00Z", "2035-06-01T08:00:00Z"),
            ("x86_64", "{architecture}"),
            ("for x86_64", "for x86_64"),
            ("/var/lib/d/containers/ü", "{dir}/containers/ü"),
        ] {
            assert_eq!(names().mask(text), masked);
        }
    }

    #[test]
    fn what_is_of_others_is_told_by_its_name() {
        for (text, foreign) in [
            ("/1.0/instances/lxio-12ab34-b013-web0", true),
            ("/1.0/instances/lxio-12ab34-b012-web0", false),
            ("/1.0/instances/lxio-12ab34-b-shared", false),
            ("/1.0/instances/somebody", true),
            ("/1.0/profiles/default", false),
            ("lxio-12ab34-t001-p0", true),
            ("/1.0/operations/01234567-89ab-4def-8123-456789abcdef", true),
            (&format!("/1.0/images/{ONE}"), false),
            (&format!("/1.0/images/{}", ONE.replace('0', "1")), true),
            ("/1.0/images/aliases/lxio-12ab34-image", false),
            ("/1.0/images/aliases/somebody%2Felse", true),
        ] {
            assert_eq!(names().foreign(text), foreign, "{text}");
        }
    }
}
