use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::collect::{Answer, Exchange};
use super::names::{Names, Place, label};
use super::socket::{End, Socket};
use super::{Body, masked};

/// What one scenario asked a daemon, and what it was answered, with everything masked that is naturally
/// different.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Story {
    /// Its name.
    pub scenario: String,
    /// Each request once, in the order in which they were made first.
    pub entries: Vec<Entry>,
}

/// A request, and the different answers that it had, in order; the same in a row is there once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// `request` is method and target. If it has them: `fields`, `body`; of a request for an operation,
    /// `of` is what began that.
    pub request: Value,
    /// `status`, `fields`, and `body` or `socket`.
    pub answers: Vec<Value>,
}

/// A longer text is told by length and hash.
const LONGEST: usize = 2000;
/// What they send comes from `/dev/urandom`.
const RANDOM: &[&str] = &["exec_outputs"];

impl Story {
    /// The story of a scenario's traffic.
    #[must_use]
    pub fn of(scenario: &str, place: &Place, exchanges: &[Exchange]) -> Self {
        let teller = Teller { scenario, names: Names::of(place, exchanges), exchanges };
        let mut story = Self { scenario: scenario.to_owned(), entries: Vec::new() };
        for exchange in exchanges {
            let request = teller.request(exchange);
            let at = story.entries.iter().position(|it| it.request == request).unwrap_or_else(|| {
                story.entries.push(Entry { request, answers: Vec::new() });
                story.entries.len() - 1
            });
            let answers = &mut story.entries[at].answers;
            // A client that went away before its answer was whole has learnt nothing.
            let heard = exchange.answer.as_ref().filter(|it| it.whole || it.socket.is_some());
            if let Some(answer) = heard.map(|it| teller.answer(exchange, it))
                && answers.last() != Some(&answer)
            {
                answers.push(answer);
            }
        }
        story
    }
}

struct Teller<'a> {
    scenario: &'a str,
    names: Names,
    exchanges: &'a [Exchange],
}

impl Teller<'_> {
    fn request(&self, exchange: &Exchange) -> Value {
        let mut request = Map::new();
        let line = format!("{} {}", exchange.method, exchange.target);
        request.insert("request".into(), self.names.mask(&line).into());
        let fields: Map<_, _> = exchange
            .fields
            .iter()
            .filter(|(name, _)| name.starts_with("x-") || name == "content-type" || name == "if-match")
            .map(|(name, value)| (name.clone(), self.field(name, value)))
            .collect();
        if !fields.is_empty() {
            request.insert("fields".into(), fields.into());
        }
        if !exchange.whole {
            // How much of it was taken is chance.
            request.insert("body".into(), "{cut}".into());
        } else if exchange.body.length() > 0 {
            let body = exchange.body.bytes().and_then(|it| serde_json::from_slice::<Value>(it).ok());
            let body = match body.filter(|it| it.is_object() || it.is_array()) {
                Some(body) => masked::request(&self.names, &body),
                None => self.bytes(&exchange.body),
            };
            request.insert("body".into(), body);
        }
        if let Some(id) = exchange.target.strip_prefix("/1.0/operations/")
            && let Some(began) = id.get(..36).and_then(|id| self.names.began(id))
        {
            request.insert("of".into(), self.label(began).into());
        }
        request.into()
    }

    /// How a request that began an operation is told from others.
    fn label(&self, began: usize) -> String {
        let request = self.request(&self.exchanges[began]);
        let line = request["request"].as_str().unwrap_or_default();
        format!("{line} {}", label(&request.to_string()))
    }

    fn answer(&self, exchange: &Exchange, answer: &Answer) -> Value {
        let fields: Map<_, _> = answer
            .fields
            .iter()
            .filter(|(name, _)| match name.as_str() {
                "date" | "transfer-encoding" | "sec-websocket-accept" => false,
                // Otherwise the body says it.
                "content-length" => exchange.method == "HEAD",
                _ => true,
            })
            .map(|(name, value)| (name.clone(), self.field(name, value)))
            .collect();
        let mut told = json!({ "status": answer.status, "fields": fields });
        if let Some(socket) = &answer.socket {
            told["socket"] = if exchange.target.starts_with("/1.0/events") {
                self.events(socket)
            } else {
                self.socket(socket)
            };
            return told;
        }
        let is_json =
            answer.fields.iter().any(|(name, value)| name == "content-type" && value == "application/json");
        let body = answer.body.bytes().filter(|_| is_json);
        match body.and_then(|it| serde_json::from_slice::<Value>(it).ok()) {
            Some(body) => told["body"] = masked::answer(&self.names, &body, answer.status),
            None if answer.body.length() == 0 => {}
            None => told["body"] = self.bytes(&answer.body),
        }
        told
    }

    fn field(&self, name: &str, value: &str) -> Value {
        match name {
            "etag" | "if-match" => "{etag}".into(),
            "last-modified" => "{time}".into(),
            _ => self.names.mask(value).into(),
        }
    }

    fn bytes(&self, body: &Body) -> Value {
        let text = body.bytes().and_then(|it| std::str::from_utf8(it).ok());
        match text.filter(|it| it.len() <= LONGEST) {
            Some(text) => self.names.mask(text).into(),
            None => {
                let random = RANDOM.contains(&self.scenario) && body.length() > 1 << 20;
                let hash = if random { "{random}".to_owned() } else { self.names.hash(&body.hash()) };
                json!({ "bytes": body.length(), "sha256": hash })
            }
        }
    }

    /// A socket of a command: what came, and how it ended.
    fn socket(&self, socket: &Socket) -> Value {
        let end = match socket.end {
            _ if socket.texts.iter().any(String::is_empty) => "mark".to_owned(),
            End::Close(code) => format!("close {code}"),
            End::Cut => "cut".to_owned(),
            End::Client => "client".to_owned(),
        };
        // What had come when the client went away is chance.
        if end == "client" {
            json!({ "end": end })
        } else {
            json!({ "end": end, "bytes": self.bytes(&socket.binary) })
        }
    }

    /// Events of what the scenario made: by their source, and by what began the operation.
    fn events(&self, socket: &Socket) -> Value {
        let mut told: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for text in &socket.texts {
            let Ok(event) = serde_json::from_str::<Value>(text) else { continue };
            let body = &event["metadata"];
            let of = match event["type"].as_str().unwrap_or_default() {
                "operation" => {
                    let began = body["id"].as_str().and_then(|id| self.names.began(id));
                    began.map(|at| format!("operation {}", self.label(at)))
                }
                "lifecycle" => {
                    let source = body["source"].as_str().unwrap_or_default();
                    self.names.made(source).then(|| format!("lifecycle {}", self.names.mask(source)))
                }
                kind => Some(kind.to_owned()),
            };
            let Some(of) = of else { continue };
            let list = told.entry(of).or_default();
            let event = if event["type"] == "logging" {
                shape(&event)
            } else {
                masked::value(&self.names, &event, &mut Vec::new())
            };
            if list.last() != Some(&event) {
                list.push(event);
            }
        }
        json!(told)
    }
}

/// Of a line of the log only what members it has: the daemons' own words are no interface.
fn shape(event: &Value) -> Value {
    let members = |map: &Value| map.as_object().map(|it| it.keys().cloned().collect::<Vec<_>>());
    json!({ "type": event["type"], "members": members(event), "metadata": members(&event["metadata"]) })
}
