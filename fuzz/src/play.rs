//! One exchange played to its end over given bytes of a server, cut in a given way.

use ::http::Method;
use lxio_core::bytes::Limits;
use lxio_core::wire::{Buffers, Draft, Exchange, Key, Need, Payload, Plan, Reuse, Upgrade, Want, WireError};

use crate::input::Cuts;

/// The key that the recorded websockets were opened with.
pub const NONCE: [u8; 16] = *b"the sample nonce";

/// What is asked for, and how the connection behaves.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The method.
    pub method: Method,
    /// What is uploaded.
    pub payload: Payload,
    /// What is done with the body of the response.
    pub want: Want,
    /// What is accepted.
    pub limits: Limits,
    /// So many bytes of the body to upload are given, then the end.
    pub gives: usize,
    /// Writing fails after so many bytes.
    pub writes: Option<usize>,
}

impl Setup {
    /// A GET whose answer is collected.
    #[must_use]
    pub fn get() -> Self {
        let limits = small_limits();
        Self {
            method: Method::GET,
            payload: Payload::Empty,
            want: Want::Collect,
            limits,
            gives: 0,
            writes: None,
        }
    }

    fn start(&self) -> Exchange {
        let key = matches!(self.want, Want::Upgrade(Upgrade::Websocket)).then(|| Key::new(NONCE));
        let plan = Plan { payload: self.payload.clone(), want: self.want.clone(), key };
        let draft = Draft::new(Buffers::new(), &self.method, "/1.0/x", "lxio").unwrap();
        draft.send(plan, &self.limits).unwrap()
    }
}

/// Limits that a small input can exceed.
#[must_use]
pub fn small_limits() -> Limits {
    let mut limits = Limits::DEFAULT;
    (limits.head, limits.fields, limits.interim) = (1500, 20, 3);
    (limits.body, limits.message, limits.output) = (6000, 3000, 3000);
    limits
}

/// All that can be seen of an exchange. No cut of the same bytes may change any of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it failed, if it did.
    pub failed: Option<WireError>,
    /// The status of a complete response, or of one that was being streamed.
    pub status: Option<u16>,
    /// Its fields.
    pub fields: Vec<(String, Vec<u8>)>,
    /// Its body: collected.
    pub collected: Vec<u8>,
    /// Its body: streamed.
    pub taken: Vec<u8>,
    /// Whether it was streamed.
    pub streamed: bool,
    /// What was written.
    pub sent: Vec<u8>,
    /// Whether the connection can be used again.
    pub reuse: Reuse,
    /// What came after the response: read too early, or not read.
    pub rest: Vec<u8>,
}

/// Plays an exchange: `server` is all that ever comes, then the end.
///
/// # Panics
/// Where the machine does not progress, or contradicts itself.
#[must_use]
pub fn play(setup: &Setup, server: &[u8], mut cuts: Cuts) -> Outcome {
    let mut exchange = setup.start();
    let (mut unread, mut ended, mut given) = (server, false, 0);
    let (mut sent, mut taken) = (Vec::new(), Vec::new());
    let mut turns = 0_usize;
    let failed = loop {
        turns += 1;
        let most = 64 + 2 * (server.len() + sent.len() + setup.gives);
        assert!(turns < most, "{turns} turns for {} bytes in and {} out", server.len(), sent.len());
        let asked = kind_and_size(&mut exchange);
        assert_eq!(asked, kind_and_size(&mut exchange), "asking twice changes what is needed");
        match exchange.need() {
            Ok(Need::Write(bytes)) => {
                assert!(!bytes.is_empty(), "nothing is to be written");
                let room = setup.writes.map_or(usize::MAX, |most| most - sent.len().min(most));
                let count = cuts.next(bytes.len().min(room));
                sent.extend_from_slice(&bytes[..count]);
                if count == 0 { exchange.write_failed() } else { exchange.wrote(count) }
            }
            Ok(Need::Fill(space)) => {
                assert!(!space.is_empty(), "there is no room for the body");
                // Not cut: where the caller cuts the body decides where its chunks are.
                let count = space.len().min(700).min(setup.gives - given);
                space[..count].fill(b'x');
                given += count;
                exchange.filled(count);
            }
            Ok(Need::Read(space)) => {
                assert!(!space.is_empty(), "there is no room to read into");
                assert!(!ended, "read again after the end");
                let count = cuts.next(unread.len().min(space.len()));
                space[..count].copy_from_slice(&unread[..count]);
                unread = &unread[count..];
                ended = count == 0;
                exchange.read(count);
            }
            Ok(Need::Take(bytes)) => {
                assert!(!bytes.is_empty(), "nothing is to be taken");
                let count = cuts.next(bytes.len());
                taken.extend_from_slice(&bytes[..count]);
                exchange.took(count);
            }
            Ok(Need::Done) => break None,
            Err(error) => {
                assert_eq!(exchange.need().unwrap_err(), error, "the error changes");
                break Some(without_start(error));
            }
        }
    };
    assert_eq!(exchange.left(), !sent.is_empty());
    finish(exchange, failed, sent, taken, unread)
}

fn finish(
    exchange: Exchange,
    failed: Option<WireError>,
    sent: Vec<u8>,
    taken: Vec<u8>,
    unread: &[u8],
) -> Outcome {
    let mut outcome = Outcome {
        failed,
        status: None,
        fields: Vec::new(),
        collected: Vec::new(),
        taken,
        streamed: exchange.streams(),
        sent,
        reuse: Reuse::Yes,
        rest: Vec::new(),
    };
    // What is known of a response that broke off in its body depends on where it was cut before.
    if let Some(reply) = exchange.reply().filter(|_| outcome.failed.is_none()) {
        outcome.status = Some(reply.status().as_u16());
        outcome.fields = reply.fields().map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
        outcome.collected = reply.body().to_vec();
    }
    let (buffers, reuse) = exchange.finish();
    // Bytes that nobody asked for are read with the response, or lie in the socket: the same to a pool.
    let leftover = reuse == Reuse::Yes && !unread.is_empty();
    outcome.reuse = if leftover { Reuse::Leftover } else { reuse };
    if outcome.reuse == Reuse::Upgraded {
        outcome.rest = [buffers.into_rest().data(), unread].concat();
    } else if outcome.reuse == Reuse::Yes {
        nothing_stays(buffers);
    }
    outcome
}

/// A later exchange on the same buffers gets nothing of an earlier one.
fn nothing_stays(buffers: Buffers) {
    let draft = Draft::new(buffers, &Method::GET, "/1.0", "lxio").unwrap();
    let mut exchange = draft.send(Plan::default(), &Limits::DEFAULT).unwrap();
    let sent = match exchange.need() {
        Ok(Need::Write(bytes)) => bytes.to_vec(),
        other => panic!("{other:?} before the request was sent"),
    };
    assert_eq!(sent, b"GET /1.0 HTTP/1.1\r\nHost: lxio\r\n\r\n");
    exchange.wrote(sent.len());
    assert!(matches!(exchange.need(), Ok(Need::Read(_))), "a reply came of nothing");
    exchange.read(0);
    assert_eq!(exchange.need().unwrap_err(), WireError::Closed);
}

fn kind_and_size(exchange: &mut Exchange) -> (u8, usize) {
    match exchange.need() {
        Ok(Need::Write(bytes)) => (0, bytes.len()),
        Ok(Need::Fill(space)) => (1, space.len()),
        Ok(Need::Read(space)) => (2, space.len()),
        Ok(Need::Take(bytes)) => (3, bytes.len()),
        Ok(Need::Done) => (4, 0),
        Err(_) => (5, 0),
    }
}

/// The error without the bytes that it shows: how many were there is up to the cuts.
fn without_start(error: WireError) -> WireError {
    match error {
        WireError::NotHttp { .. } => WireError::NotHttp { start: String::new() },
        error => error,
    }
}

/// Plays the exchange cut in three ways, and checks what holds for any.
///
/// # Panics
/// Where two cuts differ, or a limit was exceeded.
#[must_use]
pub fn play_all(setup: &Setup, server: &[u8]) -> Outcome {
    let [whole, single, mixed] = Cuts::all(server);
    let (outcome, held) = crate::memory::peak(|| play(setup, server, whole));
    // A block to upload and one to download, what is to be sent, and the copies that are kept here.
    let most = (1 << 20) + 8 * server.len() + 4 * outcome.sent.len();
    assert!(held < most, "{held} bytes held for {}", server.len());
    assert_eq!(play(setup, server, single), outcome, "cut after each byte");
    assert_eq!(play(setup, server, mixed), outcome, "cut by chance");
    assert!(outcome.collected.len() <= setup.limits.body);
    assert!(outcome.fields.len() <= setup.limits.fields);
    if outcome.failed.is_some() {
        assert_eq!(outcome.reuse, Reuse::Unfinished, "a failed exchange says nothing good of its connection");
    }
    outcome
}
