use bytes::Bytes;
use jiff::Timestamp;
use jiff::fmt::rfc2822;

use crate::http::{Body, Request};

/// Answers with bytes as the daemons' web server does with a file: all of them, a range of them, or nothing
/// when the client has them already.
pub(crate) fn serve(
    request: &Request,
    mut fields: Vec<(String, Vec<u8>)>,
    pieces: Vec<Bytes>,
    modified: Timestamp,
) -> Body {
    let length: u64 = pieces.iter().map(|it| it.len() as u64).sum();
    let date = modified.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    fields.push(("Last-Modified".into(), date.into_bytes()));
    if is_known(request, modified) {
        return Body { status: 304, fields, head_only: Some(None), ..Body::default() };
    }
    fields.push(("Accept-Ranges".into(), b"bytes".to_vec()));
    let kind = "application/octet-stream".to_owned();
    let whole =
        |fields| Body { status: 200, kind: kind.clone(), fields, pieces: pieces.clone(), ..Body::default() };
    let Some(range) = request.field_text("range") else { return whole(fields) };
    match span(range, length) {
        Some(Ok((from, to))) => {
            let range = format!("bytes {from}-{}/{length}", to - 1);
            fields.push(("Content-Range".into(), range.into_bytes()));
            Body { status: 206, kind, fields, pieces: cut(&pieces, from, to), ..Body::default() }
        }
        Some(Err(why)) => {
            fields.retain(|(name, _)| name != "Accept-Ranges");
            if why == BEYOND {
                fields.push(("Content-Range".into(), format!("bytes */{length}").into_bytes()));
            }
            fields.push(("X-Content-Type-Options".into(), b"nosniff".to_vec()));
            let (kind, pieces) = ("text/plain; charset=utf-8".into(), vec![Bytes::from(format!("{why}\n"))]);
            Body { status: 416, kind, fields, pieces, ..Body::default() }
        }
        None => whole(fields),
    }
}

const BEYOND: &str = "invalid range: failed to overlap";

/// Whether the client has these bytes, as it says, since they were modified. Times are told in seconds.
fn is_known(request: &Request, modified: Timestamp) -> bool {
    let since = request.field_text("if-modified-since").and_then(|it| rfc2822::parse(it).ok());
    since.is_some_and(|it| modified.as_second() <= it.timestamp().as_second())
}

/// The bytes that a range means: from, and up to. `None` when it asks for several: all are given then.
fn span(range: &str, length: u64) -> Option<Result<(u64, u64), &'static str>> {
    const BAD: &str = "invalid range";
    let Some(range) = range.strip_prefix("bytes=") else { return Some(Err(BAD)) };
    if range.contains(',') {
        return None;
    }
    let Some((from, to)) = range.trim().split_once('-') else { return Some(Err(BAD)) };
    let span = match (from.trim(), to.trim()) {
        ("", last) => match last.parse::<u64>() {
            Ok(last) => (length.saturating_sub(last), length),
            Err(_) => return Some(Err(BAD)),
        },
        (from, to) => {
            let to = if to.is_empty() { Ok(u64::MAX) } else { to.parse::<u64>() };
            match (from.parse::<u64>(), to) {
                (Ok(from), Ok(to)) if from <= to => (from, to.saturating_add(1).min(length)),
                _ => return Some(Err(BAD)),
            }
        }
    };
    Some(if span.0 < length { Ok(span) } else { Err(BEYOND) })
}

/// The bytes of `pieces` from here up to there.
fn cut(pieces: &[Bytes], from: u64, to: u64) -> Vec<Bytes> {
    let (mut at, mut out) = (0, Vec::new());
    for piece in pieces {
        let end = at + piece.len() as u64;
        let (low, high) = (from.clamp(at, end) - at, to.clamp(at, end) - at);
        if low < high {
            out.push(piece.slice(low as usize..high as usize));
        }
        at = end;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(name: &str, value: &str) -> Body {
        let request = Request::new("GET", "/", vec![(name.into(), value.into())]);
        let pieces = vec![Bytes::from_static(b"abc"), Bytes::from_static(b"defg")];
        serve(&request, Vec::new(), pieces, Timestamp::constant(1_704_067_200, 5))
    }

    #[test]
    fn ranges() {
        for (range, status, content) in [
            ("bytes=0-", 206, "abcdefg"),
            ("bytes=2-4", 206, "cde"),
            ("bytes=5-99", 206, "fg"),
            ("bytes=-2", 206, "fg"),
            ("bytes=3-3", 206, "d"),
            ("bytes=7-", 416, "invalid range: failed to overlap\n"),
            ("bytes=4-2", 416, "invalid range\n"),
            ("bytes=0-1,3-4", 200, "abcdefg"),
        ] {
            let body = get("range", range);
            let bytes: Vec<u8> = body.pieces.concat();
            assert_eq!((body.status, &bytes[..]), (status, content.as_bytes()), "{range}");
        }
    }

    #[test]
    fn what_the_client_has_is_not_sent() {
        let body = get("if-modified-since", "Mon, 01 Jan 2024 00:00:00 GMT");
        assert_eq!((body.status, body.pieces.len()), (304, 0));
        assert_eq!(get("if-modified-since", "Sun, 31 Dec 2023 23:59:59 GMT").status, 200);
        assert_eq!(get("if-modified-since", "yesterday").status, 200);
    }
}
