use super::{Error, Remote};
use crate::bytes::{Chance, Limits};
use crate::call::{self, Call, CallError, Credential, Dialect, Extensions, Flavour, Peer, Request, Target};
use crate::flow::Fault;
use crate::model::Server;
use crate::wire::{Buffers, Exchange};

/// What stands in `Host`. The daemons take any value; over a Unix socket there is no better one.
const HOST: &str = "lxio";

/// How one server is spoken to: what it is, and what the user wants of it.
#[derive(Debug, Clone)]
pub struct Session {
    /// What the server speaks.
    pub dialect: Dialect,
    /// The project of calls that name none.
    pub project: Option<String>,
    /// What is accepted from it.
    pub limits: Limits,
    /// What it said of itself when it was greeted.
    pub server: Server,
}

impl Session {
    /// A session with a server that was not greeted yet: just enough to greet it.
    #[must_use]
    pub fn stranger(remote: &Remote) -> Self {
        Self {
            dialect: Dialect { flavour: Flavour::Incus, extensions: Extensions::default() },
            project: None,
            limits: remote.limits.clone(),
            server: Server::default(),
        }
    }

    /// The call that greets a server: `GET /1.0`.
    #[must_use]
    pub fn greeting() -> Call<Server> {
        Request::get(Target::at("/1.0")).answered(call::value)
    }

    /// The session with a server that answered its greeting.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`](super::ErrorKind::Protocol) if it is neither LXD nor Incus,
    /// [`ErrorKind::Untrusted`](super::ErrorKind::Untrusted) if it does not trust us.
    pub fn greeted(remote: &Remote, server: Server) -> Result<Self, Error> {
        let name = server.environment().server().as_str();
        let Some(flavour) = Flavour::named(name) else {
            return Err(Error::stranger(name, !server.is_trusted()));
        };
        let extensions = server.api_extensions().iter().cloned().collect();
        Ok(Self {
            dialect: Dialect { flavour, extensions },
            project: remote.project.clone(),
            limits: remote.limits.clone(),
            server,
        })
    }

    /// Checks a request before a connection is made for it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, request: &Request) -> Result<(), CallError> {
        call::check(request, &self.dialect, self.project.as_deref())
    }

    /// Starts a request on a connection.
    ///
    /// # Errors
    /// What is wrong with it; nothing was sent.
    pub fn begin(
        &self,
        request: &Request,
        buffers: Buffers,
        chance: &mut Chance,
    ) -> Result<Exchange, CallError> {
        let peer = Peer {
            dialect: &self.dialect,
            project: self.project.as_deref(),
            credential: &Credential::None,
            host: HOST,
            limits: &self.limits,
        };
        call::encode(request, &peer, buffers, chance)
    }

    /// The error of a call whose connection failed.
    #[must_use]
    pub fn failed(request: &Request, fault: Fault) -> Error {
        Error::from(fault).at(request)
    }
}
