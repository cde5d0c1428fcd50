use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use lxio_core::api::{events, instance, operation, raw};
use lxio_core::flow::{Fault, FlowError, Limit};
use lxio_core::session::{Cause, Error, ErrorKind, Patience};
use lxio_tests::actor::{Act, Actor, Connect};
use lxio_tests::adapter::{self, Adapter, LiveDownload};
use lxio_tests::script::{Server, Talk};
use lxio_tests::tls::{Front, Papers};
use lxio_tests::{answers, daemon, on_all_adapters};
use serde_json::{Value, json};

use super::{Remote, at, fault, refusal};

on_all_adapters!(
    a_listener_that_takes_nobody,
    a_server_that_is_silent_after_the_request,
    a_server_that_is_silent_in_the_middle_of_a_body,
    a_server_that_trickles,
    waiting_for_an_operation_is_never_cut,
    a_websocket_is_never_cut,
    a_caller_who_is_slow_to_take_is_never_cut,
    a_caller_who_is_slow_to_fill_is_never_cut,
);

/// How long nothing moves where nobody should mind, and a limit that it passes.
const LONG: Duration = Duration::from_secs(3);
const LIMIT: Duration = Duration::from_secs(2);
/// A limit where there is no doubt.
const SOON: Duration = Duration::from_millis(300);

/// A server that does this for `/1.0/odd`, and is a daemon otherwise.
fn odd(odd: impl Fn(&mut Talk) -> io::Result<()> + Send + Sync + 'static) -> (Server, Front) {
    let server = Server::start(move |talk| {
        while let Some(request) = talk.request()? {
            if request.line().contains("/1.0/odd") {
                odd(talk)?;
            } else {
                daemon::answer(talk, &request)?;
            }
        }
        Ok(())
    })
    .unwrap();
    let front = Front::start(&Papers::OWN, server.path()).unwrap();
    (server, front)
}

/// The same server, by TLS and by its Unix socket.
fn both(server: &Server, front: &Front) -> [Remote; 2] {
    [at(&front.url()), Remote::socket(server.path())]
}

#[track_caller]
fn is_late(error: &Error, limit: Limit) {
    assert_eq!((error.kind(), error.is_timeout()), (ErrorKind::TimedOut, true), "{error:?}");
    // The server may have acted on what it was sent.
    let came = matches!(fault(error), Fault::TimedOut { limit: told, left: true } if *told == limit);
    assert!(came && !error.is_retryable(), "{error:?}");
}

fn get(actor: &mut impl Actor) -> Result<Value, Error> {
    actor.call(raw::get("/1.0/odd").json()).map(|got| got.value)
}

fn a_listener_that_takes_nobody<A: Connect>() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    // Its queue is full with one, and then nobody gets an answer.
    rustix::net::listen(&listener, 0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(waiting) = TcpStream::connect_timeout(&address, SOON) {
        queue.push(waiting);
    }
    let error = refusal::<A>(at(&address.to_string()).patience(Patience::ENDLESS.connect(SOON)));
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    assert!(matches!(fault(&error), Fault::TimedOut { limit: Limit::Connect, left: false }), "{error:?}");
    assert!(error.is_retryable());
}

fn a_server_that_is_silent_after_the_request<A: Connect>() {
    let (server, front) = odd(|talk| {
        talk.until_closed();
        Ok(())
    });
    for remote in both(&server, &front) {
        let mut actor = A::connect(remote.patience(Patience::ENDLESS.read(SOON))).unwrap();
        is_late(&get(&mut actor).unwrap_err(), Limit::Read);
        is_late(&actor.run(raw::post("/1.0/odd").settle()).unwrap_err(), Limit::Read);
        is_late(&actor.pull(raw::get("/1.0/odd").download(), io::sink()).unwrap_err(), Limit::Read);
        // The client goes on.
        actor.call(raw::get("/1.0/x").json()).unwrap();
    }
    assert_eq!(
        server.lines().iter().filter(|line| line.contains("/odd")).count(),
        6,
        "nothing is sent twice"
    );
}

fn a_server_that_is_silent_in_the_middle_of_a_body<A: Connect>() {
    let (server, front) = odd(|talk| {
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"type\":\"sync\"")?;
        talk.until_closed();
        Ok(())
    });
    for remote in both(&server, &front) {
        let mut actor = A::connect(remote.patience(Patience::ENDLESS.read(SOON))).unwrap();
        is_late(&get(&mut actor).unwrap_err(), Limit::Read);
        let mut came = Vec::new();
        is_late(&actor.pull(raw::get("/1.0/odd").download(), &mut came).unwrap_err(), Limit::Read);
        assert_eq!(came, b"{\"type\":\"sync\"");
    }
}

fn a_server_that_trickles<A: Connect>() {
    let (server, front) = odd(|talk| {
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")?;
        loop {
            talk.send(b" ")?;
            thread::sleep(Duration::from_millis(10));
        }
    });
    for remote in both(&server, &front) {
        let patience = Patience::ENDLESS.read(Duration::from_secs(60)).total(SOON);
        let mut actor = A::connect(remote.patience(patience)).unwrap();
        is_late(&get(&mut actor).unwrap_err(), Limit::Total);
        is_late(&actor.pull(raw::get("/1.0/odd").download(), io::sink()).unwrap_err(), Limit::Total);
    }
}

/// A server whose operation takes long, and where `/1.0/odd` starts one.
fn slow_operation() -> (Server, Front) {
    let server = Server::start(|talk| {
        while let Some(request) = talk.request()? {
            let line = request.line();
            if line.contains("/wait") {
                thread::sleep(LONG);
                talk.send(&answers::sync(&answers::operation(200, "", &Value::Null)))?;
            } else if line == "POST /1.0/odd" {
                talk.send(&answers::begun(&answers::operation(103, "", &Value::Null)))?;
            } else {
                daemon::answer(talk, &request)?;
            }
        }
        Ok(())
    })
    .unwrap();
    let front = Front::start(&Papers::OWN, server.path()).unwrap();
    (server, front)
}

fn waiting_for_an_operation_is_never_cut<A: Connect>() {
    let (server, front) = slow_operation();
    let remote = at(&front.url()).patience(Patience::ENDLESS.read(LIMIT).total(LIMIT));
    let mut actor = A::connect(remote).unwrap();
    actor.call(operation(answers::OPERATION).wait(None)).unwrap();
    actor.call(operation(answers::OPERATION).wait(Some(LONG))).unwrap();
    actor.run(raw::post("/1.0/odd").settle()).unwrap();
    assert_eq!(server.lines().iter().filter(|line| line.contains("/wait")).count(), 3);
}

/// A server whose websockets wait before they say anything.
fn slow_sockets() -> (Server, Front) {
    let server = Server::start(|talk| {
        while let Some(request) = talk.request()? {
            match &*request.line() {
                line if line.starts_with("GET /1.0/events") => {
                    talk.upgrade(&request)?;
                    thread::sleep(LONG);
                    talk.send(&daemon::event("instance-started"))?;
                    talk.until_closed();
                    return Ok(());
                }
                line if line.ends_with("secret=s1") => {
                    talk.upgrade(&request)?;
                    thread::sleep(LONG);
                    return talk.send(&[answers::binary(daemon::STDOUT), answers::text("")].concat());
                }
                _ if !daemon::answer(talk, &request)? => return Ok(()),
                _ => {}
            }
        }
        Ok(())
    })
    .unwrap();
    let front = Front::start(&Papers::OWN, server.path()).unwrap();
    (server, front)
}

fn a_websocket_is_never_cut<A: Connect>() {
    let (_server, front) = slow_sockets();
    let remote = at(&front.url()).patience(Patience::ENDLESS.connect(LIMIT).read(LIMIT).total(LIMIT));
    let mut actor = A::connect(remote).unwrap();
    let (_, seen, error) = actor.watch(events(), |_| (), 1);
    assert!(seen.len() == 1 && error.is_none(), "{error:?}");
    let output = actor.talk(instance("web").exec(["true"]), &[Act::Close]).unwrap();
    assert_eq!(output.stdout, daemon::STDOUT);
}

/// Takes its time after the first piece, and before the second if it is late.
struct Slow {
    /// Bytes until the pause.
    until: usize,
    came: Vec<u8>,
}

impl io::Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let before = self.came.len();
        self.came.extend_from_slice(bytes);
        if before <= self.until && self.came.len() > self.until {
            thread::sleep(LONG);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn a_caller_who_is_slow_to_take_is_never_cut<A: Connect>() {
    // The second half comes while the caller is busy with the first.
    let (_server, front) = odd(|talk| {
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")?;
        thread::sleep(Duration::from_millis(100));
        talk.send(b" half")
    });
    let patience = Patience::ENDLESS.read(LIMIT).total(LIMIT);
    let mut actor = A::connect(at(&front.url()).patience(patience)).unwrap();
    let mut slow = Slow { until: 0, came: Vec::new() };
    actor.pull(raw::get("/1.0/odd").download(), &mut slow).unwrap();
    assert_eq!(slow.came, b"first half");
    let mut slow = Slow { until: 300_000, came: Vec::new() };
    actor.pull(instance("web").file("/x").pull(), &mut slow).unwrap();
    assert!(slow.came == daemon::file());
}

/// Gives a piece, takes its time, gives another.
struct Late(u8);

impl io::Read for Late {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.0 += 1;
        match self.0 {
            1 => {}
            2 => thread::sleep(LONG),
            _ => return Ok(0),
        }
        let count = space.len().min(1000);
        space[..count].fill(self.0);
        Ok(count)
    }
}

fn a_caller_who_is_slow_to_fill_is_never_cut<A: Connect>() {
    let (server, front) = odd(|talk| talk.send(&answers::sync(&json!({}))));
    let patience = Patience::ENDLESS.read(LIMIT).total(LIMIT);
    let mut actor = A::connect(at(&front.url()).patience(patience)).unwrap();
    actor.push(instance("web").file("/x").push_all(), Late(0)).unwrap();
    let requests = server.requests();
    let upload = requests.last().unwrap();
    assert!(upload.whole && upload.body.len() == 2000, "{}", upload.body.len());
}

/// The body comes when nobody looks, after the head was taken.
async fn comes_back_late<A: Adapter>() {
    let (_server, front) = odd(|talk| {
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")?;
        thread::sleep(Duration::from_millis(300));
        talk.send(b"body")
    });
    let remote = at(&front.url()).patience(Patience::ENDLESS.read(LIMIT));
    let client = A::connect(remote).await.unwrap();
    let mut live = A::download(A::start(&client, raw::get("/1.0/odd").download()).await.unwrap());
    A::sleep(LONG).await;
    let mut space = [0; 100];
    let read = live.read(&mut space).await;
    assert!(matches!(read, Ok(4)), "{}: {read:?}", A::NAME);
}

#[test]
fn a_caller_who_comes_back_late_finds_what_came() {
    adapter::Blocking::block_on(comes_back_late::<adapter::Blocking>());
    adapter::Smol::block_on(comes_back_late::<adapter::Smol>());
    adapter::Tokio::block_on(comes_back_late::<adapter::Tokio>());
}

/// The error of a limit is one sentence that names it.
#[test]
fn what_was_waited_for_is_said() {
    for (limit, sentence) in [
        (Limit::Connect, "the connection did not stand in time"),
        (Limit::Read, "the server fell silent"),
        (Limit::Total, "the call did not end in time"),
    ] {
        let error = Error::from(Fault::TimedOut { limit, left: false });
        assert!(matches!(error.cause(), Cause::Flow(FlowError::Fault(_))));
        assert_eq!(error.to_string(), sentence);
    }
}
