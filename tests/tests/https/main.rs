//! Servers of the network, through all three adapters: each that is not as it should be comes to its own typed
//! error, and hears nothing beyond the handshake.
//!
//! | file | idea |
//! |---|---|
//! | `distrust`  | certificates that are not the right one |
//! | `handshake` | peers that break off, are silent, or speak something else |
//! | `identity`  | clients that the server does not know |
//! | `limits`    | what is waited for, and what never is cut |
//! | `proxies`   | HTTP and SOCKS between |
//! | `addresses` | several addresses of one server |
//! | `streams`   | connections that the caller makes |
//! | `secrets`   | what no error, transcript or `Debug` tells |
//! | `sessions`  | what a second connection saves |
#![allow(clippy::unwrap_used, clippy::panic)]

mod addresses;
mod distrust;
mod handshake;
mod identity;
mod limits;
mod proxies;
mod secrets;
mod sessions;
mod streams;

use lxio_core::bytes::Secret;
use lxio_core::flow::{Fault, FlowError};
use lxio_core::session::{Cause, Error, ErrorKind, Remote};
use lxio_core::wire::{FilterError, TlsError};
use lxio_tests::actor::Connect;
use lxio_tests::tls::{self, Front, Papers};
use lxio_tests::{daemon, script};

/// A daemon with these papers: keep both.
fn served(papers: &Papers) -> (script::Server, Front) {
    let server = daemon::start().unwrap();
    let front = Front::start(papers, server.path()).unwrap();
    (server, front)
}

/// This address, where a daemon is expected.
fn at(url: &str) -> Remote {
    Remote::https(url).unwrap().trust(tls::pin("server/self-signed.crt").unwrap())
}

/// With a certificate and a bearer token that no wrong server may see.
fn somebody(remote: Remote) -> Remote {
    remote.identity(tls::identity("ec-p256").unwrap()).bearer(Secret::new("a-token-of-somebody"))
}

/// The error of connecting, which comes to no client.
fn refusal<A: Connect>(remote: Remote) -> Error {
    let shown = format!("{remote:?}");
    match A::connect(remote) {
        Ok(_) => panic!("{}: connected by {shown}", A::NAME),
        Err(error) => error,
    }
}

fn fault(error: &Error) -> &Fault {
    match error.cause() {
        Cause::Flow(FlowError::Fault(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

/// What was wrong with TLS.
fn tls_error(error: &Error) -> &TlsError {
    match fault(error) {
        Fault::Filter { error: FilterError::Tls(error), .. } => error,
        other => panic!("{other:?}"),
    }
}

/// One sentence about the greeting, of this kind, after which nothing can have happened.
#[track_caller]
fn is_said(error: &Error, kind: ErrorKind, sentence: &str) {
    assert_eq!((error.kind(), error.to_string()), (kind, format!("GET /1.0: {sentence}")), "{error:?}");
    assert!(!fault(error).may_have_acted(), "{error:?}");
}
