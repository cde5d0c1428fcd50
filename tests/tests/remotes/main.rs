//! Servers of the network, looked at, joined and added to the remotes of the stock clients, through each adapter on
//! simulated daemons: what goes right, and that nothing secret is sent and nothing saved where something is wrong.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use lxio_core::api::{certificates, instances, raw};
use lxio_core::bytes::Secret;
use lxio_core::call::Joining;
use lxio_core::model::{CertificateCreate, TrustToken};
use lxio_core::session::{Cause, Error, ErrorKind, Remote};
use lxio_core::wire::{Identity, ServerCertificate, Trust};
use lxio_host::BadJoining;
use lxio_host::config::{Auth, Client, Config, ConfigError, Environment, Protocol};
use lxio_host::identity::generate;
use lxio_sim::{Server, Setup};
use lxio_tests::on_all_adapters;
use lxio_tests::remotes::Remotes;

on_all_adapters!(
    a_token_makes_trusted,
    a_token_goes_to_its_server_alone,
    a_password_goes_to_a_known_server,
    a_certificate_is_looked_at,
    added_by_token,
    added_by_confirmation,
    added_by_authority,
    what_fails_saves_nothing,
    a_socket_is_added,
);

/// A daemon with its Unix socket, where everybody is trusted, and HTTPS.
struct Daemon(Server);

impl Daemon {
    fn both() -> [Self; 2] {
        [Setup::lxd(), Setup::incus()].map(|setup| {
            let server = Server::temporary(setup).unwrap().https(0).unwrap();
            server.with(|daemon| daemon.keep_journal());
            Self(server)
        })
    }

    fn address(&self) -> String {
        self.0.https_address().unwrap().to_string()
    }

    fn remote(&self) -> Remote {
        Remote::https(&self.address()).unwrap()
    }

    fn admin<A: Remotes>(&self) -> A {
        A::connect(self.0.path().unwrap().into()).unwrap()
    }

    fn token<A: Remotes>(&self) -> TrustToken {
        self.admin::<A>().call(certificates().create_token("ci", None)).unwrap().token
    }

    /// The method and path of what came from now on.
    fn told(&self, deed: impl FnOnce()) -> Vec<String> {
        let before = self.0.with(|daemon| daemon.journal().len());
        deed();
        self.0.with(|daemon| daemon.journal()[before..].iter().map(|seen| seen.line.clone()).collect())
    }
}

/// A directory that goes with the test.
struct Room(PathBuf);

impl Room {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("lxio-remotes-{:016x}", lxio_host::seed()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn config(&self) -> Config {
        Config::load(Environment::at(Client::Incus, self.0.join("conf"))).unwrap()
    }

    fn is_empty(&self) -> bool {
        fs::read_dir(&self.0).unwrap().next().is_none()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn me() -> Identity {
    let generated = generate("me").unwrap();
    Identity::from_pem(generated.certificate.as_bytes(), generated.key.reveal().as_bytes()).unwrap()
}

fn works<A: Remotes>(client: &mut A) {
    assert!(client.session().server.is_trusted());
    assert!(client.call(instances().names()).unwrap().is_empty());
}

#[track_caller]
fn misuse<A>(result: Result<A, Error>) -> BadJoining {
    let Err(error) = result else { panic!("it was joined") };
    match error.cause() {
        Cause::Host(error) => error.downcast_ref::<BadJoining>().unwrap().clone(),
        other => panic!("{other:?}"),
    }
}

fn a_token_makes_trusted<A: Remotes>() {
    for daemon in Daemon::both() {
        let (token, me) = (daemon.token::<A>(), me());
        let joining = || Joining::Token(token.clone());
        let remote = || Remote::local().identity(me.clone());
        works(&mut A::join(remote(), joining(), "").unwrap());
        // Again: there is nothing to ask for.
        let told = daemon.told(|| works(&mut A::join(remote(), joining(), "").unwrap()));
        assert_eq!(told, ["GET /1.0", "GET /1.0/instances"]);
        // Somebody else: it is used up.
        let other = Remote::of_token(&token).unwrap().identity(self::me());
        let Err(error) = A::join(other, joining(), "") else { panic!("a token was good twice") };
        assert_eq!(error.kind(), ErrorKind::Untrusted, "{error}");
    }
}

fn a_token_goes_to_its_server_alone<A: Remotes>() {
    let [right, wrong] = Daemon::both();
    let joining = Joining::Token(right.token::<A>());
    let told = wrong.told(|| {
        let remote = wrong.remote().identity(me());
        let Err(error) = A::join(remote.clone(), joining.clone(), "") else { panic!("it was joined") };
        assert_eq!(error.kind(), ErrorKind::UnverifiedServer, "{error}");
        let pinned = remote.trust(A::peek(wrong.remote()).unwrap());
        assert!(matches!(misuse(A::join(pinned, joining.clone(), "")), BadJoining::OtherServer { .. }));
    });
    assert_eq!(told, [""; 0]);
    let told = right.told(|| {
        assert_eq!(misuse(A::join(right.remote(), joining.clone(), "")), BadJoining::NoIdentity);
        let socket = Remote::socket(right.0.path().unwrap()).identity(me());
        assert_eq!(misuse(A::join(socket, joining.clone(), "")), BadJoining::NoTls);
    });
    assert_eq!(told, [""; 0]);
}

fn a_password_goes_to_a_known_server<A: Remotes>() {
    let [lxd, incus] = Daemon::both();
    let set = serde_json::json!({"config": {"core.trust_password": "sekret"}});
    lxd.admin::<A>().call(raw::patch("/1.0").body(&set).json()).unwrap();
    let password = |text| Joining::Password(Secret::new(text));
    for trust in [Trust::DangerAnyone, Trust::System] {
        let told = lxd.told(|| {
            assert!(A::join(lxd.remote().identity(me()).trust(trust), password("sekret"), "me").is_err());
        });
        assert_eq!(told, [""; 0]);
    }
    let pinned = |daemon: &Daemon| {
        daemon.remote().identity(me()).trust(A::peek(daemon.remote()).unwrap().fingerprint())
    };
    let Err(error) = A::join(pinned(&lxd), password("guess"), "me") else { panic!("any password will do") };
    assert!(error.is_untrusted() && !error.to_string().contains("guess"), "{error}");
    works(&mut A::join(pinned(&lxd), password("sekret"), "me").unwrap());
    let told = incus.told(|| {
        let Err(error) = A::join(pinned(&incus), password("sekret"), "me") else { panic!("it took one") };
        assert_eq!(error.kind(), ErrorKind::Misuse, "{error}");
    });
    assert!(told.iter().all(|line| line == "GET /1.0"), "{told:?}");
}

fn a_certificate_is_looked_at<A: Remotes>() {
    for daemon in Daemon::both() {
        let token = daemon.token::<A>();
        let told = daemon.told(|| {
            let shown = A::peek(daemon.remote().identity(me())).unwrap();
            assert_eq!(shown.fingerprint().to_string(), token.fingerprint().as_str());
            assert_eq!(misuse(A::peek(daemon.0.path().unwrap().into())), BadJoining::NoTls);
        });
        assert_eq!(told, [""; 0]);
        // The first address that shows one will do.
        let two = Remote::https("127.0.0.1:1").unwrap().or(&daemon.address()).unwrap();
        assert!(A::peek(two).is_ok());
        let Err(error) = A::peek(Remote::https("127.0.0.1:1").unwrap()) else { panic!("who was that?") };
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    }
}

fn never(_: &ServerCertificate) -> bool {
    panic!("somebody was asked")
}

fn added_by_token<A: Remotes>() {
    for daemon in Daemon::both() {
        let room = Room::new();
        let token = daemon.token::<A>();
        let mut config = room.config();
        let joining = Some(Joining::Token(token.clone()));
        works(&mut A::add(&mut config, "srv", Remote::local().project("default"), joining, never).unwrap());
        assert_eq!(config.to_yaml(), room.config().to_yaml());
        let srv = room.config().remote("srv").unwrap();
        assert_eq!(srv.entry.addresses, [format!("https://{}", daemon.address())]);
        assert_eq!((srv.entry.auth.clone(), srv.project.as_deref()), (Some(Auth::Tls), Some("default")));
        let pin = fs::read(srv.server_certificate.as_ref().unwrap()).unwrap();
        let Trust::Certificate(pin) = Trust::pinned(&pin).unwrap() else { panic!() };
        assert_eq!(pin.fingerprint().to_string(), token.fingerprint().as_str());
        works(&mut A::connect(srv.to_remote().unwrap()).unwrap());
    }
}

fn added_by_confirmation<A: Remotes>() {
    for (daemon, protocol) in Daemon::both().into_iter().zip([Protocol::Lxd, Protocol::Incus]) {
        let room = Room::new();
        let token = daemon.token::<A>();
        let mut asked = 0;
        let confirm = |shown: &ServerCertificate| {
            asked += 1;
            shown.fingerprint().to_string() == token.fingerprint().as_str()
        };
        // Somebody who is trusted has made this identity known before.
        let conf = room.0.join("conf");
        let files = generate("me").unwrap().write(&conf).unwrap();
        let create = CertificateCreate::new("me", fs::read(&files.certificate).unwrap()).unwrap();
        daemon.admin::<A>().run(certificates().create(&create)).unwrap();
        let mut config = room.config();
        works(&mut A::add(&mut config, "srv", daemon.remote(), None, confirm).unwrap());
        assert_eq!(asked, 1);
        let srv = room.config().remote("srv").unwrap();
        assert_eq!(srv.entry.protocol, Some(protocol));
        works(&mut A::connect(srv.to_remote().unwrap()).unwrap());
        // The name is not free any more, and that is found before anything is sent.
        let told = daemon.told(|| {
            let Err(error) = A::add(&mut config, "srv", daemon.remote(), None, never) else { panic!() };
            let Cause::Host(error) = error.cause() else { panic!("{error:?}") };
            assert!(matches!(error.downcast_ref(), Some(ConfigError::Exists { .. })));
        });
        assert_eq!(told, [""; 0]);
    }
}

/// Reads a certificate or a key that TLS is tested with.
fn paper(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tls").join(name)).unwrap()
}

/// PKI mode: `client.ca` vouches for the server, so that nobody is asked and nothing is pinned.
fn added_by_authority<A: Remotes>() {
    for (certificate, asks) in [("good", false), ("elsewhere", true)] {
        let setup =
            Setup::incus().certificate(paper(&format!("server/{certificate}.crt")), paper("server/leaf.key"));
        let daemon = Daemon(Server::temporary(setup).unwrap().https(0).unwrap());
        let room = Room::new();
        let conf = room.0.join("conf");
        let files = generate("me").unwrap().write(&conf).unwrap();
        fs::write(conf.join("client.ca"), paper("server/ca.crt")).unwrap();
        let create = CertificateCreate::new("me", fs::read(&files.certificate).unwrap()).unwrap();
        daemon.admin::<A>().run(certificates().create(&create)).unwrap();
        let (mut config, mut asked) = (room.config(), false);
        let confirm = |_: &ServerCertificate| {
            asked = true;
            true
        };
        works(&mut A::add(&mut config, "srv", daemon.remote(), None, confirm).unwrap());
        assert_eq!(asked, asks, "{certificate}");
        let srv = room.config().remote("srv").unwrap();
        assert_eq!(srv.server_certificate.is_some(), asks, "{certificate}");
        works(&mut A::connect(srv.to_remote().unwrap()).unwrap());
    }
}

fn what_fails_saves_nothing<A: Remotes>() {
    for (daemon, kind) in Daemon::both().into_iter().zip([ErrorKind::Untrusted, ErrorKind::Misuse]) {
        let room = Room::new();
        let mut config = room.config();
        let before = config.to_yaml();
        let mut fails = |remote: Remote, joining: Option<Joining>, yes: bool, kind: ErrorKind| {
            let Err(error) = A::add(&mut config, "srv", remote, joining, |_| yes) else {
                panic!("it was added")
            };
            assert_eq!(error.kind(), kind, "{error}");
            assert!(room.is_empty() && config.to_yaml() == before);
        };
        fails(daemon.remote(), None, false, ErrorKind::UnverifiedServer);
        fails(daemon.remote(), None, true, ErrorKind::Untrusted);
        fails(Remote::https("http://127.0.0.1").unwrap(), None, true, ErrorKind::Misuse);
        let token = daemon.token::<A>();
        let elsewhere = Daemon::both();
        fails(elsewhere[0].remote(), Some(Joining::Token(token)), true, ErrorKind::UnverifiedServer);
        let password = Some(Joining::Password(Secret::new("guess")));
        // Incus has none: it is not sent one.
        fails(daemon.remote(), password, true, kind);
    }
}

fn a_socket_is_added<A: Remotes>() {
    for daemon in Daemon::both() {
        let room = Room::new();
        let mut config = room.config();
        let socket: &Path = daemon.0.path().unwrap();
        works(&mut A::add(&mut config, "here", socket.into(), None, never).unwrap());
        works(&mut A::connect(room.config().remote("here").unwrap().to_remote().unwrap()).unwrap());
    }
}
