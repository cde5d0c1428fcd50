use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use lxio_core::flow::{Fault, Limit};
use lxio_core::session::{ErrorKind, Patience};
use lxio_core::wire::{OriginError, TlsError};
use lxio_tests::actor::Connect;
use lxio_tests::tls::{End, Front, Papers, Peer};
use lxio_tests::{answers, daemon, on_all_adapters};

use super::{Remote, at, fault, is_said, refusal, somebody, tls_error};

on_all_adapters!(
    a_server_that_closes,
    a_server_that_resets,
    a_server_that_is_silent,
    nobody_is_there,
    a_plain_server_where_tls_is_expected,
    tls_where_a_plain_server_is_expected,
    a_peer_that_speaks_something_else,
    a_certificate_of_a_mebibyte,
    a_server_that_is_too_old,
);

/// How many bytes a server says at least before a client speaks: its part of a handshake, whose signature may be
/// shorter next time.
fn flight<A: Connect>() -> usize {
    let front = cutting(usize::MAX, End::Close);
    let wrong = lxio_tests::tls::pin("server/good.crt").unwrap();
    refusal::<A>(at(&front.url()).trust(wrong));
    front.until_over()[0].said - 8
}

fn cutting(at: usize, end: End) -> Front {
    Front::cutting(&Papers::OWN, "/nowhere", Some((at, end))).unwrap()
}

/// Every so many bytes, and around the edges of the first record.
fn offsets(flight: usize) -> impl Iterator<Item = usize> {
    (0..8).chain((8..flight).step_by(97)).chain([120, 127, 128, 132, 133, flight])
}

/// Nothing but the handshake came.
#[track_caller]
fn heard_nothing(front: &Front) {
    for seen in front.until_over() {
        assert_eq!((seen.heard, seen.client), (0, None));
    }
}

fn a_server_that_closes<A: Connect>() {
    for cut in offsets(flight::<A>()) {
        let front = cutting(cut, End::Close);
        let error = refusal::<A>(somebody(at(&front.url())));
        is_said(&error, ErrorKind::Transport, "the connection was closed during the TLS handshake");
        assert_eq!(*tls_error(&error), TlsError::Closed);
        assert!(error.is_retryable());
        heard_nothing(&front);
    }
}

fn a_server_that_resets<A: Connect>() {
    for cut in [1, 3, 5, 100, 200, flight::<A>()] {
        let front = cutting(cut, End::Reset);
        let error = refusal::<A>(somebody(at(&front.url())));
        assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
        let Fault::Io { error: broke, left: false } = fault(&error) else { panic!("{error:?}") };
        assert_eq!(broke.kind(), io::ErrorKind::ConnectionReset);
        assert!(error.is_retryable());
        heard_nothing(&front);
    }
}

fn a_server_that_is_silent<A: Connect>() {
    let patience = Patience::ENDLESS.connect(Duration::from_millis(200));
    for cut in [0, 5, 300] {
        let front = cutting(cut, End::Silence);
        let error = refusal::<A>(somebody(at(&front.url()).patience(patience)));
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        assert!(matches!(fault(&error), Fault::TimedOut { limit: Limit::Connect, left: false }), "{error:?}");
        assert!(error.is_timeout() && error.is_retryable());
        heard_nothing(&front);
    }
}

fn nobody_is_there<A: Connect>() {
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let error = refusal::<A>(somebody(at(&gone.to_string())));
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    let Fault::Dial(refused) = fault(&error) else { panic!("{error:?}") };
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    assert!(error.is_retryable());
}

/// Nothing but TLS was said, and of TLS nothing that is encrypted.
#[track_caller]
fn heard_only_the_start(peer: &Peer) {
    for heard in peer.heard() {
        let mut rest = &heard[..];
        while let [kind, 3, _, high, low, after @ ..] = rest {
            assert!(matches!(kind, 20..=22), "a record of type {kind}");
            rest = after.get(usize::from(*high) << 8 | usize::from(*low)..).unwrap_or_default();
        }
        assert!(rest.is_empty(), "{:?}", rest.escape_ascii().to_string());
    }
}

fn a_plain_server_where_tls_is_expected<A: Connect>() {
    let plain = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n\
                 400 Bad Request";
    for hangs_up in [false, true] {
        let peer = Peer::saying(plain, hangs_up).unwrap();
        let error = refusal::<A>(somebody(at(&peer.address().to_string())));
        is_said(&error, ErrorKind::Protocol, "the server speaks plain HTTP there, without TLS");
        assert_eq!(*tls_error(&error), TlsError::PlainHttp);
        heard_only_the_start(&peer);
    }
}

fn tls_where_a_plain_server_is_expected<A: Connect>() {
    // What Go's servers say, which both daemons are.
    let said = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
    let peer = Peer::saying(said, true).unwrap();
    let error = refusal::<A>(Remote::https(&format!("http://{}", peer.address())).unwrap());
    assert_eq!((error.kind(), error.code()), (ErrorKind::Refused, Some(400)), "{error:?}");
    let hint = "GET /1.0: the server answered 400: Client sent an HTTP request to an HTTPS server.";
    assert_eq!(error.to_string(), hint);
}

#[test]
fn plain_http_leaves_this_machine_for_nobody() {
    for address in ["http://10.1.2.3", "http://shop.example:8443", "http://[2001:db8::1]"] {
        assert_eq!(Remote::https(address).unwrap_err(), OriginError::Plain, "{address}");
        // Nor as a further address, nor for those who write it there themselves.
        assert_eq!(at("127.0.0.1").or(address).unwrap_err(), OriginError::Plain, "{address}");
    }
    for address in ["http://127.0.0.1", "http://[::1]:80", "http://localhost"] {
        assert!(Remote::https(address).is_ok(), "{address}");
    }
}

fn a_peer_that_speaks_something_else<A: Connect>() {
    let garbage = "\0\u{7f}garbage with no end".repeat(1000);
    for (said, shown) in [
        ("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "SSH-2.0-OpenSSH_9.2p1 Debian-2\\r\\n"),
        ("220 mail.example ESMTP\r\n", "220 mail.example ESMTP\\r\\n"),
        (&garbage, "\\x00\\x7fgarbage with no end\\x00\\x7fgarbage w"),
    ] {
        for hangs_up in [false, true] {
            let peer = Peer::saying(said, hangs_up).unwrap();
            let error = refusal::<A>(somebody(at(&peer.address().to_string())));
            let sentence = format!("the peer does not speak TLS: it said \"{shown}\"");
            is_said(&error, ErrorKind::Protocol, &sentence);
            heard_only_the_start(&peer);
        }
    }
    // A daemon that says its answer although nobody can have asked.
    let peer = Peer::saying(answers::greeting("incus"), false).unwrap();
    let error = refusal::<A>(somebody(at(&peer.address().to_string())));
    assert_eq!(*tls_error(&error), TlsError::PlainHttp);
}

fn a_certificate_of_a_mebibyte<A: Connect>() {
    let mut said = Vec::new();
    let message = [&[11, 0x10, 0, 4, 0, 0x10, 0, 0][..], &vec![0; 1 << 20]].concat();
    for piece in message.chunks(16 << 10) {
        said.extend_from_slice(&[22, 3, 3]);
        said.extend_from_slice(&u16::try_from(piece.len()).unwrap().to_be_bytes());
        said.extend_from_slice(piece);
    }
    let peer = Peer::saying(said, false).unwrap();
    let error = refusal::<A>(somebody(at(&peer.address().to_string())));
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(matches!(tls_error(&error), TlsError::Protocol(_)), "{error:?}");
    assert!(!error.is_retryable() || !fault(&error).may_have_acted());
    heard_only_the_start(&peer);
}

fn a_server_that_is_too_old<A: Connect>() {
    let server = daemon::start().unwrap();
    let front = Front::start(&Papers::OWN.old(), server.path()).unwrap();
    let error = refusal::<A>(somebody(at(&front.url())));
    is_said(&error, ErrorKind::Protocol, "the server refused the TLS connection: protocol version");
    heard_nothing(&front);
    drop(A::connect(somebody(at(&front.url()).tls12())).unwrap());
    assert!(front.until_over()[1].client.is_some());
}
