use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::packet::{Failure, Input, Output};
use super::session::{Handle, Handles};
use crate::machine::files::{Content, Errno, Files, Inode, Kind, Last, Owner};

/// More is not read at once.
const MOST: u32 = 1 << 15;
/// As many names are told in one packet.
const NAMES: usize = 128;

/// What a request is answered with; done, if with nothing.
type Served = Result<Option<Output>, Failure>;

/// Everything that a packet can change.
pub(super) struct Server<'a> {
    pub(super) files: &'a mut Files,
    pub(super) handles: &'a mut Handles,
    pub(super) now: Timestamp,
}

impl Server<'_> {
    /// Answers a packet. `None`: it is none that a server understands, and the session ends.
    pub(super) fn answer(&mut self, packet: Bytes) -> Option<Bytes> {
        let mut input = Input(packet);
        let kind = input.byte()?;
        let id = input.number()?;
        if kind == 1 {
            // The number is the version.
            let extensions = [("hardlink", "1"), ("posix-rename", "1"), ("statvfs", "2")];
            let told = extensions.into_iter().fold(Output::new(2, 3), |output, (name, version)| {
                output.bytes(format!("{name}@openssh.com").as_bytes()).bytes(version.as_bytes())
            });
            return Some(told.finish());
        }
        let output = match self.serve(kind, id, &mut input)? {
            Ok(Some(output)) => output,
            Ok(None) => Output::new(101, id).number(0).bytes(b"").bytes(b""),
            Err(it) => Output::new(101, id).number(it.code).bytes(it.text.as_bytes()).bytes(b""),
        };
        Some(output.finish())
    }

    fn serve(&mut self, kind: u8, id: u32, input: &mut Input) -> Option<Served> {
        Some(match kind {
            3 => self.open(id, input.path()?, input.number()?),
            4 => self.handles.close(&input.bytes()?),
            5 => self.read(id, &input.bytes()?, input.long()?, input.number()?),
            6 => self.write(&input.bytes()?, input.long()?, input.bytes()?),
            7 => self.stat(id, "lstat", &input.path()?, Last::Keep),
            8 => {
                let handle = input.bytes()?;
                self.handles.find(&handle).and_then(|it| {
                    let node = self.files.node(it.inode);
                    let node = node.ok_or_else(|| Failure::of("stat", &it.path, Errno::NotFound))?;
                    Ok(Some(Output::new(105, id).attributes(node)))
                })
            }
            9 => {
                let path = input.path()?;
                let found = self.files.find(&path, Last::Follow);
                self.set(&path, found, input)?
            }
            10 => match self.handles.find(&input.bytes()?) {
                Ok(it) => {
                    let (path, inode) = (it.path.clone(), it.inode);
                    self.set(&path, Ok(inode), input)?
                }
                Err(failure) => Err(failure),
            },
            11 => self.open_directory(id, input.path()?),
            12 => self.read_directory(id, &input.bytes()?),
            13 | 15 => {
                let path = input.path()?;
                self.files
                    .remove(&path, self.now)
                    .map(|()| None)
                    .map_err(|it| Failure::of("remove", &path, it))
            }
            14 => {
                let path = input.path()?;
                let directory = Kind::Directory(Default::default());
                let made = self.files.create(&path, directory, Owner::root(0o755), self.now);
                made.map(|_| None).map_err(|it| Failure::of("mkdir", &path, it))
            }
            16 => {
                let path = clean(&input.path()?);
                Ok(Some(Output::new(104, id).number(1).bytes(&path).bytes(&path).number(0)))
            }
            17 => self.stat(id, "stat", &input.path()?, Last::Follow),
            18 => self.rename(&input.path()?, &input.path()?),
            19 => self.read_link(id, &input.path()?),
            20 => self.link(&input.bytes()?, &input.path()?),
            200 => match &input.bytes()?[..] {
                b"posix-rename@openssh.com" => self.rename(&input.path()?, &input.path()?),
                b"hardlink@openssh.com" => {
                    let (from, to) = (input.path()?, input.path()?);
                    let linked = self.files.link(&from, &to, self.now);
                    linked.map(|()| None).map_err(|it| Failure::of(&pair("link", &from), &to, it))
                }
                _ => Err(Failure::unsupported()),
            },
            _ => return None,
        })
    }

    fn open(&mut self, id: u32, path: Vec<u8>, flags: u32) -> Served {
        let has = |flag: u32| flags & flag != 0;
        let (read, write, create, truncate, exclusive) = (has(1), has(2), has(8), has(16), has(32));
        if !read && !write {
            return Err(Failure::plain(Errno::Invalid));
        }
        let inode = (|| {
            let place = self.files.walk(&path, Last::Follow)?;
            let Some(inode) = place.found else {
                if !create {
                    return Err(Errno::NotFound);
                }
                let file = Kind::File(Content::default());
                return self.files.create_at(place, file, Owner::root(0o644), self.now);
            };
            match self.files.node(inode).map(|it| &it.kind) {
                _ if create && exclusive => return Err(Errno::Exists),
                Some(Kind::Directory(_)) if write || create => return Err(Errno::IsDirectory),
                Some(Kind::File(_)) if truncate => self.files.truncate(inode, 0, self.now)?,
                _ => {}
            }
            Ok(inode)
        })();
        let inode = inode.map_err(|it| Failure::of("open", &path, it))?;
        self.opened(id, path, inode, (read, write))
    }

    fn open_directory(&mut self, id: u32, path: Vec<u8>) -> Served {
        let inode = self.files.find(&path, Last::Follow).map_err(|it| Failure::of("stat", &path, it))?;
        if !self.files.node(inode).is_some_and(|it| it.is_directory()) {
            return Err(Failure::of("", &path, Errno::NotDirectory));
        }
        self.opened(id, path, inode, (true, false))
    }

    fn opened(&mut self, id: u32, path: Vec<u8>, inode: Inode, (read, write): (bool, bool)) -> Served {
        let open: Arc<()> = self.files.open(inode);
        let name = self.handles.add(Handle { path, inode, read, write, listed: 0, _open: open });
        Ok(Some(Output::new(102, id).bytes(name.as_bytes())))
    }

    fn read(&self, id: u32, handle: &[u8], offset: u64, length: u32) -> Served {
        let it = self.handles.find(handle)?;
        let failed = |errno| Failure::of("read", &it.path, errno);
        if !it.read {
            return Err(failed(Errno::BadDescriptor));
        }
        // Pieces are joined: only the end gives less than was asked for.
        let (mut data, length) = (Vec::new(), length.min(MOST) as usize);
        while data.len() < length {
            let piece =
                self.files.read(it.inode, offset.saturating_add(data.len() as u64), length - data.len());
            let piece = piece.map_err(failed)?;
            if piece.is_empty() {
                break;
            }
            data.extend_from_slice(&piece);
        }
        if data.is_empty() && length > 0 {
            return Err(Failure::end());
        }
        Ok(Some(Output::new(103, id).bytes(&data)))
    }

    fn write(&mut self, handle: &[u8], offset: u64, data: Bytes) -> Served {
        let it = self.handles.find(handle)?;
        let failed = |errno| Failure::of("write", &it.path, errno);
        if !it.write {
            return Err(failed(Errno::BadDescriptor));
        }
        match self.files.write(it.inode, offset, data, self.now) {
            // A device takes anything.
            Ok(()) | Err(Errno::Invalid) => Ok(None),
            Err(errno) => Err(failed(errno)),
        }
    }

    fn stat(&self, id: u32, deed: &str, path: &[u8], last: Last) -> Served {
        let node = self.files.find(path, last).and_then(|it| self.files.node(it).ok_or(Errno::NotFound));
        let node = node.map_err(|it| Failure::of(deed, path, it))?;
        Ok(Some(Output::new(105, id).attributes(node)))
    }

    /// Sets what is asked for. The daemons' server reads the owner last, though a client writes it before the
    /// mode: of several at once it takes one for the other.
    fn set(&mut self, path: &[u8], found: Result<Inode, Errno>, input: &mut Input) -> Option<Served> {
        let flags = input.number()?;
        let size = if flags & 1 != 0 { Some(input.long()?) } else { None };
        let mode = if flags & 4 != 0 { Some(input.number()?) } else { None };
        let times = if flags & 8 != 0 { Some((input.number()?, input.number()?)) } else { None };
        let owner = if flags & 2 != 0 { Some((input.number()?, input.number()?)) } else { None };
        let mut change = |deed, change: &mut dyn FnMut(&mut Files, Inode) -> Result<(), Errno>| {
            found.and_then(|it| change(self.files, it)).map_err(|it| Failure::of(deed, path, it))
        };
        let now = self.now;
        let own = |files: &mut Files, inode, edit: &dyn Fn(&mut Owner)| {
            let mut owner = files.node(inode).ok_or(Errno::NotFound)?.owner;
            edit(&mut owner);
            files.set_owner(inode, owner)
        };
        let mut all = || {
            if let Some(size) = size {
                change("truncate", &mut |files, it| files.truncate(it, size, now))?;
            }
            if let Some(mode) = mode {
                change("chmod", &mut |files, it| own(files, it, &|owner| owner.mode = mode & 0o7777))?;
            }
            if let Some((_, modified)) = times {
                let modified = Timestamp::new(modified.into(), 0).unwrap_or_default();
                change("chtimes", &mut |files, it| files.set_modified(it, modified))?;
            }
            if let Some((uid, gid)) = owner {
                change("chown", &mut |files, it| {
                    own(files, it, &|owner| (owner.uid, owner.gid) = (uid, gid))
                })?;
            }
            Ok(None)
        };
        Some(all())
    }

    fn read_directory(&mut self, id: u32, handle: &[u8]) -> Served {
        let it = self.handles.find_mut(handle)?;
        let names = self.files.list(it.inode).map_err(|errno| Failure::of("readdirent", &it.path, errno))?;
        let names: Vec<_> = names.skip(it.listed).take(NAMES).collect();
        it.listed += names.len();
        if names.is_empty() {
            return Err(Failure::end());
        }
        let known = names.iter().filter_map(|(name, inode)| Some((*name, self.files.node(*inode)?)));
        let output = Output::new(104, id).number(names.len() as u32);
        Ok(Some(known.fold(output, |output, (name, node)| output.entry(name, node, self.now))))
    }

    fn read_link(&self, id: u32, path: &[u8]) -> Served {
        let failed = |errno| Failure::of("readlink", path, errno);
        match &self.files.stat(path).map_err(failed)?.kind {
            Kind::Symlink(target) => {
                Ok(Some(Output::new(104, id).number(1).bytes(target).bytes(target).number(0)))
            }
            _ => Err(failed(Errno::Invalid)),
        }
    }

    fn link(&mut self, target: &[u8], path: &[u8]) -> Served {
        let made = match target {
            b"" => Err(Errno::NotFound),
            target => self.files.create(path, Kind::Symlink(target.to_vec()), Owner::root(0o777), self.now),
        };
        made.map(|_| None).map_err(|it| Failure::of(&pair("symlink", target), path, it))
    }

    fn rename(&mut self, from: &[u8], to: &[u8]) -> Served {
        let renamed = self.files.rename(from, to, self.now);
        renamed.map(|()| None).map_err(|it| Failure::of(&pair("rename", from), to, it))
    }
}

/// What is tried with two paths.
fn pair(deed: &str, path: &[u8]) -> String {
    format!("{deed} {}", String::from_utf8_lossy(path))
}

/// A path without `.`, `..` and empty names.
fn clean(path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|it| *it == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    [b"/", parts.join(&b'/').as_slice()].concat()
}
