use super::Direction;

/// Deeper nesting is not looked into: all of it is hidden.
const DEEPEST: usize = 64;
/// No key that matters is longer.
const LONGEST_KEY: usize = 256;

/// What the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It stands between strings and words.
    Between,
    /// It belongs to a string or word.
    Inside,
    /// The string or word before it is over; it stands behind.
    Over,
}

/// How much a value tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Guard {
    /// Nothing that must be hidden.
    Open,
    /// What the user works with: commands, variables, data for a guest's first start.
    Content,
    /// A secret.
    Secret,
}

/// Follows JSON byte by byte, so far that it knows of every string under which key it stands. Anything else
/// that comes is followed as well as it can be.
#[derive(Debug)]
pub(super) struct Json {
    direction: Direction,
    /// On a websocket, where a client's `command` is a word of the protocol.
    socket: bool,
    place: Place,
    levels: Vec<Level>,
    /// Levels that are open beyond the deepest.
    lost: usize,
    text: Vec<u8>,
    /// The string or word that is over.
    over: Option<Told>,
}

/// A string or word, and where it stands.
#[derive(Debug)]
pub(super) struct Told {
    /// The key that it is a value of, in lower case; empty if there is none.
    pub(super) key: String,
    /// What it says.
    pub(super) text: Vec<u8>,
    /// How much it tells.
    pub(super) guard: Guard,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Between,
    Word,
    String,
    /// Behind a backslash in a string.
    Escape,
}

#[derive(Debug)]
struct Level {
    /// Of an object: the key that was read last, in lower case.
    key: String,
    /// Of an object: a key comes next.
    keyed: bool,
    object: bool,
    guard: Guard,
}

impl Json {
    pub(super) const fn new(direction: Direction) -> Self {
        Self {
            direction,
            socket: false,
            place: Place::Between,
            levels: Vec::new(),
            lost: 0,
            text: Vec::new(),
            over: None,
        }
    }

    /// Begins a new document; `socket`: on a websocket.
    pub(super) fn begin(&mut self, socket: bool) {
        *self = Self { socket, ..Self::new(self.direction) };
    }

    /// Takes the next byte.
    pub(super) fn step(&mut self, byte: u8) -> Step {
        match self.place {
            Place::Escape => self.place = Place::String,
            Place::String if byte == b'"' => {
                self.end();
                return Step::Over;
            }
            Place::String if byte == b'\\' => self.place = Place::Escape,
            Place::Between if byte.is_ascii_alphanumeric() => self.place = Place::Word,
            Place::Word if !byte.is_ascii_alphanumeric() => {
                self.end();
                self.mark(byte);
                return Step::Over;
            }
            Place::Between => {
                self.mark(byte);
                return Step::Between;
            }
            Place::String | Place::Word => {}
        }
        self.text.push(byte);
        Step::Inside
    }

    /// What is over, once.
    pub(super) const fn take(&mut self) -> Option<Told> {
        self.over.take()
    }

    /// The word that the document ends with, if it does. A string that is not over stays so.
    pub(super) fn finish(&mut self) -> Option<Told> {
        if self.place == Place::Word {
            self.end();
        }
        self.take()
    }

    fn end(&mut self) {
        let text = std::mem::take(&mut self.text);
        let string = std::mem::replace(&mut self.place, Place::Between) == Place::String;
        let guard = if string { self.guard() } else { Guard::Open };
        self.over = Some(match self.levels.last_mut() {
            Some(level) if level.keyed && string && self.lost == 0 => {
                level.key = String::from_utf8_lossy(&text[..text.len().min(LONGEST_KEY)]).to_lowercase();
                Told { key: String::new(), text, guard: Guard::Open }
            }
            level => Told { key: level.map_or_else(String::new, |level| level.key.clone()), text, guard },
        });
    }

    /// Forgets what came of the string: it is too long to be kept.
    pub(super) fn shorten(&mut self) {
        self.text.clear();
    }

    /// A byte between strings and words.
    fn mark(&mut self, byte: u8) {
        match byte {
            b'"' => self.place = Place::String,
            b'{' | b'[' if self.levels.len() >= DEEPEST => self.lost += 1,
            b'{' | b'[' => {
                let guard = self.guard();
                let object = byte == b'{';
                self.levels.push(Level { key: String::new(), keyed: object, object, guard });
            }
            b'}' | b']' if self.lost > 0 => self.lost -= 1,
            b'}' | b']' => {
                self.levels.pop();
            }
            b':' | b',' if self.lost == 0 => {
                if let Some(level) = self.levels.last_mut().filter(|level| level.object) {
                    level.keyed = byte == b',';
                }
            }
            _ => {}
        }
    }

    /// How much a value tells that stands here.
    fn guard(&self) -> Guard {
        if self.lost > 0 {
            return Guard::Secret;
        }
        let Some(level) = self.levels.last() else { return Guard::Open };
        level.guard.max(self.judge(&level.key))
    }

    /// How much the values under a key tell.
    fn judge(&self, key: &str) -> Guard {
        const SECRET: &[&str] =
            &["password", "passwd", "passphrase", "secret", "token", "device_code", "credential", "private"];
        const CONTENT: &[&str] = &["environment.", "user.", "cloud-init."];
        // What a server says of itself stands under this key, too.
        let of_server = self.direction == Direction::ToClient && self.levels.len() == 2;
        let to_socket = self.direction == Direction::ToServer && self.socket;
        let private = key.ends_with("api.key") || key.ends_with("_key") && !key.contains("public");
        if private || SECRET.iter().any(|word| key.contains(word)) {
            Guard::Secret
        } else if CONTENT.iter().any(|start| key.starts_with(start))
            || key == "environment" && !of_server
            || key == "command" && !to_socket
        {
            Guard::Content
        } else {
            Guard::Open
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The strings and words of a text that are guarded.
    fn guarded(direction: Direction, socket: bool, text: &str) -> Vec<String> {
        let mut json = Json::new(direction);
        json.begin(socket);
        let mut found = Vec::new();
        for byte in text.bytes() {
            json.step(byte);
            if let Some(told) = json.take().filter(|told| told.guard != Guard::Open) {
                found.push(String::from_utf8(told.text).unwrap());
            }
        }
        found
    }

    #[test]
    fn what_the_user_works_with_is_guarded() {
        let text = r#"{"command":["sh","-c","\"x\" 1"],"environment":{"PW":"one"},"width":80,"user":"me",
            "config":{"user.a":"two","limits.cpu":"1","Core.Trust_Password":"three"},"list":[{"token":[["four"]]}],
            "maas.api.key":"five","network.ovn.client_key":"six","public_key":"open"}"#;
        let found = guarded(Direction::ToServer, false, text);
        assert_eq!(found, ["sh", "-c", r#"\"x\" 1"#, "one", "two", "three", "four", "five", "six"]);
    }

    #[test]
    fn what_the_protocol_needs_is_not() {
        let server = r#"{"type":"sync","metadata":{"environment":{"server":"incus"},"auth":"trusted"}}"#;
        assert_eq!(guarded(Direction::ToClient, false, server), [""; 0]);
        let operation = r#"{"metadata":{"metadata":{"environment":{"A":"b"},"fds":{"0":"s"}}}}"#;
        assert_eq!(guarded(Direction::ToClient, false, operation), ["b"]);
        assert_eq!(guarded(Direction::ToServer, true, r#"{"command":"signal","signal":9}"#), [""; 0]);
    }

    #[test]
    fn anything_is_followed() {
        let deep = "[".repeat(100) + "\"a\"" + &"]".repeat(100) + ",\"b\"";
        assert_eq!(guarded(Direction::ToClient, false, &deep), ["a"]);
        for text in ["]]]}}}\"", "not: \"json\\", "{{{:::,,,\"\"\"", "\u{1}é"] {
            guarded(Direction::ToClient, false, text);
        }
    }
}
