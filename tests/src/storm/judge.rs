use std::collections::BTreeMap;

use lxio_core::flow::Output;
use lxio_core::model::{Event, EventBody};
use lxio_core::session::{Cause, ErrorKind};

use super::deeds::{BASE, COUNT, COUNTER, content, mark, path};
use super::oracle::{ask, file, tells_secrets};
use super::outcome::{Got, Taken, Word};
use super::play::Stage;
use super::{Deed, Program};

/// A command is killed when its control socket breaks, and the daemon says so.
const KILLED: i32 = 137;

/// What must hold after a program; the first thing that does not.
pub(super) fn judge(program: &Program, stage: &Stage) -> Result<(), String> {
    for (at, client) in stage.clients.iter().enumerate() {
        if client.resting() > at + 1 {
            return Err(format!("client {at} keeps {} connections", client.resting()));
        }
    }
    for taken in &stage.taken {
        if let Some(Err(error)) = &taken.outcome
            && tells_secrets(error)
        {
            return Err(format!("{}: the error tells a secret: {error:?}", taken.step));
        }
    }
    if program.weather.corrupts() {
        // A bit that was turned over can be anything, an end that is never told among it.
        return Ok(());
    }
    for taken in &stage.taken {
        if taken.word() == Word::Stuck {
            return Err(format!("{}: hangs", taken.step));
        }
        alone(program, taken)?;
        remembered(stage, taken)?;
        once(stage, taken)?;
    }
    profiles(stage)?;
    counter(stage)?;
    instances(stage)?;
    files(stage)?;
    events(stage)
}

/// What can be said of an outcome by itself.
fn alone(program: &Program, taken: &Taken) -> Result<(), String> {
    let step = &taken.step;
    let (deed, number) = (step.deed, step.number);
    let wrong = |what: String| Err(format!("{step}: {what}"));
    if let Some(Err(error)) = &taken.outcome
        && matches!(error.kind(), ErrorKind::Protocol | ErrorKind::Misuse | ErrorKind::TooLong)
    {
        return wrong(format!("nobody broke the protocol: {error:?}"));
    }
    match (deed, &taken.outcome) {
        (Deed::Get(it), Some(Ok(Got::Profiles(found)))) if *found != [(format!("p{it}"), mark(it))] => {
            wrong(format!("the answer is another's: {found:?}"))
        }
        (Deed::List, Some(Ok(Got::Profiles(found)))) => {
            let own = |(name, text): &(String, String)| {
                name.strip_prefix('p').is_none_or(|it| it.parse().is_ok_and(|it| mark(it) == *text))
            };
            let all = found.iter().all(own) && found.iter().any(|(name, _)| name == COUNTER);
            if all { Ok(()) } else { wrong(format!("these are no profiles: {found:?}")) }
        }
        (Deed::Cat(size) | Deed::Talk(size), Some(Ok(Got::Output(output)))) => {
            {
                // Nobody can tell an input that was cut from one that the command did not care for.
                let cut = program.weather.breaks() && content(number, size).starts_with(&output.stdout);
                let whole = content(number, if cut { output.stdout.len() } else { size });
                printed(output, 0, &whole, program.weather.breaks()).or_else(wrong)
            }
        }
        (Deed::Exit(code), Some(Ok(Got::Output(output)))) => {
            printed(output, code.into(), b"", program.weather.breaks()).or_else(wrong)
        }
        (Deed::Missing, Some(Ok(_))) => wrong("a program that is not there was executed".into()),
        _ => Ok(()),
    }
}

fn printed(output: &Output, code: i32, bytes: &[u8], killed: bool) -> Result<(), String> {
    if killed && output.status.code() == KILLED {
        return Ok(());
    }
    if output.status.code() != code {
        return Err(format!("it ended with {} instead of {code}", output.status));
    }
    if output.stdout != bytes {
        return Err(format!(
            "it printed {} bytes, others than the {} expected",
            output.stdout.len(),
            bytes.len()
        ));
    }
    Ok(())
}

/// What was made and never deleted is found.
fn remembered(stage: &Stage, taken: &Taken) -> Result<(), String> {
    let Some(Err(error)) = &taken.outcome else { return Ok(()) };
    let (Deed::Get(it), true) = (taken.step.deed, error.is_not_found()) else { return Ok(()) };
    let made = stage.taken.iter().find(|other| other.step.number == it && other.step.deed == Deed::Make);
    let before = made.is_some_and(|made| made.is_good() && made.ended.is_some_and(|end| end <= taken.began));
    let deleted = stage.taken.iter().any(|other| other.step.deed == Deed::Delete(it));
    if before && !deleted { Err(format!("{}: not found, though it was made", taken.step)) } else { Ok(()) }
}

/// What is not idempotent was asked for at most once; what was broken off never came whole.
fn once(stage: &Stage, taken: &Taken) -> Result<(), String> {
    let number = taken.step.number;
    let exec = || (format!("POST /1.0/instances/{BASE}/exec"), mark(number));
    let file = || (format!("POST /1.0/instances/{BASE}/files?path={}", path(number)), String::new());
    let ((line, mark), most) = match taken.step.deed {
        Deed::Make => (("POST /1.0/profiles".to_owned(), mark(number)), 1),
        Deed::Create => (("POST /1.0/instances".to_owned(), mark(number)), 1),
        Deed::Cat(_) | Deed::Talk(_) | Deed::Exit(_) | Deed::Missing => (exec(), 1),
        Deed::Push(_) => (file(), 1),
        Deed::Break(_) => (file(), 0),
        _ => return Ok(()),
    };
    let count = stage.sim.daemon(|daemon| {
        let seen = daemon.journal().iter();
        seen.filter(|it| it.line == line && contains(&it.body, mark.as_bytes())).count()
    });
    if count > most { Err(format!("{}: came {count} times", taken.step)) } else { Ok(()) }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|it| it == part)
}

/// Whether what a step makes must be there at the end, must not be, or may be.
fn must_be(stage: &Stage, made: &Taken, removes: impl Fn(Deed) -> bool) -> Option<bool> {
    let removals: Vec<_> = stage.taken.iter().filter(|it| removes(it.step.deed)).collect();
    if removals.iter().any(|it| it.is_good()) || made.changed_nothing() {
        return Some(false);
    }
    let kept = removals.iter().all(|it| it.changed_nothing());
    (made.is_good() && kept).then_some(true)
}

fn profiles(stage: &Stage) -> Result<(), String> {
    for made in stage.taken.iter().filter(|it| it.step.deed == Deed::Make) {
        let number = made.step.number;
        let found = ask(&stage.sim, &format!("/1.0/profiles/p{number}"));
        let is = !found.is_null();
        if let Some(must) = must_be(stage, made, |it| it == Deed::Delete(number))
            && must != is
        {
            let what = if is { "it is there, but must not be" } else { "it is not there" };
            return Err(format!("{}: {what}", made.step));
        }
        if is && found["description"] != mark(number) {
            return Err(format!("{}: it is another's: {found}", made.step));
        }
    }
    Ok(())
}

/// Every edit that went well counts once, none counts twice, and none that was refused counts.
fn counter(stage: &Stage) -> Result<(), String> {
    let found = ask(&stage.sim, &format!("/1.0/profiles/{COUNTER}"));
    let config = &found["config"];
    let count: u64 = config[COUNT].as_str().and_then(|it| it.parse().ok()).unwrap_or_default();
    let mut signed = 0;
    for edit in stage.taken.iter().filter(|it| it.step.deed == Deed::Edit) {
        let is = config.get(format!("user.{}", mark(edit.step.number))).is_some();
        signed += u64::from(is);
        if edit.is_good() && !is {
            return Err(format!("{}: the edit is lost", edit.step));
        }
        if edit.changed_nothing() && is {
            return Err(format!("{}: the edit is there, though it failed", edit.step));
        }
    }
    if signed != count { Err(format!("{signed} edits count as {count}")) } else { Ok(()) }
}

fn instances(stage: &Stage) -> Result<(), String> {
    for made in stage.taken.iter().filter(|it| it.step.deed == Deed::Create) {
        let number = made.step.number;
        let found = ask(&stage.sim, &format!("/1.0/instances/c{number}"));
        let is = !found.is_null();
        if let Some(must) = must_be(stage, made, |it| it == Deed::Erase(number))
            && must != is
        {
            let what = if is { "it is there, but must not be" } else { "it is not there" };
            return Err(format!("{}: {what}", made.step));
        }
        let powers = |it: &&Taken| matches!(it.step.deed, Deed::Start(it) | Deed::Stop(it) if it == number);
        let all: Vec<_> = stage.taken.iter().filter(powers).filter(|it| !it.changed_nothing()).collect();
        // Only what is known to have come last says how it must be.
        let Some(last) = all.last().filter(|it| is && it.is_good()) else { continue };
        let before = |it: &&Taken| it.ended.is_some_and(|end| end <= last.began) && it.is_good();
        if all[..all.len() - 1].iter().all(before) {
            let status = if matches!(last.step.deed, Deed::Start(_)) { "Running" } else { "Stopped" };
            if found["status"] != status {
                return Err(format!("{}: it is {}", last.step, found["status"]));
            }
        }
    }
    Ok(())
}

fn files(stage: &Stage) -> Result<(), String> {
    for taken in &stage.taken {
        let number = taken.step.number;
        match (taken.step.deed, &taken.outcome) {
            (Deed::Push(size), Some(Ok(_)))
                if file(&stage.sim, BASE, &path(number)).as_deref() != Some(&content(number, size)) =>
            {
                return Err(format!("{}: the file is another", taken.step));
            }
            (Deed::Pull(it), Some(Ok(Got::Content(bytes)))) => {
                let Some(pushed) = stage.taken.iter().find(|other| other.step.number == it) else { continue };
                let Deed::Push(size) = pushed.step.deed else { continue };
                // While a file is being written it is shorter.
                let written = pushed.is_good() && pushed.ended.is_some_and(|end| end <= taken.began);
                let size = if written { size } else { bytes.len().min(size) };
                if *bytes != content(it, size) {
                    return Err(format!("{}: {} bytes came, others than were sent", taken.step, bytes.len()));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Events come in order and once, and all that happened while the stream stood has come, or it ended.
fn events(stage: &Stage) -> Result<(), String> {
    for watch in &stage.watches {
        let items = watch.task.items();
        let mut last = BTreeMap::new();
        let mut created: BTreeMap<String, u32> = BTreeMap::new();
        for event in &items {
            let Event { timestamp, body: EventBody::Lifecycle(it), .. } = event else { continue };
            let source = it.source().to_string();
            if let Some(before) = last.insert(source.clone(), timestamp.get())
                && before > timestamp.get()
            {
                return Err(format!("events of {source} are out of order"));
            }
            if it.action().as_str() == "profile-created" {
                *created.entry(source).or_default() += 1;
            }
        }
        if let Some((source, count)) = created.iter().find(|(_, count)| **count > 1) {
            return Err(format!("{source} was created {count} times"));
        }
        let Some(stands) = watch.stands.filter(|_| !watch.task.is_over()) else { continue };
        for made in stage.taken.iter().filter(|it| it.step.deed == Deed::Make && it.is_good()) {
            let name = format!("/1.0/profiles/p{}", made.step.number);
            if made.began >= stands && !created.contains_key(&name) {
                return Err(format!("{}: the event is lost", made.step));
            }
        }
        if let Some(Err(error)) = watch.task.take_result()
            && matches!(error.cause(), Cause::Stuck)
        {
            return Err("a watch hangs".into());
        }
    }
    Ok(())
}
