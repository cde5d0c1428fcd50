use super::instance::InstanceHandle;
use super::naming::{self, checked};
use super::publish::Publication;
use crate::call::{self, Call, CallError, ETag, Request, Tagged, Target};
use crate::flow::{Edit, Ended, IntoFlow, Settle};
use crate::model::{InstanceRestore, InstanceSnapshot, Name, Operation, Reference, SnapshotCreate, Time};

/// The snapshots of an instance.
#[derive(Debug, Clone)]
pub struct SnapshotsHandle {
    pub(super) instance: InstanceHandle,
}

impl SnapshotsHandle {
    fn here(&self) -> Target {
        self.instance.scope.on(self.instance.target().then("snapshots"))
    }

    /// `GET /1.0/instances/NAME/snapshots`: where they are, which holds their names, oldest first.
    #[must_use]
    pub fn names(&self) -> Call<Vec<Reference>> {
        Request::get(self.here()).answered(super::listing::list)
    }

    /// `GET /1.0/instances/NAME/snapshots?recursion=1`: the snapshots, oldest first.
    #[must_use]
    pub fn all(&self) -> Call<Vec<InstanceSnapshot>> {
        Request::get(self.here().query("recursion", "1")).answered(super::listing::list)
    }

    /// `POST /1.0/instances/NAME/snapshots`: takes a snapshot, and gives its name, which the server chooses if
    /// `name` is empty. LXD 5.0.2 does not say which name it chose: that is
    /// [`ErrorKind::Protocol`](crate::session::ErrorKind::Protocol), though the snapshot was taken.
    #[must_use]
    pub fn create(&self, name: impl Into<String>) -> SnapshotCreation {
        SnapshotCreation { target: self.here(), body: SnapshotCreate::new(name.into()) }
    }
}

/// A snapshot to be taken.
#[derive(Debug, Clone)]
pub struct SnapshotCreation {
    target: Target,
    body: SnapshotCreate,
}

impl SnapshotCreation {
    /// With the memory of the running instance. Needs support in the server, which it may lack (CRIU).
    #[must_use]
    pub const fn stateful(mut self) -> Self {
        self.body.stateful = true;
        self
    }

    /// Deleted by the server at that time. API extension `snapshot_expiry_creation`.
    #[must_use]
    pub fn expires_at(mut self, time: Time) -> Self {
        // A time that was unset in an answer may be null, which here means the default.
        self.body.expires_at = Some(if time.get().is_none() { Time::never() } else { time });
        self
    }
}

impl IntoFlow for SnapshotCreation {
    type Flow = Settle<Name>;

    fn into_flow(self) -> Settle<Name> {
        let name = self.body.name.clone();
        let mut request = Request::post(self.target).json(&self.body);
        if !name.is_empty() {
            request = checked(request, "snapshot", &name);
        }
        if self.body.expires_at.is_some() {
            request = request.needs("snapshot_expiry_creation");
        }
        Settle::new(request, move |ended| match ended {
            _ if !name.is_empty() => Ok(name),
            Ended::Operation(operation) => named(&operation).ok_or_else(nameless),
            Ended::AtOnce(_) => Err(nameless()),
        })
    }
}

/// The name of the snapshot among the operation's resources. LXD 5.0.2 tells the instance only.
fn named(operation: &Operation) -> Option<Name> {
    let mut all = operation.resources().values().flatten();
    let snapshot = all.find(|it| it.collection().last().is_some_and(|last| last == "snapshots"))?;
    Some(Name::from(snapshot.name().as_ref()))
}

fn nameless() -> CallError {
    CallError::Malformed {
        status: 202,
        why: "the snapshot was taken, but the server does not say what it named it".into(),
    }
}

/// One snapshot of an instance, by name.
#[derive(Debug, Clone)]
pub struct SnapshotHandle {
    pub(super) instance: InstanceHandle,
    pub(super) name: String,
}

impl SnapshotHandle {
    fn here(&self) -> Target {
        let target = self.instance.target().then("snapshots").name("snapshot", &self.name);
        self.instance.scope.on(target)
    }

    /// Its name, without that of the instance.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `GET /1.0/instances/NAME/snapshots/SNAPSHOT`.
    #[must_use]
    pub fn get(&self) -> Call<Tagged<InstanceSnapshot>> {
        Request::get(self.here()).answered(call::tagged)
    }

    /// `GET /1.0/instances/NAME/snapshots/SNAPSHOT`: whether it exists.
    #[must_use]
    pub fn exists(&self) -> Call<bool> {
        Request::get(self.here()).answered(call::exists)
    }

    /// `PUT /1.0/instances/NAME/snapshots/SNAPSHOT`: what can be set of a snapshot, which is when it expires.
    #[must_use]
    pub fn replace(&self, snapshot: &InstanceSnapshot, etag: Option<&ETag>) -> Settle<()> {
        Settle::plain(
            Request::put(self.here()).json(&snapshot.writable()).if_match(etag).needs("snapshot_expiry"),
        )
    }

    /// Get, change, put, and again if somebody else changed it meanwhile.
    #[must_use]
    pub fn edit<F: FnMut(&mut InstanceSnapshot)>(&self, change: F) -> Edit<InstanceSnapshot, F> {
        Edit::new(self.here(), change)
    }

    /// `POST /1.0/instances/NAME/snapshots/SNAPSHOT`: gives it another name.
    #[must_use]
    pub fn rename(&self, name: impl Into<String>) -> Settle<Name> {
        naming::rename(self.here(), "snapshot", name.into())
    }

    /// `DELETE /1.0/instances/NAME/snapshots/SNAPSHOT`.
    #[must_use]
    pub fn delete(&self) -> Settle<()> {
        Settle::plain(Request::delete(self.here()))
    }

    /// `PUT /1.0/instances/NAME`: makes the instance what it was when the snapshot was taken. `stateful` with
    /// the memory too, if the snapshot has it.
    #[must_use]
    pub fn restore(&self, stateful: bool) -> Settle<()> {
        let mut body = InstanceRestore::new(self.name.as_str());
        body.stateful = stateful;
        let request = Request::put(self.instance.scope.on(self.instance.target())).json(&body);
        Settle::plain(checked(request, "snapshot", &self.name))
    }

    /// `POST /1.0/images`: makes an image of it.
    #[must_use]
    pub fn publish(&self) -> Publication {
        Publication::of(&self.instance, Some(&self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Payload;

    #[test]
    fn an_unset_time_is_never_and_not_the_default_of_the_instance() {
        for unset in [Time::default(), Time::never()] {
            let creation = super::super::instance("c1").snapshots().create("s").expires_at(unset);
            let request = creation.into_flow().begin().unwrap().request;
            let Payload::Bytes(body) = request.payload else { panic!("{:?}", request.payload) };
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["expires_at"], "0001-01-01T00:00:00Z");
        }
    }
}
