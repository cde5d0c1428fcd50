/// Whether a text matches a pattern of `*`, `?`, `[...]` and backslashes.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    // Behind the last star, and what it has swallowed.
    let mut star: Option<(usize, usize)> = None;
    loop {
        if pattern.get(at) == Some(&b'*') {
            at += 1;
            star = Some((at, seen));
            continue;
        }
        let matched = match text.get(seen) {
            None if at >= pattern.len() => return true,
            None => return false,
            Some(byte) => one(&pattern[at..], *byte),
        };
        match (matched, &mut star) {
            (Some(length), _) => {
                at += length;
                seen += 1;
            }
            (None, Some((behind, swallowed))) => {
                *swallowed += 1;
                (at, seen) = (*behind, *swallowed);
            }
            (None, None) => return false,
        }
    }
}

/// The length of the front of the pattern, if a byte matches it.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match *pattern.first()? {
        b'?' => Some(1),
        b'\\' if pattern.len() > 1 => (pattern[1] == byte).then_some(2),
        b'[' => match set(pattern, byte) {
            Some((length, inside)) => inside.then_some(length),
            None => (byte == b'[').then_some(1),
        },
        other => (other == byte).then_some(1),
    }
}

/// The length of a `[...]` at the front, and whether the byte is in it; `None` if it has no end.
pub(crate) fn set(pattern: &[u8], byte: u8) -> Option<(usize, bool)> {
    let not = matches!(pattern.get(1), Some(b'!' | b'^'));
    let start = 1 + usize::from(not);
    let (mut at, mut inside) = (start, false);
    loop {
        let mut low = *pattern.get(at)?;
        if low == b']' && at > start {
            return Some((at + 1, inside != not));
        }
        if low == b'[' && pattern.get(at + 1) == Some(&b':') {
            let length = pattern[at + 2..].windows(2).position(|it| it == b":]")?;
            inside |= class(&pattern[at + 2..at + 2 + length], byte);
            at += length + 4;
            continue;
        }
        if low == b'\\' && pattern.get(at + 1).is_some() {
            at += 1;
            low = pattern[at];
        }
        at += 1;
        let mut high = low;
        if pattern.get(at) == Some(&b'-') && pattern.get(at + 1).is_some_and(|it| *it != b']') {
            at += 1;
            at += usize::from(pattern[at] == b'\\' && pattern.get(at + 1).is_some());
            high = pattern[at];
            at += 1;
        }
        inside |= (low..=high).contains(&byte);
    }
}

/// Whether a byte is of a class that has a name.
pub(crate) fn class(name: &[u8], byte: u8) -> bool {
    match name {
        b"alpha" => byte.is_ascii_alphabetic(),
        b"digit" => byte.is_ascii_digit(),
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"upper" => byte.is_ascii_uppercase(),
        b"lower" => byte.is_ascii_lowercase(),
        b"space" => byte.is_ascii_whitespace() || byte == 0x0b,
        b"blank" => byte == b' ' || byte == b'\t',
        b"punct" => byte.is_ascii_punctuation(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        b"print" => byte.is_ascii_graphic() || byte == b' ',
        b"graph" => byte.is_ascii_graphic(),
        b"cntrl" => byte.is_ascii_control(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("*.tar.*", "x.tar.gz", true),
            ("?", "", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]]", "]", true),
            ("[a", "[a", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("[[:digit:]]*", "7up", true),
            ("[[:]", ":", false),
            ("*a*a*a*b", &"a".repeat(2000), false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }
}
