use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::instance::InstanceHandle;
use super::naming::checked;
use crate::call::{Request, Target};
use crate::flow::{IntoFlow, Settle};
use crate::model::Fingerprint;

/// An image to be made of an instance or a snapshot: `POST /1.0/images`. Ends with its fingerprint.
///
/// A running instance is refused; a snapshot of it is not.
#[derive(Debug, Clone)]
pub struct Publication {
    instance: InstanceHandle,
    snapshot: Option<String>,
    public: bool,
    properties: BTreeMap<String, String>,
    aliases: Vec<Value>,
    compression: Option<String>,
}

impl Publication {
    pub(super) fn of(instance: &InstanceHandle, snapshot: Option<&str>) -> Self {
        Self {
            instance: instance.clone(),
            snapshot: snapshot.map(str::to_owned),
            public: false,
            properties: BTreeMap::new(),
            aliases: Vec::new(),
            compression: None,
        }
    }

    /// Shows the image to everybody, without trust.
    #[must_use]
    pub const fn public(mut self) -> Self {
        self.public = true;
        self
    }

    /// Gives the image this name.
    #[must_use]
    pub fn alias(mut self, name: impl Into<String>) -> Self {
        self.aliases.push(json!({ "name": name.into() }));
        self
    }

    /// Sets a property of the image.
    #[must_use]
    pub fn property(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.insert(key.into(), value.into());
        self
    }

    /// Compresses it by this program, such as `gzip` or `none`. Without it, the server decides.
    #[must_use]
    pub fn compression(mut self, algorithm: impl Into<String>) -> Self {
        self.compression = Some(algorithm.into());
        self
    }
}

impl IntoFlow for Publication {
    type Flow = Settle<Fingerprint>;

    fn into_flow(self) -> Settle<Fingerprint> {
        let instance = self.instance.name();
        let source = match &self.snapshot {
            Some(snapshot) => json!({ "type": "snapshot", "name": format!("{instance}/{snapshot}") }),
            None => json!({ "type": "instance", "name": instance }),
        };
        let mut body = json!({ "source": source, "public": self.public, "properties": self.properties });
        if !self.aliases.is_empty() {
            body["aliases"] = Value::Array(self.aliases);
        }
        if let Some(algorithm) = self.compression {
            body["compression_algorithm"] = Value::String(algorithm);
        }
        let target = self.instance.scope.on(Target::at("/1.0/images"));
        let mut request = checked(Request::post(target).json(&body), "instance", instance);
        if let Some(snapshot) = &self.snapshot {
            request = checked(request, "snapshot", snapshot);
        }
        Settle::new(request, super::images::fingerprint)
    }
}
