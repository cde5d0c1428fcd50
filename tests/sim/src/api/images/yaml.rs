use serde_json::{Map, Value};

/// What is wrong, in the words of the daemons' parser.
pub(super) type Wrong = &'static str;

const NO_KEY: Wrong = "yaml: did not find expected key";
const NO_END: Wrong = "yaml: found unexpected end of stream";

/// Reads the YAML that images describe themselves in: mappings and lists by indentation, plain and quoted
/// texts, JSON.
///
/// # Errors
/// If it is none, or of a kind that is not read here (anchors, tags, texts over several lines).
pub(super) fn read(text: &str) -> Result<Value, Wrong> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let bare = line.trim_start_matches(' ');
        if bare.trim().is_empty() || bare.starts_with('#') || ["---", "..."].contains(&line.trim_end()) {
            continue;
        }
        if bare.starts_with('\t') {
            return Err("yaml: found character that cannot start any token");
        }
        lines.push((line.len() - bare.len(), bare.trim_end()));
    }
    let mut reader = Reader { lines, at: 0 };
    let Some((indent, _)) = reader.lines.first().copied() else { return Ok(Value::Null) };
    let value = reader.block(indent)?;
    if reader.at == reader.lines.len() { Ok(value) } else { Err(NO_KEY) }
}

struct Reader<'a> {
    /// Indentation and what follows it.
    lines: Vec<(usize, &'a str)>,
    at: usize,
}

impl<'a> Reader<'a> {
    fn line(&self) -> Option<(usize, &'a str)> {
        self.lines.get(self.at).copied()
    }

    /// What begins at this line and is indented by `indent`.
    fn block(&mut self, indent: usize) -> Result<Value, Wrong> {
        if indent > 200 {
            return Err("yaml: exceeded max depth of 10000");
        }
        match self.line() {
            Some((_, line)) if line == "-" || line.starts_with("- ") => self.list(indent),
            Some((_, line)) if key(line).is_some() => self.mapping(indent),
            Some((_, line)) => {
                self.at += 1;
                scalar(line)
            }
            None => Ok(Value::Null),
        }
    }

    fn list(&mut self, indent: usize) -> Result<Value, Wrong> {
        let mut items = Vec::new();
        while let Some((depth, line)) = self.line()
            && depth == indent
            && (line == "-" || line.starts_with("- "))
        {
            let rest = line[1..].trim_start_matches(' ');
            if rest.is_empty() {
                self.at += 1;
                items.push(self.below(indent + 1)?);
            } else {
                // What follows the dash is a block of its own, as far in as it stands.
                let depth = indent + line.len() - rest.len();
                self.lines[self.at] = (depth, rest);
                items.push(self.block(depth)?);
            }
        }
        Ok(Value::Array(items))
    }

    fn mapping(&mut self, indent: usize) -> Result<Value, Wrong> {
        let mut object = Map::new();
        while let Some((depth, line)) = self.line()
            && depth == indent
        {
            let (name, rest) = key(line).ok_or(NO_KEY)?;
            self.at += 1;
            let value = match rest {
                "" => self.below(indent)?,
                "|" | ">" | "|-" | ">-" | "|+" | ">+" => self.text(indent, rest)?,
                _ => scalar(rest)?,
            };
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }

    /// The value of a key that stands alone: what is further in, or a list that is as far in as the key.
    fn below(&mut self, indent: usize) -> Result<Value, Wrong> {
        match self.line() {
            Some((depth, _)) if depth > indent => self.block(depth),
            Some((depth, line)) if depth == indent && (line == "-" || line.starts_with("- ")) => {
                self.list(indent)
            }
            _ => Ok(Value::Null),
        }
    }

    /// A text over several lines.
    fn text(&mut self, indent: usize, style: &str) -> Result<Value, Wrong> {
        let mut lines = Vec::new();
        let first = self.line().map_or(0, |(depth, _)| depth);
        while let Some((depth, line)) = self.line()
            && depth > indent
        {
            lines.push(format!("{}{line}", " ".repeat(depth.saturating_sub(first))));
            self.at += 1;
        }
        let mut text = lines.join(if style.starts_with('|') { "\n" } else { " " });
        if !style.ends_with('-') && !text.is_empty() {
            text.push('\n');
        }
        Ok(text.into())
    }
}

/// The key of a line, and what follows its colon.
fn key(line: &str) -> Option<(String, &str)> {
    if line.starts_with(['{', '[']) {
        return None;
    }
    if let Some(quote) = line.chars().next().filter(|it| "\"'".contains(*it)) {
        let end = closing(line, quote)?;
        let Ok(Value::String(name)) = scalar(&line[..=end]) else { return None };
        return line[end + 1..].strip_prefix(':').map(|rest| (name, rest.trim()));
    }
    let colon = line
        .match_indices(':')
        .map(|(at, _)| at)
        .find(|at| matches!(line.as_bytes().get(at + 1), None | Some(b' ')))?;
    Some((line[..colon].trim().to_owned(), without_comment(line[colon + 1..].trim())))
}

/// Where the quote that begins a text is closed.
fn closing(text: &str, quote: char) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quote == '"' => at += 1,
            b'\'' if quote == '\'' && bytes.get(at + 1) == Some(&b'\'') => at += 1,
            byte if char::from(byte) == quote => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

fn without_comment(text: &str) -> &str {
    if text.starts_with(['"', '\'']) { text } else { text.split(" #").next().unwrap_or_default().trim_end() }
}

fn scalar(text: &str) -> Result<Value, Wrong> {
    match text.chars().next() {
        Some('"' | '{' | '[') => serde_json::from_str(text).map_err(|_| NO_END),
        Some('\'') => {
            let end = closing(text, '\'').ok_or(NO_END)?;
            Ok(text[1..end].replace("''", "'").into())
        }
        Some('&' | '*' | '!' | '%' | '@' | '`') => Err("yaml: unknown anchor or tag"),
        _ => Ok(plain(text)),
    }
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => true.into(),
        "false" => false.into(),
        _ => text.parse::<i64>().map_or_else(|_| text.into(), Into::into),
    }
}

/// Writes a mapping. Texts are quoted when they would be read as something else.
pub(super) fn write(object: &Map<String, Value>) -> String {
    let mut out = String::new();
    mapping(object, 0, &mut out);
    out
}

fn mapping(object: &Map<String, Value>, indent: usize, out: &mut String) {
    for (name, value) in object {
        out.push_str(&" ".repeat(indent));
        out.push_str(&word(name));
        out.push(':');
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.push('\n');
                mapping(inner, indent + 4, out);
            }
            Value::String(text) => out.push_str(&format!(" {}\n", word(text))),
            // All JSON is YAML.
            other => out.push_str(&format!(" {other}\n")),
        }
    }
}

fn word(text: &str) -> String {
    let simple = |it: char| it.is_ascii_alphanumeric() || "._-/".contains(it);
    let is_plain =
        text.starts_with(|it: char| it.is_ascii_alphabetic() || it == '/') && text.chars().all(simple);
    if is_plain && plain(text).is_string() { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_images_say() {
        let text = "architecture: x86_64\ncreation_date: 1704067200 # a comment\nproperties:\n  description: a: b\n  os: 'it''s'\n  \"q w\": \"x\\ny\"\ntemplates:\n  /etc/hosts:\n    when:\n    - create\n    - copy\n    template: hosts.tpl\nempty: {}\nnothing:\nlong: |\n  one\n   two\n";
        let should = json!({
            "architecture": "x86_64",
            "creation_date": 1_704_067_200,
            "properties": { "description": "a: b", "os": "it's", "q w": "x\ny" },
            "templates": { "/etc/hosts": { "when": ["create", "copy"], "template": "hosts.tpl" } },
            "empty": {},
            "nothing": null,
            "long": "one\n two\n",
        });
        assert_eq!(read(text).unwrap(), should);
        assert_eq!(read(&write(should.as_object().unwrap())).unwrap(), should);
        assert_eq!(read("- a: 1\n  b: 2\n- - x\n").unwrap(), json!([{ "a": 1, "b": 2 }, ["x"]]));
        assert_eq!(read("").unwrap(), Value::Null);
    }

    #[test]
    fn what_is_no_yaml() {
        for bad in ["- : {", "a: {", "a: \"b", "a: *b", "a: 1\n  b: 2", "a: 1\nb", "\ta: 1"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn any_bytes_are_read_to_an_end() {
        for byte in 0..=255_u8 {
            for shape in ["a: ?", "?: a", "- ?", "?", "\"?", "'?", "a:\n ?\n?"] {
                let _ = read(&shape.replace('?', &char::from(byte).to_string()));
            }
        }
    }
}
