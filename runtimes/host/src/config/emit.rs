use super::tree::{Mapping, Node, Scalar};

/// Writes a file as the stock clients do: in blocks, with two spaces for each level.
pub(super) fn write(document: &Mapping) -> String {
    let mut out = String::new();
    if document.0.is_empty() {
        out.push_str("{}\n");
    }
    mapping(&mut out, document, 0);
    out
}

fn mapping(out: &mut String, mapping: &Mapping, level: usize) {
    for (key, value) in &mapping.0 {
        indent(out, level);
        scalar(out, key);
        out.push(':');
        node(out, value, level + 1);
    }
}

/// What follows a colon or a dash, with the end of the line.
fn node(out: &mut String, node: &Node, level: usize) {
    match node {
        Node::Scalar(value) => {
            out.push(' ');
            scalar(out, value);
            out.push('\n');
        }
        Node::Sequence(nodes) if nodes.is_empty() => out.push_str(" []\n"),
        Node::Mapping(entries) if entries.0.is_empty() => out.push_str(" {}\n"),
        Node::Mapping(entries) => {
            out.push('\n');
            mapping(out, entries, level);
        }
        Node::Sequence(nodes) => {
            out.push('\n');
            for value in nodes {
                indent(out, level);
                out.push('-');
                self::node(out, value, level + 1);
            }
        }
    }
}

fn indent(out: &mut String, level: usize) {
    out.extend(std::iter::repeat_n("  ", level));
}

fn scalar(out: &mut String, scalar: &Scalar) {
    let bare = if scalar.plain { is_plain(&scalar.text) } else { is_only_text(&scalar.text) };
    if bare {
        out.push_str(&scalar.text);
        return;
    }
    out.push('"');
    for c in scalar.text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            ' '..='~' => out.push(c),
            c if c.is_alphanumeric() => out.push(c),
            c => out.push_str(&format!("\\U{:08X}", u32::from(c))),
        }
    }
    out.push('"');
}

/// May a text that was plain be so again? All that is a number, a boolean, a date or null may; for what must
/// be text anyway, quotes change nothing.
fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let inner = |c: char| c.is_ascii_alphanumeric() || " +-._/~:=<".contains(c);
    let begins = first.is_ascii_alphanumeric()
        || "+._/~=<".contains(first)
        || (first == '-' && text[1..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.'));
    begins
        && text.chars().all(inner)
        && !text.contains(": ")
        && !text.ends_with([':', ' '])
        && !text.starts_with("...")
        && text != "<<"
}

/// Is a text without quotes nothing but text to every reader, of YAML 1.1 and 1.2?
fn is_only_text(text: &str) -> bool {
    const OTHERS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "true", "false"];
    is_plain(text)
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && !OTHERS.iter().chain(&["null"]).any(|word| word.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::*;

    fn read(text: &str) -> Result<Mapping, tree::Fault> {
        tree::read(text.as_bytes())
    }

    #[test]
    fn a_file_of_a_stock_client_is_written_as_it_was() {
        let text = "default-remote: srv\nremotes:\n  images:\n    addr: https://images.linuxcontainers.org\n    \
            protocol: simplestreams\n    public: true\n  srv:\n    addr: https://127.0.0.1:8443\n    \
            project: default\n    public: false\naliases: {}\n";
        assert_eq!(write(&read(text).unwrap()), text);
    }

    #[test]
    fn lists_and_nested_lists_come_back() {
        let text = "a:\n  - 1\n  -\n    - x\n    -\n      k: []\n  - {}\n";
        assert_eq!(write(&read(text).unwrap()), text);
        assert_eq!(write(&Mapping::default()), "{}\n");
    }

    #[test]
    fn the_longest_key_comes_back_however_it_is_escaped() {
        let tree = Mapping(vec![(Scalar::string(&"\u{7}".repeat(100)), Node::string("x"))]);
        assert_eq!(write(&read(&write(&tree)).unwrap()), write(&tree));
    }

    #[test]
    fn what_is_a_number_or_a_boolean_stays_one() {
        for plain in
            ["1", "-1", "+1.5e3", "0x1F", ".inf", "-.inf", "~", "null", "true", "Yes", "1_000", "12:30:45"]
                .into_iter()
                .chain(["2001-12-14", "2001-12-14 21:59:43.10 -5", "=", "a b", "<"])
        {
            assert_eq!(write(&read(&format!("k: {plain}\n")).unwrap()), format!("k: {plain}\n"));
        }
    }

    #[test]
    fn a_text_that_looks_like_something_else_is_quoted() {
        for text in [
            "",
            " ",
            "1",
            "-",
            "- a",
            "true",
            "NO",
            "null",
            "a: b",
            "a #b",
            "a:",
            "\u{85}",
            "[",
            "ö\t\r\n\u{0}",
            "\u{feff}",
        ] {
            let tree = Mapping(vec![(Scalar::string(text), Node::string(text))]);
            let written = write(&tree);
            assert!(written.starts_with('"'), "{written}");
            assert_eq!(read(&written).unwrap(), tree, "{written}");
        }
    }
}
