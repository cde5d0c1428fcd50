//! What clients do with servers of the network, through each adapter.

use lxio_core::call::Joining;
use lxio_core::session::{Error, Remote, Session};
use lxio_core::wire::ServerCertificate;
use lxio_host::config::Config;
use tokio::runtime::{Builder, Runtime};

use crate::actor::{Blocking, Connect, Smol, Tokio};

/// An actor that also looks at servers, joins them and adds them.
pub trait Remotes: Connect {
    /// What the server is.
    fn session(&self) -> &Session;

    /// The verb `peek`.
    ///
    /// # Errors
    /// Those of the client.
    fn peek(remote: Remote) -> Result<ServerCertificate, Error>;

    /// The verb `join`.
    ///
    /// # Errors
    /// Those of the client.
    fn join(remote: Remote, joining: Joining, name: &str) -> Result<Self, Error>;

    /// The verb `add_remote`.
    ///
    /// # Errors
    /// Those of the client.
    fn add(
        config: &mut Config,
        name: &str,
        remote: Remote,
        joining: Option<Joining>,
        confirm: impl FnOnce(&ServerCertificate) -> bool,
    ) -> Result<Self, Error>;
}

impl Remotes for Blocking {
    fn session(&self) -> &Session {
        self.client.session()
    }

    fn peek(remote: Remote) -> Result<ServerCertificate, Error> {
        lxio_blocking::Client::peek(remote)
    }

    fn join(remote: Remote, joining: Joining, name: &str) -> Result<Self, Error> {
        let client = lxio_blocking::Client::join(remote, joining, name)?;
        Ok(Self { client, fault: Box::new(|| {}) })
    }

    fn add(
        config: &mut Config,
        name: &str,
        remote: Remote,
        joining: Option<Joining>,
        confirm: impl FnOnce(&ServerCertificate) -> bool,
    ) -> Result<Self, Error> {
        let client = lxio_blocking::Client::add_remote(config, name, remote, joining, confirm)?;
        Ok(Self { client, fault: Box::new(|| {}) })
    }
}

impl Remotes for Smol {
    fn session(&self) -> &Session {
        self.client.session()
    }

    fn peek(remote: Remote) -> Result<ServerCertificate, Error> {
        smol::block_on(lxio_smol::Client::peek(remote))
    }

    fn join(remote: Remote, joining: Joining, name: &str) -> Result<Self, Error> {
        Ok(Self { client: smol::block_on(lxio_smol::Client::join(remote, joining, name))? })
    }

    fn add(
        config: &mut Config,
        name: &str,
        remote: Remote,
        joining: Option<Joining>,
        confirm: impl FnOnce(&ServerCertificate) -> bool,
    ) -> Result<Self, Error> {
        let added = lxio_smol::Client::add_remote(config, name, remote, joining, confirm);
        Ok(Self { client: smol::block_on(added)? })
    }
}

impl Remotes for Tokio {
    fn session(&self) -> &Session {
        self.client.session()
    }

    fn peek(remote: Remote) -> Result<ServerCertificate, Error> {
        runtime()?.block_on(lxio_tokio::Client::peek(remote))
    }

    fn join(remote: Remote, joining: Joining, name: &str) -> Result<Self, Error> {
        let runtime = runtime()?;
        let client = runtime.block_on(lxio_tokio::Client::join(remote, joining, name))?;
        Ok(Self { client, runtime })
    }

    fn add(
        config: &mut Config,
        name: &str,
        remote: Remote,
        joining: Option<Joining>,
        confirm: impl FnOnce(&ServerCertificate) -> bool,
    ) -> Result<Self, Error> {
        let runtime = runtime()?;
        let added = lxio_tokio::Client::add_remote(config, name, remote, joining, confirm);
        Ok(Self { client: runtime.block_on(added)?, runtime })
    }
}

fn runtime() -> Result<Runtime, Error> {
    Builder::new_current_thread().enable_all().build().map_err(crate::actor::inner)
}
