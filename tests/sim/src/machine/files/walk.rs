use super::Errno;
use super::tree::{Files, Inode, Kind, ROOT};

/// As many links are followed on one way.
const LINKS: usize = 40;
/// As long may a name be, in bytes.
const NAME: usize = 255;

/// Whether a link at the end of a path is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    /// To where it points.
    Follow,
    /// The link itself is meant.
    Keep,
}

/// Where a path leads: a directory and a name in it, whether or not something has that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) parent: Inode,
    /// Empty for the root, and for a path that ends in `.` or `..`.
    pub(crate) name: Vec<u8>,
    pub(crate) found: Option<Inode>,
    /// The whole path, without links, dots and doubled slashes.
    pub(crate) path: Vec<u8>,
}

impl Files {
    /// Walks from the root along `path`. `..` does not leave the root.
    pub(crate) fn walk(&self, path: &[u8], last: Last) -> Result<Place, Errno> {
        if path.contains(&0) {
            return Err(Errno::Invalid);
        }
        let mut way = vec![(ROOT, Vec::new())];
        let mut todo = parts(path);
        let mut links = 0;
        while let Some(name) = todo.pop() {
            let here = way[way.len() - 1].0;
            let Kind::Directory(entries) = &self.node(here).ok_or(Errno::NotFound)?.kind else {
                return Err(Errno::NotDirectory);
            };
            if name == b"." {
                continue;
            }
            if name == b".." {
                way.truncate((way.len() - 1).max(1));
                continue;
            }
            if name.len() > NAME {
                return Err(Errno::TooLong);
            }
            let Some(&found) = entries.get(&name) else {
                // A slash at the end does not matter where a directory is to be made.
                return if todo.iter().all(|it| it == b".") {
                    Ok(Place { parent: here, path: join(&way, &name), name, found: None })
                } else {
                    Err(Errno::NotFound)
                };
            };
            match &self.node(found).ok_or(Errno::NotFound)?.kind {
                Kind::Symlink(target) if !todo.is_empty() || last == Last::Follow => {
                    links += 1;
                    if links > LINKS {
                        return Err(Errno::Loop);
                    }
                    if target.first() == Some(&b'/') {
                        way.truncate(1);
                    }
                    todo.extend(parts(target));
                }
                _ if todo.is_empty() => {
                    return Ok(Place { parent: here, path: join(&way, &name), name, found: Some(found) });
                }
                _ => way.push((found, name)),
            }
        }
        let found = Some(way[way.len() - 1].0);
        let path = join(&way[..way.len() - 1], &way[way.len() - 1].1);
        Ok(Place { parent: way[way.len().saturating_sub(2)].0, name: Vec::new(), found, path })
    }

    /// The inode that a path leads to.
    pub(crate) fn find(&self, path: &[u8], last: Last) -> Result<Inode, Errno> {
        self.walk(path, last)?.found.ok_or(Errno::NotFound)
    }
}

fn join(way: &[(Inode, Vec<u8>)], name: &[u8]) -> Vec<u8> {
    let names = way.iter().map(|it| it.1.as_slice()).chain([name]).filter(|it| !it.is_empty());
    let path = names.flat_map(|it| [b"/".as_slice(), it]).collect::<Vec<_>>().concat();
    if path.is_empty() { b"/".to_vec() } else { path }
}

/// The names of a path, the first at the end. A slash at the end is a `.`: what is before it must be a
/// directory.
fn parts(path: &[u8]) -> Vec<Vec<u8>> {
    let mut parts: Vec<_> =
        path.split(|it| *it == b'/').filter(|it| !it.is_empty()).map(<[u8]>::to_vec).collect();
    if path.ends_with(b"/") && !parts.is_empty() {
        parts.push(b".".to_vec());
    }
    parts.reverse();
    parts
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::Owner;
    use super::*;

    #[test]
    fn ways() {
        let now = Timestamp::UNIX_EPOCH;
        let mut files = Files::default();
        let directory = |files: &mut Files, path: &[u8]| {
            files.create(path, Kind::Directory(Default::default()), Owner::root(0o755), now).unwrap()
        };
        let link = |files: &mut Files, path: &[u8], to: &[u8]| {
            files.create(path, Kind::Symlink(to.to_vec()), Owner::root(0o777), now).unwrap()
        };
        directory(&mut files, b"/a");
        let b = directory(&mut files, b"/a/b/");
        let up = link(&mut files, b"/a/up", b"../a/b");
        link(&mut files, b"/a/b/root", b"/");
        link(&mut files, b"/loop", b"loop");
        link(&mut files, b"/none", b"a/new");
        let file = files.create(b"/a/file", Kind::File(Default::default()), Owner::root(0o644), now).unwrap();
        for path in ["/a/b", "a//b/", "/../../a/./b", "/a/b/../b", "/a/up/", "/a/up/.", "/a/b/root/a/up/"] {
            assert_eq!(files.find(path.as_bytes(), Last::Keep), Ok(b), "{path}");
        }
        assert_eq!(files.find(b"/a/up", Last::Keep), Ok(up));
        assert_eq!(files.find(b"/a/up", Last::Follow), Ok(b));
        assert_eq!(files.find(b"/a/up/../file", Last::Keep), Ok(file));
        assert_eq!(files.find(b"/", Last::Keep), Ok(ROOT));
        assert_eq!(files.find(b"/a/file/x", Last::Keep), Err(Errno::NotDirectory));
        assert_eq!(files.find(b"/a/file/", Last::Keep), Err(Errno::NotDirectory));
        assert_eq!(files.find(b"/a/no/x", Last::Keep), Err(Errno::NotFound));
        assert_eq!(files.find(b"/loop", Last::Follow), Err(Errno::Loop));
        assert!(files.find(b"/loop", Last::Keep).is_ok());
        assert_eq!(files.find(&[b'x'; 300], Last::Keep), Err(Errno::TooLong));
        // What a link points to can be made through the link.
        let place = files.walk(b"/none", Last::Follow).unwrap();
        assert_eq!((place.name.as_slice(), place.found), (&b"new"[..], None));
    }
}
