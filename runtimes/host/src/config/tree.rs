use std::collections::HashSet;

use yaml_rust2::parser::{Event, Parser};
use yaml_rust2::scanner::{Marker, ScanError, TScalarStyle};

/// The largest file that is read, in bytes.
pub(super) const LARGEST: usize = 1 << 20;
/// How deep a file may be nested.
const DEEPEST: usize = 32;
/// The longest key in bytes. With ten characters for each, as escapes have, it has not more than the 1024 that
/// YAML allows before a colon.
const LONGEST_KEY: usize = 100;

/// What a file says, all of it, in its order: what is not understood is written again as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    Mapping(Mapping),
}

/// A text. A plain one (without quotes) may also be read as a number, a boolean or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) plain: bool,
}

/// Keys and values in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Mapping(pub(super) Vec<(Scalar, Node)>);

/// Where a file is not what it should be, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) what: String,
}

impl Scalar {
    /// A text that no reader takes for anything else.
    pub(super) fn string(text: &str) -> Self {
        Self { text: text.to_owned(), plain: false }
    }

    pub(super) fn boolean(value: bool) -> Self {
        Self { text: value.to_string(), plain: true }
    }

    /// Nothing at all, as in `key:`.
    fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }
}

impl Node {
    pub(super) fn string(text: &str) -> Self {
        Self::Scalar(Scalar::string(text))
    }

    fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(scalar) if scalar.is_null())
    }
}

impl Mapping {
    /// The value of a key; nothing if there is none or it is null.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.0.iter().find(|(name, _)| name.text == key).map(|(_, value)| value).filter(|it| !it.is_null())
    }

    /// Gives a key a value: in its place if it is there, else at the end.
    pub(super) fn set(&mut self, key: &str, value: Node) {
        match self.0.iter_mut().find(|(name, _)| name.text == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((Scalar::string(key), value)),
        }
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.0.retain(|(name, _)| name.text != key);
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) {
        if let Some((name, _)) = self.0.iter_mut().find(|(name, _)| name.text == from) {
            *name = Scalar::string(to);
        }
    }

    /// The mapping below a key; made if there is none. `None` if something else is there.
    pub(super) fn below(&mut self, key: &str) -> Option<&mut Self> {
        if self.get(key).is_none() {
            self.set(key, Node::Mapping(Self::default()));
        }
        match self.0.iter_mut().find(|(name, _)| name.text == key) {
            Some((_, Node::Mapping(mapping))) => Some(mapping),
            _ => None,
        }
    }
}

/// Reads the one document of a file, which is a mapping or empty.
///
/// Anchors, aliases, merge keys and tags, which no stock client writes, are refused rather than lost.
pub(super) fn read(bytes: &[u8]) -> Result<Mapping, Fault> {
    if bytes.len() > LARGEST {
        return Err(Fault { line: 1, what: format!("the file has more than {LARGEST} bytes") });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        Fault { line: 1 + before.iter().filter(|byte| **byte == b'\n').count(), what: "no UTF-8".to_owned() }
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { parser: Parser::new_from_str(text), depth: 0 };
    let mut document = None;
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => break,
            (Event::StreamStart | Event::DocumentStart | Event::DocumentEnd | Event::Nothing, _) => {}
            (_, at) if document.is_some() => return Err(fault(at, "a second document")),
            (event, at) => document = Some((reader.node(event, at)?, at)),
        }
    }
    match document {
        None => Ok(Mapping::default()),
        Some((node, _)) if node.is_null() => Ok(Mapping::default()),
        Some((Node::Mapping(mapping), _)) => Ok(mapping),
        Some((_, at)) => Err(fault(at, "a mapping of keys to values is expected")),
    }
}

fn fault(at: Marker, what: impl Into<String>) -> Fault {
    Fault { line: at.line(), what: what.into() }
}

struct Reader<'a> {
    parser: Parser<std::str::Chars<'a>>,
    depth: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Result<(Event, Marker), Fault> {
        self.parser.next_token().map_err(|error: ScanError| fault(*error.marker(), error.info()))
    }

    fn node(&mut self, event: Event, at: Marker) -> Result<Node, Fault> {
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag) => (*anchor, tag.is_some()),
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => (*anchor, tag.is_some()),
            Event::Alias(anchor) => (*anchor, false),
            _ => return Err(fault(at, "a value is expected")),
        };
        if anchor != 0 {
            return Err(fault(at, "anchors and aliases are not supported"));
        }
        if tag {
            return Err(fault(at, "tags are not supported"));
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(fault(at, format!("nested more than {DEEPEST} deep")));
        }
        let node = match event {
            Event::Scalar(text, style, ..) => Node::Scalar(scalar(text, style)),
            Event::SequenceStart(..) => Node::Sequence(self.sequence()?),
            _ => Node::Mapping(self.mapping()?),
        };
        self.depth -= 1;
        Ok(node)
    }

    fn sequence(&mut self) -> Result<Vec<Node>, Fault> {
        let mut nodes = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(nodes),
                (event, at) => nodes.push(self.node(event, at)?),
            }
        }
    }

    fn mapping(&mut self) -> Result<Mapping, Fault> {
        let (mut entries, mut seen) = (Vec::new(), HashSet::new());
        loop {
            let (event, at) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Mapping(entries));
            }
            let Node::Scalar(key) = self.node(event, at)? else {
                return Err(fault(at, "a key that is no text"));
            };
            if key.text.len() > LONGEST_KEY {
                return Err(fault(at, format!("a key of more than {LONGEST_KEY} bytes")));
            }
            if key.plain && key.text == "<<" {
                return Err(fault(at, "merge keys are not supported"));
            }
            if !seen.insert(key.text.clone()) {
                return Err(fault(at, format!("the key {:?} stands here again", key.text)));
            }
            let (event, at) = self.next()?;
            entries.push((key, self.node(event, at)?));
        }
    }
}

fn scalar(text: String, style: TScalarStyle) -> Scalar {
    let plain = style == TScalarStyle::Plain;
    // What has no text at all cannot be written everywhere.
    let text = if plain && text.is_empty() { "null".to_owned() } else { text };
    Scalar { text, plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Mapping, Fault> {
        super::read(text.as_bytes())
    }

    #[test]
    fn order_styles_and_unknown_keys_are_kept() {
        let tree = read("z: 1\na: {k: 'v', on: [~, \"2\"]}\nm: |\n  two\n  lines\n").unwrap();
        let keys: Vec<_> = tree.0.iter().map(|(key, _)| key.text.as_str()).collect();
        assert_eq!(keys, ["z", "a", "m"]);
        assert_eq!(tree.get("z"), Some(&Node::Scalar(Scalar { text: "1".into(), plain: true })));
        assert_eq!(tree.get("m"), Some(&Node::string("two\nlines\n")));
        let Some(Node::Mapping(a)) = tree.get("a") else { panic!("{tree:?}") };
        assert_eq!(a.get("k"), Some(&Node::string("v")));
    }

    #[test]
    fn nothing_is_an_empty_mapping() {
        for text in ["", "\u{feff}", "---\n", "# only a comment\n", "~\n"] {
            assert_eq!(read(text).unwrap(), Mapping::default(), "{text:?}");
        }
        assert_eq!(read("a:\nb: ~\n").unwrap().get("a"), None);
    }

    #[test]
    fn what_would_be_lost_is_refused_with_its_line() {
        for (text, line, what) in [
            ("a: 1\nb: 2\na: 3\n", 3, "again"),
            ("a: 1\n---\nb: 2\n", 3, "second document"),
            ("a: &x 1\nb: 2\n", 1, "anchors"),
            ("a: !!binary QQ==\n", 1, "tags"),
            ("a:\n  <<: {b: 1}\n", 2, "merge"),
            ("a: 1\n? [b]\n: 2\n", 2, "no text"),
            ("- a\n", 1, "mapping"),
            ("a: 1\n b: 2\n", 2, ""),
            ("a: \"open\n", 1, "quoted"),
        ] {
            let fault = read(text).unwrap_err();
            assert_eq!(fault.line, line, "{text:?}: {}", fault.what);
            assert!(fault.what.contains(what), "{text:?}: {}", fault.what);
        }
    }

    #[test]
    fn what_is_no_text_is_told_with_its_line() {
        assert_eq!(super::read(b"a: 1\nb: \xff\n"), Err(Fault { line: 2, what: "no UTF-8".to_owned() }));
    }

    #[test]
    fn size_and_depth_are_bounded() {
        assert!(read(&"[".repeat(40)).unwrap_err().what.contains("deep"));
        assert!(read(&"[".repeat(100_000)).is_err());
        assert!(read(&format!("a: {}", "{a: ".repeat(40))).unwrap_err().what.contains("deep"));
        assert!(read(&" ".repeat(LARGEST + 1)).unwrap_err().what.contains("bytes"));
        assert!(read(&format!("? {}\n: 1\n", "k".repeat(101))).unwrap_err().what.contains("key"));
    }
}
