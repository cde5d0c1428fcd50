use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use lxio_core::call::Flavour;
use lxio_core::model::Fingerprint;
use lxio_sim::Server;

use super::{Door, Failure};

/// A daemon under test, with what the suite has put on it.
#[derive(Debug, Clone)]
pub struct Daemon {
    /// Its name in reports.
    pub name: String,
    /// Where it is reached.
    pub direct: Door,
    /// The door of the recorder in front of it, of which every scenario has its own.
    pub recorded: Door,
    /// A directory for sockets.
    pub room: PathBuf,
    /// Which of the two it is.
    pub flavour: Flavour,
    /// Its version.
    pub version: String,
    /// Its own name for the machine's architecture.
    pub architecture: String,
    /// How it can be broken and mended, if it can.
    pub hook: Option<Hook>,
    /// What every name starts with that the suite makes on it.
    pub tag: String,
    /// The alias of the image that containers are made of.
    pub alias: String,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// The profile that gives containers their disk.
    pub profile: String,
    /// The program whose `--child` is run where something is measured in a process of its own.
    pub runner: PathBuf,
    /// How many MiB the largest streams have.
    pub large: u64,
}

/// How a daemon can be broken and mended.
#[derive(Debug, Clone)]
pub enum Hook {
    /// A private daemon: the script `tests/live/daemons` does it.
    Script {
        /// The script.
        script: PathBuf,
        /// The daemon's directory.
        directory: PathBuf,
        /// All ways to it.
        doors: Vec<Door>,
    },
    /// A simulated daemon.
    Simulated(Arc<Server>),
}

impl Hook {
    /// The hook of the daemon of that name, if the environment has one: `LXIO_LIVE_DAEMONS` and
    /// `LXIO_LIVE_DIR_NAME`.
    #[must_use]
    pub fn of(name: &str, doors: Vec<Door>) -> Option<Self> {
        let script = std::env::var_os("LXIO_LIVE_DAEMONS")?.into();
        let directory = std::env::var_os(format!("LXIO_LIVE_DIR_{}", name.to_uppercase()))?.into();
        Some(Self::Script { script, directory, doors })
    }

    /// Ends the daemon by SIGKILL and waits until it is gone.
    ///
    /// # Errors
    /// If the script says no.
    pub async fn kill(&self) -> Result<(), Failure> {
        let hook = self.clone();
        smol::unblock(move || match hook {
            Self::Simulated(server) => {
                server.kill();
                Ok(())
            }
            Self::Script { script, directory, doors } => {
                call(&script, "kill", &directory)?;
                // The first thread of a process may be gone while others still hold its sockets.
                await_doors(&doors, false, "the daemon was killed and still answers")
            }
        })
        .await
    }

    /// Starts it again and waits until it answers.
    ///
    /// # Errors
    /// If the script says no.
    pub async fn start(&self) -> Result<(), Failure> {
        let hook = self.clone();
        smol::unblock(move || match hook {
            Self::Simulated(server) => {
                server.restart();
                Ok(())
            }
            Self::Script { script, directory, doors } => {
                call(&script, "start", &directory)?;
                await_doors(&doors, true, "the daemon was started and does not answer everywhere")
            }
        })
        .await
    }

    /// Starts it if it does not live, whatever state a scenario has left.
    pub fn mend(&self) {
        match self {
            Self::Simulated(server) => server.restart(),
            Self::Script { script, directory, .. } => {
                if call(script, "pid", directory).is_err() {
                    let _ = call(script, "start", directory);
                }
            }
        }
    }
}

fn await_doors(doors: &[Door], open: bool, otherwise: &str) -> Result<(), Failure> {
    for _ in 0..200 {
        if doors.iter().all(|it| it.is_open() == open) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Err(Failure::new(otherwise))
}

fn call(script: &Path, command: &str, directory: &Path) -> Result<(), Failure> {
    let run = Command::new(script).arg(command).arg(directory).stdin(Stdio::null()).output()?;
    if run.status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("daemons {command}: {}", String::from_utf8_lossy(&run.stderr).trim())))
}
