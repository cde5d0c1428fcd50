//! Connections that the caller makes: a pair of sockets, the other end of which is relayed to the server.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use lxio_core::api::{instance, raw};
use lxio_core::session::{Error, ErrorKind, Remote};
use lxio_sim::Setup;
use lxio_tests::actor::{Blocking, Connect, Smol, Tokio};
use lxio_tests::daemon;
use lxio_tests::on_all_adapters;
use lxio_tests::tls::{Papers, pin};

use super::{at, served, somebody};

on_all_adapters!(a_simulated_daemon_behind_a_pair, tls_over_a_pair, a_caller_who_cannot_connect);

/// Where a relay leads to.
#[derive(Clone)]
enum Place {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

/// Makes connections, and counts them.
#[derive(Clone)]
struct Dialler {
    place: Place,
    made: Arc<AtomicUsize>,
}

impl Dialler {
    fn new(place: Place) -> Self {
        Self { place, made: Arc::default() }
    }

    fn dial(&self) -> io::Result<UnixStream> {
        self.made.fetch_add(1, Ordering::SeqCst);
        let (near, far) = UnixStream::pair()?;
        let server: OwnedFd = match &self.place {
            Place::Unix(path) => UnixStream::connect(path)?.into(),
            Place::Tcp(address) => TcpStream::connect(address)?.into(),
        };
        // What bytes are moved on does not matter to one who reads and writes.
        let server = UnixStream::from(server);
        let (there, back) = ((far.try_clone()?, server.try_clone()?), (server, far));
        for (mut from, mut to) in [there, back] {
            thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            });
        }
        Ok(near)
    }
}

/// An adapter whose caller makes the connections.
trait Given: Connect {
    fn given(remote: Remote, dialler: Dialler) -> Result<Self, Error>;
}

impl Given for Blocking {
    fn given(remote: Remote, dialler: Dialler) -> Result<Self, Error> {
        let client = lxio_blocking::Client::connect_with(remote, move || dialler.dial())?;
        Ok(Self { client, fault: Box::new(|| {}) })
    }
}

impl Given for Smol {
    fn given(remote: Remote, dialler: Dialler) -> Result<Self, Error> {
        let dial = move || {
            let dialler = dialler.clone();
            async move { ::smol::Async::new(dialler.dial()?) }
        };
        Ok(Self { client: ::smol::block_on(lxio_smol::Client::connect_with(remote, dial))? })
    }
}

impl Given for Tokio {
    fn given(remote: Remote, dialler: Dialler) -> Result<Self, Error> {
        let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let dial = move || {
            let dialler = dialler.clone();
            async move {
                let stream = dialler.dial()?;
                stream.set_nonblocking(true)?;
                ::tokio::net::UnixStream::from_std(stream)
            }
        };
        let client = runtime.block_on(lxio_tokio::Client::connect_with(remote, dial))?;
        Ok(Self { client, runtime })
    }
}

fn a_simulated_daemon_behind_a_pair<A: Given>() {
    for setup in [Setup::incus(), Setup::lxd()] {
        let server = lxio_sim::Server::temporary(setup).unwrap();
        let dialler = Dialler::new(Place::Unix(server.path().unwrap().to_owned()));
        let mut actor = A::given(Remote::local(), dialler.clone()).unwrap();
        let config = serde_json::json!({"name": "p", "config": {"limits.cpu": "2"}});
        actor.run(raw::post("/1.0/profiles").body(&config).settle()).unwrap();
        let profile = actor.call(lxio_core::api::profile("p").get()).unwrap().value;
        assert_eq!(profile.config.get("limits.cpu").map(String::as_str), Some("2"));
        let (_, seen, error) = actor.watch(
            lxio_core::api::events(),
            |actor| actor.run(lxio_core::api::profile("p").delete()).unwrap(),
            1,
        );
        assert!(seen.len() == 1 && error.is_none(), "{error:?}");
        // Calls shared one, the events had another.
        assert_eq!(dialler.made.load(Ordering::SeqCst), 2);
    }
}

fn tls_over_a_pair<A: Given>() {
    let (server, front) = served(&Papers::OWN);
    let dialler = Dialler::new(Place::Tcp(front.address()));
    // The address is what stands in `Host`, and nothing connects to it.
    let remote = somebody(at("https://shop.invalid"));
    let mut actor = A::given(remote.clone(), dialler.clone()).unwrap();
    let output = actor.run(instance("web").exec(["true"]).stdin("in")).unwrap();
    assert_eq!(output.stdout, daemon::STDOUT);
    let mut file = Vec::new();
    actor.pull(instance("web").file("/x").pull(), &mut file).unwrap();
    assert!(file == daemon::file());
    drop(actor);
    let seen = front.until_over();
    assert!(seen.len() >= 4 && seen.iter().all(|seen| seen.client.is_some()), "{seen:?}");
    assert_eq!(dialler.made.load(Ordering::SeqCst), seen.len());
    assert!(server.requests().iter().all(|request| request.field("host").unwrap() == "shop.invalid:8443"));
    let wrong = remote.trust(pin("server/good.crt").unwrap());
    let error = A::given(wrong, dialler).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::UnverifiedServer, "{error}");
}

fn a_caller_who_cannot_connect<A: Given>() {
    let nowhere = Dialler::new(Place::Unix("/nowhere/unix.socket".into()));
    for remote in [at("https://shop.invalid"), Remote::local(), Remote::socket("/elsewhere")] {
        let error = A::given(remote, nowhere.clone()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        assert!(error.is_retryable(), "{error:?}");
    }
}
