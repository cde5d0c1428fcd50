use std::fs;
use std::path::Path;
use std::sync::Arc;

use lxio_core::call::Flavour;
use lxio_sim::{Server, Setup};

use super::{Daemon, Door, Failure, Fixture, Hook};

/// How many MiB its largest streams have: it keeps them in memory.
const LARGE: u64 = 64;

/// A simulated daemon, ready for scenarios: what the suite puts on a daemon is there.
///
/// `room` is a directory for its sockets; `runner` is the program whose `--child` measures. With `https`, scenarios
/// reach it by HTTPS.
///
/// # Errors
/// If it cannot be started, or does not take what is put on it.
pub fn simulated(
    flavour: Flavour,
    name: &str,
    room: &Path,
    tag: &str,
    runner: &Path,
    https: bool,
) -> Result<(Daemon, Fixture), Failure> {
    let socket = room.join(format!("{name}.socket"));
    let mut server = Server::unix(Setup::of(flavour).seed(lxio_host::seed()), &socket)?;
    if https {
        server = server.https(0)?;
    }
    let tarball = room.join(format!("{name}.tar"));
    fs::write(&tarball, lxio_sim::image())?;
    let (daemon, fixture) = Fixture::prepare(name, Door::Socket(socket), room, &tarball, tag, https)?;
    let hook = Some(Hook::Simulated(Arc::new(server)));
    Ok((Daemon { hook, runner: runner.to_owned(), large: LARGE, ..daemon }, fixture))
}
