//! What the example programs of the three adapters share that is not about the library: arguments, the image,
//! how a number is shown.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use lxio_core::model::{Devices, Progress};

use crate::tarball::{busybox_image, find_busybox};

const USAGE: &str = "usage: tour [--socket PATH] [--busybox PATH]

Does the main job on an LXD or Incus: makes an image and imports it, creates a
container, starts it, pushes a file, runs a command that reads it, takes a
snapshot, stops it, deletes everything again.
--socket: the daemon's socket; otherwise the daemon of this machine is looked for.
--busybox: the static busybox that the image is made of; otherwise $LXIO_BUSYBOX,
then the usual places (Debian: package busybox-static).";

/// What the program was asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The daemon's socket, if it was given.
    pub socket: Option<PathBuf>,
    /// The static busybox, if it was given.
    pub busybox: Option<PathBuf>,
    /// The name that the container gets.
    pub name: String,
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
    let name = format!("lxio-tour-{}", std::process::id());
    let mut options = Options { socket: None, busybox: None, name };
    let mut args = std::env::args_os().skip(1);
    while let Some(arg) = args.next() {
        let place = match arg.to_str() {
            Some("--help" | "-h") => return Ok(None),
            Some("--socket") => &mut options.socket,
            Some("--busybox") => &mut options.busybox,
            _ => return Err(format!("{} is unknown", arg.display())),
        };
        let path = args.next().ok_or_else(|| format!("{} wants a path", arg.display()))?;
        *place = Some(path.into());
    }
    Ok(Some(options))
}

/// The image as a tarball.
///
/// # Errors
/// If there is no static busybox, with how to give one.
pub fn image(options: &Options) -> Result<Vec<u8>, Box<dyn Error>> {
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
