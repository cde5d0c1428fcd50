//! The head of a response: where it ends, its fields, and what it says about the body and the connection.

use std::mem::MaybeUninit;
use std::ops::Range;

use http::StatusCode;

use super::WireError;
use crate::bytes::Limits;

/// Where a field stands in the head's bytes.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: Range<usize>,
    pub(super) value: Range<usize>,
}

/// How the end of a body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

/// What a head says, besides its fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadFacts {
    pub(super) status: StatusCode,
    pub(super) framing: Framing,
    pub(super) keep_alive: bool,
    pub(super) json: bool,
}

/// Most fields that a head may have, whatever the limits say.
const MOST_FIELDS: usize = 128;

/// Where the head ends: behind its first empty line. `from` is where the last search stopped.
pub(super) fn end_of_head(data: &[u8], from: usize) -> Option<usize> {
    // An empty line that straddles `from` starts at most three bytes before it.
    let start = from.saturating_sub(3);
    memchr::memchr_iter(b'\n', &data[start..]).find_map(|at| match data[start + at + 1..] {
        [b'\n', ..] => Some(start + at + 2),
        [b'\r', b'\n', ..] => Some(start + at + 3),
        _ => None,
    })
}

/// Whether these bytes can be the start of an HTTP/1 response.
pub(super) fn looks_like_http(data: &[u8]) -> bool {
    const START: &[u8] = b"HTTP/1.";
    let common = data.len().min(START.len());
    data[..common] == START[..common]
}

/// Parses a whole head. Field positions go to `fields`, which is emptied first.
pub(super) fn parse(head: &[u8], fields: &mut Vec<Field>, limits: &Limits) -> Result<HeadFacts, WireError> {
    fields.clear();
    let mut room = [const { MaybeUninit::uninit() }; MOST_FIELDS];
    let most = limits.fields.min(MOST_FIELDS);
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default()
        .parse_response_with_uninit_headers(&mut response, head, &mut room[..most])
        .map_err(|error| WireError::BadHead {
            what: match error {
                httparse::Error::TooManyHeaders => "it has too many fields",
                httparse::Error::HeaderName => "a field name is malformed",
                httparse::Error::HeaderValue => "a field value is malformed",
                httparse::Error::Version => "the version is not HTTP/1",
                httparse::Error::Status => "the status is no number",
                _ => "the status line is malformed",
            },
        })?;
    if parsed.is_partial() {
        return Err(WireError::BadHead { what: "it ends too early" });
    }
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or(WireError::BadHead { what: "the status is out of range" })?;
    let old = response.version == Some(0);

    let mut length = None;
    let mut chunked = false;
    let mut coded = false;
    let mut keep_alive = !old;
    let mut json = false;
    for header in response.headers.iter() {
        fields.push(Field { name: place(head, header.name.as_bytes()), value: place(head, header.value) });
        match header.name.len() {
            14 if header.name.eq_ignore_ascii_case("content-length") => {
                let given = parse_length(header.value)?;
                if length.is_some_and(|known| known != given) {
                    return Err(WireError::ConflictingLengths);
                }
                length = Some(given);
            }
            17 if header.name.eq_ignore_ascii_case("transfer-encoding") => {
                coded = true;
                // Only one coding, given once: anything else would make two readings of the same bytes.
                if chunked || !header.value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                    return Err(WireError::UnknownCoding);
                }
                chunked = true;
            }
            10 if header.name.eq_ignore_ascii_case("connection") => {
                for token in header.value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                    if token.eq_ignore_ascii_case(b"close") {
                        keep_alive = false;
                    } else if token.eq_ignore_ascii_case(b"keep-alive") && old {
                        keep_alive = true;
                    }
                }
            }
            12 if header.name.eq_ignore_ascii_case("content-type") => {
                let media = header.value.split(|byte| *byte == b';').next().unwrap_or_default();
                json = media.trim_ascii().eq_ignore_ascii_case(b"application/json");
            }
            _ => {}
        }
    }
    if coded && length.is_some() {
        return Err(WireError::ConflictingLengths);
    }
    let framing = match length {
        _ if chunked => Framing::Chunked,
        Some(length) => Framing::Length(length),
        None => Framing::UntilClose,
    };
    Ok(HeadFacts { status, framing, keep_alive, json })
}

/// `Content-Length: 5`, or the same number several times (RFC 9110, 8.6).
fn parse_length(value: &[u8]) -> Result<u64, WireError> {
    let mut found = None;
    for part in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        let digits = !part.is_empty() && part.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(part).ok().filter(|_| digits).and_then(|text| text.parse().ok());
        let number = number.ok_or(WireError::BadLength)?;
        if found.is_some_and(|known| known != number) {
            return Err(WireError::ConflictingLengths);
        }
        found = Some(number);
    }
    found.ok_or(WireError::BadLength)
}

/// Where `part`, a slice of `whole`, lies in it.
fn place(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len());
    start..(start + part.len()).min(whole.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(head: &str) -> Result<HeadFacts, WireError> {
        parse(head.as_bytes(), &mut Vec::new(), &Limits::DEFAULT)
    }

    #[test]
    fn the_empty_line_is_found_across_cuts() {
        let head = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nrest";
        let end = head.len() - 4;
        for cut in 0..end {
            assert_eq!(end_of_head(&head[..cut], 0), None, "{cut}");
            assert_eq!(end_of_head(head, cut), Some(end), "{cut}");
        }
        assert_eq!(end_of_head(b"HTTP/1.1 200 OK\n\n", 0), Some(17));
    }

    #[test]
    fn lengths_must_agree() {
        let with =
            |fields: &str| facts(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n")).map(|facts| facts.framing);
        assert_eq!(with("Content-Length: 5"), Ok(Framing::Length(5)));
        assert_eq!(with("Content-Length: 5, 5"), Ok(Framing::Length(5)));
        assert_eq!(with("Content-Length: 5\r\ncontent-length: 5"), Ok(Framing::Length(5)));
        assert_eq!(with("Content-Length: 5\r\nContent-Length: 6"), Err(WireError::ConflictingLengths));
        assert_eq!(with("Content-Length: 5, 6"), Err(WireError::ConflictingLengths));
        assert_eq!(
            with("Content-Length: 5\r\nTransfer-Encoding: chunked"),
            Err(WireError::ConflictingLengths)
        );
        assert_eq!(with("Content-Length: +5"), Err(WireError::BadLength));
        assert_eq!(with("Content-Length: 99999999999999999999"), Err(WireError::BadLength));
        assert_eq!(with("Transfer-Encoding: gzip"), Err(WireError::UnknownCoding));
        assert_eq!(
            with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
            Err(WireError::UnknownCoding)
        );
        assert_eq!(with("Transfer-Encoding: Chunked"), Ok(Framing::Chunked));
        assert_eq!(with("A: b"), Ok(Framing::UntilClose));
    }

    #[test]
    fn the_connection_field_decides_with_the_version() {
        let keeps = |head: &str| facts(head).unwrap().keep_alive;
        assert!(keeps("HTTP/1.1 200 OK\r\n\r\n"));
        assert!(!keeps("HTTP/1.1 200 OK\r\nConnection: foo, Close\r\n\r\n"));
        assert!(!keeps("HTTP/1.0 200 OK\r\n\r\n"));
        assert!(keeps("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n"));
    }

    #[test]
    fn malformed_heads_are_typed() {
        assert!(matches!(facts("HTTP/1.1 abc\r\n\r\n"), Err(WireError::BadHead { .. })));
        assert!(matches!(facts("HTTP/1.1 099 Low\r\n\r\n"), Err(WireError::BadHead { .. })));
        assert!(matches!(facts("HTTP/1.1 200 OK\r\nA b\r\n\r\n"), Err(WireError::BadHead { .. })));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(65));
        assert_eq!(facts(&many).unwrap_err(), WireError::BadHead { what: "it has too many fields" });
    }

    #[test]
    fn anything_but_http_shows_at_its_first_bytes() {
        assert!(looks_like_http(b"") && looks_like_http(b"HTT") && looks_like_http(b"HTTP/1.1 200"));
        assert!(!looks_like_http(b"SSH-2.0") && !looks_like_http(b"HTTP/2") && !looks_like_http(b"h"));
    }
}
