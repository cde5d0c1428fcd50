use serde_json::{Map, Value};

use super::body;
use super::decode::complaint;
use crate::http::{Refusal, Request};

/// The members of a request's JSON object, each of a type, with the refusals of the daemons' own decoder.
pub(crate) struct Members {
    /// What the daemons call it.
    of: &'static str,
    object: Map<String, Value>,
}

impl Members {
    /// Reads the object; `of` is what the daemons call it.
    pub(crate) fn read(request: &Request, of: &'static str) -> Result<Self, Refusal> {
        let refused = |text: String| Refusal::new(400, text);
        match serde_json::from_slice(&request.body) {
            Ok(Value::Object(object)) => Ok(Self { of, object }),
            Ok(Value::Null) => Ok(Self { of, object: Map::new() }),
            Ok(other) => Err(refused(format!(
                "json: cannot unmarshal {} into Go value of type api.{of}",
                kind(&other)
            ))),
            Err(_) if request.body.is_empty() => Err(refused("unexpected end of JSON input".into())),
            Err(error) => Err(refused(complaint(&request.body).unwrap_or_else(|| error.to_string()))),
        }
    }

    fn wrong(&self, name: &str, value: &Value, wanted: &str) -> Refusal {
        body::mistyped(&kind(value), self.of, name, wanted)
    }

    /// The member; one that is null is as one that is not there.
    fn get(&self, name: &str) -> Option<&Value> {
        self.object.get(name).filter(|it| !it.is_null())
    }

    pub(crate) fn text(&self, name: &str) -> Result<String, Refusal> {
        match self.get(name) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(other) => Err(self.wrong(name, other, "string")),
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(self.wrong(name, other, "bool")),
        }
    }

    pub(crate) fn number(&self, name: &str, wanted: &str) -> Result<u32, Refusal> {
        let Some(value) = self.get(name) else { return Ok(0) };
        let number = value.as_u64().and_then(|it| u32::try_from(it).ok());
        number.ok_or_else(|| self.wrong(name, value, wanted))
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, Refusal> {
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                items.iter().map(|it| self.inner(name, it).map(str::to_owned)).collect()
            }
            Some(other) => Err(self.wrong(name, other, "[]string")),
        }
    }

    pub(crate) fn map(&self, name: &str) -> Result<Vec<(String, String)>, Refusal> {
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Object(items)) => {
                items.iter().map(|(key, it)| Ok((key.clone(), self.inner(name, it)?.to_owned()))).collect()
            }
            Some(other) => Err(self.wrong(name, other, "map[string]string")),
        }
    }

    fn inner<'a>(&self, name: &str, value: &'a Value) -> Result<&'a str, Refusal> {
        match value {
            Value::String(text) => Ok(text),
            Value::Null => Ok(""),
            other => Err(self.wrong(name, other, "string")),
        }
    }
}

/// As everybody calls it, but a number is told with its digits.
fn kind(value: &Value) -> String {
    match value {
        Value::Number(number) => format!("number {number}"),
        other => body::kind(other).to_owned(),
    }
}
