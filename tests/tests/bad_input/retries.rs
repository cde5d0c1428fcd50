//! Connections that die at rest: what is sent again, and what never is.

use std::io;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use lxio_core::api::raw;
use lxio_core::session::{Error, ErrorKind};
use lxio_core::wire::WireError;
use lxio_tests::actor::{Actor, Connect};
use lxio_tests::script::{PATIENCE, Server, Talk};
use lxio_tests::{answers, daemon, on_all_adapters};

use super::{client, fresh, get, wire};

on_all_adapters!(
    a_connection_that_died_at_rest_is_replaced,
    a_request_that_left_is_repeated_only_if_that_is_harmless,
    nothing_is_repeated_on_a_new_connection,
    nothing_is_repeated_after_an_answer_began,
    what_nobody_asked_for_is_nobodys_answer,
    all_connections_of_a_server_that_restarted_are_replaced,
);

fn post(actor: &mut impl Actor) -> Result<(), Error> {
    actor.call(raw::post("/1.0/x").body(&serde_json::json!({})).json()).map(drop)
}

/// A server that does `odd` after the greeting on its first connection, and is a good one on all others.
fn odd_at_first(odd: impl Fn(&mut Talk) -> io::Result<()> + Send + Sync + 'static) -> Server {
    Server::start(move |talk| {
        if talk.conn == 0 && talk.request()?.is_some() {
            talk.send(&answers::greeting("incus"))?;
            return odd(talk);
        }
        while let Some(request) = talk.request()? {
            daemon::answer(talk, &request)?;
        }
        Ok(())
    })
    .unwrap()
}

fn a_connection_that_died_at_rest_is_replaced<A: Connect>() {
    let server = odd_at_first(|_| Ok(()));
    let mut actor: A = client(&server);
    server.until_open(0);
    post(&mut actor).unwrap();
    assert_eq!(server.lines(), ["POST /1.0/x"]);

    let server = odd_at_first(|_| Ok(()));
    let mut actor: A = client(&server);
    server.until_open(0);
    actor.run(raw::post("/1.0/y").settle()).unwrap();
    assert_eq!(server.lines(), ["POST /1.0/y"]);
}

fn a_request_that_left_is_repeated_only_if_that_is_harmless<A: Connect>() {
    let read_and_close = |talk: &mut Talk| talk.request().map(drop);
    let server = odd_at_first(read_and_close);
    let mut actor: A = client(&server);
    assert_eq!(get(&mut actor, "/1.0/x").unwrap(), daemon::own("/1.0/x"));
    assert_eq!(server.lines(), ["GET /1.0/x", "GET /1.0/x"]);

    for settle in [false, true] {
        let server = odd_at_first(read_and_close);
        let mut actor: A = client(&server);
        let error = match settle {
            false => post(&mut actor).unwrap_err(),
            true => actor.run(raw::post("/1.0/x").settle()).unwrap_err(),
        };
        assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
        assert!(!error.is_retryable(), "{error}");
        assert_eq!(server.lines(), ["POST /1.0/x"]);
        // And the client goes on.
        get(&mut actor, "/1.0/y").unwrap();
        assert_eq!(server.lines(), ["POST /1.0/x", "GET /1.0/y"]);
    }
}

fn nothing_is_repeated_on_a_new_connection<A: Connect>() {
    let server = Server::start(|talk| {
        if talk.request()?.is_some_and(|request| request.line() == "GET /1.0") {
            talk.send(&answers::greeting("incus"))?;
        }
        Ok(())
    })
    .unwrap();
    let mut actor: A = fresh(&server);
    for _ in 0..3 {
        let error = get(&mut actor, "/1.0/x").unwrap_err();
        assert_eq!((error.kind(), wire(&error)), (ErrorKind::Transport, Some(&WireError::Closed)));
    }
    assert_eq!(server.lines(), ["GET /1.0/x"; 3]);
}

fn nothing_is_repeated_after_an_answer_began<A: Connect>() {
    let server = odd_at_first(|talk| {
        talk.request()?;
        talk.send(b"HTTP/1.1 200 O")
    });
    let mut actor: A = client(&server);
    let error = get(&mut actor, "/1.0/x").unwrap_err();
    assert_eq!((error.kind(), wire(&error)), (ErrorKind::Transport, Some(&WireError::CutHead)));
    assert_eq!(server.lines(), ["GET /1.0/x"]);
}

/// The server says something while the connection rests; the next call must not take it for its answer.
fn what_nobody_asked_for_is_nobodys_answer<A: Connect>() {
    for settle in [false, true] {
        let (speak, sign) = channel::<()>();
        let (spoke, spoken) = channel::<()>();
        let (sign, spoke) = (Mutex::new(sign), Mutex::new(spoke));
        let server = odd_at_first(move |talk| {
            let _ = sign.lock().unwrap().recv();
            talk.send(&answers::sync(&serde_json::json!({"asked": "by nobody"})))?;
            let _ = spoke.lock().unwrap().send(());
            while let Some(request) = talk.request()? {
                daemon::answer(talk, &request)?;
            }
            Ok(())
        });
        let mut actor: A = client(&server);
        speak.send(()).unwrap();
        spoken.recv_timeout(PATIENCE).unwrap();
        // A connection that was used a moment ago is not looked at.
        std::thread::sleep(std::time::Duration::from_millis(20));
        let got = match settle {
            false => get(&mut actor, "/1.0/y").unwrap(),
            true => actor.run(raw::get("/1.0/y").settle()).unwrap(),
        };
        assert_eq!(got, daemon::own("/1.0/y"));
        server.until_open(1);
    }
}

fn all_connections_of_a_server_that_restarted_are_replaced<A: Connect>() {
    // Three connections rest, then all die at once, unread.
    let server = Server::start(|talk| {
        let mut served = 0;
        while let Some(request) = talk.request()? {
            daemon::answer(talk, &request)?;
            served += 1;
            if talk.conn < 4 && served == 2 && request.line() != "GET /1.0" {
                break;
            }
        }
        Ok(())
    })
    .unwrap();
    let mut actor: A = client(&server);
    actor.run(lxio_core::api::instance("web").exec(["true"])).unwrap();
    for at in 0..8 {
        let path = format!("/1.0/x{at}");
        assert_eq!(get(&mut actor, &path).unwrap(), daemon::own(&path));
    }
}
