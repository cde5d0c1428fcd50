use bytes::Bytes;

use crate::Peer;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
    /// One that no path knows.
    Other,
}

impl Method {
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            _ => Self::Other,
        }
    }
}

/// A request. Its body is empty until all of it has come.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Method and target as they came.
    pub(crate) line: String,
    /// The segments of the path, decoded: `["1.0", "instances", "web"]`.
    pub(crate) path: Vec<String>,
    /// The names and values of the query, decoded.
    pub(crate) query: Vec<(String, Vec<u8>)>,
    /// Names in lower case, and values.
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) body: Bytes,
    /// The body came in chunks, or its length was said.
    pub(crate) has_body: bool,
    /// Speaks HTTP/1.0.
    pub(crate) old: bool,
    /// Who has sent it.
    pub(crate) peer: Peer,
}

impl Request {
    pub(crate) fn new(method: &str, target: &str, fields: Vec<(String, Vec<u8>)>) -> Self {
        // An absolute form has a scheme and a host before the path.
        let local = match target.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
            None => target,
        };
        let (path, query) = local.split_once('?').unwrap_or((local, ""));
        let path = path.strip_prefix('/').unwrap_or(path);
        Self {
            method: Method::named(method),
            line: format!("{method} {target}"),
            path: path
                .split('/')
                .map(|it| String::from_utf8_lossy(&decoded(it, false)).into_owned())
                .collect(),
            query: query
                .split('&')
                .filter(|it| !it.is_empty())
                .map(|it| {
                    let (name, value) = it.split_once('=').unwrap_or((it, ""));
                    (String::from_utf8_lossy(&decoded(name, true)).into_owned(), decoded(value, true))
                })
                .collect(),
            fields,
            body: Bytes::new(),
            has_body: false,
            old: false,
            peer: Peer::Local,
        }
    }

    /// The value of a header field, by its name in lower case.
    pub(crate) fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_slice())
    }

    /// The text of a header field.
    pub(crate) fn field_text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.field(name)?).ok()
    }

    /// A parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<&[u8]> {
        self.query.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_slice())
    }

    /// The text of a parameter, empty if there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.parameter(name).and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default()
    }

    /// How deep a list is to be: what is no number is 0, as the daemons have it.
    pub(crate) fn recursion(&self) -> i64 {
        self.text("recursion").parse().unwrap_or_default()
    }

    /// The project that the request is in.
    pub(crate) fn project(&self) -> &str {
        Some(self.text("project")).filter(|it| !it.is_empty()).unwrap_or("default")
    }
}

/// Percent decoding; with `plus`, a plus is a space. What is badly encoded stays as it is.
pub(crate) fn decoded(text: &str, plus: bool) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
                continue;
            }
            (b'+', _, _) if plus => out.push(b' '),
            _ => out.push(*byte),
        }
        at += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_taken_apart() {
        let it = Request::new("GET", "/1.0/images/aliases/a%2Fb%20c?path=%FF+x%2B&recursion=1&odd", vec![]);
        assert_eq!(it.path, ["1.0", "images", "aliases", "a/b c"]);
        assert_eq!(it.parameter("path"), Some(&b"\xff x+"[..]));
        assert_eq!((it.recursion(), it.project(), it.parameter("odd")), (1, "default", Some(&b""[..])));
        assert_eq!(Request::new("GET", "http://host/1.0", vec![]).path, ["1.0"]);
        assert_eq!(decoded("%4", false), b"%4");
    }
}
