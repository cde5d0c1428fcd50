//! A conversation that is told of any events, on any slots, in any order, never panics, stops asking after
//! finitely many steps, sends at most once what may be sent only once, ends well only if it was told of all that a
//! good end consists of, and badly only for a reason that it was told.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use ::http::Method;
use lxio_core::api::{events, images, instance, operation, raw};
use lxio_core::bytes::{Limits, Moment};
use lxio_core::call::{CallError, Request};
use lxio_core::flow::{Effect, Event, Exec, Fault, Flow, FlowError, IntoFlow, Output, Slot};
use lxio_core::model::{Answer, Instance, Operation, Status};
use lxio_core::wire::{Buffers, Draft, Exchange, Need, Plan, Want, WebsocketError, WireError};
use serde_json::Value;

use crate::answers::{self, ID, SECRET};
use crate::input::Input;

/// Most output that a command may print here.
const OUTPUT: usize = 3000;

/// What the flow was told.
struct Told<'a> {
    slot: Slot,
    kind: u8,
    payload: Cow<'a, [u8]>,
}

/// Two control bytes (which flow, whether it is live), then pieces: slot, kind of event, time that passes,
/// and what the event carries; an answer may be told by the number of its body.
///
/// # Panics
/// Where the invariant does not hold.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (which, flags) = (input.byte(), input.byte());
    let pieces = input.pieces();
    let live = flags & 1 != 0;
    let web = instance("c1");
    match which & 15 {
        0 => run(web.start().settle(), live, &pieces, |_, _| {}, |(), told| settled(told)),
        1 => {
            let exec = web.exec(["cat"]).output_limit(OUTPUT);
            let exec = if flags & 2 == 0 { exec } else { exec.stdin(vec![b'i'; 100_000]) };
            run(exec, live, &pieces, command, |output, told| printed(output, told, live));
        }
        2 => {
            let exec = web.in_project("p&q").exec(["true"]);
            let exec = if flags & 2 == 0 { exec } else { exec.stdin("none is taken") };
            run(exec.recorded(), live, &pieces, |_, _| {}, |_, told| settled(told));
        }
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
        7 => {
            let settle = raw::post("/1.0/x").settle().within(Duration::from_secs(10));
            let settle = settle.then(|_| Request::post(lxio_core::call::Target::at("/1.0/y")));
            run(settle, live, &pieces, |_, _| {}, |_, told| settled(told));
        }
        8 if flags & 2 != 0 => run(
            web.exists().into_flow(),
            live,
            &pieces,
            |_, _| {},
            |there, told| {
                assert!(replies(told).any(|body| if *there {
                    is_done(&body)
                } else {
                    is_refused(&body, 404)
                }));
            },
        ),
        8 => run(
            web.get().into_flow(),
            live,
            &pieces,
            |_, _| {},
            |_, told| assert!(replies(told).any(|body| is_instance(&body))),
        ),
        9 => run(web.copy_to("c2"), live, &pieces, |_, _| {}, |_, told| settled(told)),
        10 => run(
            images().by_alias("a"),
            live,
            &pieces,
            |_, _| {},
            |_, told| assert!(replies(told).filter(|body| is_done(body)).count() > 1),
        ),
        11 => run(
            lxio_core::api::image("ff00").export(),
            live,
            &pieces,
            |_, _| {},
            |_, told| assert!(told.iter().any(|it| it.kind == 1) && told.iter().any(|it| it.kind == 0)),
        ),
        12 => {
            let import = images().import().alias("a").alias("b").bytes(&b"x"[..]);
            // The image, and one answer for each alias.
            run(
                import,
                live,
                &pieces,
                |_, _| {},
                |_, told| assert!(replies(told).filter(|body| is_change(body)).count() > 2),
            );
        }
        13 => {
            let settle = operation(ID).settle().within(Duration::from_secs(60));
            run(
                settle,
                live,
                &pieces,
                |_, _| {},
                |operation, told| {
                    assert_eq!(operation.status(), Status::Success);
                    settled(told);
                },
            );
        }
        14 => {
            let create = web.snapshots().create("").into_flow();
            run(
                create,
                live,
                &pieces,
                |_, _| {},
                |name, told| {
                    assert!(!name.is_empty());
                    settled(told);
                },
            );
        }
        _ => run(web.publish().into_flow(), live, &pieces, |_, _| {}, |_, told| settled(told)),
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
    flow.bound(&Limits::DEFAULT);
    let (mut now, mut told, mut sent) = (Moment::default(), Vec::new(), BTreeMap::new());
    let mut over = poll(&mut flow, now, 0, &mut sent);
    for piece in pieces {
        let mut input = Input::new(piece);
        let (slot, kind, time) = (input.byte() & 7, input.byte() & 15, input.byte() & 15);
        let (kind, payload) = match kind {
            12.. => (0, Cow::Owned(answers::body(input.byte()).into_bytes())),
            kind => (kind, Cow::Borrowed(input.rest())),
        };
        now = now.plus(Duration::from_millis(if time == 0 { 0 } else { 10 << time }));
        let size = payload.len();
        told.push(Told { slot, kind, payload });
        let last = &told[told.len() - 1];
        match kind {
            9.. => poke(&mut flow, last),
            kind => tell(&mut flow, slot, kind, &last.payload, now),
        }
        let _ = flow.ready();
        let end = poll(&mut flow, now, size, &mut sent);
        // A driver stops at the end; what a flow is told after that must do no harm.
        if over.is_none() {
            match &end {
                Some(Ok(output)) => judge(output, &told),
                Some(Err(error)) => explained(error, &told),
                None => {}
            }
            once(&sent, &told);
            over = end;
        }
    }
}

/// Polls until it waits or is over.
fn poll<F: Flow>(
    flow: &mut F,
    now: Moment,
    size: usize,
    sent: &mut BTreeMap<String, usize>,
) -> Option<Result<F::Output, FlowError>> {
    for _ in 0..64 + size {
        match flow.poll(now) {
            Effect::Send(_, request) | Effect::Open(_, request) => {
                assert!(!format!("{request:?}").contains(SECRET), "a secret is shown");
                if let Ok(target) = request.target.text() {
                    assert!(
                        target.bytes().all(|byte| byte.is_ascii_graphic()) && target.starts_with('/'),
                        "{target}"
                    );
                    assert!(
                        !request.target.path().split('/').any(|part| matches!(part, "." | "..")),
                        "{target}"
                    );
                    if !request.idempotent {
                        *sent.entry(format!("{} {target}", request.method)).or_default() += 1;
                    }
                }
            }
            Effect::Write(..) | Effect::Shut(_) | Effect::Emit(_) => {}
            Effect::Wait(until) => {
                assert!(until.is_none_or(|moment| moment > now), "it waits for what has passed");
                return None;
            }
            Effect::Done(result) => return Some(result),
        }
    }
    panic!("it does not stop asking");
}

/// What must not be sent twice was not, but for an edit after a conflict, and for aliases, which are two.
fn once(sent: &BTreeMap<String, usize>, told: &[Told<'_>]) {
    let conflicts = || replies(told).filter(|body| is_refused(body, 412)).count();
    for (line, count) in sent {
        let most = match line.split_once(' ') {
            Some(("PUT", _)) => 1 + conflicts(),
            Some(("POST", "/1.0/images/aliases")) => 2,
            _ => 1,
        };
        assert!(*count <= most, "{line} was sent {count} times");
    }
}

/// A bad end has a reason, and shows no secrets.
fn explained(error: &FlowError, told: &[Told<'_>]) {
    let failed = told.iter().any(|it| matches!(it.kind, 0..=2 | 8));
    let ended = |status: Status| operations(told).any(|operation| operation.status() == status);
    match error {
        FlowError::OperationFailed(operation) => {
            assert!(
                operation.is_final() && operation.status() != Status::Success && ended(operation.status())
            );
        }
        FlowError::OperationCancelled(_) => assert!(ended(Status::Cancelled)),
        FlowError::OperationVanished { .. } => {
            assert!(replies(told).any(|body| is_refused(&body, 404)), "nobody said that it is gone");
        }
        FlowError::OperationLost { .. } | FlowError::Fault(_) => assert!(failed),
        FlowError::NotExecuted { code, .. } => assert!(matches!(code, 126 | 127) && ended(Status::Failure)),
        FlowError::Conflict { tries } => {
            assert!(replies(told).filter(|body| is_refused(body, 412)).count() >= *tries as usize);
        }
        _ => {}
    }
    let shown = format!("{error} {error:?}");
    assert!(!error.to_string().is_empty());
    // An input may say the same where it is no secret.
    let elsewhere = told.iter().any(|it| {
        matches!(it.payload, Cow::Borrowed(bytes) if bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()))
    });
    assert!(elsewhere || !shown.contains(SECRET), "a secret is shown: {shown}");
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
        8 => Event::Failed(match payload.len() % 5 {
            0 => Fault::Dial(io::ErrorKind::NotFound.into()),
            1 => Fault::Io {
                error: io::ErrorKind::ConnectionReset.into(),
                left: payload.len().is_multiple_of(2),
            },
            2 => Fault::Wire { error: WireError::Closed, left: true },
            3 => Fault::Websocket(WebsocketError::EndInFrame),
            _ => Fault::Call(CallError::Unsupported { extension: "none" }),
        }),
        _ => {
            let want = if kind == 1 { Want::Stream } else { Want::Collect };
            let exchange = reply(payload, want);
            assert!(!format!("{exchange:?} {:?}", exchange.reply()).contains(SECRET), "a secret is shown");
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
            let taken = exec.push_stdin(&told.payload);
            assert!(taken <= told.payload.len() && (ready || taken == 0));
            assert!(!ready || !exec.stdin_closed());
        }
        10 => exec.close_stdin(),
        _ => exec.signal(i32::from(told.slot)),
    }
}

fn replies<'a>(told: &'a [Told<'_>]) -> impl Iterator<Item = Vec<u8>> + 'a {
    let all = told.iter().filter(|it| it.kind == 0);
    all.filter_map(|it| Some(reply(&it.payload, Want::Collect).reply()?.body().to_vec()))
}

/// The operations that were told of.
fn operations<'a>(told: &'a [Told<'_>]) -> impl Iterator<Item = Operation> + 'a {
    replies(told).filter_map(|body| match Answer::<Operation>::parse(&body) {
        Ok(Answer::Sync(operation)) => Some(operation),
        Ok(Answer::Async(operation)) => Some(*operation),
        _ => None,
    })
}

fn is_refused(body: &[u8], wanted: u16) -> bool {
    matches!(Answer::<Value>::parse(body), Ok(Answer::Refused { code, .. }) if code == wanted)
}

/// Whether a body says that a change is done or begun.
fn is_change(body: &[u8]) -> bool {
    matches!(Answer::<Value>::parse(body), Ok(Answer::Sync(_) | Answer::Async(_)))
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
    let (status, code) = (output.status, output.status.code());
    assert!(operations(told).any(|operation| operation.exit_code() == Some(code)), "nobody said {code}");
    assert_eq!(status.success(), code == 0);
    assert!(status.signal().is_none_or(|signal| signal + 128 == code));
    assert!(status.to_string().contains(&code.to_string()));
    assert!(output.stdout_text().len() >= output.stdout.len());
    assert!(output.stderr_text().len() >= output.stderr.len());
    for (slot, collected) in [(2, &output.stdout), (3, &output.stderr)] {
        let of_slot = || told.iter().filter(move |it| it.slot == slot);
        assert!(of_slot().any(|it| it.kind == 4), "an output that was not marked as ended");
        let before = of_slot().take_while(|it| it.kind != 4).filter(|it| it.kind == 3);
        let all: Vec<u8> = before.flat_map(|it| it.payload.iter()).copied().collect();
        assert!(collected.len() <= OUTPUT);
        assert!(if live { collected.is_empty() } else { *collected == all });
    }
}
