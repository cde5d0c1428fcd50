//! A server that has its answers ready: one read, one write, whatever is asked. It runs in a process of its
//! own, so that nothing of it is counted with a client.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use rustls::crypto::ring::default_provider;
use rustls::server::{ServerConnection, WebPkiClientVerifier};
use rustls::{HandshakeKind, RootCertStore, ServerConfig, StreamOwned};

use crate::{Failure, papers, samples};

/// Serves in a directory, for ever: on the Unix socket `socket`, and by HTTPS on the addresses that are in the files
/// `resuming` and `full`. On the latter no session is ever resumed.
///
/// # Errors
/// When it cannot listen.
pub fn serve(room: &Path) -> Result<(), Failure> {
    for (name, resumes) in [("resuming", true), ("full", false)] {
        fs::write(room.join(name), Https::start(resumes)?.address.to_string())?;
    }
    let listener = UnixListener::bind(room.join("socket"))?;
    loop {
        let (socket, _) = listener.accept()?;
        thread::spawn(move || answer(socket));
    }
}

/// A server by HTTPS.
#[derive(Debug)]
pub struct Https {
    /// Where it listens.
    pub address: SocketAddr,
    handshakes: Arc<[AtomicUsize; 2]>,
}

impl Https {
    /// Starts one; its threads end with the process.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn start(resumes: bool) -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let server = Self { address: listener.local_addr()?, handshakes: Arc::default() };
        let (config, handshakes) = (config(resumes)?, Arc::clone(&server.handshakes));
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (config, handshakes) = (Arc::clone(&config), Arc::clone(&handshakes));
                thread::spawn(move || shake_hands(config, socket, &handshakes));
            }
        });
        Ok(server)
    }

    /// How many handshakes were made in full so far, and how many took up an earlier session.
    #[must_use]
    pub fn handshakes(&self) -> (usize, usize) {
        let [full, resumed] = &*self.handshakes;
        (full.load(Relaxed), resumed.load(Relaxed))
    }
}

/// What a server by HTTPS goes by.
///
/// # Errors
/// When the papers are of no use.
pub fn config(resumes: bool) -> Result<Arc<ServerConfig>, Failure> {
    let provider = Arc::new(default_provider());
    let mut clients = RootCertStore::empty();
    clients.add(papers::client_certificate()?)?;
    let clients =
        WebPkiClientVerifier::builder_with_provider(clients.into(), Arc::clone(&provider)).build()?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![papers::server_certificate()?], papers::server_key()?)?;
    if !resumes {
        config.send_tls13_tickets = 0;
    }
    Ok(Arc::new(config))
}

fn shake_hands(config: Arc<ServerConfig>, mut socket: TcpStream, handshakes: &[AtomicUsize; 2]) {
    let Ok(mut connection) = ServerConnection::new(config) else { return };
    while connection.is_handshaking() {
        if connection.complete_io(&mut socket).is_err() {
            return;
        }
    }
    let resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
    handshakes[usize::from(resumed)].fetch_add(1, Relaxed);
    answer(StreamOwned::new(connection, socket));
}

/// Answers until the client goes.
fn answer(mut socket: impl Read + Write) {
    let server = samples::response(samples::SERVER);
    let instance = samples::response(samples::INSTANCE);
    let mut request = [0; 4096];
    loop {
        let answer = match socket.read(&mut request) {
            Ok(count @ 1..) if request[..count].starts_with(b"GET /1.0 ") => &server,
            Ok(1..) => &instance,
            _ => return,
        };
        if socket.write_all(answer).is_err() {
            return;
        }
    }
}
