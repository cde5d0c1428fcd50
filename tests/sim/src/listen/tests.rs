//! TLS with a plain client of rustls, which can do what ours never would.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lxio_core::call::Flavour;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, DigitallySignedStruct, Error, HandshakeKind,
    SignatureScheme, StreamOwned, SupportedProtocolVersion,
};

use crate::certificate::Certificate;
use crate::{Server, Setup};

/// Notes which certificate it is shown.
#[derive(Debug)]
struct Looking(Arc<CryptoProvider>, Mutex<Vec<u8>>);

impl ServerCertVerifier for Looking {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.1.lock().unwrap() = shown.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        panic!("TLS 1.2 is spoken")
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn config(
    version: &'static SupportedProtocolVersion,
    protocols: &[&str],
    own: Option<&Certificate>,
) -> (ClientConfig, Arc<Looking>) {
    let provider = Arc::new(ring::default_provider());
    let looking = Arc::new(Looking(Arc::clone(&provider), Mutex::default()));
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::<Looking>::clone(&looking));
    let mut config = match own {
        Some(own) => {
            let chain = vec![CertificateDer::from_pem_slice(own.pem.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(own.key.reveal().as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = protocols.iter().map(|it| it.as_bytes().to_vec()).collect();
    (config, looking)
}

fn socket(at: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(at).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket
}

/// Asks for `/1.0` on a connection that ends with the answer.
fn ask(
    config: ClientConfig,
    at: SocketAddr,
) -> std::io::Result<(String, StreamOwned<ClientConnection, TcpStream>)> {
    let name = ServerName::try_from("shop.example").unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(session, socket(at));
    stream.write_all(b"GET /1.0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    // Without the goodbye of TLS this is an error.
    stream.read_to_string(&mut answer)?;
    Ok((answer, stream))
}

fn server(flavour: Flavour) -> (Server, SocketAddr) {
    let server = Server::temporary(Setup::of(flavour)).unwrap().https(0).unwrap();
    let at = server.https_address().unwrap();
    (server, at)
}

#[test]
fn strangers_and_friends_are_told_apart_by_their_certificate() {
    for flavour in [Flavour::Lxd, Flavour::Incus] {
        let (server, at) = server(flavour);
        let (pem, fingerprint) = server.with(|daemon| daemon.certificate());
        let own = Certificate::of(&Setup::of(flavour)).unwrap();
        for known in [false, true] {
            if known {
                let body = own.pem.lines().filter(|it| !it.starts_with('-')).collect::<String>();
                let body = format!(r#"{{"type":"client","name":"it","certificate":"{body}"}}"#);
                let mut socket = std::os::unix::net::UnixStream::connect(server.path().unwrap()).unwrap();
                let head = "POST /1.0/certificates HTTP/1.1\r\nHost: x\r\nConnection: close";
                write!(socket, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
                let mut answer = String::new();
                socket.read_to_string(&mut answer).unwrap();
                assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
            }
            for shown in [None, Some(&own)] {
                let (config, looking) = config(&TLS13, &["http/1.1"], shown);
                let (answer, stream) = ask(config, at).unwrap();
                let trusted = answer.contains(r#""auth":"trusted""#);
                assert_eq!(trusted, known && shown.is_some(), "{answer}");
                assert_eq!(answer.contains(&fingerprint), trusted);
                assert_eq!(stream.conn.alpn_protocol(), None);
                let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
                assert_eq!(*looking.1.lock().unwrap(), der.to_vec());
            }
        }
    }
}

#[test]
fn a_session_resumes_and_is_still_the_same_clients() {
    let (_server, at) = server(Flavour::Incus);
    let own = Certificate::of(&Setup::incus()).unwrap();
    let (config, _) = config(&TLS13, &[], Some(&own));
    let kinds = [0, 1].map(|_| ask(config.clone(), at).unwrap().1.conn.handshake_kind());
    assert_eq!(kinds, [Some(HandshakeKind::Full), Some(HandshakeKind::Resumed)]);
}

#[test]
fn what_the_daemons_refuse_is_refused() {
    let (_server, at) = server(Flavour::Lxd);
    let refused = |version, protocols: &[&str]| {
        let error = ask(config(version, protocols, None).0, at).unwrap_err();
        match error.get_ref().unwrap().downcast_ref() {
            Some(Error::AlertReceived(alert)) => *alert,
            _ => panic!("{error}"),
        }
    };
    assert_eq!(refused(&TLS12, &[]), AlertDescription::ProtocolVersion);
    assert_eq!(refused(&TLS13, &["spdy/3"]), AlertDescription::NoApplicationProtocol);
    // These would like HTTP/2, and are spoken to all the same.
    ask(config(&TLS13, &["h2", "http/1.1"], None).0, at).unwrap();
}

#[test]
fn http_without_tls_is_told_so_and_the_rest_nothing() {
    let (_server, at) = server(Flavour::Incus);
    for (sent, answer) in [
        (
            "GET /1.0 HTTP/1.1\r\n\r\n",
            "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
        ),
        ("PATCH /1.0 HTTP/1.1\r\n\r\n", ""),
        ("hello world", ""),
    ] {
        let mut socket = socket(at);
        socket.write_all(sent.as_bytes()).unwrap();
        let mut told = String::new();
        socket.read_to_string(&mut told).unwrap();
        assert_eq!(told, answer, "{sent}");
    }
}

#[test]
fn a_given_certificate_is_shown_and_the_address_survives_a_death() {
    let own = Certificate::of(&Setup::lxd()).unwrap();
    let setup = Setup::incus().certificate(&*own.pem, own.key.reveal());
    let server = Server::loopback(setup, 0).unwrap().https(0).unwrap();
    let at = server.https_address().unwrap();
    assert_eq!(server.with(|daemon| daemon.certificate()).0, own.pem);
    server.kill();
    assert!(TcpStream::connect(at).is_err());
    server.restart();
    ask(config(&TLS13, &[], None).0, at).unwrap();
    let broken = Setup::incus().certificate(&*own.pem, "no key");
    assert!(Server::loopback(broken, 0).unwrap().https(0).is_err());
}
