//! A remote that the stock client added is connected to by its name, and one that we added is used by the stock
//! client: both clients, both ways, through each adapter, on real daemons over HTTPS.

use std::process::Command;

use lxio_core::api::{certificates, instances};
use lxio_core::bytes::Secret;
use lxio_core::call::Joining;
use lxio_core::model::TrustToken;
use lxio_core::session::{ErrorKind, Remote};
use lxio_core::wire::ServerCertificate;
use lxio_host::config;
use lxio_tests::actor::{Actor, Blocking, Connect, Smol, Tokio};
use lxio_tests::remotes::Remotes;

use super::configuration::{Daemon, Stock, both};
use super::{Room, installed, missing};

/// Whose name is to be connected to by [`connects_by_name`].
const NAME: &str = "LXIO_TEST_REMOTE";

#[test]
fn on_real_daemons_by_every_adapter() {
    if std::env::var_os("LXIO_STOCK_CLIENTS").is_none_or(|it| it != "all") {
        eprintln!("not run: it starts real daemons, which tests/live/clients does");
        return;
    }
    for kind in both() {
        let daemon = Daemon::up(kind);
        let room = Room::new(&format!("remotes-{kind:?}"));
        let theirs = Stock { kind, conf: room.0.join("theirs") };
        if !installed(theirs.program(), &["version", "--help"]) {
            return missing(theirs.program()).unwrap_or_default();
        }
        theirs.ok(&["remote", "add", "srv", token(&daemon).encode().reveal()]);
        for name in ["srv", "srv:"] {
            by_name(&theirs, name);
        }

        let ours = Stock { kind, conf: room.0.join("ours") };
        added::<Blocking>(&daemon, &ours);
        added::<Smol>(&daemon, &ours);
        added::<Tokio>(&daemon, &ours);
        by_name(&ours, "by-token");
        if kind == config::Client::Lxc {
            daemon.ok(kind, &["config", "set", "core.trust_password", "sekret"]);
            by_password::<Blocking>(&daemon, &Stock { kind, conf: room.0.join("blocking") });
            by_password::<Smol>(&daemon, &Stock { kind, conf: room.0.join("smol") });
            by_password::<Tokio>(&daemon, &Stock { kind, conf: room.0.join("tokio") });
        }
    }
}

/// A new token, by our own call through the Unix socket.
fn token(daemon: &Daemon) -> TrustToken {
    let mut admin = Blocking::connect(Remote::socket(daemon.directory.join("d/unix.socket"))).unwrap();
    admin.call(certificates().create_token("ci", None)).unwrap().token
}

fn never(_: &ServerCertificate) -> bool {
    panic!("somebody was asked")
}

/// Adds the daemon by a token at first, and without one when it trusts us.
fn added<A: Remotes>(daemon: &Daemon, ours: &Stock) {
    let (mut config, token) = (ours.config(), token(daemon));
    if config.remote("by-token").is_err() {
        let joining = Some(Joining::Token(token.clone()));
        A::add(&mut config, "by-token", Remote::local(), joining, never).unwrap();
        assert_eq!(ours.ok(&["list", "by-token:", "--format", "csv"]), "");
    }
    let name = format!("by-{}", A::NAME);
    let at = || Remote::https(&daemon.address).unwrap();
    let Err(error) = A::add(&mut config, &name, at(), None, |_| false) else { panic!("nobody said yes") };
    assert_eq!(error.kind(), ErrorKind::UnverifiedServer, "{error}");
    let is_right =
        |shown: &ServerCertificate| shown.fingerprint().to_string() == token.fingerprint().as_str();
    A::add(&mut config, &name, at(), None, is_right).unwrap();
    assert_eq!(ours.ok(&["list", &format!("{name}:"), "--format", "csv"]), "");
    ours.ok(&["remote", "rename", &name, &format!("{name}-renamed")]);
    works::<A>(ours.config().remote(&format!("{name}-renamed")).unwrap().to_remote().unwrap());
    ours.ok(&["remote", "remove", &format!("{name}-renamed")]);
}

fn by_password<A: Remotes>(daemon: &Daemon, ours: &Stock) {
    let mut config = ours.config();
    let mut add = |password| {
        let joining = Some(Joining::Password(Secret::new(password)));
        A::add(&mut config, "srv", Remote::https(&daemon.address).unwrap(), joining, |_| true)
    };
    let Err(error) = add("guess") else { panic!("any password will do") };
    assert_eq!(error.kind(), ErrorKind::Untrusted, "{error}");
    assert!(!ours.conf.exists(), "something was saved");
    add("sekret").unwrap();
    assert_eq!(ours.ok(&["list", "srv:", "--format", "csv"]), "");
}

fn works<A: Connect>(remote: Remote) {
    let mut client = A::connect(remote).unwrap();
    assert!(client.call(instances().names()).unwrap().is_empty());
}

/// Connects to a remote of this client's in a process of its own, whose environment says where that is.
#[track_caller]
fn by_name(stock: &Stock, name: &str) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--ignored", "--exact", "remotes::connects_by_name"]).env(NAME, name);
    let (conf, other) = match stock.kind {
        config::Client::Incus => ("INCUS_CONF", "LXD_CONF"),
        config::Client::Lxc => ("LXD_CONF", "INCUS_CONF"),
    };
    let done = child.env(conf, &stock.conf).env_remove(other).output().unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && told.contains("1 passed"), "{name}: {told}");
}

#[test]
#[ignore = "it is run by the test above, in an environment of its own"]
fn connects_by_name() {
    let name = std::env::var(NAME).unwrap();
    works::<Blocking>(name.as_str().into());
    works::<Smol>(name.as_str().into());
    works::<Tokio>(Remote::named(name));
    let error = Blocking::connect("nobody".into()).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misuse);
    assert!(error.to_string().contains("local"), "{error}");
}
