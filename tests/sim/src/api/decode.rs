/// Why `bytes` do not begin with a JSON value, in the words of the daemons' decoder.
///
/// What follows the first value is not looked at: neither do they.
pub(crate) fn complaint(bytes: &[u8]) -> Option<String> {
    let mut scan = Scan { bytes, at: 0, depth: 0 };
    scan.space();
    if scan.at == bytes.len() {
        return Some("EOF".into());
    }
    scan.value().err()
}

/// Deeper values are refused.
const DEEPEST: usize = 10_000;

type Scanned = Result<(), String>;

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl Scan<'_> {
    fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn wrong(&self, context: &str) -> String {
        match self.bytes.get(self.at) {
            None => "unexpected EOF".into(),
            Some(b'\'') => format!("invalid character '\\'' {context}"),
            Some(b'"') => format!("invalid character '\"' {context}"),
            Some(byte @ 0x20..0x7f) => format!("invalid character '{}' {context}", char::from(*byte)),
            Some(byte) => match byte {
                b'\n' => format!("invalid character '\\n' {context}"),
                b'\t' => format!("invalid character '\\t' {context}"),
                b'\r' => format!("invalid character '\\r' {context}"),
                0xa0..=0xff => format!("invalid character '{}' {context}", char::from(*byte)),
                _ => format!("invalid character '\\x{byte:02x}' {context}"),
            },
        }
    }

    fn value(&mut self) -> Scanned {
        if self.depth > DEEPEST {
            return Err("exceeded max depth".into());
        }
        match self.bytes.get(self.at) {
            Some(b'{') => self.nested(b'}', true),
            Some(b'[') => self.nested(b']', false),
            Some(b'"') => self.text(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => Err(self.wrong("looking for beginning of value")),
        }
    }

    /// An object or an array.
    fn nested(&mut self, end: u8, keys: bool) -> Scanned {
        self.at += 1;
        self.depth += 1;
        self.space();
        if self.bytes.get(self.at) == Some(&end) {
            self.at += 1;
            self.depth -= 1;
            return Ok(());
        }
        loop {
            self.space();
            if keys {
                if self.bytes.get(self.at) != Some(&b'"') {
                    return Err(self.wrong("looking for beginning of object key string"));
                }
                self.text()?;
                self.space();
                if self.bytes.get(self.at) != Some(&b':') {
                    return Err(self.wrong("after object key"));
                }
                self.at += 1;
                self.space();
            }
            self.value()?;
            self.space();
            match self.bytes.get(self.at) {
                Some(b',') => self.at += 1,
                Some(byte) if *byte == end => {
                    self.at += 1;
                    self.depth -= 1;
                    return Ok(());
                }
                _ => {
                    return Err(self.wrong(if keys {
                        "after object key:value pair"
                    } else {
                        "after array element"
                    }));
                }
            }
        }
    }

    fn text(&mut self) -> Scanned {
        self.at += 1;
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    match self.bytes.get(self.at) {
                        Some(b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"') => self.at += 1,
                        Some(b'u') => {
                            self.at += 1;
                            for _ in 0..4 {
                                if !self.bytes.get(self.at).is_some_and(u8::is_ascii_hexdigit) {
                                    return Err(self.wrong("in \\u hexadecimal character escape"));
                                }
                                self.at += 1;
                            }
                        }
                        _ => return Err(self.wrong("in string escape code")),
                    }
                }
                Some(0..0x20) | None => return Err(self.wrong("in string literal")),
                Some(_) => self.at += 1,
            }
        }
    }

    fn digits(&mut self, context: &str) -> Scanned {
        if !self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            return Err(self.wrong(context));
        }
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Scanned {
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        if self.bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits("in numeric literal")?;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn literal(&mut self, word: &str) -> Scanned {
        for wanted in word.bytes() {
            if self.bytes.get(self.at) != Some(&wanted) {
                let context = format!("in literal {word} (expecting '{}')", char::from(wanted));
                return Err(self.wrong(&context));
            }
            self.at += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_decoder_says() {
        for (text, should) in [
            ("", Some("EOF")),
            (" \n", Some("EOF")),
            ("{}", None),
            ("{\"a\": [1, -2.5e+3, true, null, \"x\\u00e9\"]} and more", None),
            ("x", Some("invalid character 'x' looking for beginning of value")),
            ("no", Some("invalid character 'o' in literal null (expecting 'u')")),
            ("{", Some("unexpected EOF")),
            ("{x", Some("invalid character 'x' looking for beginning of object key string")),
            ("{\"a\" 1", Some("invalid character '1' after object key")),
            ("{\"a\": 1 x", Some("invalid character 'x' after object key:value pair")),
            ("[1 2]", Some("invalid character '2' after array element")),
            ("\"a\nb\"", Some("invalid character '\\n' in string literal")),
            ("\"\\x", Some("invalid character 'x' in string escape code")),
            ("-x", Some("invalid character 'x' in numeric literal")),
        ] {
            assert_eq!(complaint(text.as_bytes()).as_deref(), should, "{text}");
        }
    }

    #[test]
    fn it_agrees_with_another_reader() {
        for byte in 0..=255_u8 {
            for shape in ["?", "[?]", "{\"a\":?}", "\"?", "1?", "{?\"a\":1}", "[1?2]"] {
                let text = shape.bytes().map(|it| if it == b'?' { byte } else { it }).collect::<Vec<_>>();
                let whole = serde_json::from_slice::<serde_json::Value>(&text);
                assert!(whole.is_err() || complaint(&text).is_none(), "{shape} {byte}");
            }
        }
    }
}
