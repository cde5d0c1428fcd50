use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use jiff::Timestamp;
use lxio_core::bytes::Moment;

use super::boot::enter;
use super::kernel::{INIT, Kernel, Pid, Status, Task};
use super::pipe::{Reader, Taken, Writer, pipe};
use super::tty::Tty;
use super::{Descriptor, Signal, SpawnError, System};
use crate::machine::files::{Errno, Files};

/// A command that was run, in this or in an earlier life of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CommandId(u64);

/// As much of what the console shows is kept for somebody who looks later.
const CONSOLE: usize = 128 << 10;

/// What is to be run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Command {
    pub(crate) argv: Vec<Vec<u8>>,
    /// `NAME=value` each. `PATH` is where the program is looked for.
    pub(crate) env: Vec<Vec<u8>>,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// `/`, if there is no such directory.
    pub(crate) cwd: Vec<u8>,
    /// Columns and rows of a terminal; without one there are three pipes.
    pub(crate) terminal: Option<(u16, u16)>,
}

/// What a command writes to; with a terminal all comes out of `Stdout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

enum Input {
    Pipe(Option<Writer>),
    Tty(Weak<Tty>),
}

/// One command that the daemon runs.
struct Session {
    pid: Pid,
    status: Option<Status>,
    input: Input,
    outputs: [Option<Reader>; 2],
}

/// One instance: its files, and its processes while it runs.
///
/// Nothing happens but in [`Machine::step`]. The daemon holds the far ends of pipes and terminals: it puts
/// bytes in and takes bytes out between two steps.
pub(crate) struct Machine {
    pub(super) kernel: Arc<Mutex<Kernel>>,
    tasks: BTreeMap<Pid, Task>,
    sessions: BTreeMap<CommandId, Session>,
    commands: u64,
    screen: Option<Reader>,
    /// What the console has shown and nobody has taken.
    shown: Vec<u8>,
    frozen: bool,
}

impl Machine {
    /// A machine that does not run. `epoch` is the time of day at the first moment.
    pub(crate) fn new(files: Files, hostname: &[u8], epoch: Timestamp, seed: u64) -> Self {
        let kernel = Arc::new(Mutex::new(Kernel::new(files, hostname, epoch, seed)));
        Self {
            kernel,
            tasks: BTreeMap::new(),
            sessions: BTreeMap::new(),
            commands: 0,
            screen: None,
            shown: Vec::new(),
            frozen: false,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Kernel> {
        self.kernel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The files, whether it runs or not.
    pub(crate) fn files<T>(&self, work: impl FnOnce(&mut Files) -> T) -> T {
        work(&mut self.lock().files)
    }

    pub(crate) fn set_hostname(&mut self, name: &[u8]) {
        self.lock().hostname = name.to_vec();
    }

    /// Its first process lives.
    pub(crate) fn is_running(&self) -> bool {
        self.lock().living(INIT).is_some()
    }

    #[cfg(test)]
    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// A frozen machine does nothing, and no time passes for it.
    pub(crate) fn freeze(&mut self, frozen: bool) {
        self.frozen = frozen && self.is_running();
    }

    /// The numbers of the processes, as they themselves see them.
    pub(crate) fn processes(&self) -> Vec<Pid> {
        self.lock().processes.iter().filter(|it| it.1.status.is_none()).map(|it| *it.0).collect()
    }

    /// Runs a command.
    ///
    /// # Errors
    /// If there is no such program, it cannot be run, or nothing runs.
    pub(crate) fn spawn(&mut self, command: Command, now: Moment) -> Result<CommandId, SpawnError> {
        if !self.is_running() {
            return Err(SpawnError::Refused(Errno::NoProcess));
        }
        let mut kernel = self.lock();
        kernel.set_now(now);
        let (descriptors, tty, input, outputs) = match command.terminal {
            Some((columns, rows)) => {
                let (tty, screen) = Tty::open(kernel.upcoming(), columns, rows);
                let descriptors = (0..3).map(|it| (it, Descriptor::Tty(tty.clone()))).collect();
                let tty = Arc::downgrade(&tty);
                (descriptors, tty.clone(), Input::Tty(tty), [Some(screen), None])
            }
            None => {
                let ((stdin, input), (out, stdout), (err, stderr)) = (pipe(), pipe(), pipe());
                let own = [Descriptor::Reader(stdin), Descriptor::Writer(stdout), Descriptor::Writer(stderr)];
                ((0..).zip(own).collect(), Weak::new(), Input::Pipe(Some(input)), [Some(out), Some(err)])
            }
        };
        let (pid, program) = enter(&mut kernel, command, descriptors, tty)?;
        drop(kernel);
        self.tasks.insert(pid, program.task(&System::new(self.kernel.clone(), pid)));
        self.commands += 1;
        let id = CommandId(self.commands);
        self.sessions.insert(id, Session { pid, status: None, input, outputs });
        Ok(id)
    }

    pub(super) fn boot(&mut self, task: Task, screen: Reader) {
        self.tasks.insert(INIT, task);
        self.screen = Some(screen);
    }

    /// Drops what ran; what commands have written, and how they ended, can still be asked.
    pub(super) fn end(&mut self) {
        self.collect();
        self.frozen = false;
        self.tasks.clear();
        // Not while the table is locked: what a future holds may look at it.
        let born = std::mem::take(&mut self.lock().born);
        drop(born);
        self.lock().console = None;
    }

    /// Writes down how commands ended, and what the console shows.
    fn collect(&mut self) {
        let mut kernel = self.kernel.lock().unwrap_or_else(PoisonError::into_inner);
        for session in self.sessions.values_mut().filter(|it| it.status.is_none()) {
            session.status = kernel.processes.get(&session.pid).and_then(|it| it.status);
            if session.status.is_some() {
                kernel.processes.remove(&session.pid);
            }
        }
        while let Some(Taken::Some(bytes)) = self.screen.as_ref().map(|it| it.take(CONSOLE)) {
            self.shown.extend_from_slice(&bytes);
            self.shown.drain(..self.shown.len().saturating_sub(CONSOLE));
            // Who waited for room goes on.
            kernel.changes += 1;
        }
    }

    /// Runs what can run, until nothing moves any more. Whether something did.
    pub(crate) fn step(&mut self, now: Moment) -> bool {
        if self.frozen {
            return false;
        }
        self.lock().set_now(now);
        let start = self.lock().changes;
        let mut last = start;
        let mut context = Context::from_waker(Waker::noop());
        loop {
            // A process that runs something else now has its old future dropped here.
            let born = std::mem::take(&mut self.lock().born);
            let fresh = !born.is_empty();
            self.tasks.extend(born);
            let mut over = Vec::new();
            for (&pid, task) in &mut self.tasks {
                if self.kernel.lock().unwrap_or_else(PoisonError::into_inner).living(pid).is_none() {
                    over.push(pid);
                } else if let Poll::Ready(code) = task.as_mut().poll(&mut context) {
                    let mut kernel = self.kernel.lock().unwrap_or_else(PoisonError::into_inner);
                    kernel.exit(pid, Status::Exited(code));
                    over.push(pid);
                }
            }
            for pid in over {
                self.tasks.remove(&pid);
            }
            self.collect();
            let changes = self.lock().changes;
            if changes == last && !fresh {
                break;
            }
            last = changes;
        }
        if !self.tasks.is_empty() && !self.is_running() {
            self.end();
        }
        last != start
    }

    /// When something happens by itself; `None` while everybody waits for somebody else.
    pub(crate) fn next(&self) -> Option<Moment> {
        if self.frozen { None } else { self.lock().next() }
    }

    /// How a command ended: 0 to 255, or 128 and the number of a signal.
    pub(crate) fn exit(&self, id: CommandId) -> Option<i32> {
        self.sessions.get(&id)?.status.map(Status::code)
    }

    /// Nobody asks for a command any more. Its pipes close; a terminal hangs up.
    pub(crate) fn forget(&mut self, id: CommandId) {
        self.close(id);
        let Some(session) = self.sessions.remove(&id) else { return };
        if session.status.is_none()
            && let Some(process) = self.lock().processes.get_mut(&session.pid)
        {
            process.watched = false;
        }
    }

    /// The process of a command that has not ended.
    pub(crate) fn pid(&self, id: CommandId) -> Option<Pid> {
        self.sessions.get(&id).filter(|it| it.status.is_none()).map(|it| it.pid)
    }

    /// Sends a signal to a command.
    pub(crate) fn signal(&mut self, id: CommandId, number: u8) {
        if let Some(pid) = self.pid(id) {
            // One that is gone has no use for it.
            let _ = self.lock().signal(pid, Signal(number));
        }
    }

    /// Gives bytes to the input of a command: how many it took.
    pub(crate) fn push(&mut self, id: CommandId, bytes: &[u8]) -> usize {
        match self.sessions.get(&id).map(|it| &it.input) {
            Some(Input::Pipe(Some(writer))) => {
                let mut rest = Bytes::copy_from_slice(&bytes[..bytes.len().min(super::pipe::SIZE)]);
                let length = rest.len();
                writer.push(&mut rest);
                length - rest.len()
            }
            Some(Input::Tty(tty)) => {
                let Some(tty) = tty.upgrade() else { return 0 };
                self.type_in(&tty, bytes)
            }
            _ => 0,
        }
    }

    fn type_in(&self, tty: &Tty, bytes: &[u8]) -> usize {
        let mut at = 0;
        loop {
            let (taken, signal) = tty.type_in(&bytes[at..]);
            at += taken;
            let Some(signal) = signal else { return at };
            let _ = self.lock().signal_session(tty.session(), signal);
        }
    }

    /// Ends the input of a command. A terminal hangs up: its session is told.
    pub(crate) fn close(&mut self, id: CommandId) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if let Input::Tty(tty) = std::mem::replace(&mut session.input, Input::Pipe(None))
            && let Some(tty) = tty.upgrade()
        {
            tty.hang_up();
            let _ = self.lock().signal_session(tty.session(), Signal::HUP);
        }
    }

    /// Nobody will read what is given to its input.
    #[cfg(test)]
    pub(crate) fn is_broken(&self, id: CommandId) -> bool {
        match self.sessions.get(&id).map(|it| &it.input) {
            Some(Input::Pipe(Some(writer))) => writer.is_broken(),
            Some(Input::Tty(tty)) => tty.strong_count() == 0,
            _ => true,
        }
    }

    /// At most `max` bytes of what a command has written. None: not yet, or no more.
    pub(crate) fn take(&mut self, id: CommandId, stream: Stream, max: usize) -> Bytes {
        match self.output(id, stream).map(|it| it.take(max)) {
            Some(Taken::Some(bytes)) => bytes,
            _ => Bytes::new(),
        }
    }

    /// All of it was taken, and nobody is left who could write more.
    pub(crate) fn is_ended(&self, id: CommandId, stream: Stream) -> bool {
        self.output(id, stream).is_none_or(Reader::is_ended)
    }

    /// Takes no more: who writes to it dies of it, as a rule.
    #[cfg(test)]
    pub(crate) fn drop_output(&mut self, id: CommandId, stream: Stream) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.outputs[stream as usize] = None;
        }
    }

    fn output(&self, id: CommandId, stream: Stream) -> Option<&Reader> {
        self.sessions.get(&id)?.outputs[stream as usize].as_ref()
    }

    /// Gives a command's terminal another size.
    pub(crate) fn resize(&mut self, id: CommandId, columns: u16, rows: u16) {
        if let Some(Input::Tty(tty)) = self.sessions.get(&id).map(|it| &it.input)
            && let Some(tty) = tty.upgrade()
        {
            tty.resize(columns, rows);
            let _ = self.lock().signal_session(tty.session(), Signal(28));
        }
    }

    /// Types on the console: how much was taken.
    pub(crate) fn console_push(&mut self, bytes: &[u8]) -> usize {
        let console = self.lock().console.clone();
        console.map_or(0, |tty| self.type_in(&tty, bytes))
    }

    /// What the console has shown since the last time; the oldest is lost if nobody asks for long.
    pub(crate) fn console_take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.shown)
    }
}
