use std::time::Duration;

use lxio_core::api::{instance, raw};
use lxio_core::flow::{Fault, Limit};
use lxio_core::session::{Error, ErrorKind, Patience, Remote, Via};
use lxio_core::wire::{FilterError, Proxy, ProxyKind, SocksRefusal, TunnelError};
use lxio_tests::actor::{Blocking, Connect, Smol, Tokio};
use lxio_tests::proxy::{self, Manners};
use lxio_tests::tls::{End, Front, Papers, Peer};
use lxio_tests::{daemon, on_all_adapters};

use super::{at, fault, is_said, refusal, served, somebody};

on_all_adapters!(
    all_goes_through,
    a_name_is_for_the_proxy_to_look_up,
    a_proxy_that_lets_us_not_in,
    a_proxy_that_does_not_reach_the_server,
    a_proxy_that_breaks_off_or_is_silent,
    what_is_no_proxy,
);

const KINDS: [ProxyKind; 2] = [ProxyKind::Http, ProxyKind::Socks5];

fn via(url: &str) -> Via {
    Via::Proxy(Proxy::parse(url).unwrap())
}

fn user() -> Option<(String, String)> {
    Some(("me".into(), "hunter2".into()))
}

fn tunnel_error(error: &Error) -> &TunnelError {
    match fault(error) {
        Fault::Filter { error: FilterError::Tunnel(error), left: false } => error,
        other => panic!("{other:?}"),
    }
}

fn all_goes_through<A: Connect>() {
    for kind in KINDS {
        for user in [None, user()] {
            let (server, front) = served(&Papers::OWN);
            let proxy = proxy::Proxy::start(Manners { user, ..Manners::of(kind) }).unwrap();
            let mut actor = A::connect(somebody(at(&front.url())).via(via(&proxy.url()))).unwrap();
            actor.call(raw::get("/1.0/x").json()).unwrap();
            let output = actor.run(instance("web").exec(["true"]).stdin("in")).unwrap();
            assert_eq!((output.stdout, output.stderr), (daemon::STDOUT.to_vec(), daemon::STDERR.to_vec()));
            let mut file = Vec::new();
            actor.pull(instance("web").file("/x").pull(), &mut file).unwrap();
            assert!(file == daemon::file());
            drop(actor);
            let seen = front.until_over();
            // The sockets of the command, too.
            assert!(seen.len() >= 4 && seen.iter().all(|seen| seen.client.is_some()), "{seen:?}");
            assert_eq!(proxy.connections(), seen.len());
            assert!(proxy.asked().iter().all(|asked| *asked == front.address().to_string()));
            // What the proxy is asked with is not for the server.
            let requests = server.requests();
            assert!(requests.iter().all(|request| request.field("proxy-authorization").is_none()));
        }
    }
}

fn a_name_is_for_the_proxy_to_look_up<A: Connect>() {
    for kind in KINDS {
        let (_server, front) = served(&Papers::OWN);
        let manners = Manners { server: Some(front.address()), ..Manners::of(kind) };
        let proxy = proxy::Proxy::start(manners).unwrap();
        let mut actor = A::connect(somebody(at("https://shop.invalid")).via(via(&proxy.url()))).unwrap();
        actor.call(raw::get("/1.0/x").json()).unwrap();
        assert_eq!(proxy.asked(), ["shop.invalid:8443"]);
    }
}

fn a_proxy_that_lets_us_not_in<A: Connect>() {
    for kind in KINDS {
        let (_server, front) = served(&Papers::OWN);
        let proxy = proxy::Proxy::start(Manners { user: user(), ..Manners::of(kind) }).unwrap();
        for url in [proxy.url().replace("hunter2", "hunter3"), proxy.url().replace("me:hunter2@", "")] {
            let error = refusal::<A>(somebody(at(&front.url())).via(via(&url)));
            let sentence = match (kind, url.contains('@')) {
                (ProxyKind::Http, _) => "the proxy answered with status 407: Proxy Authentication Required",
                (ProxyKind::Socks5, true) => "the proxy does not accept user name and password",
                (ProxyKind::Socks5, false) => "the proxy does not let us in without another way to log in",
            };
            is_said(&error, ErrorKind::Unreachable, sentence);
            tunnel_error(&error);
            assert!(!format!("{error:?}").contains("hunter"), "{error:?}");
        }
        assert_eq!((proxy.asked().len(), front.seen().len()), (0, 0));
    }
}

fn a_proxy_that_does_not_reach_the_server<A: Connect>() {
    let gone = Peer::saying("", true).unwrap().address();
    for kind in KINDS {
        let proxy = proxy::Proxy::start(Manners::of(kind)).unwrap();
        let error = refusal::<A>(somebody(at(&gone.to_string())).via(via(&proxy.url())));
        match tunnel_error(&error) {
            TunnelError::Refused { status, .. } if kind == ProxyKind::Http => {
                assert_eq!(status.as_u16(), 502)
            }
            TunnelError::Socks(SocksRefusal::ConnectionRefused) => assert_eq!(kind, ProxyKind::Socks5),
            other => panic!("{other:?}"),
        }
        assert!(error.is_retryable() && error.kind() == ErrorKind::Unreachable, "{error}");
    }
}

fn a_proxy_that_breaks_off_or_is_silent<A: Connect>() {
    for kind in KINDS {
        // Of the server's part of the handshake comes a piece.
        let (_server, front) = served(&Papers::OWN);
        for cut in [0, 10, 500] {
            let proxy = proxy::Proxy::start(Manners { cut: Some(cut), ..Manners::of(kind) }).unwrap();
            let error = refusal::<A>(somebody(at(&front.url())).via(via(&proxy.url())));
            assert!(matches!(error.kind(), ErrorKind::Transport | ErrorKind::Unreachable), "{error:?}");
            assert!(error.is_retryable(), "{error:?}");
        }
        assert!(front.until_over().iter().all(|seen| seen.heard == 0 && seen.client.is_none()));
        // The server is silent behind it; then the proxy itself is.
        let silent = Front::cutting(&Papers::OWN, "/nowhere", Some((0, End::Silence))).unwrap();
        let proxy = proxy::Proxy::start(Manners::of(kind)).unwrap();
        let mute = Peer::saying("", false).unwrap();
        let scheme = proxy.url().split(':').next().unwrap().to_owned();
        for url in [proxy.url(), format!("{scheme}://{}", mute.address())] {
            let patience = Patience::ENDLESS.connect(Duration::from_millis(300));
            let error = refusal::<A>(somebody(at(&silent.url())).via(via(&url)).patience(patience));
            let late = matches!(fault(&error), Fault::TimedOut { limit: Limit::Connect, left: false });
            assert!(late && error.is_timeout() && error.is_retryable(), "{error:?}");
        }
    }
}

fn what_is_no_proxy<A: Connect>() {
    let ssh = Peer::saying("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", true).unwrap();
    let place = ssh.address();
    let remote = |scheme| somebody(at("shop.invalid")).via(via(&format!("{scheme}://me:hunter2@{place}")));
    is_said(&refusal::<A>(remote("http")), ErrorKind::Unreachable, "the proxy does not speak HTTP");
    let sentence = "the proxy does not speak SOCKS 5: it answered with version 83";
    is_said(&refusal::<A>(remote("socks5")), ErrorKind::Unreachable, sentence);
    // It was asked for a connection, and told nothing else.
    let heard = ssh.heard();
    assert!(
        heard[0].starts_with(b"CONNECT shop.invalid:8443 HTTP/1.1\r\n") && heard[0].ends_with(b"\r\n\r\n")
    );
    assert_eq!(heard[1], [5, 2, 0, 2]);
}

/// Which socket the child of the next test connects to.
const SOCKET: &str = "LXIO_TEST_SOCKET_WITHOUT_PROXY";

/// The environment of a test is that of all its threads, so that a child of its own has those variables.
#[test]
fn the_environment_is_not_for_unix_sockets() {
    if let Some(path) = std::env::var_os(SOCKET) {
        let path = std::path::Path::new(&path);
        Blocking::connect(Remote::socket(path)).map(drop).unwrap();
        Smol::connect(Remote::socket(path)).map(drop).unwrap();
        Tokio::connect(Remote::socket(path)).map(drop).unwrap();
        // They count for the network, and not for this machine.
        let error = refusal::<Blocking>(at("shop.invalid"));
        assert!(
            matches!(tunnel_error(&error), TunnelError::Refused { status, .. } if status.as_u16() == 502)
        );
        let error = refusal::<Blocking>(at("127.0.0.1:1"));
        assert!(matches!(fault(&error), Fault::Dial(_)), "{error:?}");
        return;
    }
    let server = daemon::start().unwrap();
    let proxy = Peer::saying("HTTP/1.1 502 Bad Gateway\r\n\r\n", true).unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "proxies::the_environment_is_not_for_unix_sockets"]).env(SOCKET, server.path());
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        child.env(name, format!("http://{}", proxy.address()));
    }
    let child = child.env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!((server.accepted(), proxy.heard().len()), (3, 1));
}
