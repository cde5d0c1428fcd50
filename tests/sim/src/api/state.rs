use std::collections::BTreeMap;

use lxio_core::bytes::{Chance, Moment};

use super::certificates::Certificates;
use super::collection::Items;
use super::console;
use super::exec;
use super::images::{self, Alias, Image};
use super::instances::Instance;
use super::profiles::Profile;
use super::projects::Project;
use super::server::Server;
use super::sftp;
use super::storage::{POOL, first};
use crate::Setup;
use crate::world::{OperationId, World};

/// What is named in a project: the project's name and its own.
pub(crate) type Named = (String, String);

/// What survives a restart of the daemon.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) server: Server,
    pub(crate) projects: BTreeMap<String, Project>,
    pub(crate) profiles: BTreeMap<Named, Profile>,
    pub(crate) images: BTreeMap<Named, Image>,
    /// Of images.
    pub(crate) aliases: BTreeMap<Named, Alias>,
    pub(crate) instances: BTreeMap<Named, Instance>,
    pub(crate) certificates: Certificates,
    /// Networks, storage and what else is hardly more than what a client wrote, by kind.
    pub(crate) collections: BTreeMap<&'static str, Items>,
    /// Commands that are under way. Like what follows, they do not survive.
    pub(crate) execs: BTreeMap<OperationId, exec::Session>,
    /// Clients at consoles.
    pub(crate) consoles: BTreeMap<OperationId, console::Session>,
    /// File transfer sessions.
    pub(crate) transfers: BTreeMap<u64, sftp::Session>,
}

impl State {
    pub(crate) fn new(setup: &Setup, chance: &mut Chance) -> Self {
        Self {
            server: Server::new(chance),
            projects: BTreeMap::from([("default".to_owned(), Project::first(setup))]),
            profiles: BTreeMap::from([(("default".to_owned(), "default".to_owned()), Profile::first(setup))]),
            images: BTreeMap::from([images::first(setup)]),
            aliases: BTreeMap::from([images::first_alias()]),
            instances: BTreeMap::new(),
            certificates: Certificates::new(),
            collections: BTreeMap::from([(POOL.id, first(setup))]),
            execs: BTreeMap::new(),
            consoles: BTreeMap::new(),
            transfers: BTreeMap::new(),
        }
    }

    /// When something happens by itself next.
    pub(crate) fn next(&self) -> Option<Moment> {
        super::instances::next(self)
    }
}

/// Lets what goes on inside of instances go on; whether anything moved.
pub(crate) fn step(world: &mut World) -> bool {
    exec::step(world) | console::step(world) | sftp::step(world) | super::instances::step(world)
}
