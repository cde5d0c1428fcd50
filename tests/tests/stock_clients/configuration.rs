//! The configuration of a stock client is the same to it and to us: what one writes, the other reads.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use lxio_host::config::{self, Auth, Config, Environment, Place, Protocol, RemoteEntry};
use lxio_host::identity::{default_name, generate};
use lxio_sim::Setup;

use super::{Client, Room, installed, missing};

/// A client with a configuration of its own and no daemon but those that it names.
pub(super) struct Stock {
    pub(super) kind: config::Client,
    pub(super) conf: PathBuf,
}

impl Stock {
    pub(super) fn program(&self) -> &'static str {
        match self.kind {
            config::Client::Incus => "incus",
            config::Client::Lxc => "lxc",
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program());
        for variable in ["INCUS_REMOTE", "LXC_REMOTE", "INCUS_PROJECT", "LXD_PROJECT", "XDG_CONFIG_HOME"] {
            command.env_remove(variable);
        }
        for variable in ["INCUS_CONF", "LXD_CONF"] {
            command.env(variable, &self.conf);
        }
        for variable in ["HOME", "INCUS_DIR", "LXD_DIR", "INCUS_GLOBAL_CONF", "LXD_GLOBAL_CONF"] {
            command.env(variable, self.conf.join("none"));
        }
        command.args(arguments);
        command
    }

    /// Runs it; it must succeed. What it printed.
    #[track_caller]
    pub(super) fn ok(&self, arguments: &[&str]) -> String {
        let done = self.command(arguments).output().unwrap();
        let told = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{} {arguments:?}: {told}", self.program());
        String::from_utf8(done.stdout).unwrap()
    }

    pub(super) fn config(&self) -> Config {
        Config::load(Environment::at(self.kind, &self.conf)).unwrap()
    }
}

pub(super) fn both() -> impl Iterator<Item = config::Client> {
    [config::Client::Incus, config::Client::Lxc].into_iter()
}

#[test]
fn what_we_write_the_client_reads_and_back() {
    for kind in both() {
        let (program, setup) = match kind {
            config::Client::Incus => ("incus", Setup::incus()),
            config::Client::Lxc => ("lxc", Setup::lxd()),
        };
        let Some(client) = Client::new(program, setup) else { continue };
        let room = Room::new(&format!("config-{program}"));
        let stock = Stock { kind, conf: room.0.join("conf") };
        let socket = format!("unix://{}", client.room.0.join("unix.socket").display());

        let mut ours = stock.config();
        ours.add("here", &RemoteEntry::new(&socket)).unwrap();
        ours.add("yes", &RemoteEntry::new("https://203.0.113.7:8443")).unwrap();
        ours.set_project("yes", Some("123")).unwrap();
        let mut streams = RemoteEntry::new("https://203.0.113.8");
        streams.protocol = Some(Protocol::Simplestreams);
        streams.public = true;
        ours.add("streams", &streams).unwrap();
        ours.set_default("here").unwrap();
        ours.save().unwrap();

        let listed = stock.ok(&["remote", "list", "--format", "csv"]);
        for line in [
            &format!("here (current),{socket},"),
            "yes,https://203.0.113.7:8443,",
            "streams,https://203.0.113.8,simplestreams,none,YES,NO,NO",
            "local,unix://,",
        ] {
            assert!(listed.lines().any(|it| it.starts_with(line)), "{line} is not in\n{listed}");
        }
        assert_eq!(stock.ok(&["list", "--format", "csv"]), "");
        assert!(stock.ok(&["image", "list", "here:", "--format", "csv"]).contains("busybox"));

        stock.ok(&["remote", "add", "theirs", &socket]);
        stock.ok(&["remote", "rename", "yes", "no"]);
        stock.ok(&["remote", "switch", "theirs"]);
        stock.ok(&["alias", "add", "all", "list -c n"]);
        let config = stock.config();
        assert_eq!(config.default_remote(), "theirs");
        assert_eq!(config.remote("no").unwrap().project.as_deref(), Some("123"));
        assert_eq!(config.remote("streams").unwrap().entry, streams);
        let theirs = config.remote("theirs").unwrap();
        assert_eq!(Place::of(&theirs.entry.addresses[0]), Place::of(&socket));
        assert_eq!(theirs.entry.protocol, Some(Protocol::of_client(kind)));
        assert_eq!(config.to_yaml(), fs::read_to_string(stock.conf.join("config.yml")).unwrap());
    }
}

/// A real daemon of the suite, which also listens on a port of the loopback.
pub(super) struct Daemon {
    pub(super) directory: PathBuf,
    pub(super) address: String,
}

fn daemons(arguments: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("live/daemons");
    let done = Command::new(script).args(arguments).output().unwrap();
    assert!(done.status.success(), "daemons {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

impl Daemon {
    pub(super) fn up(kind: config::Client) -> Self {
        let flavour = match kind {
            config::Client::Incus => "incus",
            config::Client::Lxc => "lxd",
        };
        let directory = PathBuf::from(daemons(&["up", flavour]));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let daemon = Self { directory, address: format!("127.0.0.1:{port}") };
        daemon.ok(kind, &["config", "set", "core.https_address", &daemon.address]);
        daemon
    }

    /// Has the stock client say something to it through its socket.
    pub(super) fn ok(&self, kind: config::Client, arguments: &[&str]) -> String {
        let stock = Stock { kind, conf: self.directory.join("c") };
        let mut command = stock.command(arguments);
        let done =
            command.envs(["INCUS_DIR", "LXD_DIR"].map(|it| (it, self.directory.join("d")))).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        daemons(&["down", &self.directory.to_string_lossy()]);
    }
}

#[test]
fn over_the_network_with_certificates() {
    if std::env::var_os("LXIO_STOCK_CLIENTS").is_none_or(|it| it != "all") {
        eprintln!("not run: it starts real daemons, which tests/live/clients does");
        return;
    }
    for kind in both() {
        let daemon = Daemon::up(kind);
        let room = Room::new(&format!("https-{kind:?}"));
        let pin = fs::read_to_string(daemon.directory.join("d/server.crt")).unwrap();

        // Theirs, which we read.
        let theirs = Stock { kind, conf: room.0.join("theirs") };
        if !installed(theirs.program(), &["version", "--help"]) {
            return missing(theirs.program()).unwrap_or_default();
        }
        let told = match kind {
            config::Client::Incus => daemon.ok(kind, &["config", "trust", "add", "theirs"]),
            config::Client::Lxc => daemon.ok(kind, &["config", "trust", "add", "--name", "theirs"]),
        };
        theirs.ok(&["remote", "add", "srv", told.lines().last().unwrap()]);
        let srv = theirs.config().remote("srv").unwrap();
        assert_eq!(srv.entry.addresses, [format!("https://{}", daemon.address)]);
        assert_eq!((srv.entry.auth, srv.project.as_deref()), (Some(Auth::Tls), Some("default")));
        assert_eq!(fs::read_to_string(srv.server_certificate.unwrap()).unwrap(), pin);
        assert_eq!(srv.identity.unwrap().key, theirs.conf.join("client.key"));

        // Ours, which they read.
        let ours = Stock { kind, conf: room.0.join("ours") };
        let files = generate(&default_name()).unwrap().write(&ours.conf).unwrap();
        let add = if kind == config::Client::Incus { "add-certificate" } else { "add" };
        daemon.ok(kind, &["config", "trust", add, files.certificate.to_str().unwrap()]);
        let mut config = ours.config();
        config.add("first", &RemoteEntry::new(format!("https://{}", daemon.address))).unwrap();
        config.pin("first", &pin).unwrap();
        config.save().unwrap();
        assert_eq!(ours.ok(&["list", "first:", "--format", "csv"]), "");
        config.rename("first", "second").unwrap();
        config.set_default("second").unwrap();
        config.save().unwrap();
        assert_eq!(ours.ok(&["profile", "list", "--format", "csv"]).lines().count(), 1);

        // It was our pin that they believed.
        config.pin("second", &generate("another").unwrap().certificate).unwrap();
        config.save().unwrap();
        let done = ours.command(&["list", "--format", "csv"]).output().unwrap();
        assert!(!done.status.success(), "another certificate was accepted");
    }
}
