//! What the example programs of the three adapters share that is not about the library: arguments, the image,
//! how a number is shown.

use std::collections::BTreeMap;
use std::error::Error;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;

use lxio_core::model::{Devices, Progress};
use lxio_core::session::Remote;
use lxio_sim::{Server, Setup};

use crate::tarball::{busybox_image, find_busybox};

const USAGE: &str = "usage: tour [--socket PATH] [--busybox PATH]

Does the main job on an LXD or Incus: makes an image and imports it, creates a
container, starts it, pushes a file, runs a command that reads it, takes a
snapshot, stops it, deletes everything again.
--socket: the daemon's socket; otherwise the daemon of this machine, if there is one
that may be used, or else a simulated one.
--busybox: the static busybox that the image is made of; otherwise $LXIO_BUSYBOX,
then the usual places (Debian: package busybox-static). A simulated daemon needs none.";

/// What the program was asked for.
#[derive(Debug)]
pub struct Options {
    /// The daemon.
    pub remote: Remote,
    /// The static busybox, if it was given.
    pub busybox: Option<PathBuf>,
    /// The name that the container gets.
    pub name: String,
    /// The simulated daemon, if it is one; it lives as long as this.
    simulated: Option<Server>,
}

/// Reads the arguments, runs the program, and prints what went wrong with all its causes.
pub fn main(run: impl FnOnce(Options) -> Result<(), Box<dyn Error>>) -> ExitCode {
    let options = match arguments() {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprintln!("{why}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let Err(error) = run(options) else { return ExitCode::SUCCESS };
    eprint!("tour: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprint!(": {error}");
        cause = error.source();
    }
    eprintln!();
    ExitCode::FAILURE
}

fn arguments() -> Result<Option<Options>, String> {
    let (mut socket, mut busybox) = (None, None);
    let mut args = std::env::args_os().skip(1);
    while let Some(arg) = args.next() {
        let place = match arg.to_str() {
            Some("--help" | "-h") => return Ok(None),
            Some("--socket") => &mut socket,
            Some("--busybox") => &mut busybox,
            _ => return Err(format!("{} is unknown", arg.display())),
        };
        let path = args.next().ok_or_else(|| format!("{} wants a path", arg.display()))?;
        *place = Some(path.into());
    }
    let name = format!("lxio-tour-{}", std::process::id());
    let (remote, simulated) = daemon(socket)?;
    Ok(Some(Options { remote, busybox, name, simulated }))
}

/// The daemon that was asked for, or that of this machine, or a simulated one.
fn daemon(socket: Option<PathBuf>) -> Result<(Remote, Option<Server>), String> {
    if let Some(path) = socket {
        return Ok((Remote::socket(path), None));
    }
    let local = lxio_host::candidates(&Remote::local());
    if let Some(found) = local.iter().find(|it| UnixStream::connect(&it.path).is_ok()) {
        println!("daemon   {}", found.path.display());
        return Ok((Remote::local(), None));
    }
    let server = Server::temporary(Setup::incus()).map_err(|error| error.to_string())?;
    println!("daemon   simulated: this machine has none that may be used");
    let path = server.path().map(Remote::socket).unwrap_or_default();
    Ok((path, Some(server)))
}

/// The image as a tarball.
///
/// # Errors
/// If there is no static busybox, with how to give one.
pub fn image(options: &Options) -> Result<Vec<u8>, Box<dyn Error>> {
    if options.simulated.is_some() {
        return Ok(lxio_sim::image());
    }
    let busybox = match &options.busybox {
        Some(path) => path.clone(),
        None => find_busybox()?,
    };
    let mut tarball = Vec::new();
    busybox_image(&busybox, &mut tarball)?;
    Ok(tarball)
}

/// A root disk in this pool, so that no profile is needed.
#[must_use]
pub fn root_disk(pool: &str) -> Devices {
    let disk = [("type", "disk"), ("path", "/"), ("pool", pool)];
    let disk: BTreeMap<String, String> =
        disk.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
    Devices::from([("root".to_owned(), disk)])
}

/// How far something is, for people.
#[must_use]
pub fn percent(progress: &Progress) -> String {
    progress.percent.map_or_else(|| progress.text.clone(), |percent| format!("{percent} %"))
}
