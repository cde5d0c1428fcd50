//! Operations: work that a server does after it answered.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::field::{Field, Lenient, read_object};
use super::progress::Progress;
use super::reference::{Location, Reference};
use super::resource::resource;
use super::status::{Status, StatusText};
use super::text::{Fingerprint, Name, OperationId};
use super::time::Time;
use super::words::words;
use crate::bytes::Secret;

words! {
    /// What kind of operation it is.
    pub enum OperationClass {
        /// Work that ends by itself.
        Task = "task",
        /// A conversation over websockets, such as a command with its input and output.
        Websocket = "websocket",
        /// A permission that is used once, such as that to download a private image.
        Token = "token",
    }
}

resource! {
    /// Work that a server does after it answered, as the server shows it.
    ///
    /// A server forgets an operation five seconds after it ended. `Debug` does not show its secrets.
    pub struct Operation {
        read {
            /// Its id.
            id: OperationId,
            /// What kind of operation it is.
            class: OperationClass,
            /// What it does, in the server's words.
            description: String,
            /// When it was begun.
            created_at: Time,
            /// When it last changed. Two events of one operation may carry the same time.
            updated_at: Time,
            /// What it works on, by kind of thing. Which kinds there are and how complete the URLs are
            /// differs between servers. The name that a server chose for an instance is only here, under
            /// `instances`.
            resources: BTreeMap<String, Vec<Reference>>,
            /// What the server tells beyond that: results, progress, secrets. The methods of
            /// [`Operation`] read what is known of it.
            metadata: Metadata,
            /// Why it failed; empty if it did not.
            err: String,
        }
        copy {
            /// Its state, by the numeric code.
            status: Status = "status_code",
            /// Whether it can be cancelled.
            may_cancel: bool,
        }
        keep {
            status_text: StatusText = "status",
            location: Location,
        }
    }
}

impl Operation {
    /// The operation of that id, of which no more is known than its state.
    pub(crate) fn identified(self, id: OperationId, status: Status) -> Self {
        Self { id, status, ..self }
    }

    /// The server's word for the state.
    #[must_use]
    pub fn status_text(&self) -> &str {
        self.status_text.as_str()
    }

    /// The cluster member that does the work. API extension `operation_location`.
    #[must_use]
    pub fn location(&self) -> Option<&Name> {
        self.location.member()
    }

    /// Whether it has ended, well or not.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.status.is_final()
    }

    /// The secrets of the websockets of a command or console: `0`, `1`, `2`, `control`.
    #[must_use]
    pub fn fds(&self) -> BTreeMap<String, Secret> {
        self.metadata.get("fds").and_then(Value::as_object).map(secrets).unwrap_or_default()
    }

    /// The secrets of the websockets of a migration: `control`, `fs`, and `state` if it is live.
    #[must_use]
    pub fn migration_secrets(&self) -> BTreeMap<String, Secret> {
        let mut all = secrets(&self.metadata);
        all.retain(|name, _| matches!(name.as_str(), "control" | "fs" | "state" | "criu"));
        all
    }

    /// The secret of a token.
    #[must_use]
    pub fn secret(&self) -> Option<Secret> {
        self.metadata.get("secret").and_then(Value::as_str).map(Secret::new)
    }

    /// How the command ended: 0 to 255, 128 + n if signal n ended it, 126 and 127 if it could not be
    /// started. `None` if it has not ended, or if this is no command.
    #[must_use]
    pub fn exit_code(&self) -> Option<i32> {
        let code = self.metadata.get("return")?;
        i32::try_from(code.as_i64()?).ok()
    }

    /// Where the recorded output of a command is: `1` and `2`, standard output and standard error. The
    /// files stay until they are deleted.
    #[must_use]
    pub fn output(&self) -> BTreeMap<String, Reference> {
        let files = self.metadata.get("output").and_then(Value::as_object);
        files.into_iter().flatten().filter_map(|(fd, url)| Some((fd.clone(), url.as_str()?.into()))).collect()
    }

    /// The fingerprint of the image that came of it. Also there if the image existed before.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.metadata.get("fingerprint").and_then(Value::as_str).map(Fingerprint::from)
    }

    /// How far it is, if the server tells.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        Progress::of(&self.metadata)
    }
}

fn secrets(map: &Map<String, Value>) -> BTreeMap<String, Secret> {
    map.iter().filter_map(|(name, value)| Some((name.clone(), Secret::new(value.as_str()?)))).collect()
}

/// The open part of an operation, as the server sent it.
///
/// It can hold secrets and whole environments, so `Debug` shows only the values that are known to be
/// harmless, and the names of the others.
#[derive(Clone, Default, PartialEq)]
pub struct Metadata(Map<String, Value>);

impl Deref for Metadata {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in &self.0 {
            let harmless = matches!(
                name.as_str(),
                "return" | "interactive" | "fingerprint" | "size" | "output" | "progress"
            ) || name.ends_with("_progress");
            if harmless {
                map.entry(name, value)
            } else {
                map.entry(name, &format_args!(".."))
            };
        }
        map.finish()
    }
}

impl Field for Metadata {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        read_object(from).map(Self)
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

/// The operations that a server knows, with the fields of each. Servers send them grouped by state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OperationList(pub Vec<Operation>);

impl<'de> Deserialize<'de> for OperationList {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        by_status(from).map(Self)
    }
}

/// Where the operations that a server knows are. Servers send them grouped by state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperationReferences(pub Vec<Reference>);

impl<'de> Deserialize<'de> for OperationReferences {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        by_status(from).map(Self)
    }
}

fn by_status<'de, T: Field, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    let Lenient(groups) = Lenient::<BTreeMap<String, Vec<T>>>::deserialize(from)?;
    Ok(groups.into_values().flatten().collect())
}
