//! Instances with everything that belongs to them: lists with `recursion=2`.

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::Serialize;
use serde::de::MapAccess;
use serde::ser::SerializeMap;

use super::backup::InstanceBackup;
use super::instance::Instance;
use super::instance_state::InstanceState;
use super::resource::{Extra, Marks, Part, Shape, View, json_form};
use super::snapshot::InstanceSnapshot;

/// An instance with its state, snapshots and backups, as lists with `recursion=2` show it.
///
/// It is an [`Instance`] in all other respects, also as to what can be written.
#[derive(Clone, Default, PartialEq)]
pub struct InstanceFull {
    instance: Instance,
    state: Option<InstanceState>,
    snapshots: Vec<InstanceSnapshot>,
    backups: Vec<InstanceBackup>,
    marks: Marks,
}

impl InstanceFull {
    /// What it is doing; nothing if the server could not look.
    #[must_use]
    pub fn state(&self) -> Option<&InstanceState> {
        self.state.as_ref()
    }

    /// Its snapshots.
    #[must_use]
    pub fn snapshots(&self) -> &[InstanceSnapshot] {
        &self.snapshots
    }

    /// Its backups.
    #[must_use]
    pub fn backups(&self) -> &[InstanceBackup] {
        &self.backups
    }

    /// The instance alone.
    #[must_use]
    pub fn into_instance(self) -> Instance {
        self.instance
    }

    /// What may be sent back: that of the instance.
    pub fn writable(&self) -> impl Serialize + '_ {
        View(self, Part::Writable)
    }
}

impl fmt::Debug for InstanceFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceFull")
            .field("instance", &self.instance)
            .field("state", &self.state)
            .field("snapshots", &self.snapshots)
            .field("backups", &self.backups)
            .finish()
    }
}

impl Deref for InstanceFull {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        &self.instance
    }
}

impl DerefMut for InstanceFull {
    fn deref_mut(&mut self) -> &mut Instance {
        &mut self.instance
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Key {
    State,
    Snapshots,
    Backups,
    Instance(<Instance as Shape>::Key),
}

impl Shape for InstanceFull {
    type Key = Key;

    fn key(name: &str) -> Option<Key> {
        match name {
            "state" => Some(Key::State),
            "snapshots" => Some(Key::Snapshots),
            "backups" => Some(Key::Backups),
            _ => Instance::key(name).map(Key::Instance),
        }
    }

    fn take<'de, A: MapAccess<'de>>(&mut self, key: Key, from: &mut A) -> Result<(), A::Error> {
        match key {
            Key::State => self.marks.read(0, &mut self.state, from),
            Key::Snapshots => self.marks.read(1, &mut self.snapshots, from),
            Key::Backups => self.marks.read(2, &mut self.backups, from),
            Key::Instance(key) => self.instance.take(key, from),
        }
    }

    fn rest(&mut self) -> &mut Extra {
        self.instance.extra_mut()
    }

    fn put<M: SerializeMap>(&self, part: Part, to: &mut M) -> Result<(), M::Error> {
        if part == Part::Whole {
            self.marks.write(0, "state", &self.state, to)?;
            self.marks.write(1, "snapshots", &self.snapshots, to)?;
            self.marks.write(2, "backups", &self.backups, to)?;
        }
        self.instance.put(part, to)
    }
}

json_form!(InstanceFull);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Answer, List, Status};
    use serde_json::{Value, from_str, from_value, json, to_value};

    #[test]
    fn an_instance_and_what_belongs_to_it() {
        let got = json!({
            "name": "c1", "status": "Running", "status_code": 103, "type": "container", "config": {"limits.cpu": "2"}, "profiles": ["default"],
            "new_thing": 5,
            "backups": null, "snapshots": [{"name": "s0", "size": 0, "newer": {}}],
            "state": {"status": "Running", "status_code": 103, "pid": 5, "network": null}
        });
        let full: InstanceFull = from_value(got.clone()).unwrap();
        assert_eq!(full.name(), &"c1");
        assert_eq!(full.status(), Status::Running);
        assert_eq!(full.state().map(InstanceState::pid), Some(5));
        assert_eq!(full.snapshots()[0].name(), &"s0");
        assert!(full.backups().is_empty());
        assert_eq!(
            to_value(full.writable()).unwrap(),
            json!({"config": {"limits.cpu": "2"}, "profiles": ["default"], "new_thing": 5})
        );
        assert_eq!(to_value(&full).unwrap(), got);
    }

    #[test]
    fn a_list_of_incus() {
        let body = include_str!("samples/instance_full.incus.json");
        let Ok(Answer::Sync(all)) = Answer::<List<InstanceFull>>::parse(body.as_bytes()) else {
            panic!("no list")
        };
        let full = &all[0];
        assert_eq!((full.name().as_str(), full.snapshots()[0].size()), ("c1", -1));
        assert_eq!(full.state().map(|state| state.network()["lo"].mtu()), Some(65536));
        assert!(full.extra().is_empty() && full.snapshots()[0].extra().is_empty());
        assert_eq!(to_value(&all).unwrap(), from_str::<Value>(body).unwrap()["metadata"]);
    }

    #[test]
    fn null_is_nothing_everywhere() {
        let full: InstanceFull =
            from_value(json!({"name": "c1", "backups": null, "snapshots": null, "state": null})).unwrap();
        assert!(full.state().is_none() && full.snapshots().is_empty() && full.backups().is_empty());
    }
}
