use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use bytes::Bytes;
use jiff::Timestamp;
use tar::{Archive, Builder, EntryType, Header};

use super::{Content, Device, Files, Inode, Kind, Last, Owner};

/// As much is read at once.
const PIECE: usize = 256 << 10;

impl Files {
    /// Unpacks a tar archive into this. Directories that it does not name are made; what is there already is
    /// replaced, except directories.
    ///
    /// # Errors
    /// If it is no archive, ends too early, or does not fit.
    pub(crate) fn unpack(&mut self, archive: impl Read) -> io::Result<()> {
        let mut archive = Archive::new(archive);
        let mut directories = Vec::new();
        for entry in archive.entries()? {
            let mut entry = entry?;
            let path = entry.path_bytes().into_owned();
            let head = entry.header();
            let modified = i64::try_from(head.mtime()?).ok().and_then(|it| Timestamp::new(it, 0).ok());
            let modified = modified.unwrap_or_default();
            let owner =
                Owner { uid: head.uid()? as u32, gid: head.gid()? as u32, mode: head.mode()? & 0o7777 };
            let kind = head.entry_type();
            let link = entry.link_name_bytes().map(|it| it.into_owned()).unwrap_or_default();
            self.make_parents(&path, modified)?;
            let there =
                self.walk(&path, Last::Keep)?.found.and_then(|it| self.node(it).map(|node| (it, node)));
            if let Some((inode, node)) = there {
                if kind == EntryType::Directory && node.is_directory() {
                    self.set_owner(inode, owner)?;
                    directories.push((inode, modified));
                    continue;
                }
                self.remove(&path, modified)?;
            }
            let kind = match kind {
                EntryType::Directory => Kind::Directory(Default::default()),
                EntryType::Symlink => Kind::Symlink(link),
                EntryType::Link => {
                    self.link(&link, &path, modified)?;
                    continue;
                }
                EntryType::Char | EntryType::Block | EntryType::Fifo => Kind::Device(device(entry.header())),
                EntryType::Regular | EntryType::Continuous => Kind::File(content(&mut entry)?),
                EntryType::GNUSparse => {
                    return Err(io::Error::new(io::ErrorKind::Unsupported, "a file with holes"));
                }
                // Extensions: what they say is in the entry that they belong to.
                _ => continue,
            };
            let is_directory = matches!(kind, Kind::Directory(_));
            let inode = self.create(&path, kind, owner, modified)?;
            if is_directory {
                directories.push((inode, modified));
            }
        }
        // What was put into a directory has changed its time.
        directories.into_iter().try_for_each(|(inode, modified)| self.set_modified(inode, modified))?;
        Ok(())
    }

    fn make_parents(&mut self, path: &[u8], now: Timestamp) -> io::Result<()> {
        for (at, _) in path.iter().enumerate().filter(|(at, byte)| **byte == b'/' && *at > 0) {
            let part = &path[..at];
            if self.walk(part, Last::Keep)?.found.is_none() {
                self.create(part, Kind::Directory(Default::default()), Owner::root(0o755), now)?;
            }
        }
        Ok(())
    }

    /// Packs what is below `path`; names in the archive start with `prefix`, which ends in a slash or is
    /// empty.
    ///
    /// # Errors
    /// If there is nothing at `path`, or `out` takes no more.
    pub(crate) fn pack<W: Write>(&self, path: &[u8], prefix: &[u8], out: &mut Builder<W>) -> io::Result<()> {
        let top = self.find(path, Last::Follow)?;
        let mut packed: Vec<(Inode, Vec<u8>)> = Vec::new();
        let mut todo = vec![(top, prefix.to_vec())];
        while let Some((inode, name)) = todo.pop() {
            let Some(node) = self.node(inode) else { continue };
            let mut head = Header::new_gnu();
            head.set_uid(node.owner.uid.into());
            head.set_gid(node.owner.gid.into());
            head.set_mode(node.owner.mode);
            head.set_mtime(u64::try_from(node.modified.as_second()).unwrap_or_default());
            head.set_size(0);
            let path = Path::new(OsStr::from_bytes(&name));
            if node.links > 1 && !node.is_directory() {
                if let Some((_, first)) = packed.iter().find(|it| it.0 == inode) {
                    head.set_entry_type(EntryType::Link);
                    out.append_link(&mut head, path, OsStr::from_bytes(first))?;
                    continue;
                }
                packed.push((inode, name.clone()));
            }
            match &node.kind {
                Kind::File(content) => {
                    head.set_entry_type(EntryType::Regular);
                    head.set_size(content.len());
                    out.append_data(&mut head, path, Reader { content, at: 0 })?;
                }
                Kind::Directory(entries) => {
                    if !name.is_empty() {
                        head.set_entry_type(EntryType::Directory);
                        out.append_data(&mut head, path, io::empty())?;
                    }
                    let below = entries.iter().rev().map(|(entry, inode)| {
                        let slash: &[u8] = if name.is_empty() || name.ends_with(b"/") { b"" } else { b"/" };
                        (*inode, [&name, slash, entry].concat())
                    });
                    todo.extend(below);
                }
                Kind::Symlink(target) => {
                    head.set_entry_type(EntryType::Symlink);
                    out.append_link(&mut head, path, OsStr::from_bytes(target))?;
                }
                Kind::Device(device) => {
                    let (kind, major, minor) = number(*device);
                    head.set_entry_type(kind);
                    head.set_device_major(major)?;
                    head.set_device_minor(minor)?;
                    out.append_data(&mut head, path, io::empty())?;
                }
            }
        }
        Ok(())
    }
}

impl From<super::Errno> for io::Error {
    fn from(errno: super::Errno) -> Self {
        let kind = match errno {
            super::Errno::NotFound => io::ErrorKind::NotFound,
            super::Errno::Full => io::ErrorKind::StorageFull,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, errno)
    }
}

fn content(entry: &mut impl Read) -> io::Result<Content> {
    let mut content = Content::default();
    loop {
        let mut piece = Vec::new();
        entry.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
        if piece.is_empty() {
            return Ok(content);
        }
        content.append(Bytes::from(piece));
    }
}

const DEVICES: &[(Device, u32, u32)] = &[
    (Device::Null, 1, 3),
    (Device::Zero, 1, 5),
    (Device::Full, 1, 7),
    (Device::Random, 1, 9),
    (Device::Random, 1, 8),
    (Device::Terminal, 5, 0),
    (Device::Console, 5, 1),
];

fn device(head: &Header) -> Device {
    let numbers = (head.device_major().ok().flatten(), head.device_minor().ok().flatten());
    let mut known = DEVICES.iter().filter(|_| head.entry_type() == EntryType::Char);
    known.find(|it| numbers == (Some(it.1), Some(it.2))).map_or(Device::Other, |it| it.0)
}

fn number(device: Device) -> (EntryType, u32, u32) {
    let known = DEVICES.iter().find(|it| it.0 == device);
    known.map_or((EntryType::Fifo, 0, 0), |it| (EntryType::Char, it.1, it.2))
}

/// The bytes of a file, as a writer of archives wants them.
struct Reader<'a> {
    content: &'a Content,
    at: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.content.read(self.at, into.len());
        into[..bytes.len()].copy_from_slice(&bytes);
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn out_and_in_again() {
        let now = Timestamp::new(1_700_000_000, 0).unwrap();
        let mut files = Files::busybox();
        let odd = Owner { uid: 1000, gid: 1001, mode: 0o4640 };
        let long = [b"/tmp/".as_slice(), &[b'n'; 200]].concat();
        for path in [b"/tmp/bad-\xff\xfe".as_slice(), &long, b"/tmp/ l\ni "] {
            files.create(path, Kind::File(Bytes::from(vec![7; 300_000]).into()), odd, now).unwrap();
        }
        files.link(b"/tmp/bad-\xff\xfe", b"/tmp/also", now).unwrap();
        files.create(b"/tmp/link", Kind::Symlink(b"../no where/\xff".to_vec()), odd, now).unwrap();
        let mut out = Builder::new(Vec::new());
        files.pack(b"/", b"rootfs/", &mut out).unwrap();
        let bytes = out.into_inner().unwrap();

        let mut again = Files::default();
        again.unpack(&bytes[..]).unwrap();
        assert_eq!(again.used(), files.used());
        let mut out = Builder::new(Vec::new());
        again.pack(b"/rootfs", b"rootfs/", &mut out).unwrap();
        assert!(out.into_inner().unwrap() == bytes);
        let node = again.stat(b"/rootfs/tmp/also").unwrap();
        assert_eq!((node.owner, node.links, node.size()), (odd, 2, 300_000));
        assert_eq!(again.stat(b"/rootfs/tmp").unwrap().owner.mode, 0o1777);
    }

    #[test]
    fn no_archive() {
        assert!(Files::default().unpack(&[b'x'; 2000][..]).is_err());
        let mut out = Builder::new(Vec::new());
        Files::busybox().pack(b"/", b"", &mut out).unwrap();
        let bytes = out.into_inner().unwrap();
        assert!(Files::default().unpack(&bytes[..100_000]).is_err());
    }
}
