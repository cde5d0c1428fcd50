use std::fmt;
use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

/// Where a recorder listens, or connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// A Unix socket.
    Unix(PathBuf),
    /// Host and port, `127.0.0.1:8443`; to listen, port 0 lets the system choose.
    Tcp(String),
}

/// A socket that listens.
pub(super) enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl End {
    /// Connects. A stream socket of any family can be read, written and shut down as a Unix socket, and nothing
    /// else is done with it.
    pub(super) fn connect(&self) -> io::Result<UnixStream> {
        match self {
            Self::Unix(path) => UnixStream::connect(path),
            Self::Tcp(address) => swift(TcpStream::connect(address)?),
        }
    }

    /// Listens. A socket file that is in the way is replaced; anything else there is an error.
    pub(super) fn listen(&self) -> io::Result<Listener> {
        match self {
            Self::Unix(path) => {
                if fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket()) {
                    fs::remove_file(path)?;
                }
                UnixListener::bind(path).map(Listener::Unix)
            }
            Self::Tcp(address) => TcpListener::bind(address).map(Listener::Tcp),
        }
    }

    /// Nobody listens there any more.
    pub(super) fn remove(&self) {
        if let Self::Unix(path) = self {
            let _ = fs::remove_file(path);
        }
    }
}

impl Listener {
    pub(super) fn accept(&self) -> io::Result<UnixStream> {
        match self {
            Self::Unix(listener) => listener.accept().map(|(socket, _)| socket),
            Self::Tcp(listener) => swift(listener.accept()?.0),
        }
    }

    /// Where it really listens.
    pub(super) fn end(&self, asked: End) -> io::Result<End> {
        match self {
            Self::Unix(_) => Ok(asked),
            Self::Tcp(listener) => Ok(End::Tcp(listener.local_addr()?.to_string())),
        }
    }

    /// The same socket under a type that can be shut down: it wakes the thread that accepts.
    pub(super) fn wake(&self) -> io::Result<UnixStream> {
        let own: OwnedFd = match self {
            Self::Unix(listener) => listener.try_clone()?.into(),
            Self::Tcp(listener) => listener.try_clone()?.into(),
        };
        Ok(own.into())
    }
}

/// What is passed on is not kept back.
fn swift(socket: TcpStream) -> io::Result<UnixStream> {
    socket.set_nodelay(true)?;
    Ok(OwnedFd::from(socket).into())
}

impl<P: Into<PathBuf>> From<P> for End {
    fn from(path: P) -> Self {
        Self::Unix(path.into())
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => path.display().fmt(f),
            Self::Tcp(address) => f.write_str(address),
        }
    }
}
