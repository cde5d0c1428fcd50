//! A conversation over any bytes of a server, cut in any way, with connections that fail, fall silent or were
//! dead before, never panics, stops, asks for nothing outside the API, and never takes a part for the whole.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, LazyLock};

use lxio_core::api::{events, image, images, instance, operation, profile, raw};
use lxio_core::bytes::{Chance, Moment};
use lxio_core::flow::{Exec, Fault, Flow, IntoFlow, Piece, Slot};
use lxio_core::model::{Answer, Instance, Profile, Server};
use lxio_core::session::{Drive, Error, Remote, Session, Step};
use lxio_core::wire::Line;
use tungstenite::handshake::derive_accept_key;

use crate::answers::ID;
use crate::flow::is_done;
use crate::input::{Cuts, Input};
use crate::oracle::{self, Head};
use crate::play::small_limits;

static SESSION: LazyLock<Arc<Session>> = LazyLock::new(|| {
    let body = include_bytes!("../../core/src/model/samples/server.lxd.json");
    let Ok(Answer::Sync(server)) = Answer::<Server>::parse(body) else { panic!("the sample is a server") };
    let remote = Remote::local().limits(small_limits());
    Arc::new(Session::greeted(&remote, server).expect("the sample is LXD's"))
});

/// The answer to the key that recorded websockets were opened with.
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// One connection: what it will say, and what was said to it.
struct Socket {
    unread: VecDeque<u8>,
    sent: Vec<u8>,
    /// It has said something.
    begun: bool,
    ended: bool,
}

/// The server and the network.
struct World<'a> {
    pieces: VecDeque<&'a [u8]>,
    /// How a connection ends: 0 in order, 1 by a reset, 2 never.
    end: u8,
    cuts: Cuts,
    sockets: Vec<Option<Socket>>,
    pool: Vec<Line>,
    /// What each connection said, by slot, in the order in which they were made.
    said: Vec<(Slot, &'a [u8])>,
    /// What was taken of a streamed body.
    taken: Vec<u8>,
    /// How much of a body is given.
    gives: usize,
    /// So much of what is written to a connection leaves; then writing fails.
    writes: usize,
}

/// Two control bytes (which flow; how connections end, and whether writing fails), then what each connection says, in the order in which
/// they are made. One that says `!` cannot be made. Connections that can be used again are.
///
/// # Panics
/// Where the invariant does not hold.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (which, flags) = (input.byte(), input.byte());
    let pieces = input.pieces();
    let web = instance("c1");
    for (at, cuts) in Cuts::all(bytes).into_iter().enumerate() {
        let mut world = World::new(&pieces, flags, cuts);
        match which & 15 {
            0 => world.same(at, &pieces, flags, || web.start().settle(), |_, said| done(said)),
            1 => {
                let exec = || web.exec(["cat"]).output_limit(3000).stdin(vec![b'i'; 5000]);
                if let Some(Ok(output)) = world.run(exec(), |_| {}) {
                    printed(&world, &output.stdout, &output.stderr);
                }
            }
            2 => {
                let (mut out, mut err) = (Vec::new(), Vec::new());
                let mut exec = web.exec(["cat"]);
                exec.live();
                let ended = world.run_with(
                    exec,
                    |piece| match piece {
                        Piece::Stdout(bytes) => out.extend(bytes),
                        Piece::Stderr(bytes) => err.extend(bytes),
                    },
                    talk,
                );
                if let Some(Ok(_)) = ended {
                    printed(&world, &out, &err);
                }
            }
            3 => world.same(at, &pieces, flags, || web.exec(["true"]).recorded(), |_, said| done(said)),
            4 => world.same(
                at,
                &pieces,
                flags,
                || web.edit(|it: &mut Instance| it.description.push('x')),
                |_, said| done(said),
            ),
            5 => {
                let ended = world.run(events().lifecycle().into_flow(), |_| {});
                assert!(!matches!(ended, Some(Ok(_))));
            }
            6 => {
                let ended = world.run(web.file("/x").pull(), |_| {});
                if let Some(Ok(_)) = ended {
                    downloaded(&world);
                }
            }
            7 => world.same(at, &pieces, flags, || web.file("/x").push_all(), |_, said| done(said)),
            8 => world.same(at, &pieces, flags, || web.get().into_flow(), |_, said| done(said)),
            9 => world.same(at, &pieces, flags, || images().by_alias("a"), |_, said| done(said)),
            10 => {
                if let Some(Ok(_)) = world.run(image("ff00").export(), |_| {}) {
                    downloaded(&world);
                }
            }
            11 => {
                let import = || images().import().alias("a").sized(1000);
                world.same(at, &pieces, flags, import, |_, said| done(said));
            }
            12 => world.same(at, &pieces, flags, || operation(ID).settle(), |_, said| done(said)),
            13 => world.same(at, &pieces, flags, || raw::post("/1.0/x").settle(), |_, said| done(said)),
            14 => {
                let edit = || profile("p").edit(|it: &mut Profile| it.description.push('x'));
                world.same(at, &pieces, flags, edit, |_, said| done(said));
            }
            _ => world.same(at, &pieces, flags, || web.copy_to("c2"), |_, said| done(said)),
        }
    }
}

impl<'a> World<'a> {
    fn new(pieces: &[&'a [u8]], flags: u8, cuts: Cuts) -> Self {
        Self {
            pieces: pieces.iter().copied().collect(),
            end: flags % 3,
            cuts,
            sockets: Vec::new(),
            pool: Vec::new(),
            said: Vec::new(),
            taken: Vec::new(),
            gives: usize::from(flags >> 2) * 100,
            writes: if flags & 0x40 == 0 { usize::MAX } else { 40 },
        }
    }

    /// Runs a flow that has one connection at a time: the cuts must not matter.
    fn same<F: Flow<Output: std::fmt::Debug>>(
        &mut self,
        at: usize,
        pieces: &[&'a [u8]],
        flags: u8,
        flow: impl Fn() -> F,
        judge: impl Fn(&F::Output, &[(Slot, &[u8])]),
    ) {
        let ended = self.run(flow(), |_| {});
        if let Some(Ok(output)) = &ended {
            judge(output, &self.said);
        }
        if at > 0 {
            let whole = World::new(pieces, flags, Cuts::Whole).run(flow(), |_| {});
            assert_eq!(shown(&whole), shown(&ended), "another end by other cuts");
        }
    }

    fn run<F: Flow>(&mut self, flow: F, item: impl FnMut(F::Item)) -> Option<Result<F::Output, Error>> {
        self.run_with(flow, item, |_| false)
    }

    /// Drives the flow until it is over, or waits for what will never come.
    fn run_with<F: Flow>(
        &mut self,
        flow: F,
        mut item: impl FnMut(F::Item),
        mut talk: impl FnMut(&mut Drive<F>) -> bool,
    ) -> Option<Result<F::Output, Error>> {
        let mut drive = Drive::new(flow, Arc::clone(&SESSION), Chance::seeded(7));
        let mut now = Moment::default();
        let total: usize = self.pieces.iter().map(|piece| piece.len() + 50).sum();
        for _ in 0..1000 + 16 * total + self.gives {
            match drive.step(now) {
                Step::Connect { slot, fresh, origin } => {
                    assert!(origin.is_none(), "another server is asked");
                    self.connect(&mut drive, slot, fresh, now);
                }
                Step::Release { slot, line } => {
                    if let Some(socket) = self.sockets.get_mut(usize::from(slot)).and_then(Option::take) {
                        asked(&socket.sent);
                        assert!(line.is_none() || socket.unread.is_empty() || !socket.ended);
                        self.pool.extend(line.filter(|_| socket.unread.is_empty()));
                    }
                }
                Step::Item(it) => item(it),
                Step::Done(result) => {
                    assert!(self.sockets.iter().all(Option::is_none), "a connection is left");
                    if let Err(error) = &result {
                        told(error);
                    }
                    return Some(result);
                }
                Step::Blocked(until) => {
                    let moved = self.move_bytes(&mut drive, now) | self.body(&mut drive) | talk(&mut drive);
                    match until {
                        _ if moved => {}
                        Some(moment) => {
                            assert!(moment > now, "it waits for what has passed");
                            now = moment;
                        }
                        None => {
                            let listens = self.sockets.iter().any(Option::is_some);
                            assert!(listens, "it waits, though nobody can say anything");
                            return None;
                        }
                    }
                }
            }
        }
        panic!("it does not stop");
    }

    fn connect<F: Flow>(&mut self, drive: &mut Drive<F>, slot: Slot, fresh: bool, now: Moment) {
        let at = usize::from(slot);
        while self.sockets.len() <= at {
            self.sockets.push(None);
        }
        assert!(self.sockets[at].is_none(), "a connection is forgotten");
        if fresh {
            self.pool.clear();
        }
        let piece = match self.pieces.pop_front() {
            None | Some(b"!") => {
                let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
                return drive.dial_failed(slot, Fault::Dial(refused), now);
            }
            Some(piece) => piece,
        };
        self.said.push((slot, piece));
        self.sockets[at] = Some(Socket {
            unread: piece.iter().copied().collect(),
            sent: Vec::new(),
            begun: false,
            ended: false,
        });
        let pooled = self.pool.pop();
        let warm = pooled.is_some();
        drive.connected(slot, pooled.unwrap_or_default(), warm, now);
    }

    fn move_bytes<F: Flow>(&mut self, drive: &mut Drive<F>, now: Moment) -> bool {
        let mut moved = false;
        for (slot, socket) in (0..).zip(&mut self.sockets) {
            let Some(socket) = socket else { continue };
            while let Some(bytes) = drive.outgoing(slot) {
                let count = self.cuts.next(bytes.len().min(self.writes - socket.sent.len()));
                socket.sent.extend_from_slice(&bytes[..count]);
                if count > 0 {
                    drive.wrote(slot, count);
                } else {
                    drive.write_failed(slot, io::ErrorKind::BrokenPipe.into());
                }
                moved = true;
            }
            let Some(space) = drive.incoming(slot) else { continue };
            assert!(!socket.ended, "read again after the end");
            let there = socket.answered();
            let count = self.cuts.next(there.len().min(space.len()));
            space[..count].copy_from_slice(&there[..count]);
            socket.unread.drain(..count);
            match self.end {
                _ if count > 0 => drive.read(slot, count),
                0 => drive.read(slot, 0),
                1 => drive.read_failed(slot, io::ErrorKind::ConnectionReset.into(), now),
                _ => continue,
            }
            socket.ended = count == 0;
            moved = true;
        }
        moved
    }

    /// Gives and takes streamed bodies.
    fn body<F: Flow>(&mut self, drive: &mut Drive<F>) -> bool {
        let mut moved = false;
        if let Some(space) = drive.fill(0) {
            let count = space.len().min(self.gives).min(900);
            space[..count].fill(b'x');
            self.gives -= count;
            drive.filled(0, count);
            moved = true;
        }
        if let Some(bytes) = drive.take(0) {
            let count = self.cuts.next(bytes.len());
            self.taken.extend_from_slice(&bytes[..count]);
            drive.took(0, count);
            moved = true;
        }
        moved
    }

    /// What the slot's last connection said.
    fn last(&self, slot: Slot) -> &'a [u8] {
        self.said.iter().rev().find(|(of, _)| *of == slot).map_or(&[], |(_, piece)| piece)
    }
}

impl Socket {
    /// What the server says, with the recorded answer to a websocket's key replaced by that to the key which
    /// was sent: both are as long.
    fn answered(&mut self) -> &[u8] {
        let there = self.unread.make_contiguous();
        if !std::mem::replace(&mut self.begun, true) {
            let recorded = there.windows(ACCEPT.len()).position(|part| part == ACCEPT);
            let key = Head::read(&self.sent).and_then(|head| head.values("sec-websocket-key").next());
            if let (Some(at), Some(key)) = (recorded, key) {
                there[at..at + ACCEPT.len()].copy_from_slice(derive_accept_key(key).as_bytes());
            }
        }
        there
    }
}

/// What a caller says to a running command.
fn talk(drive: &mut Drive<Exec>) -> bool {
    if !drive.flow().stdin_ready() {
        return false;
    }
    let exec = drive.flow_mut();
    exec.push_stdin(b"input");
    exec.signal(15);
    exec.close_stdin();
    true
}

fn shown<T: std::fmt::Debug>(ended: &Option<Result<T, Error>>) -> String {
    match ended {
        // What an error shows of odd bytes is up to the cuts.
        Some(Err(error)) => format!("{:?}", error.kind()),
        other => format!("{other:?}"),
    }
}

/// An error is one sentence, and does not say again what its source says.
fn told(error: &Error) {
    let text = error.to_string();
    assert!(!text.is_empty() && !format!("{error:?}").is_empty());
    if let Some(source) = std::error::Error::source(error) {
        assert!(!text.contains(&source.to_string()), "{text}: {source}");
    }
    assert!(error.request().is_none_or(|line| line.split(' ').count() == 2), "{error:?}");
    let kinds = [error.is_not_found(), error.is_conflict(), error.is_timeout(), error.is_untrusted()];
    assert!(kinds.iter().filter(|it| **it).count() < 2, "{error:?}");
    assert!(!error.is_retryable() || error.operation().is_none(), "{error:?}");
}

/// What was sent on a connection is a request inside the API.
fn asked(sent: &[u8]) {
    let Some(head) = Head::read(sent) else { return };
    let line = std::str::from_utf8(head.line).expect("a request line is ASCII");
    let mut words = line.split(' ');
    let (path, version) = (words.nth(1).unwrap_or_default(), words.next());
    assert_eq!((version, words.next()), (Some("HTTP/1.1"), None), "{line}");
    assert!(path.starts_with('/') && !path.split('/').any(|part| matches!(part, "." | "..")), "{line}");
    assert_eq!(head.fields.first(), Some(&(&b"Host"[..], &b"lxio"[..])));
}

/// The body of a whole response.
fn body_of(piece: &[u8]) -> Option<Vec<u8>> {
    let (start, head) = Head::read_final(piece)?;
    let body = &piece[start + head.end..];
    if head.values("transfer-encoding").next().is_some() {
        return oracle::chunked(body).map(|(body, _)| body);
    }
    match head.values("content-length").next() {
        Some(length) => {
            let length = length.split(|byte| *byte == b',').next().unwrap_or_default().trim_ascii();
            Some(body.get(..std::str::from_utf8(length).ok()?.parse().ok()?)?.to_vec())
        }
        None => Some(body.to_vec()),
    }
}

fn done(said: &[(Slot, &[u8])]) {
    let all = said.iter().filter_map(|(_, piece)| body_of(piece));
    assert!(all.into_iter().any(|body| is_done(&body)), "nobody said that it is done");
}

fn downloaded(world: &World<'_>) {
    let body = body_of(world.last(0)).expect("a whole body");
    assert_eq!(world.taken, body);
}

/// Output is whole: each stream has its mark, and it is all bytes before that.
fn printed(world: &World<'_>, stdout: &[u8], stderr: &[u8]) {
    done(&world.said);
    for (slot, got) in [(2, stdout), (3, stderr)] {
        let piece = world.last(slot);
        let (start, head) = Head::read_final(piece).expect("a socket that was opened");
        let marked = oracle::output(&piece[start + head.end..]);
        assert_eq!(marked.as_deref(), Some(got), "an output that is not what came before its mark");
    }
}
