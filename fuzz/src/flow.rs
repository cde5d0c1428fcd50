//! A conversation that is told of any events, on any slots, in any order, never panics, stops asking after
//! finitely many steps, and never ends well unless it was told of what a good end consists of.

use std::io;
use std::time::Duration;

use ::http::Method;
use lxio_core::api::{events, instance, raw};
use lxio_core::bytes::{Limits, Moment};
use lxio_core::flow::{Effect, Event, Exec, Fault, Flow, IntoFlow, Output, Slot};
use lxio_core::model::{Answer, Instance, Operation, Status};
use lxio_core::wire::{Buffers, Draft, Exchange, Need, Plan, Want, WireError};
use serde_json::Value;

use crate::input::Input;

/// Most output that a command may print here.
const OUTPUT: usize = 3000;

/// What the flow was told.
struct Told<'a> {
    slot: Slot,
    kind: u8,
    payload: &'a [u8],
}

/// Two control bytes (which flow, whether it is live), then pieces: slot, kind of event, time that passes,
/// and what the event carries.
///
/// # Panics
/// Where the invariant does not hold.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (which, flags) = (input.byte(), input.byte());
    let pieces = input.pieces();
    let live = flags & 1 != 0;
    let web = instance("c1");
    match which & 7 {
        0 => run(web.start().settle(), live, &pieces, |_, _| {}, |(), told| settled(told)),
        1 => {
            let exec = web.exec(["cat"]).output_limit(OUTPUT);
            let exec = if flags & 2 == 0 { exec } else { exec.stdin(vec![b'i'; 100_000]) };
            run(exec, live, &pieces, command, |output, told| printed(output, told, live));
        }
        2 => run(web.exec(["true"]).recorded(), live, &pieces, |_, _| {}, |_, told| settled(told)),
        3 => {
            let edit = web.edit(|it: &mut Instance| it.description.push('x'));
            run(
                edit,
                live,
                &pieces,
                |_, _| {},
                |_, told| assert!(replies(told).any(|body| is_instance(&body))),
            );
        }
        4 => run(events().lifecycle().into_flow(), live, &pieces, |_, _| {}, |never, _| match *never {}),
        5 => run(
            web.file("/x").pull(),
            live,
            &pieces,
            |_, _| {},
            |_, told| {
                let head = told.iter().position(|it| it.kind == 1).expect("a head came");
                assert!(told[head..].iter().any(|it| it.kind == 0), "the body came to its end");
            },
        ),
        6 => run(web.file("/x").push(10), live, &pieces, |_, _| {}, |(), told| settled(told)),
        _ => {
            let settle = raw::post("/1.0/x").settle().within(Duration::from_secs(10));
            run(
                settle.then(|_| lxio_core::call::Request::get(lxio_core::call::Target::at("/1.0"))),
                live,
                &pieces,
                |_, _| {},
                |_, told| settled(told),
            );
        }
    }
}

fn run<F: Flow>(
    mut flow: F,
    live: bool,
    pieces: &[&[u8]],
    mut poke: impl FnMut(&mut F, &Told<'_>),
    judge: impl Fn(&F::Output, &[Told<'_>]),
) {
    if live {
        flow.live();
    }
    let (mut now, mut told) = (Moment::default(), Vec::new());
    let mut over = poll(&mut flow, now, 0);
    for piece in pieces {
        let mut input = Input::new(piece);
        let (slot, kind, time) = (input.byte() & 7, (input.byte() & 15) % 12, input.byte() & 15);
        let payload = input.rest();
        now = now.plus(Duration::from_millis(if time == 0 { 0 } else { 10 << time }));
        told.push(Told { slot, kind, payload });
        match kind {
            9.. => poke(&mut flow, &told[told.len() - 1]),
            kind => tell(&mut flow, slot, kind, payload, now),
        }
        let _ = flow.ready();
        let end = poll(&mut flow, now, payload.len());
        // A driver stops at the end; what a flow is told after that must do no harm.
        if over.is_none() {
            if let Some(Ok(output)) = &end {
                judge(output, &told);
            }
            over = end;
        }
    }
}

/// Polls until it waits or is over.
fn poll<F: Flow>(
    flow: &mut F,
    now: Moment,
    size: usize,
) -> Option<Result<F::Output, lxio_core::flow::FlowError>> {
    for _ in 0..64 + size {
        match flow.poll(now) {
            Effect::Send(_, request) | Effect::Open(_, request) => {
                if let Ok(target) = request.target.text() {
                    assert!(
                        target.bytes().all(|byte| byte.is_ascii_graphic()) && target.starts_with('/'),
                        "{target}"
                    );
                    assert!(
                        !request.target.path().split('/').any(|part| matches!(part, "." | "..")),
                        "{target}"
                    );
                }
            }
            Effect::Write(..) | Effect::Shut(_) | Effect::Emit(_) => {}
            Effect::Wait(_) => return None,
            Effect::Done(result) => return Some(result),
        }
    }
    panic!("it does not stop asking");
}

fn tell<F: Flow>(flow: &mut F, slot: Slot, kind: u8, payload: &[u8], now: Moment) {
    let event = match kind {
        2 => Event::Opened,
        3 => Event::Binary(payload),
        4 => match std::str::from_utf8(payload) {
            Ok(text) => Event::Text(text),
            Err(_) => Event::Text(""),
        },
        5 => Event::Heard,
        6 => Event::Drained,
        7 => Event::Ended,
        8 => Event::Failed(match payload.len() % 3 {
            0 => Fault::Dial(io::ErrorKind::NotFound.into()),
            1 => Fault::Io {
                error: io::ErrorKind::ConnectionReset.into(),
                left: payload.len().is_multiple_of(2),
            },
            _ => Fault::Wire { error: WireError::Closed, left: true },
        }),
        _ => {
            let want = if kind == 1 { Want::Stream } else { Want::Collect };
            let exchange = reply(payload, want);
            match exchange.reply() {
                Some(reply) if kind == 1 => flow.handle(slot, Event::Head(reply), now),
                Some(reply) => flow.handle(slot, Event::Reply(reply), now),
                None => flow.handle(
                    slot,
                    Event::Failed(Fault::Wire { error: WireError::CutHead, left: true }),
                    now,
                ),
            }
            return;
        }
    };
    flow.handle(slot, event, now);
}

/// The exchange that `payload` answers: a whole response, or a body alone.
fn reply(payload: &[u8], want: Want) -> Exchange {
    let kind = if matches!(want, Want::Stream) { "application/octet-stream" } else { "application/json" };
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", payload.len());
    let head = if payload.starts_with(b"HTTP/") { "" } else { head.as_str() };
    let bytes = [head.as_bytes(), payload].concat();
    let draft = Draft::new(Buffers::new(), &Method::GET, "/", "lxio").unwrap();
    let mut exchange = draft.send(Plan { want, ..Plan::default() }, &Limits::DEFAULT).unwrap();
    let mut unread = bytes.as_slice();
    loop {
        match exchange.need() {
            Ok(Need::Write(out)) => {
                let count = out.len();
                exchange.wrote(count);
            }
            Ok(Need::Read(space)) => {
                let count = unread.len().min(space.len());
                space[..count].copy_from_slice(&unread[..count]);
                unread = &unread[count..];
                exchange.read(count);
            }
            Ok(Need::Fill(_) | Need::Take(_) | Need::Done) | Err(_) => return exchange,
        }
    }
}

/// What the caller of a command does meanwhile.
fn command(exec: &mut Exec, told: &Told<'_>) {
    match told.kind {
        9 => {
            let ready = exec.stdin_ready();
            let taken = exec.push_stdin(told.payload);
            assert!(taken <= told.payload.len() && (ready || taken == 0));
        }
        10 => exec.close_stdin(),
        _ => exec.signal(i32::from(told.slot)),
    }
}

fn replies<'a>(told: &'a [Told<'_>]) -> impl Iterator<Item = Vec<u8>> + 'a {
    let all = told.iter().filter(|it| it.kind == 0);
    all.filter_map(|it| Some(reply(it.payload, Want::Collect).reply()?.body().to_vec()))
}

fn is_instance(body: &[u8]) -> bool {
    matches!(Answer::<Instance>::parse(body), Ok(Answer::Sync(_)))
}

/// Whether a body says that something is done.
pub(crate) fn is_done(body: &[u8]) -> bool {
    let success = |operation: &Operation| operation.status() == Status::Success;
    match Answer::<Value>::parse(body) {
        Ok(Answer::Sync(_)) => true,
        Ok(Answer::Async(operation)) => success(&operation),
        _ => matches!(Answer::<Operation>::parse(body), Ok(Answer::Sync(it)) if success(&it)),
    }
}

fn settled(told: &[Told<'_>]) {
    assert!(replies(told).any(|body| is_done(&body)), "nobody said that it is done");
}

/// A command's output is whole: both streams were marked as ended, and the output is all that came before.
fn printed(output: &Output, told: &[Told<'_>], live: bool) {
    settled(told);
    for (slot, collected) in [(2, &output.stdout), (3, &output.stderr)] {
        let of_slot = || told.iter().filter(move |it| it.slot == slot);
        assert!(of_slot().any(|it| it.kind == 4), "an output that was not marked as ended");
        let before = of_slot().take_while(|it| it.kind != 4).filter(|it| it.kind == 3);
        let all: Vec<u8> = before.flat_map(|it| it.payload).copied().collect();
        assert!(collected.len() <= OUTPUT);
        assert!(if live { collected.is_empty() } else { *collected == all });
    }
}
