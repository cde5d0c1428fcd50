use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lxio_core::bytes::Moment;

use super::tty::Tty;
use super::{Descriptor, Disposition, Noise, Signal};
use crate::machine::files::{Errno, Files, Inode};

/// The number of a process inside its instance.
pub(crate) type Pid = u32;
/// What a process does, down to its exit code.
pub(crate) type Task = Pin<Box<dyn Future<Output = u8> + Send>>;

/// The first process.
pub(super) const INIT: Pid = 1;
/// As many processes live at once.
const PROCESSES: usize = 1024;
/// As many calls a process makes in one instant, and all together; then a little time passes. Without this
/// `while :; do :; done` would never come back.
const CALLS: u32 = 4096;
const ALL_CALLS: u32 = CALLS * 64;
/// That little time.
const BREATH: Duration = Duration::from_millis(1);

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Exited(u8),
    Killed(Signal),
}

impl Status {
    /// As a shell tells it: 128 and more for a signal.
    pub(crate) fn code(self) -> i32 {
        match self {
            Self::Exited(code) => code.into(),
            Self::Killed(signal) => 128 + i32::from(signal.0),
        }
    }
}

/// One process, as the table knows it.
pub(super) struct Process {
    /// 0: the daemon, or a parent that is gone.
    pub(super) parent: Pid,
    pub(super) session: Pid,
    pub(super) argv: Vec<Vec<u8>>,
    /// `NAME=value` each.
    pub(super) env: Arc<Vec<Vec<u8>>>,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) umask: u32,
    pub(super) cwd: Vec<u8>,
    pub(super) descriptors: BTreeMap<u32, Descriptor>,
    pub(super) tty: Weak<Tty>,
    pub(super) dispositions: BTreeMap<Signal, Disposition>,
    pub(super) caught: VecDeque<Signal>,
    pub(super) alarm: Option<Moment>,
    pub(super) status: Option<Status>,
    /// Somebody outside wants to know how it ends.
    pub(super) watched: bool,
    /// Calls in this instant.
    pub(super) calls: u32,
}

/// What all processes share.
pub(super) struct Kernel {
    pub(super) files: Files,
    pub(super) hostname: Vec<u8>,
    pub(super) noise: Noise,
    pub(super) console: Option<Arc<Tty>>,
    pub(super) processes: BTreeMap<Pid, Process>,
    /// Futures that the machine has not seen: of new processes, and of old ones that run something else now.
    pub(super) born: Vec<(Pid, Task)>,
    /// What moved since the start; only its growth means something.
    pub(super) changes: u64,
    pub(super) now: Moment,
    /// The wall time of the first moment.
    epoch: Timestamp,
    next: Pid,
    calls: u32,
    /// Somebody had no calls left in this instant.
    starved: bool,
}

impl Kernel {
    pub(super) fn new(files: Files, hostname: &[u8], epoch: Timestamp, seed: u64) -> Self {
        Self {
            files,
            hostname: hostname.to_vec(),
            noise: Noise::of(seed),
            console: None,
            processes: BTreeMap::new(),
            born: Vec::new(),
            changes: 0,
            now: Moment::default(),
            epoch,
            next: INIT,
            calls: 0,
            starved: false,
        }
    }

    /// Nothing runs, and the next process is the first.
    pub(super) fn reset(&mut self) {
        self.processes.clear();
        self.born.clear();
        self.console = None;
        self.next = INIT;
        self.changes += 1;
    }

    pub(super) fn set_now(&mut self, now: Moment) {
        if now > self.now {
            self.now = now;
            self.starved = false;
            self.calls = 0;
            self.processes.values_mut().for_each(|it| it.calls = 0);
        }
    }

    /// The time of day.
    pub(super) fn wall(&self) -> Timestamp {
        let passed =
            SignedDuration::try_from(self.now.since(Moment::default())).unwrap_or(SignedDuration::MAX);
        self.epoch.checked_add(passed).unwrap_or(Timestamp::MAX)
    }

    /// When something happens by itself.
    pub(super) fn next(&self) -> Option<Moment> {
        let breath = self.starved.then(|| self.now.plus(BREATH));
        let living = self.processes.values().filter(|it| it.status.is_none());
        living.filter_map(|it| it.alarm).chain(breath).min()
    }

    pub(super) fn living(&self, pid: Pid) -> Option<&Process> {
        self.processes.get(&pid).filter(|it| it.status.is_none())
    }

    pub(super) fn living_mut(&mut self, pid: Pid) -> Option<&mut Process> {
        self.processes.get_mut(&pid).filter(|it| it.status.is_none())
    }

    /// Lets a process try something, if it lives and has calls left.
    pub(super) fn attend<T>(&mut self, pid: Pid, deed: &mut impl FnMut(&mut Self) -> Poll<T>) -> Poll<T> {
        let Some(process) = self.processes.get(&pid).filter(|it| it.status.is_none()) else {
            return Poll::Pending;
        };
        if process.calls >= CALLS || self.calls >= ALL_CALLS {
            self.starved = true;
            return Poll::Pending;
        }
        let done = deed(self);
        if done.is_ready() {
            self.changes += 1;
            self.charge(pid, 1);
        }
        // It may have died of it.
        if self.living(pid).is_some() { done } else { Poll::Pending }
    }

    pub(super) fn charge(&mut self, pid: Pid, calls: u32) {
        self.calls = self.calls.saturating_add(calls);
        if let Some(process) = self.processes.get_mut(&pid) {
            process.calls = process.calls.saturating_add(calls);
        }
    }

    /// The number that the next process has.
    pub(super) fn upcoming(&self) -> Pid {
        self.next
    }

    /// A place in the table.
    pub(super) fn insert(&mut self, process: Process) -> Result<Pid, Errno> {
        if self.processes.len() >= PROCESSES {
            return Err(Errno::Again);
        }
        let pid = self.next;
        self.next += 1;
        self.processes.insert(pid, process);
        Ok(pid)
    }

    /// A child like its parent, but for what it caught.
    pub(super) fn fork(&mut self, parent: Pid) -> Result<Pid, Errno> {
        let it = self.living(parent).ok_or(Errno::NoProcess)?;
        let ignored = it.dispositions.iter().filter(|it| *it.1 == Disposition::Ignore);
        let child = Process {
            parent,
            session: it.session,
            argv: it.argv.clone(),
            env: it.env.clone(),
            uid: it.uid,
            gid: it.gid,
            umask: it.umask,
            cwd: it.cwd.clone(),
            descriptors: it.descriptors.clone(),
            tty: it.tty.clone(),
            dispositions: ignored.map(|(signal, it)| (*signal, *it)).collect(),
            caught: VecDeque::new(),
            alarm: None,
            status: None,
            watched: false,
            calls: it.calls,
        };
        self.charge(parent, 8);
        self.insert(child)
    }

    /// It is over. The entry stays as long as somebody may ask how.
    pub(super) fn exit(&mut self, pid: Pid, status: Status) {
        let Some(process) = self.living_mut(pid) else { return };
        process.status = Some(status);
        process.descriptors.clear();
        process.env = Arc::default();
        process.caught.clear();
        let wanted = process.parent != 0 || process.watched;
        if !wanted {
            self.processes.remove(&pid);
        }
        self.changes += 1;
        if pid == INIT {
            return self.kill_all();
        }
        self.processes.retain(|_, it| it.parent != pid || it.status.is_none());
        self.processes.values_mut().filter(|it| it.parent == pid).for_each(|it| it.parent = 0);
    }

    /// Nothing survives the first process.
    pub(super) fn kill_all(&mut self) {
        let all: Vec<_> = self.processes.iter().filter(|it| it.1.status.is_none()).map(|it| *it.0).collect();
        for pid in all {
            self.exit(pid, Status::Killed(Signal::KILL));
        }
    }

    /// How a child ended, once: then its entry is gone.
    pub(super) fn reap(&mut self, parent: Pid, child: Pid) -> Poll<Result<Status, Errno>> {
        match self.processes.get(&child).filter(|it| it.parent == parent) {
            None => Poll::Ready(Err(Errno::NoChild)),
            Some(process) => match process.status {
                None => Poll::Pending,
                Some(status) => {
                    self.processes.remove(&child);
                    Poll::Ready(Ok(status))
                }
            },
        }
    }

    pub(super) fn signal(&mut self, pid: Pid, signal: Signal) -> Result<(), Errno> {
        let process = self.processes.get_mut(&pid).ok_or(Errno::NoProcess)?;
        if process.status.is_some() || signal.0 == 0 {
            return Ok(());
        }
        let disposition = process.dispositions.get(&signal).filter(|_| signal != Signal::KILL);
        match disposition {
            Some(Disposition::Ignore) => {}
            Some(Disposition::Catch) => {
                if !process.caught.contains(&signal) {
                    process.caught.push_back(signal);
                }
                self.changes += 1;
            }
            // What the first process does not expect does not reach it.
            None if signal.is_harmless() || pid == INIT => {}
            None => self.exit(pid, Status::Killed(signal)),
        }
        Ok(())
    }

    /// Every process of a session.
    pub(super) fn signal_session(&mut self, session: Pid, signal: Signal) -> Result<(), Errno> {
        self.signal_each(signal, |_, it| it.session == session)
    }

    /// Every process that is meant.
    pub(super) fn signal_each(
        &mut self,
        signal: Signal,
        meant: impl Fn(Pid, &Process) -> bool,
    ) -> Result<(), Errno> {
        let pids: Vec<_> =
            self.processes.iter().filter(|(pid, it)| meant(**pid, it)).map(|it| *it.0).collect();
        if pids.is_empty() {
            return Err(Errno::NoProcess);
        }
        pids.into_iter().try_for_each(|pid| self.signal(pid, signal))
    }

    /// Whether a process may read (4), write (2), or execute or search (1) a file.
    pub(super) fn may(&self, pid: Pid, inode: Inode, want: u32) -> bool {
        let (Some(process), Some(node)) = (self.processes.get(&pid), self.files.node(inode)) else {
            return false;
        };
        let mode = node.owner.mode;
        if process.uid == 0 {
            return want & 1 == 0 || node.is_directory() || mode & 0o111 != 0;
        }
        let bits = if process.uid == node.owner.uid {
            mode >> 6
        } else if process.gid == node.owner.gid {
            mode >> 3
        } else {
            mode
        };
        bits & want == want
    }
}
