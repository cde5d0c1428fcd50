use super::listing::{Listing, listed};
use super::naming::checked;
use super::scope::{Scope, scoped};
use crate::call::{Call, CallError, Request, Target};
use crate::flow::{Ended, Settle};
use crate::model::{Instance, InstanceCreate, InstanceFull, InstanceKind, Name, Reference};

/// The instances of the client's project.
#[must_use]
pub fn instances() -> InstancesHandle {
    InstancesHandle::default()
}

/// The instances of a project, or of all.
#[derive(Debug, Clone, Default)]
pub struct InstancesHandle {
    scope: Scope,
    listing: Listing,
    kind: Option<InstanceKind>,
}

scoped!(InstancesHandle);
listed!(InstancesHandle);

impl InstancesHandle {
    /// Only containers.
    #[must_use]
    pub fn containers(mut self) -> Self {
        self.kind = Some(InstanceKind::Container);
        self
    }

    /// Only virtual machines.
    #[must_use]
    pub fn virtual_machines(mut self) -> Self {
        self.kind = Some(InstanceKind::VirtualMachine);
        self
    }

    fn target(&self) -> Target {
        let target = Target::at("/1.0/instances");
        match &self.kind {
            Some(kind) => target.query("instance-type", kind.as_str()),
            None => target,
        }
    }

    /// `GET /1.0/instances`: where they are, which holds their names.
    #[must_use]
    pub fn names(&self) -> Call<Vec<Reference>> {
        self.listing.names(self.target(), &self.scope, "instance_all_projects")
    }

    /// `GET /1.0/instances?recursion=1`: the instances.
    #[must_use]
    pub fn all(&self) -> Call<Vec<Instance>> {
        self.listing.call(self.target(), &self.scope, 1, "instance_all_projects")
    }

    /// `GET /1.0/instances?recursion=2`: the instances with their state, snapshots and backups. That is much
    /// work for the server.
    #[must_use]
    pub fn full(&self) -> Call<Vec<InstanceFull>> {
        self.listing.call(self.target(), &self.scope, 2, "instance_all_projects")
    }

    /// `POST /1.0/instances`: makes an instance, and gives its name, which the server chooses if `create`
    /// leaves it empty.
    #[must_use]
    pub fn create(&self, create: &InstanceCreate) -> Settle<Name> {
        let name = create.name.clone();
        let mut request = Request::post(self.scope.on(Target::at("/1.0/instances"))).json(create);
        if !name.is_empty() {
            request = checked(request, "instance", &name);
        }
        Settle::new(request, move |ended| match ended {
            _ if !name.is_empty() => Ok(name),
            Ended::Operation(operation) => named(&operation, "instances").ok_or_else(nameless),
            Ended::AtOnce(_) => Err(nameless()),
        })
    }
}

/// The name of the first resource of that collection.
pub(super) fn named(operation: &crate::model::Operation, collection: &str) -> Option<Name> {
    let found = operation.resources().get(collection)?;
    found.first().map(|reference| Name::from(reference.name().as_ref()))
}

fn nameless() -> CallError {
    CallError::Malformed { status: 202, why: "the server does not say what it named the instance".into() }
}
