use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use bytes::Bytes;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{AcceptedAlert, Acceptor, ServerConfig, ServerConnection};
use rustls::version::TLS13;
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use crate::Peer;
use crate::certificate::Certificate;

/// What the daemons answer to HTTP without TLS, and to which first bytes.
const PLAIN: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
const METHODS: [&[u8]; 5] = [b"GET /", b"HEAD ", b"POST ", b"PUT /", b"OPTIO"];
/// The first byte of every handshake.
const HANDSHAKE: u8 = 22;

/// How TLS is spoken: 1.3 alone; every client certificate is taken, and none is needed; sessions resume.
#[derive(Debug)]
pub(super) struct Terms {
    /// Chooses no protocol, as the daemons do for a client that offers none or HTTP/1.1. One that would like
    /// HTTP/2 gets the same here, and HTTP/1.1.
    usual: Arc<ServerConfig>,
    /// Refuses a client that offers only what the daemons do not know.
    strict: Arc<ServerConfig>,
}

impl Terms {
    pub(super) fn new(certificate: &Certificate) -> io::Result<Self> {
        let bad = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("the server's {why}"));
        let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate.pem.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|_| bad("certificate is no PEM"))?;
        let key = PrivateKeyDer::from_pem_slice(certificate.key.reveal().as_bytes())
            .map_err(|_| bad("key is no PEM"))?;
        let provider = Arc::new(ring::default_provider());
        let mut usual = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(io::Error::other)?
            .with_client_cert_verifier(Arc::new(Anybody(provider)))
            .with_single_cert(chain, key)
            .map_err(io::Error::other)?;
        usual.ticketer = ring::Ticketer::new().map_err(io::Error::other)?;
        let mut strict = usual.clone();
        strict.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { usual: Arc::new(usual), strict: Arc::new(strict) })
    }

    fn suiting<'a>(&self, offered: Option<impl Iterator<Item = &'a [u8]>>) -> Arc<ServerConfig> {
        let known = |name: &[u8]| matches!(name, b"h2" | b"http/1.1");
        let fits = offered.is_none_or(|mut offered| offered.any(known));
        Arc::clone(if fits { &self.usual } else { &self.strict })
    }
}

/// A connection by TLS on a socket that does not block.
#[derive(Debug)]
pub(super) struct Secured {
    pub(super) socket: TcpStream,
    terms: Arc<Terms>,
    stage: Stage,
    /// The daemon was told who the client is.
    introduced: bool,
}

enum Stage {
    /// The client has not said what it wants. What it said so far begins with these bytes.
    Hello(Box<Acceptor>, Vec<u8>),
    Talk(Box<ServerConnection>),
}

impl Secured {
    pub(super) fn new(socket: TcpStream, terms: Arc<Terms>) -> Self {
        Self { socket, terms, stage: Stage::Hello(Box::default(), Vec::new()), introduced: false }
    }

    /// Reads what the client sent, and answers what concerns TLS alone.
    pub(super) fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        loop {
            match &mut self.stage {
                Stage::Hello(acceptor, first) => {
                    if acceptor.read_tls(&mut Noting { socket: &self.socket, first })? == 0 {
                        return Ok(0);
                    }
                    self.greet()?;
                }
                Stage::Talk(session) => {
                    match session.reader().read(space) {
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        // The daemons, too, take it for an end.
                        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                        done => return done,
                    }
                    session.read_tls(&mut self.socket)?;
                    let understood = session.process_new_packets();
                    // Whether that leaves shows when something is written.
                    let _ = self.flush();
                    understood.map_err(io::Error::other)?;
                }
            }
        }
    }

    /// Begins to talk when the client's first message is whole.
    fn greet(&mut self) -> io::Result<()> {
        let Stage::Hello(acceptor, first) = &mut self.stage else { return Ok(()) };
        let accepted = match acceptor.accept() {
            Ok(None) => return Ok(()),
            Ok(Some(accepted)) => {
                let terms = self.terms.suiting(accepted.client_hello().alpn());
                accepted.into_connection(terms)
            }
            Err(refused) => Err(refused),
        };
        match accepted {
            Ok(session) => self.stage = Stage::Talk(Box::new(session)),
            Err((error, alert)) => {
                refuse(&self.socket, first, alert);
                return Err(io::Error::other(error));
            }
        }
        let _ = self.flush();
        Ok(())
    }

    /// Takes bytes for the client: none while earlier ones have not left.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.flush()? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let Stage::Talk(session) = &mut self.stage else { return Err(io::ErrorKind::NotConnected.into()) };
        let count = session.writer().write(bytes)?;
        self.flush()?;
        Ok(count)
    }

    /// Sends what was taken; whether all of it has left.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        let Stage::Talk(session) = &mut self.stage else { return Ok(true) };
        while session.wants_write() {
            match session.write_tls(&mut self.socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
        }
        Ok(true)
    }

    /// Says that nothing more comes: only so does the client know that nobody has cut the rest off.
    pub(super) fn say_goodbye(&mut self) {
        if let Stage::Talk(session) = &mut self.stage {
            session.send_close_notify();
            // A client that is gone needs none.
            let _ = self.flush();
        }
    }

    /// Who the client is, once.
    pub(super) fn introduction(&mut self) -> Option<Peer> {
        let Stage::Talk(session) = &self.stage else { return None };
        if self.introduced || session.is_handshaking() {
            return None;
        }
        self.introduced = true;
        let shown = session.peer_certificates().and_then(|chain| chain.first());
        Some(Peer::Network { certificate: shown.map(|der| Bytes::copy_from_slice(der)) })
    }
}

fn refuse(mut socket: &TcpStream, first: &[u8], mut alert: AcceptedAlert) {
    // Who cannot be told was not listening.
    let _ = match first.first() {
        Some(&HANDSHAKE) => alert.write_all(&mut socket),
        _ if METHODS.iter().any(|method| first.starts_with(method)) => socket.write_all(PLAIN),
        _ => Ok(()),
    };
}

/// Reads, and keeps the first bytes.
struct Noting<'a> {
    socket: &'a TcpStream,
    first: &'a mut Vec<u8>,
}

impl Read for Noting<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let count = self.socket.read(space)?;
        let wanted = METHODS[0].len().saturating_sub(self.first.len());
        self.first.extend_from_slice(&space[..count.min(wanted)]);
        Ok(count)
    }
}

/// Takes every certificate whose key the client has: what it is good for, the daemon decides.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ClientCertVerifier for Anybody {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
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

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Hello(..) => "Hello",
            Self::Talk(_) => "Talk",
        })
    }
}
