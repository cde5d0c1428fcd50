//! In what two runs differ, field by field.

use std::fmt;

use serde_json::Value;

use super::masked::{is_final, is_operation};
use super::{Entry, Story, Told, events, rules};

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
                differences.early([entry, &found.entries[at]], [expected, found]);
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

    /// Whether this is how an operation of this request ended, as far as anybody was told.
    fn ended(&self, began: &Entry, operation: &Value) -> bool {
        let of = began.label();
        let looks = self.entries.iter().filter(|it| it.request["of"] == of);
        let mut told = looks.flat_map(|it| &it.answers).map(|it| &it["body"]).filter(|it| !it.is_null());
        let same = |it: &Value| {
            it["metadata"] == *operation || it["type"] == "error" && it["error"] == operation["err"]
        };
        began.early.contains(operation) || told.clone().any(same) || told.next().is_none()
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
        !self.request["of"].is_null() && self.answers.iter().all(passing)
    }
}

/// Whether this answer shows an operation that has not ended.
fn passing(answer: &Value) -> bool {
    let operation = &answer["body"]["metadata"];
    answer["status"] == 200 && is_operation(operation) && operation["status_code"] == "{unfinished}"
}

/// Whether this answer shows an operation that has ended, or an error in its place.
fn ended(answer: &Value) -> bool {
    let operation = &answer["body"]["metadata"];
    answer["body"]["type"] == "error" || is_operation(operation) && is_final(operation)
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
        // Whether a client that goes away hears the answer is chance. One that should have is not content.
        if expected.answers.is_empty() || found.answers.is_empty() {
            return;
        }
        let parts = |entry: &Entry| -> [Vec<Value>; 2] {
            let looks = !entry.request["of"].is_null();
            let (before, settled) = entry.answers.iter().cloned().partition(|it| looks && passing(it));
            [before, settled]
        };
        let ([before, settled], [other_before, other_settled]) = (parts(expected), parts(found));
        for (at, (one, other)) in before.iter().zip(&other_before).enumerate() {
            self.answer(&format!("before/{at}"), one, other);
        }
        for (at, (one, other)) in settled.iter().zip(&other_settled).enumerate() {
            self.answer(&at.to_string(), one, other);
        }
        // Whether an operation was seen in its end here, or before it, is chance.
        let chance = |it: &Value, alone: bool, before: &[Value]| alone && !before.is_empty() && ended(it);
        for (at, more) in settled.iter().enumerate().skip(other_settled.len()) {
            if !chance(more, other_settled.is_empty(), &other_before) {
                self.add(&at.to_string(), Some(more), None::<&Value>);
            }
        }
        for (at, more) in other_settled.iter().enumerate().skip(settled.len()) {
            if !chance(more, settled.is_empty(), &before) {
                self.add(&at.to_string(), None::<&Value>, Some(more));
            }
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
    fn early(&mut self, [expected, found]: [&Entry; 2], [one, other]: [&Story; 2]) {
        for it in found.early.iter().filter(|it| !one.ended(expected, it)) {
            self.add("early", None::<&Value>, Some(it));
        }
        for it in expected.early.iter().filter(|it| !other.ended(found, it)) {
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
        let sources = expected.keys().chain(found.keys().filter(|it| !expected.contains_key(*it)));
        for source in sources.filter(|it| !rules::is_last(self.scenario, it)) {
            let path = format!("{path}/{source}");
            let (Some(Value::Array(one)), Some(Value::Array(other))) =
                (expected.get(source), found.get(source))
            else {
                self.value(&path, expected.get(source), found.get(source));
                continue;
            };
            let parts = |list: &[Value]| -> [Vec<Value>; 2] {
                let ended = |it: &Value| events::is_operation(source) && is_final(&it["metadata"]);
                let (ended, before) = list.iter().cloned().partition(ended);
                [before, ended]
            };
            for (one, other) in parts(one).iter().zip(&parts(other)) {
                for (at, (one, other)) in one.iter().zip(other).enumerate() {
                    self.value(&format!("{path}/{at}"), Some(one), Some(other));
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
