//! Other people's clients on the simulated daemon: `incus`, `lxc` and pylxd do the main job on it; and their
//! configuration, which they share with us.
//!
//! Each is run where it is installed: the command-line clients on the PATH, pylxd by the interpreter that
//! `LXIO_PYLXD` names (`python3` otherwise). With `LXIO_STOCK_CLIENTS=all` one that is missing is a failure.

#![allow(clippy::unwrap_used, clippy::panic)]

mod configuration;
mod remotes;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use lxio_sim::{Server, Setup};

/// A directory that goes with the test.
struct Room(PathBuf);

impl Room {
    fn new(name: &str) -> Self {
        // Tests that run at the same time use the same names.
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("lxio-stock-{name}-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A client on a simulated daemon.
struct Client {
    program: &'static str,
    room: Room,
    _server: Server,
}

impl Client {
    /// `None`, and a word about it, where the client is not installed.
    fn new(program: &'static str, setup: Setup) -> Option<Self> {
        if !installed(program, &["version", "--help"]) {
            return missing(program);
        }
        let room = Room::new(program);
        let server = Server::unix(setup, room.0.join("unix.socket")).unwrap();
        Some(Self { program, room, _server: server })
    }

    /// Runs it; code, standard output and error.
    fn run(&self, arguments: &[&str], stdin: &str) -> (i32, String, String) {
        let conf = self.room.0.join("conf");
        let mut command = Command::new(self.program);
        command.args(arguments);
        for variable in ["INCUS_DIR", "LXD_DIR"] {
            command.env(variable, &self.room.0);
        }
        for variable in ["INCUS_CONF", "LXD_CONF", "HOME"] {
            command.env(variable, &conf);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = command.spawn().unwrap();
        std::io::Write::write_all(&mut running.stdin.take().unwrap(), stdin.as_bytes()).unwrap();
        let done = running.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (done.status.code().unwrap_or(-1), text(done.stdout), text(done.stderr))
    }

    /// Runs it; it must succeed. What it printed.
    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.run(arguments, "");
        assert_eq!(code, 0, "{} {arguments:?}: {out}{err}", self.program);
        out
    }
}

fn installed(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|it| it.success())
}

fn missing<T>(what: &str) -> Option<T> {
    assert!(env::var_os("LXIO_STOCK_CLIENTS").is_none_or(|it| it != "all"), "{what} is not installed");
    eprintln!("not run: {what} is not installed");
    None
}

/// The same for both, but for how a snapshot is made: they have one ancestor.
fn main_job(client: &Client, snapshot: &[&str]) {
    assert_eq!(client.ok(&["list", "--format", "csv", "-c", "ns"]), "");
    assert!(client.ok(&["image", "list", "--format", "csv"]).contains("busybox"));
    client.ok(&["init", "busybox", "c1", "--config", "user.note=7"]);
    assert_eq!(client.ok(&["list", "--format", "csv", "-c", "ns"]), "c1,STOPPED\n");
    client.ok(&["start", "c1"]);
    assert_eq!(client.ok(&["list", "--format", "csv", "-c", "ns"]), "c1,RUNNING\n");
    assert_eq!(client.ok(&["config", "get", "c1", "user.note"]), "7\n");

    let (code, out, err) = client.run(&["exec", "c1", "--", "sh", "-c", "cat; echo err >&2; exit 3"], "in\n");
    assert_eq!((code, out.as_str(), err.as_str()), (3, "in\n", "err\n"));

    let file = client.room.0.join("file");
    fs::write(&file, "pushed\n").unwrap();
    client.ok(&[
        "file",
        "push",
        file.to_str().unwrap(),
        "c1/root/pushed",
        "--mode",
        "0600",
        "--uid",
        "5",
        "--gid",
        "6",
    ]);
    assert_eq!(
        client.ok(&["exec", "c1", "--", "sh", "-c", "cat /root/pushed; stat -c '%a %u %g' /root/pushed"]),
        "pushed\n600 5 6\n"
    );
    let back = client.room.0.join("back");
    client.ok(&["file", "pull", "c1/root/pushed", back.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(&back).unwrap(), "pushed\n");

    client.ok(snapshot);
    client.ok(&["stop", "c1", "--force"]);
    client.ok(&["copy", "c1", "c2"]);
    assert_eq!(client.ok(&["list", "--format", "csv", "-c", "nsS"]), "c1,STOPPED,1\nc2,STOPPED,1\n");
    client.ok(&["delete", "c1"]);
    client.ok(&["delete", "c2"]);
    assert_eq!(client.ok(&["list", "--format", "csv"]), "");
    let (code, _, err) = client.run(&["start", "c1"], "");
    assert!(code != 0 && err.contains("not found"), "{code}: {err}");
}

#[test]
fn incus_does_the_main_job() {
    if let Some(client) = Client::new("incus", Setup::incus()) {
        main_job(&client, &["snapshot", "create", "c1", "s0"]);
    }
}

#[test]
fn lxc_does_the_main_job() {
    if let Some(client) = Client::new("lxc", Setup::lxd()) {
        main_job(&client, &["snapshot", "c1", "s0"]);
    }
}

#[test]
fn pylxd_does_the_main_job() {
    let python = env::var_os("LXIO_PYLXD").unwrap_or_else(|| "python3".into());
    if !installed(&python.to_string_lossy(), &["-c", "import pylxd"]) {
        return missing("pylxd").unwrap_or_default();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stock_clients/main_job.py");
    for setup in [Setup::lxd(), Setup::incus()] {
        let server = Server::temporary(setup).unwrap();
        let done = Command::new(&python).arg(&script).arg(server.path().unwrap()).output().unwrap();
        let told = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{told}");
        assert_eq!(String::from_utf8_lossy(&done.stdout), "done\n");
    }
}
