use std::time::Duration;

use serde::Serialize;

use super::files::FileHandle;
use super::naming;
use super::publish::Publication;
use super::scope::{Scope, scoped};
use super::snapshots::{SnapshotHandle, SnapshotsHandle};
use crate::call::{self, Call, ETag, Request, Tagged, Target};
use crate::flow::{Chain, Edit, Exec, IntoFlow, Settle};
use crate::model::{
    Config, ExecRequest, Instance, InstanceCreate, InstanceFull, InstanceSource, InstanceState, Name,
    StateAction, StateChange,
};

/// The instance of that name.
///
/// The name is checked when a call is made of it: it must not be empty, `.` or `..`, nor hold `/`, `?`, `#`,
/// `%` or control characters.
#[must_use]
pub fn instance(name: impl Into<String>) -> InstanceHandle {
    InstanceHandle { name: name.into(), scope: Scope::default() }
}

/// One instance, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceHandle {
    pub(super) name: String,
    pub(super) scope: Scope,
}

scoped!(InstanceHandle);

impl InstanceHandle {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn target(&self) -> Target {
        Target::at("/1.0/instances").name("instance", &self.name)
    }

    fn here(&self) -> Target {
        self.scope.on(self.target())
    }

    /// `GET /1.0/instances/NAME`.
    #[must_use]
    pub fn get(&self) -> Call<Tagged<Instance>> {
        Request::get(self.here()).answered(call::tagged)
    }

    /// `GET /1.0/instances/NAME?recursion=1`: with its state, snapshots and backups. API extension
    /// `instance_get_full`.
    #[must_use]
    pub fn full(&self) -> Call<InstanceFull> {
        Request::get(self.here().query("recursion", "1")).needs("instance_get_full").answered(call::value)
    }

    /// `GET /1.0/instances/NAME`: whether it exists.
    #[must_use]
    pub fn exists(&self) -> Call<bool> {
        Request::get(self.here()).answered(call::exists)
    }

    /// `PUT /1.0/instances/NAME`: all that can be set, as `instance` has it. With `etag`, only if nobody
    /// changed it since.
    #[must_use]
    pub fn replace(&self, instance: &Instance, etag: Option<&ETag>) -> Settle<()> {
        Settle::plain(Request::put(self.here()).json(&instance.writable()).if_match(etag))
    }

    /// `PATCH /1.0/instances/NAME`: only what `change` names, such as `{"config": {"limits.cpu": "2"}}`; an
    /// empty text unsets a key.
    #[must_use]
    pub fn patch(&self, change: &impl Serialize) -> Settle<()> {
        Settle::plain(Request::patch(self.here()).json(change))
    }

    /// Get, change, put, and again if somebody else changed it meanwhile.
    #[must_use]
    pub fn edit<F: FnMut(&mut Instance)>(&self, change: F) -> Edit<Instance, F> {
        Edit::new(self.here(), change)
    }

    /// `POST /1.0/instances/NAME`: gives it another name. It must not be running.
    #[must_use]
    pub fn rename(&self, name: impl Into<String>) -> Settle<Name> {
        naming::rename(self.here(), "instance", name.into())
    }

    /// `DELETE /1.0/instances/NAME`. It must not be running.
    #[must_use]
    pub fn delete(&self) -> Settle<()> {
        Settle::plain(Request::delete(self.here()))
    }

    /// Makes another instance from this one, with its configuration, devices and profiles but without its
    /// snapshots: `GET /1.0/instances/NAME`, then `POST /1.0/instances`.
    #[must_use]
    pub fn copy_to(&self, name: impl Into<String>) -> Chain<Tagged<Instance>, Settle<Name>> {
        let source = self.clone();
        let name = name.into();
        Chain::new(self.get(), move |original| {
            let create = source.copy_of(&original, name);
            super::InstancesHandle::create(&source.siblings(), &create)
        })
    }

    /// The body that makes a copy of this instance. Servers differ in what a copy inherits, so all of it is said.
    fn copy_of(&self, original: &Instance, name: String) -> InstanceCreate {
        let mut from = InstanceSource::copy_of(&self.name);
        from.instance_only = true;
        if let Some(project) = &self.scope.0 {
            from.project = project.as_str().into();
        }
        let mut create = InstanceCreate::new(name, from);
        create.kind = Some(original.kind().clone());
        create.profiles = Some(original.profiles.clone());
        create.devices = original.devices.clone();
        create.ephemeral = original.ephemeral;
        create.description.clone_from(&original.description);
        create.architecture.clone_from(&original.architecture);
        create.config = own_config(&original.config);
        create
    }

    fn siblings(&self) -> super::InstancesHandle {
        let all = super::instances();
        match &self.scope.0 {
            Some(project) => all.in_project(project),
            None => all,
        }
    }

    /// `GET /1.0/instances/NAME/state`.
    #[must_use]
    pub fn state(&self) -> Call<InstanceState> {
        Request::get(self.scope.on(self.target().then("state"))).answered(call::value)
    }

    fn action(&self, action: StateAction) -> Transition {
        Transition { target: self.scope.on(self.target().then("state")), change: StateChange::new(action) }
    }

    /// Starts it. Starting one that runs fails.
    #[must_use]
    pub fn start(&self) -> Transition {
        self.action(StateAction::Start)
    }

    /// Stops it: asks it to shut down, or with [`force`](Transition::force) without asking.
    #[must_use]
    pub fn stop(&self) -> Transition {
        self.action(StateAction::Stop)
    }

    /// Stops and starts it.
    #[must_use]
    pub fn restart(&self) -> Transition {
        self.action(StateAction::Restart)
    }

    /// Freezes it: its processes stay in memory and get no time.
    #[must_use]
    pub fn freeze(&self) -> Transition {
        self.action(StateAction::Freeze)
    }

    /// Lets a frozen one go on.
    #[must_use]
    pub fn unfreeze(&self) -> Transition {
        self.action(StateAction::Unfreeze)
    }

    /// A command in it: the program and its arguments. No shell looks at them.
    #[must_use]
    pub fn exec<I>(&self, command: I) -> Exec
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        Exec::new(self.scope.on(self.target().then("exec")), ExecRequest::new(command))
    }

    /// `POST /1.0/images`: makes an image of it. It must not be running.
    #[must_use]
    pub fn publish(&self) -> Publication {
        Publication::of(self, None)
    }

    /// Its snapshots.
    #[must_use]
    pub fn snapshots(&self) -> SnapshotsHandle {
        SnapshotsHandle { instance: self.clone() }
    }

    /// Its snapshot of that name; `INSTANCE/SNAPSHOT` is understood as well.
    #[must_use]
    pub fn snapshot(&self, name: impl Into<String>) -> SnapshotHandle {
        let name: String = name.into();
        let own = name.strip_prefix(&self.name).and_then(|rest| rest.strip_prefix('/'));
        let name = own.map_or_else(|| name.clone(), str::to_owned);
        SnapshotHandle { instance: self.clone(), name }
    }

    /// The file or directory at this path in it. The path may be any bytes but NUL; a relative one is taken
    /// from `/`.
    #[must_use]
    pub fn file(&self, path: impl AsRef<[u8]>) -> FileHandle {
        FileHandle::new(self.clone(), path.as_ref())
    }
}

/// What of a configuration belongs to the instance and not to the server: all but `volatile.*`, of which only
/// the image that it was made from stays.
fn own_config(config: &Config) -> Config {
    let own = |key: &str| !key.starts_with("volatile.") || key == "volatile.base_image";
    config.iter().filter(|(key, _)| own(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A change of an instance's state: `PUT /1.0/instances/NAME/state`.
#[derive(Debug, Clone)]
pub struct Transition {
    target: Target,
    change: StateChange,
}

impl Transition {
    /// Does not ask the instance, but does it: a stop is that of pulling the plug.
    #[must_use]
    pub const fn force(mut self) -> Self {
        self.change.force = true;
        self
    }

    /// How long the server gives the instance to comply, in whole seconds, rounded up. Without it, the
    /// server decides.
    #[must_use]
    pub fn timeout(mut self, time: Duration) -> Self {
        let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
        self.change.timeout = Some(i64::try_from(seconds).unwrap_or(i64::MAX));
        self
    }

    /// Keeps the memory over a stop and a start. Needs support in the server, which it may lack (CRIU).
    #[must_use]
    pub const fn stateful(mut self) -> Self {
        self.change.stateful = true;
        self
    }

    /// The change as a conversation, for its own options.
    #[must_use]
    pub fn settle(self) -> Settle<()> {
        Settle::plain(Request::put(self.target).json(&self.change))
    }
}

impl IntoFlow for Transition {
    type Flow = Settle<()>;

    fn into_flow(self) -> Settle<()> {
        self.settle()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_leaves_what_is_the_servers() {
        let config = Config::from([
            ("limits.cpu".into(), "2".into()),
            ("volatile.base_image".into(), "abc".into()),
            ("volatile.eth0.hwaddr".into(), "00:16:3e:00:00:01".into()),
        ]);
        let keys: Vec<_> = own_config(&config).into_keys().collect();
        assert_eq!(keys, ["limits.cpu", "volatile.base_image"]);
    }

    #[test]
    fn bad_names_are_refused_wherever_they_stand() {
        let bad = |request: &Request| assert!(request.target.text().is_err(), "{request:?}");
        for name in ["", ".", "..", "a/b", "a?b", "a#b", "a%b", "a\0b", "a\rb", "a\nb"] {
            bad(&instance(name).get().request);
            bad(&instance(name).state().request);
            bad(&instance("web").snapshot(name).get().request);
            bad(&instance("web").rename(name).begin().unwrap().request);
            bad(&instance("web").snapshot("s").rename(name).begin().unwrap().request);
            bad(&crate::api::profile(name).get().request);
            bad(&crate::api::image(name).get().request);
        }
    }

    #[test]
    fn a_snapshot_may_be_named_in_full() {
        let snapshot = instance("web").snapshot("web/s0");
        assert_eq!(snapshot.get().request.target.text().unwrap(), "/1.0/instances/web/snapshots/s0");
        assert!(instance("web").snapshot("other/s0").get().request.target.text().is_err());
    }

    #[test]
    fn seconds_are_rounded_up() {
        let stop = instance("web").stop().timeout(Duration::from_millis(1500)).force();
        assert_eq!(stop.change.timeout, Some(2));
        assert!(stop.change.force);
    }
}
