use bytes::Bytes;

/// An image in two parts.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) metadata: Bytes,
    pub(super) rootfs: Bytes,
    /// What can be made of it, by the name of the second part.
    pub(super) kind: &'static str,
    /// That of the second part.
    pub(super) filename: String,
}

/// The boundary that a content type names, if it is one of parts.
pub(super) fn boundary(kind: &str) -> Option<String> {
    let (kind, parameters) = kind.split_once(';').unwrap_or((kind, ""));
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    Some(parameter(parameters, "boundary").unwrap_or_default())
}

/// A parameter of a field: `name=value` or `name="value"`, between semicolons.
fn parameter(text: &str, name: &str) -> Option<String> {
    let all = text.split(';').filter_map(|it| it.trim().split_once('='));
    let (_, value) = all.into_iter().find(|(it, _)| it.eq_ignore_ascii_case(name))?;
    Some(value.trim_matches('"').to_owned())
}

/// Takes the two parts out of a body.
pub(super) fn parts(body: &Bytes, boundary: &str) -> Result<Parts, String> {
    let mut rest = Rest { body: body.clone(), line: format!("--{boundary}").into_bytes() };
    let open = |at: Option<()>| at.ok_or_else(|| "multipart: NextPart: EOF".to_owned());
    open(rest.open())?;
    let (head, metadata) = rest.part()?;
    if head.name != "metadata" {
        return Err("Invalid multipart image".into());
    }
    open(rest.next())?;
    let (head, rootfs) = rest.part()?;
    let kind = match head.name.as_str() {
        "rootfs" => "container",
        "rootfs.img" => "virtual-machine",
        _ => return Err("Invalid multipart image".into()),
    };
    Ok(Parts { metadata, rootfs, kind, filename: head.filename })
}

/// What was not looked at yet.
struct Rest {
    body: Bytes,
    /// What stands between parts.
    line: Vec<u8>,
}

#[derive(Debug, Default)]
struct Head {
    name: String,
    filename: String,
}

impl Rest {
    /// Goes behind the first boundary.
    fn open(&mut self) -> Option<()> {
        let at = find(&self.body, &self.line)?;
        self.body = self.body.slice(at + self.line.len()..);
        self.next()
    }

    /// After a boundary: whether another part follows.
    fn next(&mut self) -> Option<()> {
        if !self.body.starts_with(b"\r\n") {
            return None;
        }
        self.body = self.body.slice(2..);
        Some(())
    }

    /// A part, up to behind the boundary that ends it.
    fn part(&mut self) -> Result<(Head, Bytes), String> {
        let eof = || "unexpected EOF".to_owned();
        let end = find(&self.body, b"\r\n\r\n").ok_or_else(eof)?;
        let mut head = Head::default();
        for line in String::from_utf8_lossy(&self.body[..end]).lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            if name.eq_ignore_ascii_case("content-disposition") {
                head.name = parameter(value, "name").unwrap_or_default();
                head.filename = parameter(value, "filename").unwrap_or_default();
            }
        }
        self.body = self.body.slice(end + 4..);
        let line = [b"\r\n", self.line.as_slice()].concat();
        let end = find(&self.body, &line).ok_or_else(eof)?;
        let content = self.body.slice(..end);
        self.body = self.body.slice(end + line.len()..);
        Ok((head, content))
    }
}

/// Where `wanted` stands first. Boundaries begin with a rare byte, so most of the body is passed over by it.
fn find(body: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut at = 0;
    while let Some(next) = body[at..].iter().position(|it| *it == first) {
        at += next;
        if body[at..].starts_with(wanted) {
            return Some(at);
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(first: &str, second: &str) -> Bytes {
        let part = |name: &str, content: &str| {
            format!(
                "--b0\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"f {name}\"\r\nContent-Type: application/octet-stream\r\n\r\n{content}\r\n"
            )
        };
        Bytes::from(part(first, "one\r\n--b") + &part(second, "") + "--b0--\r\n")
    }

    #[test]
    fn two_parts_in_order() {
        let it = parts(&body("metadata", "rootfs.img"), "b0").unwrap();
        assert_eq!((&it.metadata[..], &it.rootfs[..]), (&b"one\r\n--b"[..], &b""[..]));
        assert_eq!((it.kind, it.filename.as_str()), ("virtual-machine", "f rootfs.img"));
        for (first, second) in [("rootfs", "metadata"), ("metadata", "other")] {
            assert_eq!(parts(&body(first, second), "b0").unwrap_err(), "Invalid multipart image");
        }
        assert!(parts(&Bytes::from_static(b"x"), "b0").is_err());
    }

    #[test]
    fn any_cut_is_an_error() {
        let whole = body("metadata", "rootfs");
        for cut in 0..whole.len() - b"--\r\n".len() {
            assert!(parts(&whole.slice(..cut), "b0").is_err(), "{cut}");
        }
    }

    #[test]
    fn boundaries() {
        assert_eq!(boundary("multipart/form-data; boundary=\"a b\"").as_deref(), Some("a b"));
        assert_eq!(boundary("application/octet-stream"), None);
    }
}
