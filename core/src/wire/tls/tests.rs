//! The filter against rustls' own server, in memory.
#![cfg(feature = "ring")]

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};

use super::*;
use crate::wire::{Filter, FilterError, Opened, Origin};

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../../tests/fixtures/tls/", $name)).as_slice()
    };
}

const SELF_SIGNED: &[u8] = fixture!("server/self-signed.crt");

/// 2026, in the middle of what the good certificates are valid for.
const NOW: TlsWorld = TlsWorld { clock: || 1_790_000_000, authorities: Authorities::NONE };

fn server_config(
    certificate: &[u8],
    key: &[u8],
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut clients = RootCertStore::empty();
    clients.add(CertificateDer::from_pem_slice(fixture!("client/ec-p384.crt")).unwrap()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(clients), Arc::clone(&provider))
        .allow_unauthenticated()
        .build()
        .unwrap();
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            CertificateDer::pem_slice_iter(certificate).map(Result::unwrap).collect(),
            PrivateKeyDer::from_pem_slice(key).unwrap(),
        )
        .unwrap()
}

fn self_signed() -> Arc<ServerConfig> {
    let config = server_config(SELF_SIGNED, fixture!("server/self-signed.key"), &[&rustls::version::TLS13]);
    Arc::new(config)
}

fn leaf(certificate: &[u8]) -> Arc<ServerConfig> {
    Arc::new(server_config(certificate, fixture!("server/leaf.key"), &[&rustls::version::TLS13]))
}

fn connect(settings: &TlsSettings) -> Tls {
    settings.build(&NOW).unwrap().connect(&Origin::parse("127.0.0.1", 8443).unwrap()).unwrap()
}

fn pinned() -> TlsSettings {
    TlsSettings { trust: Trust::pinned(SELF_SIGNED).unwrap(), ..TlsSettings::default() }
}

/// What came of a conversation: what the server heard, and what the client heard or why it did not.
#[derive(Debug, PartialEq)]
struct Talk {
    server: Vec<u8>,
    client: Result<Vec<u8>, FilterError>,
}

/// Sends "ping" and waits for "pong", in pieces of `cut` bytes on the wire.
fn talk(client: &mut Tls, server: &mut ServerConnection, cut: usize) -> Talk {
    let (mut unsent, mut heard, mut told) = (&b"ping"[..], Vec::new(), Vec::new());
    for _ in 0..100_000 {
        let before = told.len();
        let step = client.seal(unsent).and_then(|count| {
            unsent = &unsent[count..];
            let mut space = [0; 3];
            if let Opened::Bytes(count) = client.open(&mut space)? {
                told.extend_from_slice(&space[..count]);
            }
            Ok(())
        });
        let mut quiet = told.len() == before;
        let out = client.outgoing();
        let out = &out[..out.len().min(cut)];
        if !out.is_empty() {
            let count = server.read_tls(&mut &*out).unwrap();
            client.wrote(count);
            let _ = server.process_new_packets();
            let _ = server.reader().read_to_end(&mut heard);
            if heard == b"ping" {
                server.writer().write_all(b"pong").unwrap();
                heard.push(b'!');
            }
            quiet = false;
        }
        if let Err(error) = step {
            if quiet {
                return Talk { server: heard, client: Err(error) };
            }
            continue;
        }
        let mut back = Limited { bytes: Vec::new(), most: cut };
        if server.wants_write() {
            server.write_tls(&mut back).unwrap();
            let space = client.space();
            space[..back.bytes.len()].copy_from_slice(&back.bytes);
            client.read(back.bytes.len());
            quiet = false;
        }
        if told == b"pong" || quiet {
            return Talk { server: heard, client: Ok(told) };
        }
    }
    panic!("it does not end");
}

/// Takes so many bytes at once.
struct Limited {
    bytes: Vec<u8>,
    most: usize,
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = bytes.len().min(self.most - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn outcome(settings: &TlsSettings, server: &Arc<ServerConfig>) -> Talk {
    let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
    talk(&mut connect(settings), &mut server, 16 << 10)
}

/// Why the client does not speak to this server, which hears nothing.
fn refusal(settings: &TlsSettings, server: &Arc<ServerConfig>) -> TlsError {
    match outcome(settings, server) {
        Talk { server, client: Err(FilterError::Tls(error)) } if server.is_empty() => error,
        other => panic!("{other:?}"),
    }
}

fn why(settings: &TlsSettings, server: &Arc<ServerConfig>) -> Distrust {
    match refusal(settings, server) {
        TlsError::Distrusted { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

fn good() -> Talk {
    Talk { server: b"ping!".to_vec(), client: Ok(b"pong".to_vec()) }
}

#[test]
fn bytes_pass_whatever_the_cuts() {
    for cut in [1, 2, 7, 100, 16 << 10] {
        let mut server = ServerConnection::new(self_signed()).unwrap();
        let mut client = connect(&pinned());
        assert_eq!(talk(&mut client, &mut server, cut), good(), "{cut}");
        assert_eq!(client.resumed(), Some(false));
    }
}

#[test]
fn a_pin_is_the_certificate_itself_or_its_fingerprint() {
    let der = CertificateDer::from_pem_slice(SELF_SIGNED).unwrap();
    let by_print = TlsSettings { trust: Fingerprint::of(&der).into(), ..TlsSettings::default() };
    assert_eq!(outcome(&by_print, &self_signed()), good());
    // Neither host nor dates matter.
    for certificate in [fixture!("server/expired.crt"), fixture!("server/elsewhere.crt")] {
        let pin = TlsSettings { trust: Trust::pinned(certificate).unwrap(), ..TlsSettings::default() };
        assert_eq!(outcome(&pin, &leaf(certificate)), good());
    }
    let TlsError::Distrusted { certificate, why } = refusal(&pinned(), &leaf(fixture!("server/good.crt")))
    else {
        panic!("trusted")
    };
    assert_eq!(why, Distrust::NotPinned);
    assert_eq!(
        certificate.der(),
        CertificateDer::from_pem_slice(fixture!("server/good.crt")).unwrap().as_ref()
    );
    let wrong = TlsSettings { trust: Fingerprint::new([7; 32]).into(), ..TlsSettings::default() };
    assert_eq!(self::why(&wrong, &self_signed()), Distrust::NotPinned);
}

#[test]
fn authorities_vouch_for_host_and_dates() {
    let ca = Authorities::from_pem(fixture!("server/ca.crt")).unwrap();
    let by_ca = TlsSettings { trust: ca.clone().into(), ..TlsSettings::default() };
    assert_eq!(outcome(&by_ca, &leaf(fixture!("server/good.crt"))), good());
    assert_eq!(outcome(&by_ca, &leaf(fixture!("server/revoked.crt"))), good());
    for (certificate, expected) in [
        (fixture!("server/expired.crt"), Distrust::Expired),
        (fixture!("server/early.crt"), Distrust::NotYetValid),
        (fixture!("server/elsewhere.crt"), Distrust::WrongHost),
    ] {
        assert_eq!(why(&by_ca, &leaf(certificate)), expected);
    }
    assert_eq!(why(&by_ca, &self_signed()), Distrust::UnknownAuthority);
    let with_list = TlsSettings {
        trust: ca.revoking(fixture!("server/ca.crl")).unwrap().into(),
        ..TlsSettings::default()
    };
    assert_eq!(outcome(&with_list, &leaf(fixture!("server/good.crt"))), good());
    assert_eq!(why(&with_list, &leaf(fixture!("server/revoked.crt"))), Distrust::Revoked);
    let nobody = TlsSettings { trust: Authorities::default().into(), ..TlsSettings::default() };
    assert_eq!(nobody.build(&NOW).unwrap_err(), SettingsError::NoAuthorities);
    assert_eq!(TlsSettings::default().build(&NOW).unwrap_err(), SettingsError::NoAuthorities);
}

#[test]
fn danger_is_only_behind_its_name() {
    let danger = TlsSettings { trust: Trust::DangerAnyone, ..TlsSettings::default() };
    assert_eq!(outcome(&danger, &leaf(fixture!("server/elsewhere.crt"))), good());
}

#[test]
fn a_look_shows_the_certificate_and_nothing_of_the_client() {
    let identity =
        Identity::from_pem(fixture!("client/ec-p384.crt"), fixture!("client/ec-p384.pkcs8.key")).unwrap();
    let settings = TlsSettings { identity: Some(identity), ..TlsSettings::default() };
    let client = settings.build_peek(&NOW).unwrap();
    let mut client = client.connect(&Origin::parse("127.0.0.1", 8443).unwrap()).unwrap();
    let mut server = ServerConnection::new(self_signed()).unwrap();
    let Talk { server: heard, client: Err(FilterError::Tls(TlsError::Distrusted { certificate, why })) } =
        talk(&mut client, &mut server, 16 << 10)
    else {
        panic!("it went on")
    };
    assert_eq!((heard, why), (Vec::new(), Distrust::OnlyLooking));
    assert_eq!(certificate.der(), CertificateDer::from_pem_slice(SELF_SIGNED).unwrap().as_ref());
    assert!(server.peer_certificates().is_none());
}

#[test]
fn every_kind_of_key_is_taken() {
    for (certificate, key) in [
        (fixture!("client/ec-p384.crt"), fixture!("client/ec-p384.pkcs8.key")),
        (fixture!("client/ec-p384.crt"), fixture!("client/ec-p384.sec1.key")),
        (fixture!("client/ec-p256.crt"), fixture!("client/ec-p256.sec1.key")),
        (fixture!("client/rsa-2048.crt"), fixture!("client/rsa-2048.pkcs1.key")),
        (fixture!("client/rsa-2048.crt"), fixture!("client/rsa-2048.pkcs8.key")),
        (fixture!("client/ed25519.crt"), fixture!("client/ed25519.pkcs8.key")),
        (fixture!("client/both.pem"), fixture!("client/both.pem")),
    ] {
        let identity = Identity::from_pem(certificate, key).unwrap();
        pinned_as(identity).build(&NOW).unwrap();
    }
    let shown =
        Identity::from_pem(fixture!("client/ec-p384.crt"), fixture!("client/ec-p384.sec1.key")).unwrap();
    let mut server = ServerConnection::new(self_signed()).unwrap();
    assert_eq!(talk(&mut connect(&pinned_as(shown.clone())), &mut server, 999), good());
    assert_eq!(server.peer_certificates().unwrap()[0].as_ref(), shown.certificate());
}

fn pinned_as(identity: Identity) -> TlsSettings {
    TlsSettings { identity: Some(identity), ..pinned() }
}

#[test]
fn a_bad_identity_says_what_is_wrong() {
    let certificate = fixture!("client/ec-p256.crt");
    let bad = |certificate: &[u8], key: &[u8]| Identity::from_pem(certificate, key).unwrap_err();
    for locked in [
        fixture!("client/ec-p256.pkcs8-locked.key"),
        fixture!("client/ec-p256.legacy-locked.key"),
        fixture!("client/rsa-2048.legacy-locked.key"),
    ] {
        assert_eq!(bad(certificate, locked), IdentityError::EncryptedKey);
    }
    assert_eq!(bad(b"", fixture!("client/ec-p256.sec1.key")), IdentityError::NoCertificate);
    assert_eq!(bad(certificate, certificate), IdentityError::NoKey);
    let cut = &fixture!("client/ec-p256.sec1.key")[..80];
    assert!(matches!(bad(certificate, cut), IdentityError::Malformed(_)));
    let mixed = Identity::from_pem(certificate, fixture!("client/ec-p384.sec1.key")).unwrap();
    assert!(matches!(pinned_as(mixed).build(&NOW), Err(SettingsError::Identity(_))));
}

#[test]
fn sessions_are_taken_up_again() {
    let server = self_signed();
    let client = pinned().build(&NOW).unwrap();
    let origin = Origin::parse("127.0.0.1", 8443).unwrap();
    let mut resumed = Vec::new();
    for _ in 0..3 {
        let mut tls = client.connect(&origin).unwrap();
        let mut connection = ServerConnection::new(Arc::clone(&server)).unwrap();
        assert_eq!(talk(&mut tls, &mut connection, 5000), good());
        resumed.push(tls.resumed().unwrap());
    }
    assert_eq!(resumed, [false, true, true]);
}

#[test]
fn the_cryptography_is_what_was_given() {
    use rustls::crypto::ring::{cipher_suite::TLS13_CHACHA20_POLY1305_SHA256, default_provider};
    let mut provider = default_provider();
    provider.cipher_suites = vec![TLS13_CHACHA20_POLY1305_SHA256];
    let settings = TlsSettings { provider: Some(Arc::new(provider)), ..pinned() };
    let mut server = ServerConnection::new(self_signed()).unwrap();
    assert_eq!(talk(&mut connect(&settings), &mut server, 16 << 10), good());
    assert_eq!(server.negotiated_cipher_suite(), Some(TLS13_CHACHA20_POLY1305_SHA256));
    let mut nothing = default_provider();
    nothing.cipher_suites.clear();
    let settings = TlsSettings { provider: Some(Arc::new(nothing)), ..pinned() };
    assert!(matches!(settings.build(&NOW), Err(SettingsError::Provider(_))));
}

#[test]
fn tls_1_2_is_spoken_only_if_it_is_asked_for() {
    let key = fixture!("server/self-signed.key");
    let old = Arc::new(server_config(SELF_SIGNED, key, &[&rustls::version::TLS12]));
    assert!(matches!(refusal(&pinned(), &old), TlsError::Alert(why) if why == "protocol version"));
    assert_eq!(outcome(&TlsSettings { tls12: true, ..pinned() }, &old), good());
}

/// What comes of a peer that says this, and then closes.
fn against(said: &[u8]) -> FilterError {
    let mut client = connect(&pinned());
    let mut said = said.to_vec();
    loop {
        let mut space = [0; 64];
        match client.seal(b"secret").and_then(|_| client.open(&mut space)) {
            Err(error) => return error,
            Ok(Opened::Starved) => {}
            Ok(other) => panic!("{other:?}"),
        }
        let count = client.outgoing().len();
        client.wrote(count);
        let space = client.space();
        let count = said.len().min(space.len());
        space[..count].copy_from_slice(&said[..count]);
        client.read(count);
        said.drain(..count);
    }
}

#[test]
fn what_is_no_tls_is_told_apart() {
    assert_eq!(against(b"").to_string(), "the connection was closed during the TLS handshake");
    assert_eq!(against(b"\x16\x03\x03").to_string(), "the connection was closed during the TLS handshake");
    assert_eq!(against(b"HTTP/1.1 400 Bad Request\r\n\r\n"), FilterError::Tls(TlsError::PlainHttp));
    let start = "220 mail.example ESMTP\\r\\n".into();
    assert_eq!(against(b"220 mail.example ESMTP\r\n"), FilterError::Tls(TlsError::NotTls { start }));
    assert_eq!(
        against(&[0x15, 3, 3, 0, 2, 2, 40]),
        FilterError::Tls(TlsError::Alert("handshake failure".into()))
    );
    assert!(matches!(
        against(&[0x16; 300]),
        FilterError::Tls(TlsError::Protocol(_) | TlsError::NotTls { .. })
    ));
}

#[test]
fn a_huge_certificate_is_refused_before_it_is_kept() {
    // A handshake message that says it has a mebibyte, in as many records as it takes.
    let mut said = Vec::new();
    let message = [&[2, 0x10, 0, 0][..], &vec![0; 1 << 20]].concat();
    for piece in message.chunks(16 << 10) {
        said.extend_from_slice(&[0x16, 3, 3]);
        said.extend_from_slice(&u16::try_from(piece.len()).unwrap().to_be_bytes());
        said.extend_from_slice(piece);
    }
    assert!(matches!(against(&said), FilterError::Tls(TlsError::Protocol(_))));
}

#[test]
fn an_end_without_a_word_is_no_good_end() {
    let mut server = ServerConnection::new(self_signed()).unwrap();
    let mut client = connect(&pinned());
    talk(&mut client, &mut server, 16 << 10);
    client.read(0);
    assert_eq!(client.open(&mut [0; 8]), Ok(Opened::Cut));

    let mut server = ServerConnection::new(self_signed()).unwrap();
    let mut client = connect(&pinned());
    talk(&mut client, &mut server, 16 << 10);
    server.send_close_notify();
    let mut last = Vec::new();
    server.write_tls(&mut last).unwrap();
    client.space()[..last.len()].copy_from_slice(&last);
    client.read(last.len());
    assert_eq!(client.open(&mut [0; 8]), Ok(Opened::End));
    client.read(0);
    assert_eq!(client.open(&mut [0; 8]), Ok(Opened::End));
}

#[test]
fn nothing_shows_a_key() {
    let key = fixture!("client/ec-p384.pkcs8.key");
    let identity = Identity::from_pem(fixture!("client/ec-p384.crt"), key).unwrap();
    let shown =
        format!("{identity:?} {:?} {:?}", pinned_as(identity.clone()), connect(&pinned_as(identity.clone())));
    assert!(shown.contains(&format!("Identity({})", identity.fingerprint())), "{shown}");
    let der = PrivateKeyDer::from_pem_slice(key).unwrap();
    let bytes = format!("{:?}", &der.secret_der()[30..40]);
    assert!(!shown.contains(bytes.trim_matches(['[', ']'])), "{shown}");
}
