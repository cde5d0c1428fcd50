use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

use crate::Close;

/// Where a server listens.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Unix(PathBuf),
    Loopback(SocketAddr),
}

/// A socket that listens.
#[derive(Debug)]
pub(super) enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
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
            Place::Loopback(address) => {
                let listener = TcpListener::bind(address)?;
                listener.set_nonblocking(true)?;
                Ok(Self::Tcp(listener))
            }
        }
    }

    /// The place that the system chose, where it did.
    pub(super) fn place(&self, asked: &Place) -> io::Result<Place> {
        match self {
            Self::Unix(_) => Ok(asked.clone()),
            Self::Tcp(listener) => listener.local_addr().map(Place::Loopback),
        }
    }

    pub(super) fn accept(&self) -> io::Result<Wire> {
        let wire = match self {
            Self::Unix(listener) => Wire::Unix(listener.accept()?.0),
            Self::Tcp(listener) => Wire::Tcp(listener.accept()?.0),
        };
        match &wire {
            Wire::Unix(socket) => socket.set_nonblocking(true)?,
            Wire::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                socket.set_nodelay(true)?;
            }
        }
        Ok(wire)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(listener) => listener.as_fd(),
            Self::Tcp(listener) => listener.as_fd(),
        }
    }
}

/// A connection.
#[derive(Debug)]
pub(super) enum Wire {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Wire {
    pub(super) fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(socket) => socket.read(space),
            Self::Tcp(socket) => socket.read(space),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(socket) => socket.write(bytes),
            Self::Tcp(socket) => socket.write(bytes),
        }
    }

    /// Ends the connection. A Unix socket cannot be reset at will: it is when something was left unread.
    pub(super) fn close(self, close: Close) {
        if let (Self::Tcp(socket), Close::Reset) = (&self, close) {
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
        }
    }
}

/// An address of this machine alone.
pub(super) const fn loopback(port: u16) -> Place {
    Place::Loopback(SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port))
}
