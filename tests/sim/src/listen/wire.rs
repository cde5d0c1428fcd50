use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;

use super::tls::{Secured, Terms};
use crate::{Close, Peer};

/// Where a server listens.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Unix(PathBuf),
    Loopback(SocketAddr),
    Https(SocketAddr, Arc<Terms>),
}

/// A socket that listens.
#[derive(Debug)]
pub(super) enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
    Https(TcpListener, Arc<Terms>),
}

impl Listener {
    /// Binds; a socket file that nobody listens to is replaced.
    pub(super) fn bind(place: &Place) -> io::Result<Self> {
        match place {
            Place::Unix(path) => {
                if UnixStream::connect(path).is_ok() {
                    let why = format!("somebody listens on {} already", path.display());
                    return Err(io::Error::new(io::ErrorKind::AddrInUse, why));
                }
                let _ = fs::remove_file(path);
                let listener = UnixListener::bind(path)?;
                listener.set_nonblocking(true)?;
                Ok(Self::Unix(listener))
            }
            Place::Loopback(address) => Ok(Self::Tcp(tcp(address)?)),
            Place::Https(address, terms) => Ok(Self::Https(tcp(address)?, Arc::clone(terms))),
        }
    }

    /// The place that the system chose, where it did.
    pub(super) fn place(&self, asked: &Place) -> io::Result<Place> {
        match self {
            Self::Unix(_) => Ok(asked.clone()),
            Self::Tcp(listener) => listener.local_addr().map(Place::Loopback),
            Self::Https(listener, terms) => Ok(Place::Https(listener.local_addr()?, Arc::clone(terms))),
        }
    }

    pub(super) fn accept(&self) -> io::Result<Wire> {
        let swift = |socket: TcpStream| {
            socket.set_nonblocking(true)?;
            socket.set_nodelay(true)?;
            Ok::<_, io::Error>(socket)
        };
        match self {
            Self::Unix(listener) => {
                let (socket, _) = listener.accept()?;
                socket.set_nonblocking(true)?;
                Ok(Wire::Unix(socket))
            }
            Self::Tcp(listener) => Ok(Wire::Tcp(swift(listener.accept()?.0)?)),
            Self::Https(listener, terms) => {
                let socket = swift(listener.accept()?.0)?;
                Ok(Wire::Tls(Box::new(Secured::new(socket, Arc::clone(terms)))))
            }
        }
    }
}

fn tcp(address: &SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(listener) => listener.as_fd(),
            Self::Tcp(listener) | Self::Https(listener, _) => listener.as_fd(),
        }
    }
}

/// A connection.
#[derive(Debug)]
pub(super) enum Wire {
    Unix(UnixStream),
    Tcp(TcpStream),
    Tls(Box<Secured>),
}

impl Wire {
    pub(super) fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(socket) => socket.read(space),
            Self::Tcp(socket) => socket.read(space),
            Self::Tls(session) => session.read(space),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(socket) => socket.write(bytes),
            Self::Tcp(socket) => socket.write(bytes),
            Self::Tls(session) => session.write(bytes),
        }
    }

    /// Whether all that was written has left.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        match self {
            Self::Unix(_) | Self::Tcp(_) => Ok(true),
            Self::Tls(session) => session.flush(),
        }
    }

    /// Who is at its other end, once that is known and not yet told.
    pub(super) fn introduction(&mut self) -> Option<Peer> {
        match self {
            Self::Unix(_) | Self::Tcp(_) => None,
            Self::Tls(session) => session.introduction(),
        }
    }

    /// Says that the end comes, if that is said there.
    pub(super) fn say_goodbye(&mut self) {
        if let Self::Tls(session) = self {
            session.say_goodbye();
        }
    }

    /// Ends the connection. A Unix socket cannot be reset at will: it is when something was left unread.
    pub(super) fn close(self, close: Close) {
        let socket = match &self {
            Self::Unix(_) => return,
            Self::Tcp(socket) => socket,
            Self::Tls(session) => &session.socket,
        };
        if close == Close::Reset {
            // If that fails, the connection ends in the usual way.
            let _ = rustix::net::sockopt::set_socket_linger(socket, Some(std::time::Duration::ZERO));
        }
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(socket) => socket.as_fd(),
            Self::Tcp(socket) => socket.as_fd(),
            Self::Tls(session) => session.socket.as_fd(),
        }
    }
}

/// An address of this machine alone.
pub(super) const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}
