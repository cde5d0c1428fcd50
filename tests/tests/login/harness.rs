//! A server and an identity provider in memory, and virtual time.

use std::io;
use std::time::Duration;

use lxio_core::bytes::{Chance, Limits, Moment, Secret};
use lxio_core::call::{Credential, Dialect, Extensions, Flavour, Peer, Request, encode};
use lxio_core::flow::{Effect, Event, Fault, Flow, FlowError};
use lxio_core::wire::{Buffers, Need};
use lxio_tests::answers::{http, json_reply};
use serde_json::{Value, json};

/// What becomes of a request.
#[derive(Clone)]
pub(crate) enum Say {
    /// These bytes are the answer.
    Bytes(Vec<u8>),
    /// Nothing comes.
    Nothing,
    /// There is no connection.
    Unreachable,
    /// The connection breaks off.
    Broken,
}

impl std::fmt::Debug for Say {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bytes(bytes) => return write!(f, "{:?}", String::from_utf8_lossy(bytes)),
            Self::Nothing => "Nothing",
            Self::Unreachable => "Unreachable",
            Self::Broken => "Broken",
        })
    }
}

impl Say {
    pub(crate) fn json(status: &str, body: Value) -> Self {
        Self::Bytes(json_reply(status, &body))
    }

    pub(crate) fn error(error: &str) -> Self {
        Self::json("400 Bad Request", json!({"error": error}))
    }

    pub(crate) fn text(status: &str, body: &str) -> Self {
        Self::Bytes(http(status, &[], body.as_bytes()))
    }
}

/// A request that was sent.
pub(crate) struct Sent {
    /// Seconds since the start.
    pub(crate) at: u64,
    pub(crate) request: Request,
    /// Its bytes.
    pub(crate) text: String,
}

impl Sent {
    /// The body.
    pub(crate) fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").unwrap().1
    }
}

/// How a conversation went.
pub(crate) struct Course<F: Flow> {
    pub(crate) items: Vec<F::Item>,
    pub(crate) result: Result<F::Output, FlowError>,
    pub(crate) sent: Vec<Sent>,
    /// When it ended.
    pub(crate) at: u64,
}

impl<F: Flow> Course<F> {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.sent.iter().map(|sent| sent.request.line()).collect()
    }

    pub(crate) fn times(&self) -> Vec<u64> {
        self.sent.iter().map(|sent| sent.at).collect()
    }
}

/// What the session of the conversation proves to its own server.
pub(crate) const CREDENTIAL: &str = "credential-of-the-session";

fn bytes_of(request: &Request, limits: &Limits) -> lxio_core::wire::Exchange {
    let dialect = Dialect { flavour: Flavour::Incus, extensions: Extensions::from_iter(["projects"]) };
    let peer = Peer {
        dialect: &dialect,
        project: Some("default"),
        credential: &Credential::Bearer(Secret::new(CREDENTIAL)),
        host: "lxio",
        limits,
    };
    encode(request, &peer, Buffers::new(), &mut Chance::seeded(1)).unwrap()
}

/// Runs `flow` to its end, with what `says` makes of the number of each request and of itself.
pub(crate) fn converse<F: Flow>(mut flow: F, mut says: impl FnMut(usize, &Request) -> Say) -> Course<F> {
    let (mut now, mut sent, mut items) = (Moment::default(), Vec::new(), Vec::new());
    let seconds = |now: Moment| now.since(Moment::default()).as_secs();
    let mut waited = 0;
    loop {
        assert!(sent.len() < 5000 && items.len() < 2, "it goes on and on");
        match flow.poll(now) {
            Effect::Send(slot, request) => {
                waited = 0;
                let mut exchange = bytes_of(&request, &Limits::DEFAULT);
                let mut text = Vec::new();
                while let Need::Write(bytes) = exchange.need().unwrap() {
                    text.extend_from_slice(bytes);
                    let count = bytes.len();
                    exchange.wrote(count);
                }
                let said = says(sent.len(), &request);
                sent.push(Sent { at: seconds(now), request, text: String::from_utf8(text).unwrap() });
                let fault = |error| Fault::Io { error, left: true };
                match said {
                    Say::Nothing => {}
                    Say::Unreachable => {
                        let error = io::ErrorKind::ConnectionRefused.into();
                        flow.handle(slot, Event::Failed(Fault::Dial(error)), now);
                    }
                    Say::Broken => {
                        let error = io::ErrorKind::ConnectionReset.into();
                        flow.handle(slot, Event::Failed(fault(error)), now);
                    }
                    Say::Bytes(bytes) => {
                        let mut rest = &bytes[..];
                        let failed = loop {
                            match exchange.need() {
                                Ok(Need::Read(space)) => {
                                    let count = space.len().min(rest.len());
                                    space[..count].copy_from_slice(&rest[..count]);
                                    rest = &rest[count..];
                                    exchange.read(count);
                                }
                                Ok(Need::Done) => break None,
                                Ok(other) => panic!("{other:?}"),
                                Err(error) => break Some(error),
                            }
                        };
                        let event = match failed {
                            Some(error) => Event::Failed(Fault::Wire { error, left: true }),
                            None => Event::Reply(exchange.reply().unwrap()),
                        };
                        flow.handle(slot, event, now);
                    }
                }
            }
            Effect::Shut(_) => {}
            Effect::Emit(item) => items.push(item),
            Effect::Wait(Some(until)) => {
                assert!(until > now, "it waits for what has been");
                now = until;
                waited += 1;
                assert!(waited < 10, "it waits and does nothing");
            }
            Effect::Done(result) => {
                assert!(matches!(flow.poll(now), Effect::Wait(None)), "it ends once");
                return Course { items, result, sent, at: seconds(now) };
            }
            other => panic!("{}", matches!(other, Effect::Wait(None))),
        }
    }
}

/// The refusal by which a server says how to log in.
pub(crate) fn offer(fields: &[(&str, &str)]) -> Say {
    let body = lxio_tests::answers::refusal(401, "not authorized").to_string();
    Say::Bytes(http("401 Unauthorized", fields, body.as_bytes()))
}

pub(crate) const INCUS: &[(&str, &str)] = &[
    ("Content-Type", "application/json"),
    ("X-Incus-Oidc-Audience", ""),
    ("X-Incus-Oidc-Clientid", "lxio test"),
    ("X-Incus-Oidc-Issuer", "https://idp.example/realms/shop"),
];

pub(crate) const ISSUER: &str = "https://idp.example/realms/shop";

pub(crate) fn discovery() -> Value {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://idp.example/auth",
        "token_endpoint": "https://token.idp.example:8443/token?x=1",
        "device_authorization_endpoint": "https://idp.example/device",
        "grant_types_supported": ["refresh_token"],
    })
}

pub(crate) const DEVICE_CODE: &str = "the-device-code";

pub(crate) fn device() -> Value {
    json!({
        "device_code": DEVICE_CODE,
        "user_code": "WDJB-MJHT",
        "verification_uri": "https://idp.example/activate",
        "verification_uri_complete": "https://idp.example/activate?user_code=WDJB-MJHT",
        "expires_in": 900,
        "interval": 3,
    })
}

pub(crate) fn tokens() -> Value {
    json!({
        "access_token": "access-2", "token_type": "bearer", "refresh_token": "refresh-2", "id_token": "id-2",
        "expires_in": 300,
    })
}

/// A good server and a good provider, whose user does what `later` says from the first question on how it goes.
pub(crate) fn good(number: usize, mut later: impl FnMut(usize) -> Say) -> Say {
    match number {
        0 => offer(INCUS),
        1 => Say::json("200 OK", discovery()),
        2 => Say::json("200 OK", device()),
        number => later(number - 3),
    }
}

/// A second, or so many.
pub(crate) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
