use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Weak};

use lxio_core::bytes::Moment;

use super::kernel::{INIT, Kernel, Pid, Process};
use super::machine::{Command, Machine};
use super::program::{self, Program, SpawnError};
use super::tty::Tty;
use super::{Descriptor, Signal, System};
use crate::machine::files::{Kind, Last};

/// Why nothing starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StartError {
    /// It runs.
    Running,
    /// The root has no `/sbin/init`, or nothing that could be run.
    NoInit(SpawnError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("it is running"),
            Self::NoInit(SpawnError::NotFound) => f.write_str("there is no /sbin/init"),
            Self::NoInit(_) => f.write_str("/sbin/init cannot be run"),
        }
    }
}

impl Machine {
    /// Runs `/sbin/init` on the console. What it is decides whether [`Machine::halt`] will be heard: a busybox
    /// ends a few milliseconds after, a script does what it says.
    ///
    /// # Errors
    /// If something runs, or there is nothing to run.
    pub(crate) fn start(&mut self, now: Moment) -> Result<(), StartError> {
        if self.is_running() {
            return Err(StartError::Running);
        }
        self.end();
        let mut kernel = self.lock();
        kernel.reset();
        kernel.set_now(now);
        let (wall, hostname) = (kernel.wall(), kernel.hostname.clone());
        kernel.files.mount(&hostname, wall);
        let (console, screen) = Tty::open(INIT, 80, 25);
        kernel.console = Some(console.clone());
        let command = Command {
            argv: vec![b"/sbin/init".to_vec()],
            env: vec![
                b"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_vec(),
                b"TERM=linux".to_vec(),
            ],
            cwd: b"/".to_vec(),
            ..Command::default()
        };
        let descriptors = (0..3).map(|number| (number, Descriptor::Tty(console.clone()))).collect();
        let (pid, program) =
            enter(&mut kernel, command, descriptors, Arc::downgrade(&console)).map_err(StartError::NoInit)?;
        drop(kernel);
        let task = program.task(&System::new(self.kernel.clone(), pid));
        self.boot(task, screen);
        Ok(())
    }

    /// Asks the first process to end everything: by a signal that it may not care for.
    pub(crate) fn halt(&mut self) {
        let _ = self.lock().signal(INIT, Signal::PWR);
    }

    /// Ends everything at once.
    pub(crate) fn kill_all(&mut self) {
        self.lock().kill_all();
        self.end();
    }
}

/// Puts a new process into the table, without a parent, and finds what it runs.
pub(super) fn enter(
    kernel: &mut Kernel,
    command: Command,
    descriptors: BTreeMap<u32, Descriptor>,
    tty: Weak<Tty>,
) -> Result<(Pid, Program), SpawnError> {
    let is_directory = |path: &[u8]| {
        let found = kernel.files.find(path, Last::Follow).ok();
        found.and_then(|it| kernel.files.node(it)).is_some_and(|it| matches!(it.kind, Kind::Directory(_)))
    };
    // A directory that is not there is no reason to give up: so do the daemons.
    let cwd =
        if command.cwd.starts_with(b"/") && is_directory(&command.cwd) { command.cwd } else { b"/".to_vec() };
    let process = Process {
        parent: 0,
        session: 0,
        argv: command.argv.clone(),
        env: Arc::new(command.env),
        uid: command.uid,
        gid: command.gid,
        umask: 0o022,
        cwd,
        descriptors,
        tty,
        dispositions: BTreeMap::new(),
        caught: VecDeque::new(),
        alarm: None,
        status: None,
        watched: true,
        calls: 0,
    };
    let env = process.env.clone();
    let pid = kernel.insert(process).map_err(SpawnError::Refused)?;
    if let Some(process) = kernel.living_mut(pid) {
        process.session = pid;
    }
    match program::load(kernel, pid, command.argv, &env) {
        Ok(program) => Ok((pid, program)),
        Err(error) => {
            kernel.processes.remove(&pid);
            Err(error)
        }
    }
}
