use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use jiff::Timestamp;

use super::{Content, Errno, Last, Place};

/// The number of a file. Numbers are not used again.
pub(crate) type Inode = u64;

/// The directory that everything is in.
pub(crate) const ROOT: Inode = 1;
/// As many bytes as all files together may have.
const CAPACITY: u64 = 8 << 30;
/// As many files.
const INODES: usize = 1 << 20;

/// One file of any kind.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) owner: Owner,
    pub(crate) modified: Timestamp,
    /// How many names it has; a directory's count is not kept.
    pub(crate) links: u32,
}

impl Node {
    pub(crate) fn is_directory(&self) -> bool {
        matches!(self.kind, Kind::Directory(_))
    }

    /// What a file holds, or a link points to; 0 for the rest, except that a directory takes a block.
    pub(crate) fn size(&self) -> u64 {
        match &self.kind {
            Kind::File(content) => content.len(),
            Kind::Symlink(target) => target.len() as u64,
            Kind::Directory(_) => 4096,
            Kind::Device(_) => 0,
        }
    }
}

/// What kind of file, and what it holds.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    File(Content),
    Directory(BTreeMap<Vec<u8>, Inode>),
    Symlink(Vec<u8>),
    Device(Device),
}

/// What a device does when it is opened. For the API of files all are empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Device {
    Null,
    Zero,
    Full,
    Random,
    /// The terminal of the process that opens it.
    Terminal,
    Console,
    /// A device that nothing here drives, or a fifo or a socket.
    Other,
}

/// Whose it is, and who may do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Twelve bits.
    pub(crate) mode: u32,
}

impl Owner {
    pub(crate) const fn root(mode: u32) -> Self {
        Self { uid: 0, gid: 0, mode }
    }
}

/// The file system of one instance. A clone is a snapshot: it shares everything until one of both changes.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    nodes: Arc<BTreeMap<Inode, Arc<Node>>>,
    next: Inode,
    /// Bytes in all files.
    used: u64,
    /// What processes have open: it stays, though its name may be gone.
    open: Vec<(Inode, Weak<()>)>,
}

impl Default for Files {
    /// An empty root.
    fn default() -> Self {
        let root = Node {
            kind: Kind::Directory(BTreeMap::new()),
            owner: Owner::root(0o755),
            modified: Timestamp::UNIX_EPOCH,
            links: 1,
        };
        Self { nodes: Arc::new([(ROOT, Arc::new(root))].into()), next: ROOT + 1, used: 0, open: Vec::new() }
    }
}

impl Files {
    pub(crate) fn node(&self, inode: Inode) -> Option<&Node> {
        self.nodes.get(&inode).map(|it| &**it)
    }

    /// What a path leads to; a link at its end is not followed.
    pub(crate) fn stat(&self, path: &[u8]) -> Result<&Node, Errno> {
        self.node(self.find(path, Last::Keep)?).ok_or(Errno::NotFound)
    }

    /// Bytes in all files.
    #[cfg(test)]
    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    fn change(&mut self, inode: Inode) -> Result<&mut Node, Errno> {
        let nodes = Arc::make_mut(&mut self.nodes);
        nodes.get_mut(&inode).map(Arc::make_mut).ok_or(Errno::NotFound)
    }

    fn entries(&mut self, directory: Inode, now: Timestamp) -> Result<&mut BTreeMap<Vec<u8>, Inode>, Errno> {
        let node = self.change(directory)?;
        node.modified = now;
        match &mut node.kind {
            Kind::Directory(entries) => Ok(entries),
            _ => Err(Errno::NotDirectory),
        }
    }

    /// Makes what is not there yet.
    pub(crate) fn create(
        &mut self,
        path: &[u8],
        kind: Kind,
        owner: Owner,
        now: Timestamp,
    ) -> Result<Inode, Errno> {
        let place = self.walk(path, Last::Keep)?;
        if place.found.is_some() {
            return Err(Errno::Exists);
        }
        self.create_at(place, kind, owner, now)
    }

    /// As [`Files::create`], at a place where nothing is.
    pub(crate) fn create_at(
        &mut self,
        place: Place,
        kind: Kind,
        owner: Owner,
        now: Timestamp,
    ) -> Result<Inode, Errno> {
        let size = if let Kind::File(content) = &kind { content.len() } else { 0 };
        if self.nodes.len() >= INODES || self.used + size > CAPACITY {
            return Err(Errno::Full);
        }
        let inode = self.next;
        self.entries(place.parent, now)?.insert(place.name, inode);
        self.next += 1;
        self.used += size;
        let owner = Owner { mode: owner.mode & 0o7777, ..owner };
        Arc::make_mut(&mut self.nodes).insert(inode, Arc::new(Node { kind, owner, modified: now, links: 1 }));
        Ok(inode)
    }

    fn edit(
        &mut self,
        inode: Inode,
        now: Timestamp,
        grown: u64,
        edit: impl FnOnce(&mut Content),
    ) -> Result<(), Errno> {
        if self.used + grown > CAPACITY {
            return Err(Errno::Full);
        }
        let node = self.change(inode)?;
        let content = match &mut node.kind {
            Kind::File(content) => content,
            Kind::Directory(_) => return Err(Errno::IsDirectory),
            Kind::Symlink(_) | Kind::Device(_) => return Err(Errno::Invalid),
        };
        let before = content.len();
        edit(content);
        let after = content.len();
        node.modified = now;
        self.used = self.used - before + after;
        Ok(())
    }

    /// Puts bytes at `offset` of a file; a gap is filled by zeros.
    pub(crate) fn write(
        &mut self,
        inode: Inode,
        offset: u64,
        bytes: Bytes,
        now: Timestamp,
    ) -> Result<(), Errno> {
        let end = offset.checked_add(bytes.len() as u64).ok_or(Errno::Full)?;
        let grown = end.saturating_sub(self.node(inode).map_or(0, Node::size));
        self.edit(inode, now, grown, |content| content.write(offset, bytes))
    }

    pub(crate) fn append(&mut self, inode: Inode, bytes: Bytes, now: Timestamp) -> Result<(), Errno> {
        self.edit(inode, now, bytes.len() as u64, |content| content.append(bytes))
    }

    pub(crate) fn truncate(&mut self, inode: Inode, length: u64, now: Timestamp) -> Result<(), Errno> {
        let grown = length.saturating_sub(self.node(inode).map_or(0, Node::size));
        self.edit(inode, now, grown, |content| content.truncate(length))
    }

    /// Bytes of a file: at most `max`, possibly fewer, none at the end only. Devices are empty.
    pub(crate) fn read(&self, inode: Inode, offset: u64, max: usize) -> Result<Bytes, Errno> {
        match &self.node(inode).ok_or(Errno::NotFound)?.kind {
            Kind::File(content) => Ok(content.read(offset, max)),
            Kind::Directory(_) => Err(Errno::IsDirectory),
            Kind::Symlink(_) => Err(Errno::Invalid),
            Kind::Device(_) => Ok(Bytes::new()),
        }
    }

    /// The names in a directory, sorted.
    pub(crate) fn list(&self, inode: Inode) -> Result<impl Iterator<Item = (&[u8], Inode)>, Errno> {
        match &self.node(inode).ok_or(Errno::NotFound)?.kind {
            Kind::Directory(entries) => Ok(entries.iter().map(|(name, inode)| (name.as_slice(), *inode))),
            _ => Err(Errno::NotDirectory),
        }
    }

    /// Removes a name: of anything, if it is no directory with something in it.
    pub(crate) fn remove(&mut self, path: &[u8], now: Timestamp) -> Result<(), Errno> {
        let place = self.walk(path, Last::Keep)?;
        let inode = place.found.ok_or(Errno::NotFound)?;
        if place.name.is_empty() {
            return Err(Errno::Invalid);
        }
        if let Kind::Directory(entries) = &self.node(inode).ok_or(Errno::NotFound)?.kind
            && !entries.is_empty()
        {
            return Err(Errno::NotEmpty);
        }
        self.entries(place.parent, now)?.remove(&place.name);
        self.unlink(inode)
    }

    /// One name fewer; without any it is gone, unless it is open.
    fn unlink(&mut self, inode: Inode) -> Result<(), Errno> {
        let node = self.change(inode)?;
        node.links = node.links.saturating_sub(1);
        self.sweep();
        if self.node(inode).is_some_and(|it| it.links == 0) && !self.open.iter().any(|it| it.0 == inode) {
            self.forget(inode);
        }
        Ok(())
    }

    fn forget(&mut self, inode: Inode) {
        if let Some(node) = Arc::make_mut(&mut self.nodes).remove(&inode)
            && let Kind::File(content) = &node.kind
        {
            self.used -= content.len();
        }
    }

    /// Files without a name go with the last process that has them open.
    fn sweep(&mut self) {
        let mut closed = Vec::new();
        self.open.retain(|(inode, open)| {
            let keep = open.strong_count() > 0;
            if !keep {
                closed.push(*inode);
            }
            keep
        });
        for inode in closed {
            if self.node(inode).is_some_and(|it| it.links == 0) && !self.open.iter().any(|it| it.0 == inode) {
                self.forget(inode);
            }
        }
    }

    /// Keeps a file as long as the answer lives.
    pub(crate) fn open(&mut self, inode: Inode) -> Arc<()> {
        self.sweep();
        let open = Arc::new(());
        self.open.push((inode, Arc::downgrade(&open)));
        open
    }

    /// A file that never had a name.
    pub(crate) fn anonymous(&mut self, bytes: Bytes) -> (Inode, Arc<()>) {
        let inode = self.next;
        self.next += 1;
        self.used += bytes.len() as u64;
        let owner = Owner::root(0o600);
        let node = Node { kind: Kind::File(bytes.into()), owner, modified: Timestamp::UNIX_EPOCH, links: 0 };
        Arc::make_mut(&mut self.nodes).insert(inode, Arc::new(node));
        (inode, self.open(inode))
    }

    /// Gives a file a second name.
    pub(crate) fn link(&mut self, from: &[u8], to: &[u8], now: Timestamp) -> Result<(), Errno> {
        let inode = self.find(from, Last::Keep)?;
        let place = self.walk(to, Last::Keep)?;
        if place.found.is_some() {
            return Err(Errno::Exists);
        }
        if self.node(inode).is_some_and(Node::is_directory) {
            return Err(Errno::NotPermitted);
        }
        self.entries(place.parent, now)?.insert(place.name, inode);
        self.change(inode)?.links += 1;
        Ok(())
    }

    /// Gives it another name; what had that name before is gone.
    pub(crate) fn rename(&mut self, from: &[u8], to: &[u8], now: Timestamp) -> Result<(), Errno> {
        let old = self.walk(from, Last::Keep)?;
        let inode = old.found.ok_or(Errno::NotFound)?;
        let new = self.walk(to, Last::Keep)?;
        if old.name.is_empty() || new.name.is_empty() || self.is_within(new.parent, inode) {
            return Err(Errno::Invalid);
        }
        if let Some(there) = new.found {
            if there == inode {
                return Ok(());
            }
            let moved = self.node(inode).is_some_and(Node::is_directory);
            match &self.node(there).ok_or(Errno::NotFound)?.kind {
                Kind::Directory(_) if !moved => return Err(Errno::IsDirectory),
                Kind::Directory(entries) if !entries.is_empty() => return Err(Errno::NotEmpty),
                Kind::Directory(_) => {}
                _ if moved => return Err(Errno::NotDirectory),
                _ => {}
            }
            self.unlink(there)?;
        }
        self.entries(old.parent, now)?.remove(&old.name);
        self.entries(new.parent, now)?.insert(new.name, inode);
        Ok(())
    }

    /// Whether `inode` is `above` or below it.
    fn is_within(&self, inode: Inode, above: Inode) -> bool {
        let mut todo = vec![above];
        while let Some(next) = todo.pop() {
            if next == inode {
                return true;
            }
            if let Some(Node { kind: Kind::Directory(entries), .. }) = self.node(next) {
                todo.extend(entries.values());
            }
        }
        false
    }

    /// A file system whose root is a directory of this one.
    pub(crate) fn rooted_at(&self, path: &[u8]) -> Result<Self, Errno> {
        let top = self.find(path, Last::Follow)?;
        let (mut nodes, mut used, mut todo) = (BTreeMap::new(), 0, vec![top]);
        while let Some(inode) = todo.pop() {
            let Some(node) = self.nodes.get(&inode) else { continue };
            match &node.kind {
                Kind::Directory(entries) => todo.extend(entries.values()),
                Kind::File(content) if !nodes.contains_key(&inode) => used += content.len(),
                _ if inode == top => return Err(Errno::NotDirectory),
                _ => {}
            }
            nodes.insert(if inode == top { ROOT } else { inode }, node.clone());
        }
        Ok(Self { nodes: Arc::new(nodes), next: self.next, used, open: Vec::new() })
    }

    pub(crate) fn set_owner(&mut self, inode: Inode, owner: Owner) -> Result<(), Errno> {
        self.change(inode)?.owner = Owner { mode: owner.mode & 0o7777, ..owner };
        Ok(())
    }

    pub(crate) fn set_modified(&mut self, inode: Inode, modified: Timestamp) -> Result<(), Errno> {
        self.change(inode)?.modified = modified;
        Ok(())
    }
}
