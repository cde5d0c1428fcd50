use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use bytes::Bytes;

use super::kernel::{Kernel, Pid};
use super::pipe::{Pushed, Reader, Taken, Writer};
use super::tty::Tty;
use super::{Access, Signal};
use crate::machine::files::{Device, Errno, Inode, Kind, Last, Owner};

/// Bytes that count as one call more.
const CALL: usize = 16 << 10;
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// What an open file of a process leads to.
#[derive(Clone)]
pub(crate) enum Descriptor {
    Reader(Reader),
    Writer(Writer),
    Tty(Arc<Tty>),
    Device(Device),
    File(Arc<OpenFile>),
}

/// A file, and where in it the next read or write is. Descriptors that were copied share it.
pub(crate) struct OpenFile {
    inode: Inode,
    offset: AtomicU64,
    access: Access,
    /// Keeps the file, though its name may be gone.
    _open: Arc<()>,
}

impl Kernel {
    /// Opens what is at an absolute path.
    pub(super) fn open(&mut self, pid: Pid, path: &[u8], access: Access) -> Result<Descriptor, Errno> {
        let process = self.living(pid).ok_or(Errno::NoProcess)?;
        let own = match path {
            b"/dev/stdin" => Some(0),
            b"/dev/stdout" => Some(1),
            b"/dev/stderr" => Some(2),
            _ => path.strip_prefix(b"/dev/fd/").and_then(|it| std::str::from_utf8(it).ok()?.parse().ok()),
        };
        if let Some(number) = own {
            return process.descriptors.get(&number).cloned().ok_or(Errno::NotFound);
        }
        let (umask, uid, gid) = (process.umask, process.uid, process.gid);
        let place = self.files.walk(path, Last::Follow)?;
        if !self.may(pid, place.parent, 1) {
            return Err(Errno::Denied);
        }
        let now = self.wall();
        let inode = match place.found {
            Some(inode) => {
                let want = u32::from(access.read) << 2 | u32::from(access.write) << 1;
                if !self.may(pid, inode, want) {
                    return Err(Errno::Denied);
                }
                inode
            }
            None if !access.create => return Err(Errno::NotFound),
            None if !self.may(pid, place.parent, 3) => return Err(Errno::Denied),
            None => {
                let owner = Owner { uid, gid, mode: 0o666 & !umask };
                self.files.create_at(place, Kind::File(Default::default()), owner, now)?
            }
        };
        match &self.files.node(inode).ok_or(Errno::NotFound)?.kind {
            Kind::Directory(_) if access.write => return Err(Errno::IsDirectory),
            Kind::Device(Device::Terminal) => {
                let tty = self.living(pid).and_then(|it| it.tty.upgrade());
                return tty.map(Descriptor::Tty).ok_or(Errno::NotFound);
            }
            Kind::Device(Device::Console) => {
                return self.console.clone().map(Descriptor::Tty).ok_or(Errno::NotFound);
            }
            Kind::Device(device) => return Ok(Descriptor::Device(*device)),
            Kind::File(content) if access.truncate && content.len() > 0 => {
                self.files.truncate(inode, 0, now)?
            }
            _ => {}
        }
        let file = OpenFile { inode, offset: AtomicU64::new(0), access, _open: self.files.open(inode) };
        Ok(Descriptor::File(Arc::new(file)))
    }

    /// At most `max` bytes; nothing is the end.
    pub(super) fn read(&mut self, pid: Pid, number: u32, max: usize) -> Poll<Result<Bytes, Errno>> {
        let Some(it) = self.processes.get(&pid).and_then(|it| it.descriptors.get(&number)) else {
            return Poll::Ready(Err(Errno::BadDescriptor));
        };
        let read = match it {
            Descriptor::Reader(reader) => match reader.take(max) {
                Taken::Some(bytes) => Ok(bytes),
                Taken::Ended => Ok(Bytes::new()),
                Taken::Empty => return Poll::Pending,
            },
            Descriptor::Tty(tty) => match tty.read(max) {
                Some(bytes) => Ok(bytes),
                None => return Poll::Pending,
            },
            Descriptor::Device(Device::Zero | Device::Full) => {
                Ok(Bytes::from_static(&ZEROS[..max.min(ZEROS.len())]))
            }
            Descriptor::Device(Device::Random) => {
                let mut bytes = vec![0; max.min(ZEROS.len())];
                self.noise.fill(&mut bytes);
                Ok(bytes.into())
            }
            Descriptor::Device(_) => Ok(Bytes::new()),
            Descriptor::File(file) if file.access.read => {
                let read = self.files.read(file.inode, file.offset.load(Ordering::Relaxed), max);
                if let Ok(bytes) = &read {
                    file.offset.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                }
                read
            }
            Descriptor::File(_) | Descriptor::Writer(_) => Err(Errno::BadDescriptor),
        };
        if let Ok(bytes) = &read {
            self.charge(pid, (bytes.len() / CALL) as u32);
        }
        Poll::Ready(read)
    }

    /// As [`Kernel::read`], but nothing behind the end of the line.
    pub(super) fn read_line(&mut self, pid: Pid, number: u32) -> Poll<Result<Bytes, Errno>> {
        match self.processes.get(&pid).and_then(|it| it.descriptors.get(&number)) {
            Some(Descriptor::Reader(reader)) => match reader.take_line() {
                Taken::Some(bytes) => Poll::Ready(Ok(bytes)),
                Taken::Ended => Poll::Ready(Ok(Bytes::new())),
                Taken::Empty => Poll::Pending,
            },
            Some(Descriptor::File(file)) => {
                let file = file.clone();
                let read = self.read(pid, number, CALL);
                let Poll::Ready(Ok(mut bytes)) = read else { return read };
                if let Some(at) = bytes.iter().position(|it| *it == b'\n') {
                    let behind = bytes.split_off(at + 1);
                    file.offset.fetch_sub(behind.len() as u64, Ordering::Relaxed);
                }
                Poll::Ready(Ok(bytes))
            }
            _ => self.read(pid, number, CALL),
        }
    }

    /// A file without a name, to be read.
    pub(super) fn document(&mut self, text: Vec<u8>) -> Descriptor {
        let (inode, _open) = self.files.anonymous(text.into());
        Descriptor::File(Arc::new(OpenFile { inode, offset: AtomicU64::new(0), access: Access::READ, _open }))
    }

    /// Takes bytes from the front of `bytes`; done when none is left.
    pub(super) fn write(&mut self, pid: Pid, number: u32, bytes: &mut Bytes) -> Poll<Result<(), Errno>> {
        let before = bytes.len();
        let now = self.wall();
        let Some(it) = self.processes.get(&pid).and_then(|it| it.descriptors.get(&number)) else {
            return Poll::Ready(Err(Errno::BadDescriptor));
        };
        let pushed = match it {
            Descriptor::Writer(writer) => Ok(writer.push(bytes)),
            Descriptor::Tty(tty) => Ok(tty.print(bytes)),
            Descriptor::Device(Device::Full) => Err(Errno::Full),
            Descriptor::Device(_) => {
                bytes.clear();
                Ok(Pushed::All)
            }
            Descriptor::File(file) if file.access.write => {
                let offset = file.offset.load(Ordering::Relaxed);
                let whole = std::mem::take(bytes);
                let length = whole.len() as u64;
                let written = if file.access.append {
                    self.files.append(file.inode, whole, now)
                } else {
                    self.files.write(file.inode, offset, whole, now)
                };
                file.offset.store(offset.saturating_add(length), Ordering::Relaxed);
                written.map(|()| Pushed::All)
            }
            Descriptor::File(_) | Descriptor::Reader(_) => Err(Errno::BadDescriptor),
        };
        if bytes.len() < before {
            self.changes += 1;
            self.charge(pid, ((before - bytes.len()) / CALL) as u32);
        }
        match pushed {
            Ok(Pushed::All) => Poll::Ready(Ok(())),
            Ok(Pushed::Full) => Poll::Pending,
            Ok(Pushed::Broken) => {
                // It lives on if it ignores this, and is told.
                let _ = self.signal(pid, Signal::PIPE);
                Poll::Ready(Err(Errno::Broken))
            }
            Err(errno) => Poll::Ready(Err(errno)),
        }
    }

    /// Goes to a place of a file; pipes and terminals have none.
    pub(super) fn seek(&mut self, pid: Pid, number: u32, offset: u64) -> Result<(), Errno> {
        match self.living(pid).and_then(|it| it.descriptors.get(&number)) {
            Some(Descriptor::File(file)) => {
                file.offset.store(offset, Ordering::Relaxed);
                Ok(())
            }
            Some(Descriptor::Device(_)) => Ok(()),
            _ => Err(Errno::Invalid),
        }
    }
}
