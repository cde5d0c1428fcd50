use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::{Answer, Body, Outbox, Refusal};

/// Shorter bodies have their length said; longer ones come in chunks.
const BUFFER: usize = 2048;

/// The text of the `Date` field, made anew when the second has passed.
#[derive(Debug, Default)]
pub(crate) struct Date {
    second: i64,
    text: String,
}

impl Date {
    pub(crate) fn text(&mut self, now: jiff::Timestamp) -> &str {
        if self.text.is_empty() || self.second != now.as_second() {
            self.second = now.as_second();
            self.text = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        }
        &self.text
    }
}

/// The envelope; members in the daemons' order.
#[derive(Serialize)]
struct Envelope<'a> {
    r#type: &'a str,
    status: &'a str,
    status_code: u16,
    operation: &'a str,
    error_code: u16,
    error: &'a str,
    metadata: &'a Value,
}

const SYNC: Envelope<'_> = Envelope {
    r#type: "sync",
    status: "Success",
    status_code: 200,
    operation: "",
    error_code: 0,
    error: "",
    metadata: &Value::Null,
};

/// The bytes of an envelope, as the daemons' encoder writes them.
fn bytes(envelope: &Envelope<'_>) -> Vec<u8> {
    let plain = serde_json::to_string(envelope).unwrap_or_default();
    let mut bytes = if plain.contains(['&', '<', '>']) {
        plain.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e").into_bytes()
    } else {
        plain.into_bytes()
    };
    // A refusal is encoded twice, so to speak: its text ends in a line of its own.
    bytes.extend_from_slice(if envelope.r#type == "error" { b"\n\n" } else { b"\n" });
    bytes
}

/// The envelope of a value.
pub(crate) fn sync(metadata: &Value) -> Vec<u8> {
    bytes(&Envelope { metadata, ..SYNC })
}

/// The envelope of a refusal.
fn refusal(it: &Refusal) -> Vec<u8> {
    bytes(&Envelope {
        r#type: "error",
        status: "",
        status_code: 0,
        error_code: it.code,
        error: &it.text,
        ..SYNC
    })
}

/// The words that go with a status.
const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        206 => "Partial Content",
        304 => "Not Modified",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        412 => "Precondition Failed",
        416 => "Requested Range Not Satisfiable",
        423 => "Locked",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ => "Unknown",
    }
}

/// A head that begins to be written.
struct Head(Vec<u8>);

impl Head {
    fn new(status: u16) -> Self {
        Self(format!("HTTP/1.1 {status} {}\r\n", reason(status)).into_bytes())
    }

    fn field(&mut self, name: &str, value: impl AsRef<[u8]>) -> &mut Self {
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b": ");
        self.0.extend_from_slice(value.as_ref());
        self.0.extend_from_slice(b"\r\n");
        self
    }

    /// Ends it, with a body that is short or comes in one chunk.
    fn with(mut self, body: &[u8], out: &mut Outbox) {
        if body.len() < BUFFER {
            self.field("Content-Length", body.len().to_string());
            self.0.extend_from_slice(b"\r\n");
            self.0.extend_from_slice(body);
        } else {
            self.field("Transfer-Encoding", "chunked");
            self.0.extend_from_slice(b"\r\n");
            chunk(&mut self.0, body);
        }
        out.push(self.0);
    }
}

/// A chunk, and the last one.
fn chunk(out: &mut Vec<u8>, body: &[u8]) {
    out.extend_from_slice(format!("{:x}\r\n", body.len()).as_bytes());
    out.extend_from_slice(body);
    out.extend_from_slice(b"\r\n0\r\n\r\n");
}

/// Writes an answer that can be told at once. `operation` is the object of an async one; `close` says that the
/// connection ends after it.
pub(crate) fn encode(answer: Answer, operation: &Value, date: &str, close: bool, out: &mut Outbox) {
    let ending = |head: &mut Head| {
        if close {
            head.field("Connection", "close");
        }
        head.field("Date", date);
    };
    match answer {
        Answer::Sync { metadata, etag } => {
            let mut head = Head::new(200);
            head.field("Content-Type", "application/json");
            if let Some(etag) = etag {
                head.field("Etag", format!("\"{etag}\""));
            }
            ending(&mut head);
            head.with(&bytes(&Envelope { metadata: &metadata, ..SYNC }), out);
        }
        Answer::Created(location) => {
            let mut head = Head::new(201);
            head.field("Content-Type", "application/json").field("Location", location);
            ending(&mut head);
            head.with(&bytes(&SYNC), out);
        }
        Answer::Async(id) => {
            let path = id.path();
            let mut head = Head::new(202);
            head.field("Content-Type", "application/json").field("Location", &path);
            ending(&mut head);
            let envelope = Envelope {
                r#type: "async",
                status: "Operation created",
                status_code: 100,
                operation: &path,
                metadata: operation,
                ..SYNC
            };
            head.with(&bytes(&envelope), out);
        }
        Answer::Refused(it) => {
            let mut head = Head::new(it.code);
            head.field("Content-Type", "application/json").field("X-Content-Type-Options", "nosniff");
            ending(&mut head);
            head.with(&refusal(&it), out);
        }
        Answer::Bytes(body) => stream(body, ending, out),
        Answer::Plain(status, text) => {
            let mut head = Head::new(status);
            head.field("Content-Type", "text/plain; charset=utf-8").field("Connection", "close");
            head.0.extend_from_slice(b"\r\n");
            head.0.extend_from_slice(format!("{status} {text}").as_bytes());
            out.push(head.0);
        }
        Answer::NoUpgrade(after) => {
            let mut head = Head::new(400);
            head.field("Content-Type", "text/plain; charset=utf-8")
                .field("Sec-Websocket-Version", "13")
                .field("X-Content-Type-Options", "nosniff");
            ending(&mut head);
            let mut body = b"Bad Request\n".to_vec();
            body.extend(after.as_ref().map(refusal).unwrap_or_default());
            head.with(&body, out);
        }
        // Not to be told at once: whoever holds the connection does these.
        Answer::Wait { .. } | Answer::Upgrade(_) | Answer::Nothing => {}
    }
}

fn stream(body: Body, ending: impl Fn(&mut Head), out: &mut Outbox) {
    let mut head = Head::new(body.status);
    for (name, value) in &body.fields {
        head.field(name, value);
    }
    if !body.kind.is_empty() {
        head.field("Content-Type", &body.kind);
    }
    ending(&mut head);
    let length: u64 = body.pieces.iter().map(|it| it.len() as u64).sum();
    match body.head_only {
        Some(None) => {}
        Some(Some(length)) => {
            head.field("Content-Length", length.to_string());
        }
        None if body.chunked => {
            head.field("Transfer-Encoding", "chunked");
        }
        None => {
            head.field("Content-Length", length.to_string());
        }
    }
    head.0.extend_from_slice(b"\r\n");
    out.push(head.0);
    if body.head_only.is_some() {
        return;
    }
    for piece in body.pieces.into_iter().filter(|it| !it.is_empty()) {
        if body.chunked {
            out.push(format!("{:x}\r\n", piece.len()).into_bytes());
            out.push(piece);
            out.push(&b"\r\n"[..]);
        } else {
            out.push(piece);
        }
    }
    if body.chunked {
        out.push(&b"0\r\n\r\n"[..]);
    }
}

/// The head of an answer whose body comes later, in one chunk.
pub(crate) fn late_head(date: &str, out: &mut Outbox) {
    let mut head = Head::new(200);
    head.field("Connection", "keep-alive")
        .field("Content-Type", "application/json")
        .field("X-Content-Type-Options", "nosniff")
        .field("Date", date)
        .field("Transfer-Encoding", "chunked");
    head.0.extend_from_slice(b"\r\n");
    out.push(head.0);
}

/// The body that was promised by [`late_head`]: a value or a refusal.
pub(crate) fn late_chunk(said: Result<&Value, &Refusal>, out: &mut Outbox) {
    let body = match said {
        Ok(metadata) => bytes(&Envelope { metadata, ..SYNC }),
        Err(it) => refusal(it),
    };
    let mut whole = Vec::with_capacity(body.len() + 16);
    chunk(&mut whole, &body);
    out.push(Bytes::from(whole));
}

/// How long the body of a refusal is.
pub(crate) fn length(it: &Refusal) -> u64 {
    refusal(it).len() as u64
}
