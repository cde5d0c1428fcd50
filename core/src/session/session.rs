use super::{Cause, Error, Patience, Remote};
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
    /// How long is waited for it.
    pub patience: Patience,
    /// What says who is calling, beside the client's certificate.
    pub credential: Credential,
    /// What stands in `Host`.
    pub host: String,
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
            patience: remote.patience,
            credential: remote.credential.clone(),
            host: remote.address.authority().unwrap_or_else(|| HOST.into()),
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
    /// [`ErrorKind::Protocol`](super::ErrorKind::Protocol) if it is neither LXD nor Incus.
    pub fn greeted(remote: &Remote, server: Server) -> Result<Self, Error> {
        let Some(flavour) = Flavour::of(&server) else {
            return Err(Error::new(Cause::Stranger { name: server.environment().server().clone() }));
        };
        let extensions = server.api_extensions().iter().cloned().collect();
        Ok(Self {
            dialect: Dialect { flavour, extensions },
            project: remote.project.clone(),
            server,
            ..Self::stranger(remote)
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
            credential: &self.credential,
            host: &self.host,
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
