//! In what two runs differ, field by field.

use std::fmt;

use serde_json::{Map, Value};

use super::masked::{is_final, is_operation};
use super::{Entry, Story, Told};

/// One thing in which two daemons differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The scenario.
    pub scenario: String,
    /// Method and target, and what began the operation.
    pub request: String,
    /// Where in the answers: the number of the answer, members, indices.
    pub path: String,
    /// What was expected there; nothing, if there is no such member.
    pub expected: Option<String>,
    /// What was found there.
    pub found: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |side: &Option<String>| side.clone().unwrap_or("-".into());
        let Self { scenario, request, path, expected, found } = self;
        write!(f, "{scenario}\t{request}\t{path}\t{}\t{}", shown(expected), shown(found))
    }
}

/// Everything in which two runs differ, over the scenarios that both have. `crowds`: whether both were made
/// by adapters that do as much at a time.
#[must_use]
pub fn runs(expected: &Told, found: &Told, crowds: bool) -> Vec<Difference> {
    let both = expected.iter().filter_map(|(key, story)| Some((story, found.get(key)?)));
    both.flat_map(|(expected, found)| stories(expected, found, crowds)).collect()
}

/// Everything in which a scenario went otherwise.
#[must_use]
pub fn stories(expected: &Story, found: &Story, crowds: bool) -> Vec<Difference> {
    let of = |story: &Story, entry: &Entry| story.entries.iter().position(|it| it.request == entry.request);
    let mut differences =
        Differences { scenario: &expected.scenario, request: String::new(), list: Vec::new() };
    // A request that only one of the two was sent. The crowd is larger where there are tasks.
    let alone = |entry: &Entry| !entry.is_passing() && (crowds || !expected.scenario.starts_with("many_"));
    for entry in &expected.entries {
        differences.request = entry.name();
        match of(found, entry) {
            Some(at) => differences.answers(entry, &found.entries[at]),
            None if alone(entry) => differences.add("", Some("made"), Some("not made")),
            None => {}
        }
    }
    for entry in found.entries.iter().filter(|it| of(expected, it).is_none() && alone(it)) {
        differences.request = entry.name();
        differences.add("", Some("not made"), Some("made"));
    }
    differences.list
}

impl Entry {
    fn name(&self) -> String {
        let text = |name: &str| self.request[name].as_str().unwrap_or_default().to_owned();
        match text("of") {
            of if of.is_empty() => text("request"),
            of => format!("{} of {of}", text("request")),
        }
    }

    /// Whether it looks at an operation, whose states before the last are chance.
    fn is_passing(&self) -> bool {
        !self.request["of"].is_null() && self.answers.iter().all(|it| passing(it))
    }
}

/// Whether this answer shows an operation that has not ended.
fn passing(answer: &Value) -> bool {
    let operation = &answer["body"]["metadata"];
    answer["status"] == 200 && is_operation(operation) && !is_final(operation)
}

struct Differences<'a> {
    scenario: &'a str,
    request: String,
    list: Vec<Difference>,
}

impl Differences<'_> {
    fn add(&mut self, path: &str, expected: Option<impl ToString>, found: Option<impl ToString>) {
        self.list.push(Difference {
            scenario: self.scenario.to_owned(),
            request: self.request.clone(),
            path: path.to_owned(),
            expected: expected.map(|it| it.to_string()),
            found: found.map(|it| it.to_string()),
        });
    }

    fn answers(&mut self, expected: &Entry, found: &Entry) {
        let settled = |entry: &Entry| {
            let ended = |it: &&Value| entry.request["of"].is_null() || !passing(it);
            let list: Vec<_> = entry.answers.iter().filter(ended).cloned().collect();
            // Nothing but states in between: they are what there is.
            if list.is_empty() { (entry.answers.clone(), true) } else { (list, false) }
        };
        let ((expected, between), (found, only)) = (settled(expected), settled(found));
        if between != only {
            return;
        }
        for (at, (expected, found)) in expected.iter().zip(&found).enumerate() {
            self.answer(&at.to_string(), expected, found);
        }
        for (at, more) in expected.iter().enumerate().skip(found.len()) {
            self.add(&at.to_string(), Some(more), None::<&Value>);
        }
        for (at, more) in found.iter().enumerate().skip(expected.len()) {
            self.add(&at.to_string(), None::<&Value>, Some(more));
        }
    }

    fn answer(&mut self, path: &str, expected: &Value, found: &Value) {
        let (one, other) = (&expected["socket"], &found["socket"]);
        if one["end"] == "client" || other["end"] == "client" {
            // Who ends a socket first is chance, and what had come by then.
        } else if one["end"].is_string() || other["end"].is_string() {
            self.value(&format!("{path}/socket"), Some(one), Some(other));
        } else if let (Value::Object(one), Value::Object(other)) = (one, other) {
            self.events(&format!("{path}/socket"), one, other);
        }
        for member in ["status", "fields", "body"] {
            self.value(&format!("{path}/{member}"), expected.get(member), found.get(member));
        }
    }

    /// Where the client stops to listen is chance: of one source the shorter list is the beginning of the
    /// other. Of an operation, which states are told of, and in which order, is chance but for the last.
    fn events(&mut self, path: &str, expected: &Map<String, Value>, found: &Map<String, Value>) {
        for (source, one) in expected {
            let (Some(one), Some(other)) = (one.as_array(), found.get(source).and_then(Value::as_array))
            else {
                continue;
            };
            let ended = |list: &[Value]| {
                list.iter().filter(|it| is_final(&it["metadata"])).cloned().collect::<Vec<_>>()
            };
            let (one, other) = if source.starts_with("operation ") {
                (ended(one), ended(other))
            } else {
                (one.clone(), other.clone())
            };
            for (at, (one, other)) in one.iter().zip(&other).enumerate() {
                self.value(&format!("{path}/{source}/{at}"), Some(one), Some(other));
            }
        }
    }

    fn value(&mut self, path: &str, expected: Option<&Value>, found: Option<&Value>) {
        match (expected, found) {
            (Some(Value::Object(one)), Some(Value::Object(other))) => {
                for (name, value) in one {
                    self.value(&format!("{path}/{name}"), Some(value), other.get(name));
                }
                for (name, value) in other.iter().filter(|(name, _)| !one.contains_key(*name)) {
                    self.value(&format!("{path}/{name}"), None, Some(value));
                }
            }
            (Some(Value::Array(one)), Some(Value::Array(other))) => {
                for at in 0..one.len().max(other.len()) {
                    self.value(&format!("{path}/{at}"), one.get(at), other.get(at));
                }
            }
            (expected, found) if expected != found => self.add(path, expected, found),
            _ => {}
        }
    }
}
