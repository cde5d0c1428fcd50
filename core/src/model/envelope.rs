//! What every answer is wrapped in, read together with what it wraps.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, IntoDeserializer, MapAccess, Visitor,
};

use super::field::{Field, Lenient, read_text};
use super::operation::Operation;
use super::status::Status;
use super::text::OperationId;

/// An answer of the server.
///
/// Which of the three it is, is what the body says. The HTTP status does not count: a failed wait is
/// answered with 200 by some servers.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer<T> {
    /// Done, and this is the result.
    Sync(T),
    /// Begun. If the server sent no more than the URL of the operation, only
    /// [`id`](Operation::id) and [`status`](Operation::status) are known.
    Async(Box<Operation>),
    /// Refused.
    Refused {
        /// The server's error code, an HTTP status; 0 if it gave none. The same mistake has different
        /// codes on different servers.
        code: u16,
        /// The server's words.
        message: String,
    },
}

impl<'de, T: Deserialize<'de>> Answer<T> {
    /// Reads a whole body, envelope and content in one pass.
    ///
    /// Servers send `type` first. An envelope in another order is read as well, in two passes.
    ///
    /// # Errors
    /// If the body is no JSON object, is of no known type, is followed by more than white space, or holds
    /// something else than a `T`.
    pub fn parse(body: &'de [u8]) -> Result<Self, serde_json::Error> {
        // One check of the whole is cheaper than one per string.
        match std::str::from_utf8(body) {
            Ok(text) => Self::passes(|| serde_json::Deserializer::from_str(text)),
            Err(_) => Self::passes(|| serde_json::Deserializer::from_slice(body)),
        }
    }

    fn passes<R: serde_json::de::Read<'de>>(
        again: impl Fn() -> serde_json::Deserializer<R>,
    ) -> Result<Self, serde_json::Error> {
        let pass = |known| {
            let mut from = again();
            let seen = Envelope { known, content: PhantomData }.deserialize(&mut from)?;
            from.end().map(|()| seen)
        };
        match pass(None)? {
            Seen::Answer(answer) => Ok(answer),
            Seen::KindOnly(kind) => match pass(Some(kind))? {
                Seen::Answer(answer) => Ok(answer),
                Seen::KindOnly(_) => Err(de::Error::custom("the answer has no content that fits its type")),
            },
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Sync,
    Async,
    Error,
}

enum Seen<T> {
    Answer(Answer<T>),
    /// The content came before the type, so it was skipped.
    KindOnly(Kind),
}

struct Envelope<T> {
    known: Option<Kind>,
    content: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Envelope<T> {
    type Value = Seen<T>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Seen<T>, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Envelope<T> {
    type Value = Seen<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer of the server")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Seen<T>, A::Error> {
        let mut kind = self.known;
        let (mut content, mut operation, mut skipped) = (None, None::<Operation>, false);
        let (mut url, mut status, mut code, mut message) =
            (String::new(), Status::default(), 0, String::new());
        while let Some(key) = from.next_key()? {
            match key {
                Key::Type => {
                    let word = from.next_value()?;
                    if self.known.is_none() && kind != Some(word) {
                        // What was read under another type does not count.
                        skipped |= content.take().is_some() | operation.take().is_some();
                        kind = Some(word);
                    }
                }
                Key::Metadata => match kind {
                    Some(Kind::Sync) => content = Some(from.next_value()?),
                    Some(Kind::Async) => operation = lenient(&mut from)?,
                    Some(Kind::Error) => {
                        from.next_value::<IgnoredAny>()?;
                        skipped |= self.known.is_none();
                    }
                    None => {
                        from.next_value::<IgnoredAny>()?;
                        skipped = true;
                    }
                },
                Key::Operation => url = lenient(&mut from)?,
                Key::StatusCode => status = lenient(&mut from)?,
                Key::ErrorCode => code = lenient(&mut from)?,
                Key::Error => message = lenient(&mut from)?,
                Key::Other => {
                    from.next_value::<IgnoredAny>()?;
                }
            }
        }
        let kind = kind.ok_or_else(|| de::Error::missing_field("type"))?;
        Ok(Seen::Answer(match (kind, content) {
            (Kind::Sync, Some(content)) => Answer::Sync(content),
            (Kind::Sync, None) if skipped => return Ok(Seen::KindOnly(kind)),
            (Kind::Sync, None) => Answer::Sync(T::deserialize(().into_deserializer())?),
            (Kind::Async, _) if operation.is_none() && skipped => return Ok(Seen::KindOnly(kind)),
            (Kind::Async, _) => {
                Answer::Async(Box::new(identified(operation.unwrap_or_default(), &url, status)?))
            }
            (Kind::Error, _) => Answer::Refused { code, message },
        }))
    }
}

fn lenient<'de, T: Field, A: MapAccess<'de>>(from: &mut A) -> Result<T, A::Error> {
    from.next_value().map(|Lenient(value)| value)
}

/// An operation without an id gets the one of the URL.
fn identified<E: de::Error>(operation: Operation, url: &str, status: Status) -> Result<Operation, E> {
    if !operation.id().is_empty() {
        return Ok(operation);
    }
    OperationId::parse(url).map(|id| operation.identified(id, status)).map_err(E::custom)
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = Kind;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("sync, async or error")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<Kind, E> {
                match word {
                    "sync" => Ok(Kind::Sync),
                    "async" => Ok(Kind::Async),
                    "error" => Ok(Kind::Error),
                    other => Err(E::unknown_variant(other, &["sync", "async", "error"])),
                }
            }
        }
        from.deserialize_str(Word)
    }
}

enum Key {
    Type,
    Metadata,
    Operation,
    StatusCode,
    ErrorCode,
    Error,
    Other,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        read_text(from, |name| match name {
            "type" => Self::Type,
            "metadata" => Self::Metadata,
            "operation" => Self::Operation,
            "status_code" => Self::StatusCode,
            "error_code" => Self::ErrorCode,
            "error" => Self::Error,
            _ => Self::Other,
        })
    }
}

/// No content: takes any JSON and keeps nothing of it.
///
/// Servers answer a change without a result by `{}`, by null, and some newer ones by something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Empty;

impl<'de> Deserialize<'de> for Empty {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(from).map(|_| Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Instance, List, Name, Reference};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const ID: &str = "fa6fdad0-a663-429c-a5a3-46c3b08cf6fb";

    fn parse<'a, T: Deserialize<'a>>(body: &'a str) -> Answer<T> {
        Answer::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn done() {
        let body = concat!(
            r#"{"type":"sync","status":"Success","status_code":200,"operation":"","error_code":0,"error":"","metadata":["/1.0"]}"#,
            "\n"
        );
        assert_eq!(parse::<List<Reference>>(body), Answer::Sync(vec![Reference::from("/1.0")].into()));
        for content in ["{}", "null", "[1,{\"a\":2}]", "\"x\""] {
            assert_eq!(
                parse::<Empty>(&format!(r#"{{"type":"sync","metadata":{content}}}"#)),
                Answer::Sync(Empty)
            );
        }
        assert_eq!(parse::<Empty>(r#"{"type":"sync"}"#), Answer::Sync(Empty));
        assert!(Answer::<Instance>::parse(br#"{"type":"sync"}"#).is_err());
        assert_eq!(parse::<List<Name>>(r#"{"type":"sync","metadata":null}"#), Answer::Sync(List::default()));
    }

    #[test]
    fn begun() {
        let body = r#"{"type":"async","status":"Operation created","status_code":100,"operation":"/1.0/operations/fa6fdad0-a663-429c-a5a3-46c3b08cf6fb","error_code":0,"error":"","metadata":{"id":"fa6fdad0-a663-429c-a5a3-46c3b08cf6fb","class":"task","description":"Creating instance","created_at":"2026-11-22T03:32:21.499245779Z","updated_at":"2026-11-22T03:32:21.499245779Z","status":"Running","status_code":103,"resources":{"instances":["/1.0/instances/rec-a"]},"metadata":null,"may_cancel":false,"err":"","location":"none"}}"#;
        let Answer::Async(operation) = parse::<Instance>(body) else { panic!("not begun") };
        assert_eq!(*operation.id(), ID);
        assert_eq!(operation.status(), Status::Running);
    }

    #[test]
    fn begun_with_no_more_than_the_url() {
        for content in ["null", "{}"] {
            let body = format!(
                r#"{{"type":"async","status_code":100,"operation":"/1.0/operations/{ID}?project=x","metadata":{content}}}"#
            );
            let Answer::Async(operation) = parse::<Empty>(&body) else { panic!("not begun") };
            assert_eq!((operation.id().as_str(), operation.status()), (ID, Status::Created));
        }
        for nameless in [r#"{"type":"async","operation":"","metadata":null}"#, r#"{"type":"async"}"#] {
            assert!(Answer::<Empty>::parse(nameless.as_bytes()).is_err());
        }
    }

    #[test]
    fn refused() {
        let body = concat!(
            r#"{"type":"error","status":"","status_code":0,"operation":"","error_code":404,"error":"Instance not found","metadata":null}"#,
            "\n\n"
        );
        assert_eq!(
            parse::<Instance>(body),
            Answer::Refused { code: 404, message: "Instance not found".into() }
        );
        assert_eq!(
            parse::<Instance>(r#"{"metadata":7,"type":"error"}"#),
            Answer::Refused { code: 0, message: String::new() }
        );
        assert_eq!(
            parse::<Empty>(r#"{"type":"error","error_code":-1,"error":null}"#),
            Answer::Refused { code: 0, message: String::new() }
        );
    }

    #[test]
    fn any_order_is_read() {
        assert_eq!(
            parse::<List<Name>>(r#"{"metadata":["a"],"type":"sync"}"#),
            Answer::Sync(vec![Name::from("a")].into())
        );
        let begun = format!(r#"{{"metadata":{{"id":"{ID}"}},"operation":"","type":"async"}}"#);
        assert!(matches!(parse::<Instance>(&begun), Answer::Async(operation) if *operation.id() == ID));
        let begun = format!(r#"{{"metadata":null,"operation":"/1.0/operations/{ID}","type":"async"}}"#);
        assert!(matches!(parse::<Instance>(&begun), Answer::Async(operation) if *operation.id() == ID));
    }

    #[test]
    fn of_two_types_the_last_counts() {
        let twice = r#"{"type":"error","metadata":["a"],"type":"sync","error":"x"}"#;
        assert_eq!(parse::<List<Name>>(twice), Answer::Sync(vec![Name::from("a")].into()));
        let twice = r#"{"type":"sync","metadata":["a"],"type":"error","error":"x"}"#;
        assert_eq!(parse::<List<Name>>(twice), Answer::Refused { code: 0, message: "x".into() });
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for bad in [
            "",
            "null",
            "[]",
            "7",
            "{}",
            "Bad Request\n",
            r#"{"type":"later","metadata":{}}"#,
            r#"{"type":7}"#,
            r#"{"type":"sync","metadata":{}}x"#,
            r#"{"type":"sync","metadata":{}}{}"#,
            r#"{"type":"sync","metadata":{}"#,
            r#"{"metadata":{}}"#,
        ] {
            assert!(Answer::<Empty>::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(Answer::<Empty>::parse(b"{\"type\":\"error\",\"error\":\"\xff\"}").is_err());
        let deep = format!(r#"{{"type":"sync","metadata":{}"#, "[".repeat(100_000));
        assert!(Answer::<Value>::parse(deep.as_bytes()).is_err());
    }

    fn arbitrary() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "(sync|async|error|[a-z0-9:T%/.-]{0,12})".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 48, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(field(), inner, 0..8)
                    .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    fn field() -> impl Strategy<Value = String> {
        prop::sample::select(vec![
            "type",
            "metadata",
            "operation",
            "status_code",
            "error_code",
            "error",
            "id",
            "class",
            "resources",
            "config",
            "devices",
            "created_at",
            "state",
            "snapshots",
            "fds",
            "return",
            "progress",
            "timestamp",
            "action",
            "source",
            "x",
        ])
        .prop_map(str::to_owned)
    }

    proptest! {
        #[test]
        fn no_json_panics(value in arbitrary(), kind in "(sync|async|error)") {
            let body = json!({"type": kind, "operation": format!("/1.0/operations/{ID}"), "metadata": value}).to_string();
            let _ = Answer::<Value>::parse(value.to_string().as_bytes());
            let _ = Answer::<Instance>::parse(body.as_bytes());
            let _ = Answer::<crate::model::Server>::parse(body.as_bytes());
            let _ = Answer::<crate::model::InstanceFull>::parse(body.as_bytes());
            let _ = Answer::<crate::model::Image>::parse(body.as_bytes());
            let _ = crate::model::Event::parse(value.to_string().as_bytes());
            let _ = Answer::<crate::model::OperationList>::parse(body.as_bytes());
            if let Ok(Answer::Async(operation)) = Answer::<Empty>::parse(body.as_bytes()) {
                let _ = (operation.fds(), operation.exit_code(), operation.output(), operation.progress(), format!("{operation:?}"));
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Answer::<Instance>::parse(&bytes);
            let _ = crate::model::Event::parse(&bytes);
        }

        #[test]
        fn the_order_of_fields_does_not_matter(value in arbitrary(), kind in prop::sample::select(vec!["sync", "async", "error"])) {
            let operation = format!("/1.0/operations/{ID}");
            let usual = format!(r#"{{"type":"{kind}","operation":"{operation}","metadata":{value}}}"#);
            let other = format!(r#"{{"metadata":{value},"operation":"{operation}","type":"{kind}"}}"#);
            let (usual, other) = (Answer::<Value>::parse(usual.as_bytes()), Answer::<Value>::parse(other.as_bytes()));
            prop_assert_eq!(usual.is_ok(), other.is_ok());
            if let (Ok(usual), Ok(other)) = (usual, other) {
                prop_assert_eq!(usual, other);
            }
        }
    }
}
