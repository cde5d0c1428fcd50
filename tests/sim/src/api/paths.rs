use std::fmt::Write;

use crate::world::World;

/// A segment of a path, encoded as the daemons do it: not all that could be left is left.
fn escaped(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(byte.into()),
            b'-' | b'_' | b'.' | b'~' | b'$' | b'&' | b'+' | b'=' | b':' | b'@' => out.push(byte.into()),
            // Writing to a text cannot fail.
            _ => _ = write!(out, "%{byte:02X}"),
        }
    }
}

impl World {
    /// The path of a resource: `/1.0` and these segments. LXD encodes them twice.
    pub(crate) fn path(&self, segments: &[&str]) -> String {
        let mut path = "/1.0".to_owned();
        for segment in segments {
            path.push('/');
            let start = path.len();
            escaped(segment, &mut path);
            if self.is_lxd() && path[start..].contains('%') {
                let once = path.split_off(start);
                escaped(&once, &mut path);
            }
        }
        path
    }

    /// The URL of a resource in a project, as lists of what uses something tell it.
    pub(crate) fn url_in(&self, project: &str, segments: &[&str]) -> String {
        self.in_project(self.path(segments), project)
    }

    /// A path, and the project that it is in.
    pub(crate) fn in_project(&self, mut path: String, project: &str) -> String {
        if project != "default" {
            path.push_str("?project=");
            escaped(project, &mut path);
        }
        path
    }

    /// The URL of a resource that an operation works on. LXD leaves the project out.
    pub(crate) fn resource(&self, project: &str, segments: &[&str]) -> String {
        if self.is_lxd() { self.path(segments) } else { self.url_in(project, segments) }
    }
}

#[cfg(test)]
mod tests {
    use crate::Setup;
    use crate::world::World;

    #[test]
    fn names_in_paths() {
        let (lxd, incus) = (World::new(Setup::lxd()), World::new(Setup::incus()));
        let name = ["images", "aliases", "a/ü b+c"];
        assert_eq!(incus.path(&name), "/1.0/images/aliases/a%2F%C3%BC%20b+c");
        assert_eq!(lxd.path(&name), "/1.0/images/aliases/a%252F%25C3%25BC%2520b+c");
        assert_eq!(incus.url_in("p", &["profiles", "x"]), "/1.0/profiles/x?project=p");
        assert_eq!(lxd.resource("p", &["images", "x"]), "/1.0/images/x");
    }
}
