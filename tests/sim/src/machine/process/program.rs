use super::System;
use super::kernel::{Kernel, Pid, Task};
use crate::machine::applets;
use crate::machine::files::{Errno, Kind, Last};

/// Where commands are looked for if nobody says.
const PATH: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// A script may be run by a script, and so on, as often.
const SCRIPTS: usize = 4;

/// Why nothing was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpawnError {
    /// There is no such program: a shell says 127.
    NotFound,
    /// There is, but it cannot be run: a shell says 126.
    NotExecutable(Errno),
    /// No process can be made.
    Refused(Errno),
}

/// What is run: busybox, under the name that its first word is.
#[derive(Debug)]
pub(super) struct Program {
    argv: Vec<Vec<u8>>,
}

impl Program {
    pub(super) fn task(self, system: &System) -> Task {
        system.set_argv(&self.argv);
        applets::task(system.clone(), self.argv)
    }
}

/// Finds what the first word names, as `execvp` does.
pub(super) fn load(
    kernel: &Kernel,
    pid: Pid,
    mut argv: Vec<Vec<u8>>,
    env: &[Vec<u8>],
) -> Result<Program, SpawnError> {
    let mut path = find(kernel, pid, argv.first().ok_or(SpawnError::NotFound)?, env)?;
    for _ in 0..SCRIPTS {
        let inode = kernel.files.find(&path, Last::Follow).map_err(|_| SpawnError::NotFound)?;
        let head = kernel.files.read(inode, 0, 256).map_err(|_| SpawnError::NotExecutable(Errno::Denied))?;
        if head.starts_with(b"\x7fELF") {
            return Ok(Program { argv });
        }
        let Some(line) = head.strip_prefix(b"#!") else {
            return Err(SpawnError::NotExecutable(Errno::NotProgram));
        };
        let line = line.split(|it| *it == b'\n').next().unwrap_or_default().trim_ascii();
        let mut words = line.splitn(2, |it| it.is_ascii_whitespace());
        let interpreter = words.next().unwrap_or_default().to_vec();
        let option = words.next().map(|it| it.trim_ascii().to_vec());
        // What was looked for is known by where it was found.
        if !argv[0].contains(&b'/') {
            argv[0] = path;
        }
        argv.splice(..0, [interpreter.clone()].into_iter().chain(option));
        path = find(kernel, pid, &interpreter, env)?;
    }
    Err(SpawnError::NotExecutable(Errno::Loop))
}

/// The absolute path of a command.
fn find(kernel: &Kernel, pid: Pid, name: &[u8], env: &[Vec<u8>]) -> Result<Vec<u8>, SpawnError> {
    let cwd = kernel.living(pid).map(|it| it.cwd.clone()).unwrap_or_default();
    let absolute = |path: &[u8]| match path.first() {
        Some(b'/') => path.to_vec(),
        _ => [&cwd, b"/".as_slice(), path].concat(),
    };
    if name.is_empty() {
        return Err(SpawnError::NotFound);
    }
    if name.contains(&b'/') {
        let path = absolute(name);
        return check(kernel, pid, &path).map(|()| path);
    }
    let mut worst = SpawnError::NotFound;
    let path = env.iter().find_map(|it| it.strip_prefix(b"PATH=")).unwrap_or(PATH);
    for directory in path.split(|it| *it == b':') {
        let path = absolute(&[if directory.is_empty() { b"." } else { directory }, b"/", name].concat());
        match check(kernel, pid, &path) {
            Ok(()) => return Ok(path),
            Err(SpawnError::NotFound) => {}
            Err(error) => worst = error,
        }
    }
    Err(worst)
}

fn check(kernel: &Kernel, pid: Pid, path: &[u8]) -> Result<(), SpawnError> {
    let denied = SpawnError::NotExecutable(Errno::Denied);
    let place = match kernel.files.walk(path, Last::Follow) {
        Ok(place) => place,
        Err(Errno::NotFound | Errno::NotDirectory | Errno::TooLong) => return Err(SpawnError::NotFound),
        Err(errno) => return Err(SpawnError::NotExecutable(errno)),
    };
    let inode = place.found.ok_or(SpawnError::NotFound)?;
    let is_file = kernel.files.node(inode).is_some_and(|it| matches!(it.kind, Kind::File(_)));
    if is_file && kernel.may(pid, place.parent, 1) && kernel.may(pid, inode, 1) {
        Ok(())
    } else {
        Err(denied)
    }
}
