//! A server of the web on loopback, with TLS or without.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use lxio_tests::script::Request;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// How a [`Site`] proves who it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Not at all: plain HTTP.
    None,
    /// By this certificate of the fixtures, as servers of the web do. It asks for the client's, and refuses any.
    Web(&'static str),
    /// By one that it signed itself, as the daemons do.
    Own,
}

/// A file of the fixtures' servers.
pub(crate) fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/tls/server").join(name)
}

/// What a server answers.
type Script = dyn Fn(&Request) -> Vec<u8> + Send + Sync;

/// A running server. Its threads end with the process.
pub(crate) struct Site {
    pub(crate) url: String,
    heard: Arc<Mutex<Vec<Request>>>,
}

impl Site {
    /// Starts one; what it answers is made from its URL.
    pub(crate) fn start<S>(proof: Proof, script: impl FnOnce(String) -> S) -> Self
    where
        S: Fn(&Request) -> Vec<u8> + Send + Sync + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (url, heard) = (url(proof, &listener), Arc::default());
        let script: Arc<Script> = Arc::new(script(url.clone()));
        let config = (proof != Proof::None).then(|| config(proof));
        let site = Self { url, heard: Arc::clone(&heard) };
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (config, script, heard) = (config.clone(), Arc::clone(&script), Arc::clone(&heard));
                thread::spawn(move || match config {
                    None => serve(socket, &*script, &heard),
                    Some(config) => {
                        let connection = ServerConnection::new(config).map_err(io::Error::other)?;
                        serve(StreamOwned::new(connection, socket), &*script, &heard)
                    }
                });
            }
        });
        site
    }

    /// The URL of a server that is not there.
    pub(crate) fn nowhere() -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        url(Proof::Own, &listener)
    }

    /// What came so far: whole requests, and at the end of a connection what was none.
    pub(crate) fn heard(&self) -> Vec<Request> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.heard().iter().map(Request::line).collect()
    }
}

fn url(proof: Proof, listener: &TcpListener) -> String {
    let scheme = if proof == Proof::None { "http" } else { "https" };
    format!("{scheme}://localhost:{}", listener.local_addr().unwrap().port())
}

fn config(proof: Proof) -> Arc<ServerConfig> {
    let provider = Arc::new(default_provider());
    let pem = |name| fs::read(fixture(name)).unwrap();
    let certificate = |name| CertificateDer::from_pem_slice(&pem(name)).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap();
    let (config, name, key) = match proof {
        Proof::Web(name) => {
            let mut roots = RootCertStore::empty();
            roots.add(certificate("ca.crt")).unwrap();
            let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            let clients = clients.allow_unauthenticated().build().unwrap();
            (config.with_client_cert_verifier(clients), name, "leaf.key")
        }
        Proof::None | Proof::Own => (config.with_no_client_auth(), "self-signed.crt", "self-signed.key"),
    };
    let key = PrivateKeyDer::from_pem_slice(&pem(key)).unwrap();
    Arc::new(config.with_single_cert(vec![certificate(name)], key).unwrap())
}

/// Answers until the client goes.
fn serve(mut socket: impl Read + Write, script: &Script, heard: &Mutex<Vec<Request>>) -> io::Result<()> {
    let (mut inbox, mut space) = (Vec::new(), [0; 4096]);
    let hear = |request| heard.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    loop {
        if let Some(request) = request(&mut inbox) {
            hear(request.clone());
            socket.write_all(&script(&request))?;
            continue;
        }
        match socket.read(&mut space) {
            Ok(count @ 1..) => inbox.extend_from_slice(&space[..count]),
            end => {
                if !inbox.is_empty() {
                    hear(Request { head: inbox, ..Request::default() });
                }
                return end.map(drop);
            }
        }
    }
}

/// Takes a whole request off the front.
fn request(inbox: &mut Vec<u8>) -> Option<Request> {
    let end = inbox.windows(4).position(|part| part == b"\r\n\r\n")? + 4;
    let mut request = Request { head: inbox[..end].to_vec(), whole: true, ..Request::default() };
    let length = request.field("content-length").map_or(0, |length| length.parse().unwrap());
    request.body = inbox.get(end..end + length)?.to_vec();
    inbox.drain(..end + length);
    Some(request)
}
