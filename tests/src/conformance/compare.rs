//! In what two runs differ, field by field.

use std::fmt;

use serde_json::Value;

use super::masked::{is_final, is_operation};
use super::{Entry, Story, Told, events};

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
    // A request that only one of the two was sent. The crowd is larger where there are tasks, and nobody
    // asks for an operation that has ended already.
    let alone = |entry: &Entry, other: &Story| {
        let crowd = !crowds && expected.scenario.starts_with("many_");
        !crowd && !entry.is_passing() && other.early(entry).is_empty()
    };
    for entry in &expected.entries {
        differences.request = entry.name();
        match of(found, entry) {
            Some(at) if expected.early(entry).is_empty() && found.early(entry).is_empty() => {
                differences.answers(entry, &found.entries[at]);
                differences.early(entry, &found.entries[at], [expected, found]);
            }
            Some(at) => {
                differences.some([entry, &found.entries[at]], [expected.early(entry), found.early(entry)]);
            }
            None if alone(entry, found) => differences.add("", Some("made"), Some("not made")),
            None => {}
        }
    }
    for entry in found.entries.iter().filter(|it| of(expected, it).is_none() && alone(it, expected)) {
        differences.request = entry.name();
        differences.add("", Some("not made"), Some("made"));
    }
    differences.list
}

impl Story {
    /// The early ends of the operations that this request looks at.
    fn early(&self, entry: &Entry) -> &[Value] {
        let of = entry.request["of"].as_str().unwrap_or_default();
        let began = self.entries.iter().find(|it| !of.is_empty() && it.label() == of);
        began.map_or(&[], |it| &it.early)
    }

    /// The ends of the operations that this request began, as others were told of them.
    fn ends<'a>(&'a self, began: &'a Entry) -> Vec<&'a Value> {
        let of = began.label();
        let looks = self.entries.iter().filter(|it| it.request["of"] == of);
        let told = looks.flat_map(|it| &it.answers).map(|it| &it["body"]["metadata"]);
        told.filter(|it| is_final(it)).chain(&began.early).collect()
    }
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

    /// Of operations some of which ended early on one of the sides.
    fn some(&mut self, [expected, found]: [&Entry; 2], early: [&[Value]; 2]) {
        let lacks = |list: &[Value], it: &Value| !passing(it) && !list.contains(it);
        for it in expected.answers.iter().filter(|it| early[1].is_empty() && lacks(&found.answers, it)) {
            self.add("?", Some(it), None::<&Value>);
        }
        for it in found.answers.iter().filter(|it| early[0].is_empty() && lacks(&expected.answers, it)) {
            self.add("?", None::<&Value>, Some(it));
        }
    }

    /// An early end is one that came later on the other side.
    fn early(&mut self, expected: &Entry, found: &Entry, [one, other]: [&Story; 2]) {
        let (ends, found_ends) = (one.ends(expected), other.ends(found));
        for it in found.early.iter().filter(|it| !ends.is_empty() && !ends.contains(it)) {
            self.add("early", None::<&Value>, Some(it));
        }
        for it in expected.early.iter().filter(|it| !found_ends.is_empty() && !found_ends.contains(it)) {
            self.add("early", Some(it), None::<&Value>);
        }
    }

    fn answer(&mut self, path: &str, expected: &Value, found: &Value) {
        if let (true, true) = (events::are(expected), events::are(found)) {
            self.events(&format!("{path}/socket"), &expected["socket"], &found["socket"]);
        } else {
            self.socket(&format!("{path}/socket"), &expected["socket"], &found["socket"]);
        }
        for member in ["status", "fields", "body"] {
            self.value(&format!("{path}/{member}"), expected.get(member), found.get(member));
        }
    }

    /// Whether a socket comes to its end before the client leaves it is chance, unless it does on both sides.
    fn socket(&mut self, path: &str, expected: &Value, found: &Value) {
        for member in ["whole", "close"] {
            if let (Some(one), Some(other)) = (expected.get(member), found.get(member)) {
                self.value(&format!("{path}/{member}"), Some(one), Some(other));
            }
        }
    }

    /// Where a client leaves a stream is chance: of one source the shorter list is the beginning of the other.
    /// Of an operation there may be the states before its end, the end, or both.
    fn events(&mut self, path: &str, expected: &Value, found: &Value) {
        let (Value::Object(expected), Value::Object(found)) = (expected, found) else { return };
        for (source, one) in expected {
            let (Some(one), Some(other)) = (one.as_array(), found.get(source).and_then(Value::as_array))
            else {
                continue;
            };
            let parts = |list: &[Value]| -> [Vec<Value>; 2] {
                let (ended, before) = list
                    .iter()
                    .cloned()
                    .partition(|it| events::is_operation(source) && is_final(&it["metadata"]));
                [before, ended]
            };
            for (one, other) in parts(one).iter().zip(&parts(other)) {
                for (at, (one, other)) in one.iter().zip(other).enumerate() {
                    self.value(&format!("{path}/{source}/{at}"), Some(one), Some(other));
                }
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
