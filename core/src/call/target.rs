use crate::bytes::{check_name, push_query, push_segment};
use crate::call::CallError;

/// The path and query of a request. Names go in as names and come out escaped, each in one segment; the
/// first one that cannot is kept as the error of the whole.
#[derive(Clone)]
pub struct Target {
    text: String,
    asks: bool,
    fault: Option<CallError>,
}

impl Target {
    /// Starts at a path of the API's own, such as `/1.0/instances`. It is taken as it is.
    #[must_use]
    pub fn at(path: &str) -> Self {
        let mut text = String::with_capacity(path.len() + 48);
        text.push_str(path);
        Self { text, asks: path.contains('?'), fault: None }
    }

    /// Starts at a path that somebody else made: the server in an answer, or a user of the raw calls.
    /// It must begin with `/` and hold visible ASCII only, no `#`, and no `.` or `..` segment.
    #[must_use]
    pub fn foreign(path: &str) -> Self {
        let mut target = Self::at(path);
        let what = if !path.starts_with('/') || path.starts_with("//") {
            Some("it does not begin with one slash")
        } else if path.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'#') {
            Some("it holds a character that must be escaped")
        } else if path.split('?').next().unwrap_or_default().split('/').any(is_dots) {
            Some("it holds a . or .. segment")
        } else {
            None
        };
        if let Some(what) = what {
            target.fault = Some(CallError::BadPath { path: path.into(), what });
        }
        target
    }

    /// Adds a fixed segment of the API, such as `state`.
    #[must_use]
    pub fn then(mut self, segment: &str) -> Self {
        self.begin_segment();
        self.text.push_str(segment);
        self
    }

    /// Adds the name of a `kind` as one segment.
    #[must_use]
    pub fn name(mut self, kind: &'static str, name: &str) -> Self {
        if let Err(bad) = check_name(kind, name) {
            self.fault.get_or_insert(CallError::BadName(bad));
        }
        self.begin_segment();
        push_segment(&mut self.text, name);
        self
    }

    /// Adds a name that may hold any character but NUL, CR and LF, slashes too, as one segment: an image alias.
    #[must_use]
    pub fn free_name(mut self, kind: &'static str, name: &str) -> Self {
        // A slash is the one character that such names have beyond the others' and that stays harmless
        // when it is escaped; what remains is checked piece by piece.
        for piece in name.split('/') {
            if let Err(bad) = check_name(kind, piece) {
                self.fault.get_or_insert(CallError::BadName(bad));
            }
        }
        self.begin_segment();
        push_segment(&mut self.text, name);
        self
    }

    /// What follows a `?` would be no segment.
    fn begin_segment(&mut self) {
        if self.asks {
            let path = self.path().to_owned();
            self.refuse(CallError::BadPath { path, what: "its query comes before its end" });
        }
        self.text.push('/');
    }

    /// Adds a query parameter. The value may be any text.
    #[must_use]
    pub fn query(mut self, key: &str, value: &str) -> Self {
        self.push_query(key, value.as_bytes());
        self
    }

    /// Adds a query parameter whose value is any bytes: file names inside an instance need not be UTF-8.
    pub fn push_query(&mut self, key: &str, value: &[u8]) {
        self.text.push(if self.asks { '&' } else { '?' });
        self.asks = true;
        push_query(&mut self.text, key.as_bytes());
        self.text.push('=');
        push_query(&mut self.text, value);
    }

    /// Keeps `error` as the error of the whole, unless there is one already.
    pub fn refuse(&mut self, error: CallError) {
        self.fault.get_or_insert(error);
    }

    /// Adds a query parameter whose value is escaped already, as [`query_value`](Self::query_value) gives it.
    #[must_use]
    pub(crate) fn query_escaped(mut self, key: &str, value: &str) -> Self {
        self.push_query(key, b"");
        self.text.push_str(value);
        self
    }

    /// The value of a query parameter, as it is escaped.
    #[must_use]
    pub fn query_value(&self, key: &str) -> Option<&str> {
        // Asked of every request, and most have no query.
        let (_, query) = self.asks.then(|| self.text.split_once('?'))??;
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// Whether the query has a parameter of that name.
    #[must_use]
    pub fn has_query(&self, key: &str) -> bool {
        self.query_value(key).is_some()
    }

    /// The path, without the query; safe to show.
    #[must_use]
    pub fn path(&self) -> &str {
        self.text.split('?').next().unwrap_or_default()
    }

    /// Path and query as they are sent.
    ///
    /// # Errors
    /// The first name or path that was refused.
    pub fn text(&self) -> Result<&str, CallError> {
        match &self.fault {
            Some(fault) => Err(fault.clone()),
            None => Ok(&self.text),
        }
    }
}

/// Shows the path alone: a query may hold a secret.
impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target")
            .field("path", &self.path())
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}

/// Whether a segment means "here" or "one up", escaped or not.
fn is_dots(segment: &str) -> bool {
    let plain = segment.replace("%2e", ".").replace("%2E", ".");
    plain == "." || plain == ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_segment() {
        let target =
            Target::at("/1.0/instances").name("instance", "a b").then("state").query("project", "x&y");
        assert_eq!(target.text().unwrap(), "/1.0/instances/a%20b/state?project=x%26y");
        assert_eq!(target.path(), "/1.0/instances/a%20b/state");
        assert!(target.has_query("project") && !target.has_query("state"));
        let alias = Target::at("/1.0/images/aliases").free_name("image alias", "feat/a b");
        assert_eq!(alias.text().unwrap(), "/1.0/images/aliases/feat%2Fa%20b");
    }

    #[test]
    fn bad_names_are_the_error_of_the_whole() {
        for bad in ["", ".", "..", "a/b", "a?b", "a#b", "a%2fb", "a\0b", "a\rb", "a\nb"] {
            let target = Target::at("/1.0/instances").name("instance", bad).then("state");
            assert!(matches!(target.text(), Err(CallError::BadName(_))), "{bad:?}");
        }
        for bad in ["", "/", "a/", "../x", "a/../b", "a\nb"] {
            assert!(
                Target::at("/1.0/images/aliases").free_name("image alias", bad).text().is_err(),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn no_segment_follows_a_query() {
        let asks = || Target::foreign("/1.0/x?a=b");
        for target in [asks().then("c"), asks().name("segment", "c"), asks().free_name("resource", "c")] {
            assert!(matches!(target.text(), Err(CallError::BadPath { .. })));
        }
    }

    #[test]
    fn foreign_paths_are_checked() {
        assert!(Target::foreign("/1.0/operations/x?project=p").has_query("project"));
        assert_eq!(Target::foreign("/1.0/x?a=b").query("c", "d").text().unwrap(), "/1.0/x?a=b&c=d");
        for bad in ["", "1.0", "//host/x", "/1.0/../x", "/1.0/%2e%2E/x", "/a b", "/a\r\n", "/a#b", "/\u{e9}"]
        {
            assert!(matches!(Target::foreign(bad).text(), Err(CallError::BadPath { .. })), "{bad:?}");
        }
    }
}
