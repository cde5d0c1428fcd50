//! Events: what happens on a server, as it happens.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::field::{Field, Lenient, read_text};
use super::operation::Operation;
use super::reference::{Location, Reference};
use super::resource::resource;
use super::text::{Name, text};
use super::time::Time;
use super::words::words;

words! {
    /// What an event is about.
    pub enum EventKind {
        /// Something was made, changed or used.
        Lifecycle = "lifecycle",
        /// An operation changed.
        Operation = "operation",
        /// A line of the server's log.
        Logging = "logging",
        /// A packet met a rule that logs. API extension `network_acl_log`.
        NetworkAcl = "network-acl",
    }
}

/// Something that happened on a server.
///
/// Events are not in order: an operation can be seen to run after it was seen to end. The timestamps tell.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// When it happened.
    pub timestamp: Time,
    /// The cluster member where it happened. API extension `event_location`.
    pub location: Option<Name>,
    /// The project that it concerns; none for what concerns the whole server. API extension
    /// `event_project`.
    pub project: Option<Name>,
    /// What happened.
    pub body: EventBody,
}

/// What happened.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum EventBody {
    /// Something was made, changed or used.
    Lifecycle(Box<Lifecycle>),
    /// An operation changed; this is what it is now.
    Operation(Box<Operation>),
    /// A line of the server's log.
    Logging(Logging),
    /// Something that this library has no shape for, as it came.
    Other(EventKind, Value),
}

impl fmt::Debug for EventBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lifecycle(it) => fmt::Debug::fmt(it, f),
            Self::Operation(it) => fmt::Debug::fmt(it, f),
            Self::Logging(it) => fmt::Debug::fmt(it, f),
            // What it holds may be secret.
            Self::Other(kind, _) => write!(f, "Other({kind:?}, ..)"),
        }
    }
}

text! {
    /// What was done to what, such as `instance-started`. Servers add new ones freely.
    Action,
}

resource! {
    /// Something was made, changed or used.
    pub struct Lifecycle {
        read {
            /// What was done.
            action: Action,
            /// To what.
            source: Reference,
            /// Details that depend on the action.
            context: Map<String, Value>,
            /// Who did it; nothing if the server did, or does not tell.
            requestor: Option<Requestor>,
            /// The name of what it was done to. Incus; elsewhere take that of the source.
            name: Option<Name>,
            /// The project of what it was done to. Incus.
            project: Option<Name>,
        }
    }
}

resource! {
    /// Who asked a server to do something.
    pub struct Requestor {
        read {
            /// The user name or the fingerprint of the client's certificate.
            username: String,
            /// How the client proved who it is: `unix`, `tls`, `oidc`, `cluster`.
            protocol: String,
            /// Where it asked from: `host:port`, or `@` for the local socket.
            address: String,
        }
    }
}

resource! {
    /// A line of the server's log.
    pub struct Logging {
        read {
            /// The line.
            message: String,
            /// How grave it is: `debug`, `info`, `warning`, `error`.
            level: String,
            /// Details; the values are texts.
            context: Map<String, Value>,
        }
    }
}

impl Event {
    /// Reads one message of the event stream.
    ///
    /// Servers send `type` before the content. An event in another order is read as well, in two passes.
    ///
    /// # Errors
    /// If it is no JSON object, or one in which a known field has an impossible value.
    pub fn parse(message: &[u8]) -> Result<Self, serde_json::Error> {
        let pass = |known| {
            let mut from = serde_json::Deserializer::from_slice(message);
            let seen = Message { known }.deserialize(&mut from)?;
            from.end().map(|()| seen)
        };
        let (kind, mut event) = pass(None)?;
        // Content that came before its type was skipped.
        if event.is_none() {
            event = pass(Some(kind))?.1;
        }
        event.ok_or_else(|| serde::de::Error::missing_field("metadata"))
    }

    /// What the event is about.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        match &self.body {
            EventBody::Lifecycle(_) => EventKind::Lifecycle,
            EventBody::Operation(_) => EventKind::Operation,
            EventBody::Logging(_) => EventKind::Logging,
            EventBody::Other(kind, _) => kind.clone(),
        }
    }
}

struct Message {
    known: Option<EventKind>,
}

impl<'de> DeserializeSeed<'de> for Message {
    type Value = (EventKind, Option<Event>);

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Message {
    type Value = (EventKind, Option<Event>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
        let mut kind = self.known.clone();
        let (mut body, mut skipped) = (None, false);
        let (mut timestamp, mut location, mut project) = (Time::default(), Location::default(), None::<Name>);
        while let Some(key) = from.next_key()? {
            match key {
                Key::Type => {
                    let word: EventKind = lenient(&mut from)?;
                    if self.known.is_none() && kind.as_ref() != Some(&word) {
                        skipped |= body.take().is_some();
                        kind = Some(word);
                    }
                }
                Key::Timestamp => timestamp = lenient(&mut from)?,
                Key::Location => location = lenient(&mut from)?,
                Key::Project => project = lenient(&mut from)?,
                Key::Metadata => match &kind {
                    Some(EventKind::Lifecycle) => {
                        body = Some(EventBody::Lifecycle(Box::new(lenient(&mut from)?)))
                    }
                    Some(EventKind::Operation) => {
                        body = Some(EventBody::Operation(Box::new(lenient(&mut from)?)))
                    }
                    Some(EventKind::Logging) => body = Some(EventBody::Logging(lenient(&mut from)?)),
                    Some(other) => body = Some(EventBody::Other(other.clone(), from.next_value()?)),
                    None => {
                        from.next_value::<IgnoredAny>()?;
                        skipped = true;
                    }
                },
                Key::Other => {
                    from.next_value::<IgnoredAny>()?;
                }
            }
        }
        let kind = kind.unwrap_or_default();
        if body.is_none() && !skipped {
            body = Some(EventBody::Other(kind.clone(), Value::Null));
        }
        let project = project.filter(|name| !name.is_empty());
        let event = body.map(|body| Event { timestamp, location: location.member().cloned(), project, body });
        Ok((kind, event))
    }
}

fn lenient<'de, T: Field, A: MapAccess<'de>>(from: &mut A) -> Result<T, A::Error> {
    from.next_value().map(|Lenient(value)| value)
}

enum Key {
    Type,
    Timestamp,
    Location,
    Project,
    Metadata,
    Other,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        read_text(from, |name| match name {
            "type" => Self::Type,
            "timestamp" => Self::Timestamp,
            "location" => Self::Location,
            "project" => Self::Project,
            "metadata" => Self::Metadata,
            _ => Self::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Status;

    fn parse(message: &str) -> Event {
        Event::parse(message.as_bytes()).unwrap()
    }

    #[test]
    fn something_was_used() {
        let incus = parse(concat!(
            r#"{"type":"lifecycle","timestamp":"2026-11-22T03:32:42.616304658Z","metadata":{"action":"instance-exec","source":"/1.0/instances/rec-a","context":{"command":["true"]},"requestor":{"username":"root","protocol":"unix","address":"@"},"name":"rec-a","project":"default"},"location":"none","project":"default"}"#,
            "\n"
        ));
        let EventBody::Lifecycle(what) = &incus.body else { panic!("{incus:?}") };
        assert_eq!((what.action().as_str(), what.source().name().as_ref()), ("instance-exec", "rec-a"));
        assert_eq!(what.requestor().as_ref().map(|it| it.username().as_str()), Some("root"));
        assert_eq!(what.name().as_deref(), Some("rec-a"));
        assert_eq!((incus.project.as_deref(), incus.location.as_deref()), (Some("default"), None));
        assert_eq!(incus.timestamp.to_string(), "2026-11-22T03:32:42.616304658Z");

        let lxd = parse(
            r#"{"type":"lifecycle","timestamp":"2026-11-22T03:32:13.58290916Z","metadata":{"action":"instance-exec","source":"/1.0/instances/rec-a","context":{"command":["true"]}},"location":"none","project":"default"}"#,
        );
        let EventBody::Lifecycle(what) = &lxd.body else { panic!("{lxd:?}") };
        assert!(what.requestor().is_none() && what.name().is_none() && what.project().is_none());
        assert_eq!(what.context()["command"][0], "true");
    }

    #[test]
    fn an_operation_changed() {
        let event = parse(
            r#"{"type":"operation","timestamp":"2026-11-22T03:32:13.58369022Z","metadata":{"id":"5621625e-e0d4-4561-9f08-65105d2fcd4f","class":"task","description":"Executing command","created_at":"2026-11-22T03:32:13.55072684Z","updated_at":"2026-11-22T03:32:13.583610052Z","status":"Success","status_code":200,"resources":{"containers":["/1.0/containers/rec-a"],"instances":["/1.0/instances/rec-a"]},"metadata":{"return":0},"may_cancel":false,"err":"","location":"none"},"location":"m1","project":"default"}"#,
        );
        let EventBody::Operation(operation) = &event.body else { panic!("{event:?}") };
        assert_eq!((operation.status(), operation.exit_code()), (Status::Success, Some(0)));
        assert_eq!(event.location.as_deref(), Some("m1"));
    }

    #[test]
    fn the_log_and_what_is_unknown() {
        let event = parse(
            r#"{"type":"logging","timestamp":"2026-11-22T03:32:13.58369022+01:00","metadata":{"message":"Handling API request","level":"debug","context":{"ip":"@","n":7}},"location":"none"}"#,
        );
        let EventBody::Logging(line) = &event.body else { panic!("{event:?}") };
        assert_eq!(
            (line.level().as_str(), line.message().as_str(), &line.context()["ip"]),
            ("debug", "Handling API request", &"@".into())
        );
        assert_eq!(event.project, None);

        let event = parse(
            r#"{"type":"ovn","timestamp":"2026-11-22T03:32:13Z","metadata":{"secret":"hunter2"},"new":[]}"#,
        );
        assert_eq!(event.kind(), EventKind::Unknown("ovn".into()));
        assert!(matches!(&event.body, EventBody::Other(_, value) if value["secret"] == "hunter2"));
        assert!(!format!("{event:?}").contains("hunter2"));
    }

    #[test]
    fn any_order_and_nothing_at_all() {
        let event = parse(r#"{"metadata":{"message":"x","level":"info"},"type":"logging"}"#);
        assert!(matches!(&event.body, EventBody::Logging(line) if line.message() == "x"));
        let event = parse(r#"{"type":"lifecycle","metadata":{"action":"a"},"type":"logging"}"#);
        assert_eq!(event.kind(), EventKind::Logging);
        assert_eq!(parse("{}").kind(), EventKind::default());
        assert_eq!(parse(r#"{"type":"logging","metadata":null}"#).kind(), EventKind::Logging);
        for bad in ["", "null", "[]", "{}x", r#"{"timestamp":"x"}"#, r#"{"type":"operation","metadata":7}"#] {
            assert!(Event::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
