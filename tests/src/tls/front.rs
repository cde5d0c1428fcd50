use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use lxio_core::wire::Fingerprint;
use rustix::event::{PollFd, PollFlags, poll};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, HandshakeKind, ServerConfig, ServerConnection, SignatureScheme,
};

use super::Papers;
use crate::script::PATIENCE;

/// TLS on a port of loopback before a server on a Unix socket. Dropped, it closes all that is open and waits
/// for its threads.
pub struct Front {
    address: SocketAddr,
    shared: Arc<Shared>,
    accept: Option<JoinHandle<()>>,
}

/// How it ends a connection in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By the end of the stream, without a word of TLS.
    Close,
    /// By a reset.
    Reset,
    /// It does not: nothing follows.
    Silence,
}

/// What one connection came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Whether the handshake, once it was done, took up an earlier session.
    pub resumed: Option<bool>,
    /// The certificate that the client showed.
    pub client: Option<Fingerprint>,
    /// How many plain bytes came.
    pub heard: usize,
    /// How many bytes of TLS left.
    pub said: usize,
    /// How TLS failed, as this side has it.
    pub failed: Option<String>,
    /// It is over.
    pub over: bool,
}

struct Shared {
    config: Arc<ServerConfig>,
    behind: PathBuf,
    cut: Option<(usize, End)>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    stopping: bool,
    open: Vec<TcpStream>,
    seen: Vec<Seen>,
}

impl Front {
    /// Starts one with these papers before the server at this path.
    ///
    /// # Errors
    /// It cannot listen, or the papers are not there.
    pub fn start(papers: &Papers, behind: impl AsRef<Path>) -> io::Result<Self> {
        Self::cutting(papers, behind, None)
    }

    /// As [`start`](Self::start); every connection ends so when that many bytes of TLS have left.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn cutting(papers: &Papers, behind: impl AsRef<Path>, cut: Option<(usize, End)>) -> io::Result<Self> {
        Self::at((Ipv4Addr::LOCALHOST, 0).into(), papers, behind, cut)
    }

    /// As [`cutting`](Self::cutting), at this address.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn at(
        address: SocketAddr,
        papers: &Papers,
        behind: impl AsRef<Path>,
        cut: Option<(usize, End)>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            config: papers.config()?,
            behind: behind.as_ref().to_owned(),
            cut,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let accept = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Ok(Self { address, shared, accept: Some(accept) })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a client is told to come here.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// What came of the connections so far, in the order in which they came.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.state().seen.clone()
    }

    /// Waits until all connections are over: what came of them.
    ///
    /// # Panics
    /// When that does not happen.
    #[must_use]
    pub fn until_over(&self) -> Vec<Seen> {
        let end = Instant::now() + PATIENCE;
        let mut state = self.shared.state();
        while !state.seen.iter().all(|seen| seen.over) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "they do not end: {:?}", state.seen);
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.seen.clone()
    }

    /// Ends what is open, as a server that dies does; new clients may come.
    pub fn cut(&self) {
        self.shared.cut();
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.shared.state().stopping = true;
        self.shared.cut();
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
        if let Some(accept) = self.accept.take() {
            let _ = accept.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cut(&self) {
        for stream in self.state().open.drain(..) {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn tell(&self, number: usize, tell: impl FnOnce(&mut Seen)) {
        tell(&mut self.state().seen[number]);
        self.changed.notify_all();
    }
}

/// Serves who comes, each in a thread, and waits for all of them.
fn accept(listener: &TcpListener, shared: &Shared) {
    thread::scope(|scope| {
        for client in listener.incoming() {
            let Ok(client) = client else { continue };
            let Ok(other) = client.try_clone() else { continue };
            let mut state = shared.state();
            if state.stopping {
                break;
            }
            state.open.push(other);
            state.seen.push(Seen::default());
            let number = state.seen.len() - 1;
            drop(state);
            scope.spawn(move || {
                let _ = client.set_nodelay(true);
                // Who is cut off gets no more than an end.
                let _ = serve(&client, shared, number);
                let _ = client.shutdown(Shutdown::Both);
                shared.tell(number, |seen| seen.over = true);
            });
        }
    });
}

fn serve(client: &TcpStream, shared: &Shared, number: usize) -> io::Result<()> {
    let mut tls = ServerConnection::new(Arc::clone(&shared.config)).map_err(io::Error::other)?;
    tls.set_buffer_limit(None);
    let mut server: Option<UnixStream> = None;
    let mut to_server = Vec::new();
    let (mut client_ended, mut server_ended, mut room) = (false, false, shared.cut.map(|(room, _)| room));
    loop {
        if room == Some(0)
            && let Some((_, end)) = shared.cut
        {
            return finish(client, end);
        }
        if server.is_none() && !tls.is_handshaking() {
            let resumed = tls.handshake_kind() == Some(HandshakeKind::Resumed);
            let shown = tls.peer_certificates().and_then(|chain| Some(Fingerprint::of(chain.first()?)));
            shared.tell(number, |seen| (seen.resumed, seen.client) = (Some(resumed), shown));
            server = Some(UnixStream::connect(&shared.behind)?);
        }
        // What was said last leaves before the end.
        if server_ended && !tls.wants_write() {
            client.shutdown(Shutdown::Write)?;
            return drain(client);
        }
        if client_ended
            && to_server.is_empty()
            && let Some(server) = &server
        {
            // It may have gone before.
            let _ = server.shutdown(Shutdown::Write);
        }
        if client_ended && server.is_none() {
            return Ok(());
        }
        let mut wanted = vec![(client.as_fd(), PollFlags::empty())];
        wanted[0].1.set(PollFlags::IN, !client_ended && to_server.len() < 1 << 20);
        wanted[0].1.set(PollFlags::OUT, tls.wants_write());
        if let Some(server) = &server {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, !server_ended && !tls.wants_write());
            flags.set(PollFlags::OUT, !to_server.is_empty());
            wanted.push((server.as_fd(), flags));
        }
        let ready = wait(&wanted)?;
        let gone = PollFlags::ERR | PollFlags::HUP;
        if ready[0].intersects(PollFlags::OUT) {
            let mut out = Short { client, room };
            let count = tls.write_tls(&mut out)?;
            room = room.map(|room| room - count);
            shared.tell(number, |seen| seen.said += count);
        }
        if ready[0].intersects(PollFlags::IN | gone) && !client_ended {
            client_ended = tls.read_tls(&mut &*client)? == 0;
            if let Err(error) = tls.process_new_packets() {
                shared.tell(number, |seen| seen.failed = Some(error.to_string()));
                // The alert that says so.
                while tls.wants_write() {
                    tls.write_tls(&mut &*client)?;
                }
                client.shutdown(Shutdown::Write)?;
                return drain(client);
            }
            let before = to_server.len();
            // Once it is empty it says so.
            let closed = tls.reader().read_to_end(&mut to_server).is_ok();
            client_ended |= closed && !tls.is_handshaking();
            shared.tell(number, |seen| seen.heard += to_server.len() - before);
        }
        let Some(mut server) = server.as_ref() else { continue };
        if ready[1].intersects(PollFlags::OUT) {
            let count = server.write(&to_server)?;
            to_server.drain(..count);
        }
        if ready[1].intersects(PollFlags::IN | gone) && !server_ended {
            let mut space = [0; 16 << 10];
            // A server that goes while it is spoken to is gone all the same.
            let count = server.read(&mut space).unwrap_or(0);
            tls.writer().write_all(&space[..count])?;
            if count == 0 {
                server_ended = true;
                tls.send_close_notify();
            }
        }
    }
}

fn finish(client: &TcpStream, end: End) -> io::Result<()> {
    match end {
        End::Close => client.shutdown(Shutdown::Write).and_then(|()| drain(client)),
        End::Silence => drain(client),
        // The socket has other descriptors, so that to close this one would do nothing.
        End::Reset => rustix::net::connect_unspec(client).map_err(Into::into),
    }
}

/// Listens until the client goes, so that nothing that was said to it is lost.
fn drain(mut client: &TcpStream) -> io::Result<()> {
    io::copy(&mut client, &mut io::sink()).map(drop)
}

fn wait(wanted: &[(std::os::fd::BorrowedFd<'_>, PollFlags)]) -> io::Result<Vec<PollFlags>> {
    let mut fds: Vec<_> = wanted.iter().map(|(fd, flags)| PollFd::from_borrowed_fd(*fd, *flags)).collect();
    poll(&mut fds, None)?;
    Ok(fds.iter().map(PollFd::revents).collect())
}

/// A socket that takes only so many bytes.
struct Short<'a> {
    client: &'a TcpStream,
    room: Option<usize>,
}

impl Write for Short<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.room.unwrap_or(usize::MAX));
        (&mut &*self.client).write(&bytes[..count])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes the certificate of any client, as the daemons do, who look at it later; the client must hold its key.
#[derive(Debug)]
pub(super) struct Anyone(Arc<CryptoProvider>);

impl Anyone {
    pub(super) const fn new(provider: Arc<CryptoProvider>) -> Self {
        Self(provider)
    }
}

impl ClientCertVerifier for Anyone {
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
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
