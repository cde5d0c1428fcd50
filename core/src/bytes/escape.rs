use std::fmt::Write;

/// Appends `text` as one path segment: everything but unreserved characters (RFC 3986) becomes `%XX`.
///
/// `/` is escaped too, so what is appended never spans two segments. `.` and `..` have no escaped form
/// that servers agree on: refuse them with [`check_name`](super::check_name) first.
pub fn push_segment(out: &mut String, text: &str) {
    push_escaped(out, text.as_bytes(), |b| {
        matches!(b, b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'*' | b'(' | b')' | b',' | b':' | b'@')
    });
}

/// Appends `value` as the value of a query parameter. Any byte may occur, also such that are no UTF-8.
pub fn push_query(out: &mut String, value: &[u8]) {
    push_escaped(out, value, |b| matches!(b, b'-' | b'.' | b'_' | b'~' | b'/' | b',' | b':' | b'@'));
}

fn push_escaped(out: &mut String, text: &[u8], plain: impl Fn(u8) -> bool) {
    out.reserve(text.len());
    for &byte in text {
        if byte.is_ascii_alphanumeric() || plain(byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(text: &str) -> String {
        let mut out = String::new();
        push_segment(&mut out, text);
        out
    }

    #[test]
    fn a_segment_stays_one_segment() {
        assert_eq!(segment("web-1"), "web-1");
        assert_eq!(segment("feat/a b"), "feat%2Fa%20b");
        assert_eq!(segment("a?b#c%d+é"), "a%3Fb%23c%25d%2B%C3%A9");
    }

    #[test]
    fn a_query_value_cannot_start_another_parameter() {
        let mut out = String::new();
        push_query(&mut out, b"/root/a+b&c=d \xff");
        assert_eq!(out, "/root/a%2Bb%26c%3Dd%20%FF");
    }
}
