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
    /// The operation of that id, of which no more is known.
    #[must_use]
    pub fn of(id: OperationId) -> Self {
        Self { id, ..Self::default() }
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Answer;
    use serde_json::{from_str, from_value, json, to_value};

    /// As Incus 6.0.4 answered the GET after a command that does not exist.
    const EXEC: &str = r#"{"id":"876b1155-512d-4fb3-9c94-0116c72599b8","class":"websocket","description":"Executing command","created_at":"2026-11-22T03:32:35.12386944Z","updated_at":"2026-11-22T03:32:35.170962924Z","status":"Failure","status_code":400,"resources":{"instances":["/1.0/instances/rec-a"]},"metadata":{"command":["/no/such"],"environment":{"HOME":"/root","LANG":"C.UTF-8","USER":"root"},"fds":{"0":"5b649eff9dddaaa7","1":"2660669f62ce9ec7","2":"0fc2cb8f3e6d3fc9","control":"e14a13ce66771397"},"interactive":false,"return":127},"may_cancel":false,"err":"Command not found","location":"none"}"#;

    fn with(metadata: Value) -> Operation {
        from_value(json!({"id": "x", "metadata": metadata})).unwrap()
    }

    #[test]
    fn a_command() {
        let operation: Operation = from_str(EXEC).unwrap();
        assert_eq!((operation.class(), operation.status()), (&OperationClass::Websocket, Status::Failure));
        assert!(operation.is_final() && !operation.may_cancel() && operation.location().is_none());
        assert_eq!((operation.exit_code(), operation.err().as_str()), (Some(127), "Command not found"));
        assert_eq!(operation.resources()["instances"][0].name(), "rec-a");
        let fds = operation.fds();
        assert_eq!(fds.keys().collect::<Vec<_>>(), ["0", "1", "2", "control"]);
        assert_eq!(fds["control"].reveal(), "e14a13ce66771397");
        assert_eq!(to_value(&operation).unwrap(), from_str::<Value>(EXEC).unwrap());
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", from_str::<Operation>(EXEC).unwrap());
        for secret in ["5b649eff", "2660669f", "0fc2cb8f", "e14a13ce", "/root"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(shown.contains("127") && shown.contains("Command not found"));
        for secret in [
            json!({"secret": "hunter2"}),
            json!({"control": "hunter2", "fs": "hunter2"}),
            json!({"request": {"password": "hunter2"}}),
        ] {
            assert!(!format!("{:?} {:#?}", with(secret.clone()), with(secret)).contains("hunter2"));
        }
    }

    #[test]
    fn an_error_does_not_repeat_a_secret() {
        for odd in [json!({"metadata": "hunter2"}), json!({"metadata": ["hunter2"]})] {
            let error = from_value::<Operation>(odd).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(with(json!({"fds": "hunter2"})).fds().is_empty());
    }

    #[test]
    fn other_results() {
        let recorded = with(
            json!({"output": {"1": "/1.0/instances/a/logs/exec-output/exec_x.stdout", "2": null}, "return": 0}),
        );
        assert_eq!(recorded.output()["1"].name(), "exec_x.stdout");
        assert_eq!((recorded.output().len(), recorded.exit_code()), (1, Some(0)));
        assert_eq!(with(json!({"fingerprint": "566b", "size": "320"})).fingerprint(), Some("566b".into()));
        let migration = with(json!({"control": "a", "fs": "b"}));
        assert_eq!(migration.migration_secrets().keys().collect::<Vec<_>>(), ["control", "fs"]);
        assert!(migration.fds().is_empty() && migration.secret().is_none());
        assert_eq!(with(json!({"secret": "s"})).secret().map(|it| it.reveal().to_owned()), Some("s".into()));
        for odd in [
            json!({"return": "0"}),
            json!({"return": 1e99}),
            json!({"return": 99_999_999_999_u64}),
            json!(null),
        ] {
            assert_eq!(with(odd).exit_code(), None);
        }
    }

    #[test]
    fn null_is_empty_also_inside() {
        let operation: Operation =
            from_value(json!({"id": "x", "resources": {"cluster": null, "images": ["/1.0/images/a"]}, "metadata": null, "location": "m1", "new": 1})).unwrap();
        assert!(operation.resources()["cluster"].is_empty() && operation.metadata().is_empty());
        assert_eq!(operation.location().map(Name::as_str), Some("m1"));
        assert_eq!(operation.extra().get("new"), Some(&json!(1)));
        let operation: Operation = from_value(
            json!({"resources": null, "status": "Canceled", "status_code": 401, "class": "later"}),
        )
        .unwrap();
        assert!(operation.resources().is_empty());
        assert_eq!((operation.status(), operation.status_text()), (Status::Cancelled, "Canceled"));
        assert_eq!(operation.class(), &OperationClass::Unknown("later".into()));
    }

    #[test]
    fn lists_are_grouped_by_state() {
        for body in
            [include_str!("samples/operations.lxd.json"), include_str!("samples/operations.incus.json")]
        {
            let Ok(Answer::Sync(OperationList(all))) = Answer::parse(body.as_bytes()) else {
                panic!("no list")
            };
            assert_eq!(all.len(), 4);
            assert!(all.iter().all(|it| it.status().is_success() && it.extra().is_empty()));
            assert_eq!(all.iter().filter(|it| it.fingerprint().is_some()).count(), 1);
            assert_eq!(
                all.iter().filter_map(Operation::progress).filter(|it| it.percent == Some(100)).count(),
                1
            );
        }
        let urls: OperationReferences =
            from_str(r#"{"running":["/1.0/operations/a"],"success":null,"failure":["/1.0/operations/b"]}"#)
                .unwrap();
        assert_eq!(urls.0.iter().map(|it| it.name().into_owned()).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(from_str::<OperationList>("{}").unwrap(), OperationList::default());
        assert_eq!(from_str::<OperationList>("null").unwrap(), OperationList::default());
    }
}
