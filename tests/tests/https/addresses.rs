use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use lxio_core::api::raw;
use lxio_core::session::{Cause, Error, ErrorKind, Patience, Via};
use lxio_core::wire::ProxyKind;
use lxio_tests::actor::{Actor, Connect};
use lxio_tests::proxy::{self, Manners};
use lxio_tests::script::Server;
use lxio_tests::tls::{End, Front, Papers, pin};
use lxio_tests::{daemon, on_all_adapters};
use serde_json::json;

use super::{at, served, somebody};

on_all_adapters!(
    one_that_cannot_be_used_is_passed_over,
    the_one_that_worked_stays_in_use,
    a_proxy_that_does_not_reach_the_first_reaches_the_second,
    none_that_works_is_an_error_with_all_of_them,
    a_wrong_certificate_is_no_reason_to_go_elsewhere,
    what_does_no_harm_twice_goes_on_elsewhere,
    what_may_have_arrived_is_not_sent_elsewhere,
);

fn nobody() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// A client of a server with these two addresses.
fn client<A: Connect>(first: &str, second: &str) -> Result<A, Error> {
    let patience = Patience::DEFAULT.connect(Duration::from_secs(2));
    A::connect(somebody(at(first)).or(second).unwrap().patience(patience))
}

fn ask(actor: &mut impl Actor) -> Result<(), Error> {
    actor.call(raw::get("/1.0/x").json()).map(drop)
}

fn post(actor: &mut impl Actor) -> Result<(), Error> {
    actor.call(raw::post("/1.0/y").body(&json!({})).json()).map(drop)
}

fn one_that_cannot_be_used_is_passed_over<A: Connect>() {
    let cut = |end| Front::cutting(&Papers::OWN, "/nowhere", Some((200, end))).unwrap();
    let broken = [cut(End::Close), cut(End::Reset), cut(End::Silence)];
    let first = broken.iter().map(Front::url).chain([nobody().to_string()]);
    for first in first {
        let (server, second) = served(&Papers::OWN);
        let mut actor: A = client(&first, &second.url()).unwrap();
        post(&mut actor).unwrap();
        ask(&mut actor).unwrap();
        assert_eq!(server.lines(), ["POST /1.0/y", "GET /1.0/x"]);
        // Each address has its own name.
        let host = server.requests()[0].field("host").unwrap();
        assert!(first.ends_with(&host) || host == second.address().to_string(), "{host}");
    }
    for front in broken {
        assert_eq!(front.until_over().len(), 1, "the first is asked once");
    }
}

fn the_one_that_worked_stays_in_use<A: Connect>() {
    let (server, second) = served(&Papers::OWN);
    let gone = nobody();
    let remote = somebody(at(&gone.to_string())).or(&second.url()).unwrap().idle(0);
    let mut actor = A::connect(remote).unwrap();
    // What comes up at the first address later is not asked.
    let late = daemon::start().unwrap();
    let first = Front::at(gone, &Papers::OWN, late.path(), None).unwrap();
    for _ in 0..3 {
        ask(&mut actor).unwrap();
    }
    assert_eq!((server.lines().len(), first.seen().len()), (3, 0));
    // Until the second is gone.
    drop(second);
    for _ in 0..3 {
        ask(&mut actor).unwrap();
    }
    assert_eq!((server.lines().len(), late.lines().len()), (3, 3));
}

fn a_proxy_that_does_not_reach_the_first_reaches_the_second<A: Connect>() {
    for kind in [ProxyKind::Http, ProxyKind::Socks5] {
        let (server, second) = served(&Papers::OWN);
        let proxy = proxy::Proxy::start(Manners::of(kind)).unwrap();
        let gone = nobody();
        let via = Via::Proxy(lxio_core::wire::Proxy::parse(&proxy.url()).unwrap());
        let remote = somebody(at(&gone.to_string())).or(&second.url()).unwrap().via(via).idle(0);
        let mut actor = A::connect(remote).unwrap();
        post(&mut actor).unwrap();
        assert_eq!(server.lines(), ["POST /1.0/y"]);
        let (gone, second) = (gone.to_string(), second.address().to_string());
        assert_eq!(proxy.asked(), [gone, second.clone(), second]);
    }
}

fn none_that_works_is_an_error_with_all_of_them<A: Connect>() {
    let first = Front::cutting(&Papers::OWN, "/nowhere", Some((50, End::Close))).unwrap();
    let silent = Front::cutting(&Papers::OWN, "/nowhere", Some((0, End::Silence))).unwrap();
    let gone = nobody();
    let patience = Patience::DEFAULT.connect(Duration::from_millis(300));
    let remote = somebody(at(&first.url())).or(&silent.url()).unwrap().or(&gone.to_string()).unwrap();
    let error = super::refusal::<A>(remote.patience(patience));
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unreachable, true), "{error}");
    let Cause::NoAnswer { tried } = error.cause() else { panic!("{error:?}") };
    let kinds: Vec<_> = tried.iter().map(|(_, error)| error.kind()).collect();
    assert_eq!(kinds, [ErrorKind::Transport, ErrorKind::TimedOut, ErrorKind::Unreachable]);
    let text = error.to_string();
    assert!(text.starts_with("no address of the server answers; tried "), "{text}");
    for (address, error) in tried {
        assert!(text.contains(&format!("{address} ({error})")), "{text}");
    }
}

fn a_wrong_certificate_is_no_reason_to_go_elsewhere<A: Connect>() {
    let (server, second) = served(&Papers::OWN);
    let (_, first) = served(&Papers::signed("server/good.crt"));
    let error = client::<A>(&first.url(), &second.url()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::UnverifiedServer, "{error}");
    assert_eq!((server.accepted(), second.seen().len()), (0, 0));

    // Nor is it while the client is in use.
    let (server, first) = served(&Papers::OWN);
    let (other, second) = served(&Papers::signed("server/good.crt"));
    let remote =
        somebody(at(&first.url())).or(&second.url()).unwrap().trust(pin("server/self-signed.crt").unwrap());
    let mut actor = A::connect(remote).unwrap();
    drop((server, first));
    let error = ask(&mut actor).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnverifiedServer, "{error}");
    assert_eq!(other.accepted(), 0);
}

/// A server that reads the request which it does not answer, and goes.
fn dying() -> (Server, Front) {
    let server = Server::start(|talk| {
        while let Some(request) = talk.request()? {
            if request.line() != "GET /1.0" {
                break;
            }
            daemon::answer(talk, &request)?;
        }
        Ok(())
    })
    .unwrap();
    let front = Front::start(&Papers::OWN, server.path()).unwrap();
    (server, front)
}

fn what_does_no_harm_twice_goes_on_elsewhere<A: Connect>() {
    for warm in [true, false] {
        let ((first, one), (second, two)) = (dying(), served(&Papers::OWN));
        let remote = somebody(at(&one.url())).or(&two.url()).unwrap();
        let mut actor = A::connect(if warm { remote } else { remote.idle(0) }).unwrap();
        ask(&mut actor).unwrap();
        actor.run(raw::get("/1.0/x").settle()).unwrap();
        assert_eq!(second.lines(), ["GET /1.0/x", "GET /1.0/x"], "warm: {warm}");
        // A dead connection that was at rest says nothing of the address: it is tried once more.
        assert_eq!(first.lines().len(), if warm { 2 } else { 1 });
    }
}

fn what_may_have_arrived_is_not_sent_elsewhere<A: Connect>() {
    for warm in [true, false] {
        let ((first, one), (second, two)) = (dying(), served(&Papers::OWN));
        let remote = somebody(at(&one.url())).or(&two.url()).unwrap();
        let mut actor = A::connect(if warm { remote } else { remote.idle(0) }).unwrap();
        let error = post(&mut actor).unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Transport, false), "{error}");
        assert_eq!((first.lines().len(), second.lines().len()), (1, 0));

        let mut actor: A = client(&one.url(), &two.url()).unwrap();
        let error = actor.run(raw::post("/1.0/y").settle()).unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Transport, false), "{error}");
        assert_eq!((first.lines().len(), second.lines().len()), (2, 0));
    }
    // Where no byte of it can have arrived it is.
    let (_, one) = served(&Papers::OWN);
    let (second, two) = served(&Papers::OWN);
    let mut actor: A = client(&one.url(), &two.url()).unwrap();
    drop(one);
    post(&mut actor).unwrap();
    assert_eq!(second.lines(), ["POST /1.0/y"]);
}
