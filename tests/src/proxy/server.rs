use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use lxio_core::wire::ProxyKind;

use super::ask;

/// How a [`Proxy`] behaves. Start from [`Manners::of`].
#[derive(Clone, Debug)]
pub struct Manners {
    /// How it is asked.
    pub kind: ProxyKind,
    /// User name and password that it wants. They stand in its URL as they are here, so they need no escapes.
    pub user: Option<(String, String)>,
    /// Where it connects to, whatever it is asked for: names need not exist then.
    pub server: Option<SocketAddr>,
    /// How late it connects and answers.
    pub delay: Duration,
    /// Both ends are closed once so many bytes of the server were passed on; at 0 instead of the first.
    pub cut: Option<usize>,
}

impl Manners {
    /// Those of a proxy that does as it is asked, by anybody and at once.
    #[must_use]
    pub const fn of(kind: ProxyKind) -> Self {
        Self { kind, user: None, server: None, delay: Duration::ZERO, cut: None }
    }
}

/// A running proxy on a port of 127.0.0.1. Dropped, it closes all that is open and waits for its threads.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accept: Option<JoinHandle<()>>,
}

struct Shared {
    manners: Manners,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    stopping: bool,
    connections: usize,
    asked: Vec<String>,
    /// Both ends of what is open, and of what was: few, since a test is short.
    open: Vec<TcpStream>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of an open socket; `false` if there should be none any more.
    fn keep(&self, socket: &TcpStream) -> io::Result<bool> {
        let socket = socket.try_clone()?;
        let mut state = self.state();
        if !state.stopping {
            state.open.push(socket);
        }
        Ok(!state.stopping)
    }
}

impl Proxy {
    /// Starts one.
    ///
    /// # Errors
    /// It cannot listen.
    pub fn start(manners: Manners) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { manners, state: Mutex::default() });
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

    /// What a client is told to use it.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = match self.shared.manners.kind {
            ProxyKind::Http => "http",
            ProxyKind::Socks5 => "socks5",
        };
        match &self.shared.manners.user {
            Some((name, password)) => format!("{scheme}://{name}:{password}@{}", self.address),
            None => format!("{scheme}://{}", self.address),
        }
    }

    /// How many clients connected so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// The servers that were asked for so far, as `host:port`, by those who were let in.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.shared.state().asked.clone()
    }

    /// Closes what is open; new clients may come.
    pub fn cut(&self) {
        for socket in self.shared.state().open.drain(..) {
            close(&socket);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.state().stopping = true;
        self.cut();
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
        if let Some(accept) = self.accept.take() {
            let _ = accept.join();
        }
    }
}

/// Serves who comes, each in a thread, and waits for all of them.
fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    thread::scope(|scope| {
        for client in listener.incoming() {
            let mut state = shared.state();
            if state.stopping {
                break;
            }
            let Ok(client) = client else { continue };
            state.connections += 1;
            drop(state);
            scope.spawn(move || {
                // Who is cut off, or says something odd, gets no more than an end.
                let _ = serve(&client, shared);
                close(&client);
            });
        }
    });
}

fn serve(client: &TcpStream, shared: &Shared) -> io::Result<()> {
    if !shared.keep(client)? {
        return Ok(());
    }
    let manners = &shared.manners;
    let mut talk = client.try_clone()?;
    let place = match manners.kind {
        ProxyKind::Http => ask::connect(&mut talk, &manners.user)?,
        ProxyKind::Socks5 => ask::socks5(&mut talk, &manners.user)?,
    };
    let Some(place) = place else { return Ok(()) };
    shared.state().asked.push(place.clone());
    thread::sleep(manners.delay);
    let server = match manners.server {
        Some(server) => TcpStream::connect(server),
        None => TcpStream::connect(place),
    };
    match manners.kind {
        ProxyKind::Http => ask::answer_connect(&mut talk, server.is_ok())?,
        ProxyKind::Socks5 => ask::answer_socks5(&mut talk, server.is_ok())?,
    }
    let server = server?;
    if !shared.keep(&server)? {
        return Ok(());
    }
    thread::scope(|scope| {
        scope.spawn(|| {
            if pass(client, &server, None).is_err() {
                close(&server);
            }
        });
        let passed = pass(&server, client, manners.cut);
        if passed.is_err() || manners.cut.is_some() {
            close(client);
            close(&server);
        }
    });
    Ok(())
}

/// Passes bytes on, and the end behind them; at most so many, and then no end.
fn pass(mut from: &TcpStream, mut to: &TcpStream, most: Option<usize>) -> io::Result<()> {
    let mut left = most.unwrap_or(usize::MAX);
    let mut buffer = vec![0; 16 << 10];
    while left > 0 {
        let count = from.read(&mut buffer)?.min(left);
        if count == 0 {
            return to.shutdown(Shutdown::Write);
        }
        to.write_all(&buffer[..count])?;
        left = most.map_or(usize::MAX, |_| left - count);
    }
    Ok(())
}

fn close(socket: &TcpStream) {
    // It may be closed already.
    let _ = socket.shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use super::*;
    use lxio_core::bytes::Limits;
    use lxio_core::wire::{self, Need, Origin, SocksRefusal, Tunnel, TunnelError};

    const KINDS: [ProxyKind; 2] = [ProxyKind::Http, ProxyKind::Socks5];

    /// A server that says `hello`, then sends back what it hears up to the end, then ends.
    fn echo(clients: usize) -> (SocketAddr, JoinHandle<()>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let serve = move || {
            for client in listener.incoming().take(clients) {
                let mut client = client.unwrap();
                let _ = client.write_all(b"hello");
                let mut heard = Vec::new();
                let _ = client.read_to_end(&mut heard);
                let _ = client.write_all(&heard);
            }
        };
        (address, thread::spawn(serve))
    }

    /// Connects through the proxy: the socket, and what came already.
    fn connect(proxy: &str, server: &str) -> Result<(TcpStream, Vec<u8>), TunnelError> {
        let proxy = wire::Proxy::parse(proxy).unwrap();
        let mut socket = TcpStream::connect((proxy.host().to_string(), proxy.port())).unwrap();
        let mut tunnel = Tunnel::new(&proxy, &Origin::parse(server, 8443).unwrap(), &Limits::DEFAULT);
        loop {
            match tunnel.need()? {
                Need::Write(bytes) => {
                    let count = socket.write(bytes).unwrap();
                    tunnel.wrote(count);
                }
                Need::Read(space) => {
                    let count = socket.read(space).unwrap();
                    tunnel.read(count);
                }
                Need::Fill(_) | Need::Take(_) => unreachable!("a tunnel has no body"),
                Need::Done => return Ok((socket, tunnel.into_rest().data().to_vec())),
            }
        }
    }

    /// Says `said` and the end, and reads to the end.
    fn talk((mut socket, mut heard): (TcpStream, Vec<u8>), said: &[u8]) -> Vec<u8> {
        // What is cut off may be cut off here.
        let _ = socket.write_all(said).and_then(|()| socket.shutdown(Shutdown::Write));
        let _ = socket.read_to_end(&mut heard);
        heard
    }

    #[test]
    fn bytes_pass_and_both_ends() {
        let said: Vec<u8> = (0..300_000_u32).map(|at| (at % 251) as u8).collect();
        for kind in KINDS {
            let (server, thread) = echo(2);
            let proxy = Proxy::start(Manners::of(kind)).unwrap();
            for _ in 0..2 {
                let heard = talk(connect(&proxy.url(), &server.to_string()).unwrap(), &said);
                assert!(heard == [b"hello", &said[..]].concat());
            }
            assert_eq!((proxy.connections(), proxy.asked()), (2, vec![server.to_string(); 2]));
            thread.join().unwrap();
        }
    }

    #[test]
    fn a_name_is_for_the_proxy_to_look_up() {
        for kind in KINDS {
            let (server, thread) = echo(1);
            let delay = Duration::from_millis(20);
            let proxy = Proxy::start(Manners { server: Some(server), delay, ..Manners::of(kind) }).unwrap();
            assert_eq!(talk(connect(&proxy.url(), "shop.invalid").unwrap(), b"x"), b"hellox");
            assert_eq!(proxy.asked(), ["shop.invalid:8443"]);
            thread.join().unwrap();
        }
    }

    #[test]
    fn users_are_asked() {
        for kind in KINDS {
            let (server, thread) = echo(1);
            let user = Some(("me".to_owned(), "it".to_owned()));
            let proxy = Proxy::start(Manners { user, server: Some(server), ..Manners::of(kind) }).unwrap();
            let as_another = proxy.url().replace("it@", "at@");
            let as_nobody = proxy.url().replace("me:it@", "");
            match kind {
                ProxyKind::Http => {
                    for url in [as_another, as_nobody] {
                        let error = connect(&url, "shop").unwrap_err();
                        assert!(
                            matches!(error, TunnelError::Refused { status, .. } if status == 407),
                            "{error}"
                        );
                    }
                }
                ProxyKind::Socks5 => {
                    assert_eq!(connect(&as_another, "shop").unwrap_err(), TunnelError::BadUser);
                    assert_eq!(connect(&as_nobody, "shop").unwrap_err(), TunnelError::NoMethod);
                }
            }
            assert_eq!(proxy.asked(), [""; 0]);
            assert_eq!(talk(connect(&proxy.url(), "shop").unwrap(), b"x"), b"hellox");
            assert_eq!(proxy.connections(), 3);
            thread.join().unwrap();
        }
    }

    #[test]
    fn a_server_that_is_not_there_is_told() {
        let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().to_string();
        let http = Proxy::start(Manners::of(ProxyKind::Http)).unwrap();
        let error = connect(&http.url(), &gone).unwrap_err();
        assert!(matches!(error, TunnelError::Refused { status, .. } if status == 502), "{error}");
        let socks = Proxy::start(Manners::of(ProxyKind::Socks5)).unwrap();
        let error = connect(&socks.url(), &gone).unwrap_err();
        assert_eq!(error, TunnelError::Socks(SocksRefusal::ConnectionRefused));
    }

    #[test]
    fn what_is_cut_ends() {
        for kind in KINDS {
            let (server, thread) = echo(3);
            let cut = |cut| Proxy::start(Manners { cut: Some(cut), ..Manners::of(kind) }).unwrap();
            assert_eq!(talk(connect(&cut(0).url(), &server.to_string()).unwrap(), b""), b"");
            let proxy = cut(3);
            assert_eq!(talk(connect(&proxy.url(), &server.to_string()).unwrap(), b""), b"hel");
            let proxy = Proxy::start(Manners::of(kind)).unwrap();
            let open = connect(&proxy.url(), &server.to_string()).unwrap();
            proxy.cut();
            assert!(b"hello".starts_with(&talk(open, b"x")));
            drop(proxy);
            thread.join().unwrap();
        }
    }
}
