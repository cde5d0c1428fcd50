use std::ffi::OsString;
use std::fs;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lxio_core::session::Remote;
use lxio_core::wire::{Identity, Trust};

use super::Failure;
use crate::recorder::{End, Observer, Recorder};

/// Where a daemon is reached, or a recorder in front of it.
#[derive(Debug, Clone)]
pub enum Door {
    /// A Unix socket.
    Socket(PathBuf),
    /// An address of the network, by HTTPS.
    Https(Box<Https>),
}

/// An address of the network, who is there and who comes.
#[derive(Debug, Clone)]
pub struct Https {
    /// `127.0.0.1:8443`
    address: String,
    keys: Keys,
    remote: Remote,
}

/// The files that say who the client is and which server is the right one.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The client's certificate, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// The server's certificate, PEM.
    pub pin: PathBuf,
}

impl Door {
    /// An address of the network, `127.0.0.1:8443`.
    ///
    /// # Errors
    /// If the files cannot be read, or are of no use.
    pub fn https(address: impl Into<String>, keys: Keys) -> Result<Self, Failure> {
        let address = address.into();
        let identity = Identity::from_pem(&fs::read(&keys.certificate)?, &fs::read(&keys.key)?)?;
        let pin = Trust::pinned(&fs::read(&keys.pin)?)?;
        let remote = Remote::https(&format!("https://{address}"))?.identity(identity).trust(pin);
        Ok(Self::Https(Box::new(Https { address, keys, remote })))
    }

    /// From what [`words`](Self::words) says: the path of a Unix socket, or the URL of a server and the files of
    /// [`Keys`].
    ///
    /// # Errors
    /// As [`https`](Self::https).
    pub fn of<W: AsRef<str>>(words: &[W]) -> Result<Self, Failure> {
        let [place, files @ ..] = words else { return Err("no server is named".into()) };
        match (place.as_ref().strip_prefix("https://"), files) {
            (None, _) => Ok(Self::Socket(place.as_ref().into())),
            (Some(address), [certificate, key, pin]) => {
                let [certificate, key, pin] = [certificate, key, pin].map(|it| it.as_ref().into());
                Self::https(address.trim_end_matches('/'), Keys { certificate, key, pin })
            }
            _ => Err("an https:// address wants certificate, key and pin".into()),
        }
    }

    /// What [`of`](Self::of) makes the same door of, in another process.
    #[must_use]
    pub fn words(&self) -> Vec<OsString> {
        match self {
            Self::Socket(path) => vec![path.into()],
            Self::Https(https) => {
                let Https { address, keys, .. } = &**https;
                let files = [&keys.certificate, &keys.key, &keys.pin].map(OsString::from);
                [[format!("https://{address}").into()].as_slice(), &files].concat()
            }
        }
    }

    /// What a client connects to.
    #[must_use]
    pub fn remote(&self) -> Remote {
        match self {
            Self::Socket(path) => Remote::socket(path),
            Self::Https(https) => https.remote.clone(),
        }
    }

    /// Its path, if it is a Unix socket.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        match self {
            Self::Socket(path) => Some(path),
            Self::Https(_) => None,
        }
    }

    /// A recorder before it, and the door to that: a socket of this name in `room`, or a port. By HTTPS the
    /// observers see what TLS makes of the bytes.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn recorded(
        &self,
        room: &Path,
        name: &str,
        observers: Vec<Arc<dyn Observer>>,
    ) -> Result<(Recorder, Self), Failure> {
        match self {
            Self::Socket(path) => {
                let before = room.join(name);
                let recorder = Recorder::start(&before, path, observers)?;
                Ok((recorder, Self::Socket(before)))
            }
            Self::Https(https) => {
                let upstream = End::Tcp(https.address.clone());
                let recorder = Recorder::start(End::Tcp("127.0.0.1:0".into()), upstream, observers)?;
                let before = Self::https(recorder.listens_on().to_string(), https.keys.clone())?;
                Ok((recorder, before))
            }
        }
    }

    /// The same server and client, at another address.
    ///
    /// # Errors
    /// If this is a Unix socket, which has no address.
    pub fn moved(&self, address: impl Into<String>) -> Result<Self, Failure> {
        match self {
            Self::Socket(_) => Err("a Unix socket has no address".into()),
            Self::Https(https) => Self::https(address, https.keys.clone()),
        }
    }

    /// Whether somebody listens there.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self {
            Self::Socket(path) => UnixStream::connect(path).is_ok(),
            Self::Https(https) => TcpStream::connect(&https.address).is_ok(),
        }
    }
}
