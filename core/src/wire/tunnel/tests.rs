//! Both talks over literal bytes, cut in any way.

use proptest::prelude::*;

use super::{Proxy, SocksRefusal, Tunnel, TunnelError};
use crate::bytes::Limits;
use crate::wire::{Need, Origin};

/// What came of a talk: what was sent, and what came behind the answer.
#[derive(Debug, PartialEq)]
struct Outcome {
    sent: Vec<u8>,
    rest: Result<Vec<u8>, TunnelError>,
}

/// Plays the talk over `answer`, of which `cuts` bytes come and go at a time, in turn.
fn play(proxy: &str, server: &str, answer: &[u8], cuts: &[usize]) -> Outcome {
    let proxy = Proxy::parse(proxy).unwrap();
    let server = Origin::parse(server, 8443).unwrap();
    let mut tunnel = Tunnel::new(&proxy, &server, &Limits { head: 200, interim: 2, ..Limits::DEFAULT });
    let (mut sent, mut left, mut cuts) = (Vec::new(), answer, cuts.iter().cycle());
    let rest = loop {
        let cut = *cuts.next().unwrap();
        match tunnel.need() {
            Ok(Need::Write(bytes)) => {
                let count = cut.min(bytes.len());
                sent.extend_from_slice(&bytes[..count]);
                tunnel.wrote(count);
            }
            Ok(Need::Read(space)) => {
                let count = cut.min(space.len()).min(left.len());
                space[..count].copy_from_slice(&left[..count]);
                left = &left[count..];
                tunnel.read(count);
            }
            Ok(Need::Fill(_) | Need::Take(_)) => panic!("a tunnel has no body"),
            Ok(Need::Done) => {
                assert!(matches!(tunnel.need(), Ok(Need::Done)));
                break Ok([tunnel.into_rest().data(), left].concat());
            }
            Err(error) => {
                assert_eq!(tunnel.need().unwrap_err(), error);
                break Err(error);
            }
        }
    };
    Outcome { sent, rest }
}

fn ask(proxy: &str, server: &str, answer: &[u8]) -> Outcome {
    let whole = play(proxy, server, answer, &[usize::MAX]);
    assert_eq!(whole, play(proxy, server, answer, &[1]), "byte by byte");
    whole
}

fn connect(answer: &str) -> Result<Vec<u8>, TunnelError> {
    ask("http://proxy", "shop", answer.as_bytes()).rest
}

#[test]
fn connect_names_the_server_and_the_user() {
    let ok = b"HTTP/1.1 200 Connection established\r\n\r\n\x16\x03";
    let outcome = ask("http://Aladdin:open%20sesame@proxy", "https://[::1]:443", ok);
    let said = "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\
        Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
    assert_eq!(String::from_utf8(outcome.sent).unwrap(), said);
    assert_eq!(outcome.rest.unwrap(), b"\x16\x03");
}

#[test]
fn a_good_answer_has_no_body_whatever_it_says() {
    for fields in ["", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Connection: close\r\n"] {
        assert_eq!(connect(&format!("HTTP/1.0 204 x\r\n{fields}\r\nhello")).unwrap(), b"hello");
    }
    assert_eq!(connect("HTTP/1.1 100 a\r\n\r\nHTTP/1.1 103 b\r\n\r\nHTTP/1.1 200\n\nx").unwrap(), b"x");
}

#[test]
fn other_answers_are_typed() {
    let refused = |status, reason: &str| {
        Err(TunnelError::Refused {
            status: http::StatusCode::from_u16(status).unwrap(),
            reason: reason.to_owned(),
        })
    };
    let interim = "HTTP/1.1 100 a\r\n\r\n";
    for (answer, expected) in [
        ("", Err(TunnelError::Cut)),
        ("HTTP/1.1 200 OK\r\n", Err(TunnelError::Cut)),
        (interim, Err(TunnelError::Cut)),
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\nno",
            refused(407, "Proxy Authentication Required"),
        ),
        ("HTTP/1.1 503\r\n\r\n", refused(503, "")),
        ("HTTP/1.1 101 Switching\r\n\r\n", refused(101, "Switching")),
        ("HTTP/1.1 302 caf\u{e9}\r\n\r\n", refused(302, "")),
        ("SSH-2.0-x\r\n", Err(TunnelError::NotHttp)),
        ("\u{5}\0", Err(TunnelError::NotHttp)),
        ("HTTP/1.1 abc\r\n\r\n", Err(TunnelError::BadHead)),
        ("HTTP/1.1 200 OK\r\nA b\r\n\r\n", Err(TunnelError::BadHead)),
        (&format!("HTTP/1.1 200 {}", "x".repeat(200)), Err(TunnelError::HeadTooLong { limit: 200 })),
        (&interim.repeat(3), Err(TunnelError::TooManyInterim { limit: 2 })),
    ] {
        assert_eq!(connect(answer), expected, "{answer:?}");
    }
}

#[test]
fn socks_sends_the_name() {
    let outcome =
        ask("socks5://proxy", "shop.example", b"\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90rest");
    assert_eq!(outcome.sent, b"\x05\x01\x00\x05\x01\x00\x03\x0cshop.example\x20\xfb");
    assert_eq!(outcome.rest.unwrap(), b"rest");
}

#[test]
fn socks_sends_addresses_as_such() {
    let ok = b"\x05\x00\x05\x00\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x50";
    let outcome = ask("socks5h://proxy", "10.1.2.3:1", ok);
    assert_eq!(outcome.sent, b"\x05\x01\x00\x05\x01\x00\x01\x0a\x01\x02\x03\x00\x01");
    assert_eq!(outcome.rest.unwrap(), b"");
    let outcome = ask("socks5h://proxy", "[2001:db8::1]", ok);
    let asked = b"\x05\x01\x00\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\xfb";
    assert_eq!(outcome.sent, asked);
}

#[test]
fn socks_logs_in_if_it_must() {
    let ok = b"\x05\x02\x01\x00\x05\x00\x00\x03\x01x\x00\x00rest";
    let outcome = ask("socks5://me:it@proxy", "a", ok);
    assert_eq!(outcome.sent, b"\x05\x02\x00\x02\x01\x02me\x02it\x05\x01\x00\x03\x01a\x20\xfb");
    assert_eq!(outcome.rest.unwrap(), b"rest");
    let outcome = ask("socks5://me:it@proxy", "a", b"\x05\x00\x05\x00\x00\x03\x00\x00\x00");
    assert_eq!(outcome.sent, b"\x05\x02\x00\x02\x05\x01\x00\x03\x01a\x20\xfb");
    assert_eq!(outcome.rest.unwrap(), b"");
}

#[test]
fn refusals_of_socks_are_typed() {
    let bad = |proxy: &str, answer: &[u8]| ask(proxy, "shop", answer).rest.unwrap_err();
    let (anyone, me) = ("socks5://proxy", "socks5://me:it@proxy");
    assert_eq!(bad(anyone, b""), TunnelError::Cut);
    assert_eq!(bad(anyone, b"\x05"), TunnelError::Cut);
    assert_eq!(bad(anyone, b"HTTP/1.1 400"), TunnelError::NotSocks { version: b'H' });
    assert_eq!(bad(anyone, b"\x04\x5a"), TunnelError::NotSocks { version: 4 });
    assert_eq!(bad(anyone, b"\x05\xff"), TunnelError::NoMethod);
    assert_eq!(bad(anyone, b"\x05\x02"), TunnelError::BadMethod { method: 2 });
    assert_eq!(bad(me, b"\x05\x01"), TunnelError::BadMethod { method: 1 });
    assert_eq!(bad(me, b"\x05\x02\x01"), TunnelError::Cut);
    assert_eq!(bad(me, b"\x05\x02\x01\x01"), TunnelError::BadUser);
    assert_eq!(bad(anyone, b"\x05\x00\x04\x00"), TunnelError::NotSocks { version: 4 });
    assert_eq!(bad(anyone, b"\x05\x00\x05\x00\x00\x02"), TunnelError::BadAddress { kind: 2 });
    assert_eq!(bad(anyone, b"\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x1f"), TunnelError::Cut);
    let codes = [
        SocksRefusal::Failure,
        SocksRefusal::NotAllowed,
        SocksRefusal::NetworkUnreachable,
        SocksRefusal::HostUnreachable,
        SocksRefusal::ConnectionRefused,
        SocksRefusal::Expired,
        SocksRefusal::CommandNotSupported,
        SocksRefusal::AddressNotSupported,
        SocksRefusal::Unknown(9),
    ];
    for (code, refusal) in (1..).zip(codes) {
        assert_eq!(bad(anyone, &[5, 0, 5, code]), TunnelError::Socks(refusal));
    }
}

#[test]
fn debug_shows_no_password() {
    for proxy in ["http://me:hunter2@proxy", "socks5://me:hunter2@proxy"] {
        let proxy = Proxy::parse(proxy).unwrap();
        let tunnel = Tunnel::new(&proxy, &Origin::parse("shop", 1).unwrap(), &Limits::DEFAULT);
        assert!(!format!("{tunnel:?}").contains("hunter2"));
    }
}

fn answers() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<Vec<u8>>(),
        proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(2), Just(3), Just(5)], 0..30),
        "(HTTP/1.1 [1-5]0[0-9]( [a-z ]{0,9})?\r?\n([A-Za-z-]{1,9}: ?[a-z]{0,9}\r?\n){0,3}\r?\n){0,4}[a-z]{0,9}"
            .prop_map(String::into_bytes),
        "HTTP/1.[\\PC\r\n]{0,250}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn cuts_do_not_matter(
        proxy in prop_oneof![
            Just("http://proxy"),
            Just("http://me:it@proxy"),
            Just("socks5://proxy"),
            Just("socks5://me:it@proxy"),
        ],
        answer in answers(),
        cuts in proptest::collection::vec(1..40_usize, 1..20),
    ) {
        let whole = ask(proxy, "shop", &answer);
        prop_assert_eq!(&whole, &play(proxy, "shop", &answer, &cuts));
        if let Ok(rest) = whole.rest {
            prop_assert!(answer.ends_with(&rest));
        }
    }
}
