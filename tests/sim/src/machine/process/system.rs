use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::kernel::{Kernel, Pid, Process, Status, Task};
use super::pipe::pipe;
use super::program::{self, SpawnError};
use super::tty::Tty;
use super::{Descriptor, Disposition, Signal};
use crate::machine::files::{Errno, Files, Inode, Last, Node, Place};

/// A line is not longer.
const LINE: usize = 16 << 20;

/// What a file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Access {
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) append: bool,
    pub(crate) create: bool,
    pub(crate) truncate: bool,
}

impl Access {
    pub(crate) const READ: Self =
        Self { read: true, write: false, append: false, create: false, truncate: false };
    pub(crate) const WRITE: Self =
        Self { read: false, write: true, append: false, create: true, truncate: true };
    pub(crate) const APPEND: Self =
        Self { read: false, write: true, append: true, create: true, truncate: false };
}

/// The calls of one process. Those that wait are futures; a dead process waits for ever.
#[derive(Clone)]
pub(crate) struct System {
    kernel: Arc<Mutex<Kernel>>,
    pub(crate) pid: Pid,
}

impl System {
    pub(super) fn new(kernel: Arc<Mutex<Kernel>>, pid: Pid) -> Self {
        Self { kernel, pid }
    }

    fn lock(&self) -> MutexGuard<'_, Kernel> {
        self.kernel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the table says of this process. One that is dead is never polled again, so the rest of its
    /// poll may see anything.
    fn own<T: Default>(&self, look: impl FnOnce(&mut Process) -> T) -> T {
        self.lock().living_mut(self.pid).map(look).unwrap_or_default()
    }

    fn call<T>(&self, mut deed: impl FnMut(&mut Kernel) -> Poll<T>) -> impl Future<Output = T> {
        poll_fn(move |_| self.lock().attend(self.pid, &mut deed))
    }

    /// Lets others run, and time pass, if this was at it for long; a signal that kills is seen here.
    pub(crate) async fn breathe(&self) {
        self.call(|_| Poll::Ready(())).await;
    }

    // Input and output.

    /// At most `max` bytes; nothing is the end.
    pub(crate) async fn read(&self, number: u32, max: usize) -> Result<Bytes, Errno> {
        self.call(|kernel| kernel.read(self.pid, number, max)).await
    }

    /// The next line with its newline; without one at the end. With `or_signal` a signal that is caught ends
    /// this, too: then there is none.
    pub(crate) async fn read_line(&self, number: u32, or_signal: bool) -> Result<Option<Vec<u8>>, Errno> {
        let mut line = Vec::new();
        loop {
            let piece = self
                .call(|kernel| match kernel.read_line(self.pid, number) {
                    Poll::Pending
                        if or_signal && kernel.living(self.pid).is_some_and(|it| !it.caught.is_empty()) =>
                    {
                        Poll::Ready(Ok(None))
                    }
                    read => read.map_ok(Some),
                })
                .await?;
            let Some(piece) = piece else { return Ok(None) };
            line.extend_from_slice(&piece);
            if piece.is_empty() || piece.ends_with(b"\n") {
                return Ok(Some(line));
            }
            if line.len() > LINE {
                return Err(Errno::Full);
            }
        }
    }

    /// Reads to the end, but no more than `limit` bytes.
    pub(crate) async fn read_all(&self, number: u32, limit: usize) -> Result<Vec<u8>, Errno> {
        let mut all = Vec::new();
        loop {
            let piece = self.read(number, 64 << 10).await?;
            if piece.is_empty() {
                return Ok(all);
            }
            if all.len() + piece.len() > limit {
                return Err(Errno::Full);
            }
            all.extend_from_slice(&piece);
        }
    }

    /// All of it.
    pub(crate) async fn write(&self, number: u32, bytes: impl Into<Bytes>) -> Result<(), Errno> {
        let mut bytes = bytes.into();
        self.call(move |kernel| kernel.write(self.pid, number, &mut bytes)).await
    }

    /// A line on standard error; nobody to read it is no reason to stop.
    pub(crate) async fn complain(&self, text: impl AsRef<[u8]>) {
        let _ = self.write(2, [text.as_ref(), b"\n"].concat()).await;
    }

    pub(crate) fn open(&self, path: &[u8], access: Access) -> Result<Descriptor, Errno> {
        let path = self.absolute(path);
        self.lock().open(self.pid, &path, access)
    }

    /// Puts something under the first free number from 10 on: the lower ones belong to scripts.
    pub(crate) fn install_new(&self, descriptor: Descriptor) -> u32 {
        self.own(|it| {
            let mut number = 10;
            while it.descriptors.contains_key(&number) {
                number += 1;
            }
            it.descriptors.insert(number, descriptor);
            number
        })
    }

    /// Opens it under such a number.
    pub(crate) fn open_new(&self, path: &[u8], access: Access) -> Result<u32, Errno> {
        self.open(path, access).map(|file| self.install_new(file))
    }

    /// Puts something, or nothing, under a number: what was there before.
    pub(crate) fn install(&self, number: u32, descriptor: Option<Descriptor>) -> Option<Descriptor> {
        self.own(|it| match descriptor {
            Some(new) => it.descriptors.insert(number, new),
            None => it.descriptors.remove(&number),
        })
    }

    pub(crate) fn close(&self, number: u32) {
        self.install(number, None);
    }

    pub(crate) fn descriptor(&self, number: u32) -> Option<Descriptor> {
        self.own(|it| it.descriptors.get(&number).cloned())
    }

    pub(crate) fn seek(&self, number: u32, offset: u64) -> Result<(), Errno> {
        self.lock().seek(self.pid, number, offset)
    }

    /// A file without a name.
    pub(crate) fn document(&self, text: Vec<u8>) -> Descriptor {
        self.lock().document(text)
    }

    /// What is read, and what is written.
    pub(crate) fn pipe(&self) -> (Descriptor, Descriptor) {
        let (reader, writer) = pipe();
        (Descriptor::Reader(reader), Descriptor::Writer(writer))
    }

    /// The terminal under a number.
    pub(crate) fn terminal(&self, number: u32) -> Option<Arc<Tty>> {
        match self.descriptor(number) {
            Some(Descriptor::Tty(tty)) => Some(tty),
            _ => None,
        }
    }

    // Time.

    pub(crate) async fn sleep(&self, time: Duration) {
        let mut until = None;
        self.call(move |kernel| {
            let now = kernel.now;
            let until = *until.get_or_insert(now.plus(time));
            let alarm = (now < until).then_some(until);
            if let Some(process) = kernel.living_mut(self.pid) {
                process.alarm = alarm;
            }
            if alarm.is_some() { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }

    /// The time of day.
    pub(crate) fn wall(&self) -> Timestamp {
        self.lock().wall()
    }

    // Files.

    /// A path as seen from the root.
    pub(crate) fn absolute(&self, path: &[u8]) -> Vec<u8> {
        match path.first() {
            Some(b'/') => path.to_vec(),
            _ => [&self.cwd(), b"/".as_slice(), path].concat(),
        }
    }

    /// Looks at what a path leads to.
    pub(crate) fn look<T>(
        &self,
        path: &[u8],
        last: Last,
        look: impl FnOnce(&Files, Inode, &Node) -> T,
    ) -> Result<T, Errno> {
        if path.is_empty() {
            return Err(Errno::NotFound);
        }
        let path = self.absolute(path);
        let kernel = self.lock();
        let Place { parent, found, .. } = kernel.files.walk(&path, last)?;
        if !kernel.may(self.pid, parent, 1) {
            return Err(Errno::Denied);
        }
        let inode = found.ok_or(Errno::NotFound)?;
        let node = kernel.files.node(inode).ok_or(Errno::NotFound)?;
        Ok(look(&kernel.files, inode, node))
    }

    /// Where a path leads, without links; the last name may be one that nothing has.
    pub(crate) fn real(&self, path: &[u8]) -> Result<Vec<u8>, Errno> {
        let path = self.absolute(path);
        Ok(self.lock().files.walk(&path, Last::Follow)?.path)
    }

    /// Whether this process may read (4), write (2), execute or search (1) it.
    pub(crate) fn may(&self, path: &[u8], want: u32) -> bool {
        let Ok(inode) = self.look(path, Last::Follow, |_, inode, _| inode) else { return false };
        self.lock().may(self.pid, inode, want)
    }

    /// Changes names in the directory of a path, if that is allowed.
    pub(crate) fn edit<T>(
        &self,
        path: &[u8],
        edit: impl FnOnce(&mut Files, &[u8], Timestamp) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        if path.is_empty() {
            return Err(Errno::NotFound);
        }
        let path = self.absolute(path);
        let mut kernel = self.lock();
        let parent = kernel.files.walk(&path, Last::Keep)?.parent;
        if !kernel.may(self.pid, parent, 3) {
            return Err(Errno::Denied);
        }
        let now = kernel.wall();
        edit(&mut kernel.files, &path, now)
    }

    /// Changes a file itself, if it is its owner's or root's doing.
    pub(crate) fn change(
        &self,
        path: &[u8],
        last: Last,
        change: impl FnOnce(&mut Files, Inode, Timestamp) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let (inode, uid) = self.look(path, last, |_, inode, node| (inode, node.owner.uid))?;
        if self.uid() != 0 && self.uid() != uid {
            return Err(Errno::NotPermitted);
        }
        let mut kernel = self.lock();
        let now = kernel.wall();
        change(&mut kernel.files, inode, now)
    }

    pub(crate) fn cwd(&self) -> Vec<u8> {
        self.own(|it| it.cwd.clone())
    }

    /// The path must be absolute, and of a directory.
    pub(crate) fn set_cwd(&self, path: Vec<u8>) {
        self.own(|it| it.cwd = path);
    }

    // Processes.

    /// A child that does what `make` makes for it.
    pub(crate) fn fork(&self, make: impl FnOnce(Self) -> Task) -> Result<Pid, Errno> {
        let pid = self.lock().fork(self.pid)?;
        let task = make(Self { kernel: self.kernel.clone(), pid });
        self.lock().born.push((pid, task));
        Ok(pid)
    }

    /// Becomes another program. Comes back only if there is none.
    pub(crate) async fn exec(
        &self,
        argv: Vec<Vec<u8>>,
        env: Arc<Vec<Vec<u8>>>,
    ) -> Result<Infallible, SpawnError> {
        let program = program::load(&self.lock(), self.pid, argv, &env)?;
        self.own(|it| {
            it.env = env;
            it.dispositions.retain(|_, it| *it == Disposition::Ignore);
            it.caught.clear();
        });
        let task = program.task(self);
        {
            let mut kernel = self.lock();
            kernel.changes += 1;
            kernel.charge(self.pid, 8);
            kernel.born.push((self.pid, task));
        }
        // The machine drops this future and polls the other one.
        pending().await
    }

    /// How a child ended. With `or_signal` a signal that is caught ends the wait, too: then there is none.
    pub(crate) async fn wait(&self, child: Pid, or_signal: bool) -> Result<Option<Status>, Errno> {
        self.call(|kernel| match kernel.reap(self.pid, child) {
            Poll::Pending if or_signal && kernel.living(self.pid).is_some_and(|it| !it.caught.is_empty()) => {
                Poll::Ready(Ok(None))
            }
            status => status.map_ok(Some),
        })
        .await
    }

    /// How a child ended, if it did.
    pub(crate) fn ended(&self, child: Pid) -> Option<Status> {
        match self.lock().reap(self.pid, child) {
            Poll::Ready(status) => status.ok(),
            Poll::Pending => None,
        }
    }

    /// Sends a signal as `kill` does: to a process, to the own session (0), to a session (below 0), to all but
    /// the first process and this one (-1).
    pub(crate) fn kill(&self, to: i64, signal: Signal) -> Result<(), Errno> {
        let mut kernel = self.lock();
        let (own, uid) = (self.pid, kernel.living(self.pid).map_or(0, |it| it.uid));
        let session = kernel.living(own).map_or(0, |it| it.session);
        match to {
            -1 => kernel.signal_each(signal, |pid, _| pid != super::kernel::INIT && pid != own),
            0 => kernel.signal_session(session, signal),
            to if to < 0 => {
                Pid::try_from(-to).map_or(Err(Errno::NoProcess), |to| kernel.signal_session(to, signal))
            }
            to => {
                let to = Pid::try_from(to).map_err(|_| Errno::NoProcess)?;
                let owner = kernel.processes.get(&to).ok_or(Errno::NoProcess)?.uid;
                if uid != 0 && uid != owner {
                    return Err(Errno::NotPermitted);
                }
                kernel.signal(to, signal)
            }
        }
    }

    /// What happens when a signal comes; `None`: what happens to everybody.
    pub(crate) fn dispose(&self, signal: Signal, disposition: Option<Disposition>) {
        self.own(|it| match disposition {
            Some(disposition) => it.dispositions.insert(signal, disposition),
            None => it.dispositions.remove(&signal),
        });
    }

    /// A signal that was caught.
    pub(crate) fn caught(&self) -> Option<Signal> {
        self.own(|it| it.caught.pop_front())
    }

    /// The signal that [`System::caught`] gives next.
    pub(crate) fn pending(&self) -> Option<Signal> {
        self.own(|it| it.caught.front().copied())
    }

    /// The next signal that is caught.
    pub(crate) async fn next_signal(&self) -> Signal {
        self.call(|kernel| match kernel.living_mut(self.pid).and_then(|it| it.caught.pop_front()) {
            Some(signal) => Poll::Ready(signal),
            None => Poll::Pending,
        })
        .await
    }

    /// Numbers, owners and words of all processes.
    pub(crate) fn processes(&self) -> Vec<(Pid, u32, Vec<Vec<u8>>)> {
        let kernel = self.lock();
        let living = kernel.processes.iter().filter(|it| it.1.status.is_none());
        living.map(|(pid, it)| (*pid, it.uid, it.argv.clone())).collect()
    }

    /// A session of its own, with a terminal or without.
    pub(crate) fn new_session(&self, tty: Option<Arc<Tty>>) {
        if let Some(tty) = &tty {
            tty.set_session(self.pid);
        }
        self.own(|it| {
            it.session = self.pid;
            it.tty = tty.as_ref().map(Arc::downgrade).unwrap_or_default();
        });
    }

    // Who and where.

    pub(crate) fn parent(&self) -> Pid {
        self.own(|it| it.parent)
    }

    pub(crate) fn uid(&self) -> u32 {
        self.own(|it| it.uid)
    }

    pub(crate) fn gid(&self) -> u32 {
        self.own(|it| it.gid)
    }

    pub(crate) fn umask(&self) -> u32 {
        self.own(|it| it.umask)
    }

    pub(crate) fn set_umask(&self, umask: u32) {
        self.own(|it| it.umask = umask & 0o777);
    }

    /// `NAME=value` each.
    pub(crate) fn env(&self) -> Arc<Vec<Vec<u8>>> {
        self.own(|it| it.env.clone())
    }

    pub(crate) fn hostname(&self) -> Vec<u8> {
        self.lock().hostname.clone()
    }

    pub(crate) fn set_hostname(&self, name: &[u8]) {
        self.lock().hostname = name.to_vec();
    }

    pub(super) fn set_argv(&self, argv: &[Vec<u8>]) {
        self.own(|it| it.argv = argv.to_vec());
    }
}
