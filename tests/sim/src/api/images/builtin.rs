use std::sync::OnceLock;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::image::{Content, Image};
use super::{Alias, publish};
use crate::Setup;
use crate::api::state::Named;
use crate::machine::files::Files;

/// The image that is there from the start, as a tarball. The same for all daemons.
pub(super) struct BuiltIn {
    pub(super) bytes: Bytes,
    fingerprint: String,
}

/// When it was made: the start of 2024.
const MADE: i64 = 1_704_067_200;

fn metadata() -> Map<String, Value> {
    let metadata = json!({
        "architecture": "x86_64",
        "creation_date": MADE,
        "properties": {
            "architecture": "x86_64",
            "description": "busybox, a shell and nothing else",
            "os": "busybox",
            "release": "1",
        },
    });
    metadata.as_object().cloned().unwrap_or_default()
}

pub(super) fn image() -> &'static BuiltIn {
    static IMAGE: OnceLock<BuiltIn> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let bytes = Bytes::from(publish::pack(&metadata(), &Files::busybox(), MADE).unwrap_or_default());
        BuiltIn { fingerprint: publish::fingerprint(&[&bytes]), bytes }
    })
}

/// An image like it that no daemon has yet, as a tarball.
pub(crate) fn another() -> &'static Bytes {
    static IMAGE: OnceLock<Bytes> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let mut metadata = metadata();
        metadata.insert("creation_date".into(), (MADE + 1).into());
        publish::pack(&metadata, &Files::busybox(), MADE).unwrap_or_default().into()
    })
}

/// The image, where a new daemon keeps it.
pub(crate) fn first(setup: &Setup) -> (Named, Image) {
    let metadata = metadata();
    let it = Image {
        filename: String::new(),
        public: false,
        auto_update: false,
        architecture: "x86_64".into(),
        kind: "container",
        properties: crate::api::body::config(metadata.get("properties")),
        profiles: vec!["default".into()],
        created: Timestamp::constant(MADE, 0),
        uploaded: setup.epoch,
        used: None,
        expires: super::upload::unset(setup).into(),
        metadata: Value::Object(metadata),
        content: Content::BuiltIn,
        unpacked: None,
    };
    (("default".into(), image().fingerprint.clone()), it)
}

/// Its alias.
pub(crate) fn first_alias() -> (Named, Alias) {
    let target = image().fingerprint.clone();
    (("default".into(), "busybox".into()), Alias { target, description: String::new() })
}
