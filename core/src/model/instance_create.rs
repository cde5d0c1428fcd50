//! Instances to be made.

use std::collections::BTreeMap;

use super::instance::{Config, Devices};
use super::resource::resource;
use super::text::{Fingerprint, Name};
use super::words::{InstanceKind, words};
use crate::bytes::Secret;

resource! {
    /// An instance to be made. What is left as it is, is for the server to decide.
    pub struct InstanceCreate {
        write {
            /// Its name. If empty, the server chooses one and tells it in the resources of the operation.
            name: Name,
            /// Container or virtual machine; a container if `None`.
            kind: Option<InstanceKind> = "type",
            /// What it is made from.
            source: InstanceSource,
            /// Its profiles. `None`: the profile `default`. No profile at all: an empty list. For a copy
            /// see [`InstanceSource::copy_of`].
            profiles: Option<Vec<Name>>,
            /// Its own configuration.
            config: Config,
            /// Its own devices.
            devices: Devices,
            /// Whether it is deleted as soon as it stops.
            ephemeral: bool,
            /// A text for people. API extension `entity_description`.
            description: String,
            /// Whether to start it at once. API extension `instance_create_start`; servers without it
            /// ignore this.
            start: bool,
            /// The architecture; the server's if empty.
            architecture: String,
            /// Limits by the name of a machine type of a cloud, such as `t2.micro`.
            instance_type: String,
            /// Whether a copy takes the state of the running system along.
            stateful: bool,
        }
    }
}

impl InstanceCreate {
    /// An instance of that name, made from `source`.
    pub fn new(name: impl Into<Name>, source: InstanceSource) -> Self {
        Self { name: name.into(), source, ..Self::default() }
    }
}

words! {
    /// What an instance is made from.
    pub enum SourceKind {
        /// An image.
        Image = "image",
        /// Nothing: the instance is empty.
        Nothing = "none",
        /// Another instance on this server, or a snapshot of one.
        Copy = "copy",
        /// An instance on another server.
        Migration = "migration",
    }
}

resource! {
    /// What an instance is made from, and how it gets here.
    ///
    /// Made by [`image_alias`](Self::image_alias), [`image_fingerprint`](Self::image_fingerprint),
    /// [`image_properties`](Self::image_properties), [`none`](Self::none) or [`copy_of`](Self::copy_of);
    /// the fields are there for the rest.
    pub struct InstanceSource {
        write {
            /// What it is made from.
            kind: SourceKind = "type",
            /// The alias of an image.
            alias: String,
            /// The fingerprint of an image.
            fingerprint: Fingerprint,
            /// Properties of an image; the newest that has them all is taken.
            properties: BTreeMap<String, String>,
            /// The URL of the server that has the image; this one if empty.
            server: String,
            /// How to speak to that server: `simplestreams`, `lxd`, `incus`.
            protocol: String,
            /// The certificate of the other server, PEM, if it is not signed by a public authority.
            certificate: String,
            /// What lets a stranger get a private image.
            secret: Option<Secret>,
            /// How it gets here: `pull` or `push`.
            mode: String,
            /// The instance that is copied, `NAME` or `NAME/SNAPSHOT`.
            source: String,
            /// The project of the instance that is copied; that of the new one if empty.
            project: Name,
            /// Whether to leave out the snapshots.
            instance_only: bool,
            /// Whether the instance is moved while it runs.
            live: bool,
            /// Whether an existing copy is brought up to date.
            refresh: bool,
            /// Whether files may change while they are copied. API extension
            /// `instance_allow_inconsistent_copy`.
            allow_inconsistent: bool,
            /// The fingerprint of the image that the migrated instance was once made from.
            base_image: Fingerprint = "base-image",
            /// The URL of the migration's operation on the other server.
            operation: String,
            /// The secrets of the websockets of that operation.
            secrets: BTreeMap<String, Secret>,
        }
    }
}

impl InstanceSource {
    /// The image of that alias on this server.
    pub fn image_alias(alias: impl Into<String>) -> Self {
        Self { kind: SourceKind::Image, alias: alias.into(), ..Self::default() }
    }

    /// The image of that fingerprint on this server.
    pub fn image_fingerprint(fingerprint: impl Into<Fingerprint>) -> Self {
        Self { kind: SourceKind::Image, fingerprint: fingerprint.into(), ..Self::default() }
    }

    /// The newest image with these properties on this server.
    #[must_use]
    pub fn image_properties(properties: BTreeMap<String, String>) -> Self {
        Self { kind: SourceKind::Image, properties, ..Self::default() }
    }

    /// Nothing: the instance is empty.
    #[must_use]
    pub fn none() -> Self {
        Self { kind: SourceKind::Nothing, ..Self::default() }
    }

    /// Another instance on this server with its snapshots, or the snapshot `NAME/SNAPSHOT`.
    ///
    /// Incus takes profiles and devices over. LXD 5.0.2 does not, and such a copy has no root disk: set
    /// profiles, configuration and devices of the [`InstanceCreate`] to those of the original.
    pub fn copy_of(instance: impl Into<String>) -> Self {
        Self { kind: SourceKind::Copy, source: instance.into(), ..Self::default() }
    }

    /// The same image, but fetched from another server by that protocol (`simplestreams`, `lxd`, `incus`).
    #[must_use]
    pub fn from_server(mut self, url: impl Into<String>, protocol: impl Into<String>) -> Self {
        self.server = url.into();
        self.protocol = protocol.into();
        self.mode = "pull".into();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, to_value};

    #[test]
    fn only_what_was_said_is_sent() {
        let create = InstanceCreate::new("rec-a", InstanceSource::image_alias("busybox"));
        assert_eq!(
            to_value(&create).unwrap(),
            json!({"name": "rec-a", "source": {"type": "image", "alias": "busybox"}})
        );
        let mut create = InstanceCreate::new("", InstanceSource::none());
        create.kind = Some(InstanceKind::VirtualMachine);
        create.profiles = Some(Vec::new());
        create.start = true;
        create.config.insert("limits.cpu".into(), "2".into());
        create.extra_mut().insert("disk_only", true);
        assert_eq!(
            to_value(&create).unwrap(),
            json!({"type": "virtual-machine", "source": {"type": "none"}, "profiles": [], "start": true, "config": {"limits.cpu": "2"}, "disk_only": true})
        );
    }

    #[test]
    fn other_sources() {
        assert_eq!(
            to_value(InstanceSource::image_fingerprint("ab")).unwrap(),
            json!({"type": "image", "fingerprint": "ab"})
        );
        assert_eq!(
            to_value(InstanceSource::copy_of("c1/s0")).unwrap(),
            json!({"type": "copy", "source": "c1/s0"})
        );
        assert_eq!(
            to_value(InstanceSource::image_alias("a").from_server("https://h", "simplestreams")).unwrap(),
            json!({"type": "image", "alias": "a", "server": "https://h", "protocol": "simplestreams", "mode": "pull"})
        );
        let properties = BTreeMap::from([("os".to_owned(), "rec".to_owned())]);
        assert_eq!(
            to_value(InstanceSource::image_properties(properties)).unwrap(),
            json!({"type": "image", "properties": {"os": "rec"}})
        );
    }

    #[test]
    fn secrets_are_sent_and_not_shown() {
        let mut source = InstanceSource { kind: SourceKind::Migration, ..InstanceSource::default() };
        source.secret = Some(Secret::new("hunter2"));
        source.secrets.insert("fs".into(), Secret::new("hunter3"));
        assert_eq!(
            to_value(&source).unwrap(),
            json!({"type": "migration", "secret": "hunter2", "secrets": {"fs": "hunter3"}})
        );
        assert!(!format!("{source:?}").contains("hunter"));
    }
}
