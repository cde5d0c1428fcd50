use std::collections::BTreeSet;

use super::super::body::Config;
use super::super::instances::expanded;
use super::snapshots::SNAPSHOT;
use super::volume::VOLUME;
use crate::world::World;

impl World {
    /// The URLs of instances and profiles with a device that `uses` something, in projects that keep
    /// `feature` in `home`.
    pub(crate) fn device_users(
        &self,
        home: &str,
        feature: &str,
        uses: impl Fn(&Config) -> bool,
    ) -> Vec<String> {
        let mut urls = BTreeSet::new();
        for ((project, name), it) in &self.state.instances {
            let devices = || expanded(self, project, &it.settings).1;
            if self.home(project, feature) == home && devices().values().any(&uses) {
                urls.insert(self.url_in(project, &["instances", name]));
            }
        }
        for ((project, name), it) in &self.state.profiles {
            if self.home(project, feature) == home && it.devices.values().any(&uses) {
                urls.insert(self.url_in(project, &["profiles", name]));
            }
        }
        urls.into_iter().collect()
    }

    /// What uses a pool: disks of instances and profiles, and volumes.
    pub(super) fn pool_users(&self, pool: &str) -> Vec<String> {
        let in_pool = |it: &Config| it.get("pool").is_some_and(|it| it == pool);
        let mut urls = BTreeSet::new();
        for project in self.state.projects.keys() {
            urls.extend(self.device_users(project, "storage.volumes", in_pool));
        }
        for place in self.items(&VOLUME).keys().filter(|it| it.parent == pool) {
            urls.insert(
                self.url_in(&place.project, &["storage-pools", pool, "volumes", "custom", &place.name]),
            );
        }
        // LXD counts their snapshots, too.
        for place in self.items(&SNAPSHOT).keys().filter(|_| self.is_lxd()) {
            if let Some((at, volume)) = place.parent.split_once('/').filter(|it| it.0 == pool) {
                let path = ["storage-pools", at, "volumes", "custom", volume, "snapshots", &place.name];
                urls.insert(self.url_in(&place.project, &path));
            }
        }
        urls.into_iter().collect()
    }

    /// What uses a volume: disks of instances and profiles.
    pub(super) fn volume_users(&self, project: &str, pool: &str, name: &str) -> Vec<String> {
        self.device_users(project, "storage.volumes", |it| {
            let is = |key: &str, wanted: &str| it.get(key).is_some_and(|it| it == wanted);
            is("type", "disk") && is("pool", pool) && is("source", name)
        })
    }
}
