//! URLs inside answers: of lists, of `used_by`, of the resources of an operation.

use std::borrow::Cow;
use std::fmt;

use super::text::text;

text! {
    /// A URL that points to something on the server, such as `/1.0/instances/web?project=shop`.
    ///
    /// It is read on demand and never refused: what is no URL has no segments. Names in it are decoded.
    ///
    /// LXD 5.0.2 encodes the names of image aliases twice (`/1.0/images/aliases/feat%252Fa%2520b`), all
    /// others once; [`name`](Reference::name) undoes both. That cannot be told from an alias whose name
    /// itself holds an escape (`a%20b`), so [`name_once`](Reference::name_once) is there as well.
    Reference,
}

impl Reference {
    /// The path, without scheme, host, query and fragment.
    #[must_use]
    pub fn path(&self) -> &str {
        let text = self.as_str();
        let text = match text.split_once("://") {
            // What has a `/` before the `://` is a path that holds one.
            Some((scheme, rest)) if !scheme.contains(['/', '?', '#']) => {
                &rest[rest.find('/').unwrap_or(rest.len())..]
            }
            _ => text,
        };
        &text[..text.find(['?', '#']).unwrap_or(text.len())]
    }

    /// The decoded segments of the path after the version `1.0`.
    pub fn segments(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let mut rest = self.path().trim_start_matches('/');
        if let Some((version, after)) = rest.split_once('/')
            && version.starts_with(|c: char| c.is_ascii_digit())
            && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        {
            rest = after;
        }
        rest.split('/').filter(|segment| !segment.is_empty()).map(decoded)
    }

    /// The words that say what is named, without the names: `instances`, `snapshots` for
    /// `/1.0/instances/c1/snapshots/s0`; `images`, `aliases` for an image alias; `storage-pools`,
    /// `volumes` for a volume.
    #[must_use]
    pub fn collection(&self) -> Vec<String> {
        self.split().0
    }

    /// The names in the path, outermost first: `c1`, `s0` for `/1.0/instances/c1/snapshots/s0`. For a
    /// volume: pool, type of volume, volume.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.split().1
    }

    /// The name of what is pointed to: the last segment, decoded, and decoded again if this is an image
    /// alias in the form of LXD 5.0.2.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        match self.alias() {
            Some(raw) if raw.contains("%25") => {
                let once = decode(raw);
                Cow::Owned(decode(&once).into_owned())
            }
            Some(raw) => decode(raw),
            None => self.last(),
        }
    }

    /// The name of what is pointed to, decoded once whatever it is.
    #[must_use]
    pub fn name_once(&self) -> Cow<'_, str> {
        self.alias().map_or_else(|| self.last(), decode)
    }

    /// The project that the URL names; servers leave out `default` in most places.
    #[must_use]
    pub fn project(&self) -> Option<Cow<'_, str>> {
        self.query("project")
    }

    /// The value of a query parameter, decoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        let (_, query) = self.as_str().split_once('?')?;
        let query = query.split('#').next()?;
        query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then(|| {
                if value.contains('+') {
                    Cow::Owned(decode(&value.replace('+', " ")).into_owned())
                } else {
                    decode(value)
                }
            })
        })
    }

    fn last(&self) -> Cow<'_, str> {
        self.path().rsplit('/').next().map(decode).unwrap_or_default()
    }

    /// The name in the URL of an image alias as it was sent. A `/` in it may be sent as it is.
    fn alias(&self) -> Option<&str> {
        let (before, name) = self.path().split_once("/images/aliases/")?;
        (before.trim_start_matches('/').split('/').count() == 1).then_some(name)
    }

    fn split(&self) -> (Vec<String>, Vec<String>) {
        let (mut words, mut names) = (Vec::new(), Vec::new());
        if self.alias().is_some() {
            return (vec!["images".into(), "aliases".into()], vec![self.name().into_owned()]);
        }
        let mut segments = self.segments().map(Cow::into_owned);
        while let Some(word) = segments.next() {
            let volume = word == "volumes";
            words.push(word);
            names.extend(segments.next());
            if volume {
                names.extend(segments.next());
            }
        }
        (words, names)
    }
}

fn decoded(segment: &str) -> Cow<'_, str> {
    decode(segment)
}

/// Undoes percent escapes. What is no escape stays; what is no UTF-8 afterwards becomes U+FFFD.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let hex = |at: usize| {
        bytes
            .get(at)
            .and_then(|byte| char::from(*byte).to_digit(16))
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high << 4 | low);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// The place in a cluster where something is. Servers that are in none say `none`.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Location(Option<super::text::Name>);

impl Location {
    pub(crate) fn member(&self) -> Option<&super::text::Name> {
        self.0.as_ref()
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl super::field::Field for Location {
    fn read<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        super::field::read_text(from, |text| {
            Self(if matches!(text, "" | "none") { None } else { Some(text.into()) })
        })
    }
    fn write<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.as_deref().unwrap_or("none"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_instance_in_a_project() {
        let at = Reference::from("/1.0/instances/c1?project=my+shop%21&x");
        assert_eq!(at.name(), "c1");
        assert_eq!(at.project().as_deref(), Some("my shop!"));
        assert_eq!(at.query("x").as_deref(), Some(""));
        assert_eq!(at.query("target"), None);
        assert_eq!((at.collection(), at.names()), (vec!["instances".to_owned()], vec!["c1".to_owned()]));
        assert_eq!(Reference::from("/1.0/instances/c1").project(), None);
    }

    #[test]
    fn what_is_inside_another_thing() {
        let at = Reference::from("/1.0/instances/c1/snapshots/s%20%2F0?project=p");
        assert_eq!(at.collection(), ["instances", "snapshots"]);
        assert_eq!(at.names(), ["c1", "s /0"]);
        assert_eq!(at.name(), "s /0");
        let at = Reference::from("/1.0/storage-pools/default/volumes/custom/v1/snapshots/s0");
        assert_eq!(at.collection(), ["storage-pools", "volumes", "snapshots"]);
        assert_eq!(at.names(), ["default", "custom", "v1", "s0"]);
        // As LXD 5.0.2 names a backup in the resources of its operation.
        assert_eq!(Reference::from("/1.0/backups/b0").names(), ["b0"]);
    }

    #[test]
    fn aliases_encoded_once_and_twice_have_the_same_name() {
        for url in [
            "/1.0/images/aliases/pf%2Falias%20x",
            "/1.0/images/aliases/pf%252Falias%2520x?project=q",
            "/1.0/images/aliases/pf/alias%20x",
            "https://h:8443/1.0/images/aliases/pf%252Falias%2520x",
        ] {
            let at = Reference::from(url);
            assert_eq!(at.name(), "pf/alias x", "{url}");
            assert_eq!(at.collection(), ["images", "aliases"]);
            assert_eq!(at.names(), ["pf/alias x"]);
        }
        assert_eq!(Reference::from("/1.0/images/aliases/100%25").name(), "100%");
        assert_eq!(Reference::from("/1.0/images/aliases/a%2520b").name_once(), "a%20b");
        // Only aliases are encoded twice.
        assert_eq!(Reference::from("/1.0/network-acls/a%2520b").name(), "a%20b");
    }

    #[test]
    fn absolute_urls_and_odd_paths() {
        let at = Reference::from("https://[::1]:8443/1.0/operations/x?project=y#z");
        assert_eq!(at.path(), "/1.0/operations/x");
        assert_eq!(at.project().as_deref(), Some("y"));
        assert_eq!(at.segments().collect::<Vec<_>>(), ["operations", "x"]);
        assert_eq!(Reference::from("https://h").path(), "");
        assert_eq!(Reference::from("/1.0/x?u=https://h/1").path(), "/1.0/x");
        assert_eq!(Reference::from("").segments().count(), 0);
        assert_eq!(Reference::from("").name(), "");
        assert_eq!(Reference::from("/1.0/x/%FF%zz%4").name(), "\u{fffd}%zz%4");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "([/?#&=%:+.é]|[0-9a-f]{2}|1\\.0|images/aliases|volumes|://){0,20}") {
            let at = Reference::from(text);
            let _ = (at.path(), at.segments().count(), at.collection(), at.names(), at.name(), at.name_once(), at.project());
        }

        #[test]
        fn a_name_that_was_escaped_comes_back(name in "[^\\x00]{1,12}") {
            let mut url = String::from("/1.0/profiles/");
            crate::bytes::push_segment(&mut url, &name);
            let at = Reference::from(url);
            prop_assert_eq!(at.name(), name);
        }
    }
}
