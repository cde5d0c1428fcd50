use serde_json::{Map, Value, json};

use super::collect::Exchange;
use super::names::{Names, Place, label};
use super::{Body, Socket, events, masked, rules};

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
    /// The operations that had ended already when they were told of for the first time: nobody asked for
    /// those any more.
    pub early: Vec<Value>,
}

/// A longer text is told by length and hash.
const LONGEST: usize = 2000;
/// What they send comes from `/dev/urandom`.
const RANDOM: &[&str] = &["exec_outputs"];

impl Story {
    /// The story of a scenario's traffic.
    #[must_use]
    pub fn of(place: &Place, exchanges: &[Exchange]) -> Self {
        let teller = Teller { names: Names::of(place, exchanges), exchanges };
        let mut story = Self { scenario: place.scenario.clone(), entries: Vec::new() };
        for exchange in exchanges {
            let request = teller.request(exchange);
            let at = story.entries.iter().position(|it| it.request == request).unwrap_or_else(|| {
                story.entries.push(Entry { request, ..Entry::default() });
                story.entries.len() - 1
            });
            if let Some(answer) = teller.answer(exchange) {
                story.entries[at].add(answer);
            }
            story.entries[at].early.extend(teller.early(exchange));
        }
        story.group();
        if rules::is_unordered(&story.scenario) {
            story.entries.sort_by_cached_key(|it| it.request.to_string());
            for entry in &mut story.entries {
                entry.answers.sort_by_cached_key(Value::to_string);
                entry.answers.dedup();
            }
        }
        story
    }

    /// Puts what was asked of an operation behind what began it: in which order its sockets are opened, and
    /// what is done meanwhile, is chance.
    fn group(&mut self) {
        let labels: Vec<_> = self.entries.iter().map(Entry::label).collect();
        let place = |(at, entry): (usize, &Entry)| match entry.request["of"].as_str() {
            Some(of) => (labels.iter().position(|it| it == of).unwrap_or(at), entry.request.to_string()),
            None => (at, String::new()),
        };
        let places: Vec<_> = self.entries.iter().enumerate().map(place).collect();
        let mut all: Vec<_> = places.into_iter().zip(std::mem::take(&mut self.entries)).collect();
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        self.entries = all.into_iter().map(|(_, entry)| entry).collect();
    }
}

impl Entry {
    fn add(&mut self, answer: Value) {
        match self.answers.last_mut() {
            Some(last) if *last == answer => {}
            // What one missed because it left early, another has seen.
            Some(last) if events::are(last) && events::are(&answer) => events::merge(last, answer),
            Some(last) if last["socket"].is_object() && is_silent(&answer) => {}
            Some(last) if is_silent(last) && answer["socket"].is_object() => *last = answer,
            _ => self.answers.push(answer),
        }
    }

    /// How a request is told from others.
    pub(super) fn label(&self) -> String {
        told_from_others(&self.request)
    }
}

/// Whether nothing is known of what came on a socket.
fn is_silent(answer: &Value) -> bool {
    answer["socket"].as_object().is_some_and(Map::is_empty)
}

fn told_from_others(request: &Value) -> String {
    let line = request["request"].as_str().unwrap_or_default();
    format!("{line} {}", label(&request.to_string()))
}

struct Teller<'a> {
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
                Some(body) => masked::request(&self.names, &body, &mut Vec::new()),
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
        told_from_others(&self.request(&self.exchanges[began]))
    }

    /// The operation that an answer shows, if it began with this and has ended.
    fn early(&self, exchange: &Exchange) -> Option<Value> {
        let answer = exchange.answer.as_ref().filter(|it| it.status == 202)?;
        let body: Value = serde_json::from_slice(answer.body.bytes()?).ok()?;
        let operation = &body["metadata"];
        masked::is_final(operation).then(|| masked::value(&self.names, operation, &mut Vec::new()))
    }

    /// The answer, if the client heard it: one that went away before has learnt nothing.
    fn answer(&self, exchange: &Exchange) -> Option<Value> {
        let answer = exchange.answer.as_ref().filter(|it| it.whole || it.socket.is_some())?;
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
            let events = exchange.target.starts_with("/1.0/events");
            told["socket"] = if events {
                events::of(&self.names, socket, |began| self.label(began))
            } else {
                self.socket(exchange, socket)
            };
            return Some(told);
        }
        let is_json =
            answer.fields.iter().any(|(name, value)| name == "content-type" && value == "application/json");
        let body = answer.body.bytes().filter(|_| is_json);
        match body.and_then(|it| serde_json::from_slice::<Value>(it).ok()) {
            Some(body) => told["body"] = masked::answer(&self.names, &body, answer.status),
            None if answer.body.length() == 0 => {}
            None => told["body"] = self.bytes(&answer.body),
        }
        // A command may have ended before the last of its sockets was opened.
        let late = exchange.target.contains("/websocket?")
            && told["body"]["error"] == "Only running operations can be connected";
        (!late).then_some(told)
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
                let random = RANDOM.contains(&self.names.scenario()) && body.length() > 1 << 20;
                let program = body.bytes().is_some_and(|it| it.starts_with(b"\x7fELF"));
                let hash = match (random, program) {
                    (true, _) => "{random}".to_owned(),
                    // It is the host's.
                    (_, true) => "{program}".to_owned(),
                    _ => self.names.hash(&body.hash()),
                };
                json!({ "bytes": body.length(), "sha256": hash })
            }
        }
    }

    /// A socket of a command: what came, if it came to its end. How far a command got that the client ended,
    /// by leaving its `control`, is chance.
    fn socket(&self, exchange: &Exchange, socket: &Socket) -> Value {
        let mut told = json!({});
        if let Some(code) = socket.closed {
            told["close"] = code.into();
        }
        let path = |it: &Exchange| it.target.split('?').next().map(str::to_owned);
        let same = self.exchanges.iter().filter(|it| path(it) == path(exchange));
        let mut left = same.filter_map(|it| it.answer.as_ref()?.socket.as_ref()?.left);
        if socket.marked.is_some_and(|marked| left.all(|left| left > marked)) {
            told["whole"] = self.bytes(&socket.binary);
        }
        told
    }
}
