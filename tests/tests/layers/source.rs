//! Just enough of Rust and of TOML to know what a file names.

/// The paths in a text, groups of `use` unfolded, without what stands in comments and strings.
pub(crate) fn paths(text: &str) -> Vec<Vec<String>> {
    let tokens = tokens(text);
    let (mut found, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        at = path(&tokens, at, &[], &mut found).max(at + 1);
    }
    found
}

/// Reads the path that begins at `at`, if one does, and says where it ends.
fn path(tokens: &[String], mut at: usize, before: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut segments = before.to_vec();
    if tokens.get(at).is_some_and(|token| token == "::") {
        at += 1;
    }
    while let Some(word) = tokens.get(at).filter(|token| is_word(token)) {
        segments.push(word.clone());
        at += 1;
        if tokens.get(at).is_none_or(|token| token != "::") {
            break;
        }
        at += 1;
        if tokens.get(at).is_some_and(|token| token == "{") {
            at += 1;
            while tokens.get(at).is_some_and(|token| token != "}") {
                at = path(tokens, at, &segments, found).max(at + 1);
            }
            return at + 1;
        }
    }
    if segments.len() > before.len() {
        found.push(segments);
    }
    at
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Words, `::` and single characters. Comments are dropped, strings and characters become `"`.
fn tokens(text: &str) -> Vec<String> {
    let text: Vec<char> = text.chars().collect();
    let starts = |at: usize, with: &str| with.chars().enumerate().all(|(n, c)| text.get(at + n) == Some(&c));
    let (mut tokens, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let c = text[at];
        if c.is_whitespace() {
            at += 1;
        } else if starts(at, "//") {
            while at < text.len() && text[at] != '\n' {
                at += 1;
            }
        } else if starts(at, "/*") {
            let mut depth = 0;
            while at < text.len() {
                if starts(at, "/*") {
                    (depth, at) = (depth + 1, at + 2);
                } else if starts(at, "*/") {
                    (depth, at) = (depth - 1, at + 2);
                    if depth == 0 {
                        break;
                    }
                } else {
                    at += 1;
                }
            }
        } else if c == '"' {
            at = end_of_string(&text, at);
            tokens.push("\"".into());
        } else if let Some(end) = raw_string(&text, at) {
            at = end;
            tokens.push("\"".into());
        } else if c == '\'' {
            // A character, or else the name of a lifetime.
            at = match (text.get(at + 1), text.get(at + 2)) {
                (Some('\\'), _) => at + 3 + text[at + 3..].iter().position(|c| *c == '\'').unwrap_or(0) + 1,
                (_, Some('\'')) => at + 3,
                _ => at + 1,
            };
        } else if c.is_alphanumeric() || c == '_' {
            let end = text[at..]
                .iter()
                .position(|c| !c.is_alphanumeric() && *c != '_')
                .map_or(text.len(), |n| at + n);
            tokens.push(text[at..end].iter().collect());
            at = end;
        } else if starts(at, "::") {
            tokens.push("::".into());
            at += 2;
        } else {
            tokens.push(c.to_string());
            at += 1;
        }
    }
    tokens
}

/// Behind the string that begins at `at`.
fn end_of_string(text: &[char], mut at: usize) -> usize {
    at += 1;
    while at < text.len() && text[at] != '"' {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Behind the raw string that begins at `at`, if one does.
fn raw_string(text: &[char], at: usize) -> Option<usize> {
    let after = match text.get(at..)? {
        ['b', 'r', ..] => at + 2,
        ['r', ..] => at + 1,
        _ => return None,
    };
    let hashes = text[after..].iter().take_while(|c| **c == '#').count();
    let start = after + hashes;
    if text.get(start) != Some(&'"') {
        return None;
    }
    let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let rest = &text[start + 1..];
    Some(
        rest.windows(close.len())
            .position(|part| part == close)
            .map_or(text.len(), |n| start + 1 + n + close.len()),
    )
}

/// A crate that a manifest names.
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Only tests and examples use it.
    pub(crate) dev: bool,
}

/// A manifest's dependencies of all kinds.
pub(crate) fn dependencies(manifest: &str) -> Vec<Dependency> {
    let (mut found, mut dev, mut inside) = (Vec::new(), false, false);
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            let (section, name) = match section.rsplit_once('.') {
                Some((section, name)) if section.ends_with("dependencies") => (section, Some(name)),
                _ => (section, None),
            };
            dev = section.ends_with("dev-dependencies");
            inside = section.ends_with("dependencies") && name.is_none();
            found.extend(name.map(|name| Dependency { name: name.into(), dev }));
        } else if inside && line.contains('=') && line.starts_with(|c: char| c.is_alphabetic()) {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            found.push(Dependency { name: name.into(), dev });
        }
    }
    found
}

#[test]
fn paths_are_read_through_groups() {
    let found =
        paths("use a::{b, c::{d, self}, e as f}; g::<h::I>::j(); // k::l\nlet m = \"n::o\" + r#\"p::q\"#;");
    let found: Vec<_> = found.into_iter().map(|path| path.join("::")).collect();
    for path in ["a::b", "a::c::d", "a::c::self", "a::e", "g", "h::I"] {
        assert!(found.iter().any(|known| known == path), "{path} in {found:?}");
    }
    assert!(!found.iter().any(|path| path.contains("::l") || path.contains("::o") || path.contains("::q")));
}
