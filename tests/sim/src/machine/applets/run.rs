use std::time::Duration;

use super::dispatch::Applet;
use crate::machine::process::{Disposition, Signal, SpawnError};

/// How long a busybox takes to end everything.
const LAST: Duration = Duration::from_millis(20);

/// The first process: waits until it is asked to end everything.
pub(super) async fn init(it: &Applet<'_>) -> u8 {
    if it.system.pid != 1 {
        return it.fail("must be run as PID 1").await;
    }
    for signal in [Signal::PWR, Signal::TERM, Signal(10), Signal(12)] {
        it.system.dispose(signal, Some(Disposition::Catch));
    }
    it.system.next_signal().await;
    // There may be nobody else.
    let _ = it.system.kill(-1, Signal::TERM);
    it.system.sleep(LAST).await;
    0
}

/// Asks the first process.
pub(super) async fn halt(it: &Applet<'_>) -> u8 {
    if it.args.iter().any(|it| it == b"-f") {
        return it.fail("only the first process ends everything").await;
    }
    match it.system.kill(1, Signal::PWR) {
        Ok(()) => 0,
        Err(errno) => it.fail(errno.to_string()).await,
    }
}

pub(super) async fn sleep(it: &Applet<'_>) -> u8 {
    let mut whole = Duration::ZERO;
    if it.args.is_empty() {
        return it.fail("usage: sleep [N]...").await;
    }
    for word in it.args {
        let Some(time) = duration(word) else {
            return it.fail([b"invalid number '".as_slice(), word, b"'"].concat()).await;
        };
        whole = whole.saturating_add(time);
    }
    it.system.sleep(whole).await;
    0
}

fn duration(word: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(word).ok()?;
    if text == "infinity" {
        return Some(Duration::MAX);
    }
    let (text, factor) = match text.as_bytes().last()? {
        b's' => (&text[..text.len() - 1], 1.0),
        b'm' => (&text[..text.len() - 1], 60.0),
        b'h' => (&text[..text.len() - 1], 3600.0),
        b'd' => (&text[..text.len() - 1], 86400.0),
        _ => (text, 1.0),
    };
    if !text.starts_with(|it: char| it.is_ascii_digit() || it == '.') {
        return None;
    }
    Duration::try_from_secs_f64(text.parse::<f64>().ok()? * factor).ok()
}

pub(super) async fn kill(it: &Applet<'_>) -> u8 {
    let mut words = it.args;
    let mut signal = Signal::TERM;
    if let Some((first, rest)) = words.split_first()
        && let Some(option) = first.strip_prefix(b"-")
    {
        words = rest;
        let name = match option {
            b"l" => return list(it, rest).await,
            b"-" => b"TERM",
            b"s" | b"n" => match rest.split_first() {
                Some((name, rest)) => {
                    words = rest;
                    name.as_slice()
                }
                None => b"",
            },
            name => name,
        };
        match Signal::parse(name) {
            Some(parsed) => signal = parsed,
            None => return it.fail([b"bad signal name '".as_slice(), name, b"'"].concat()).await,
        }
        words = words.strip_prefix(&[b"--".to_vec()]).unwrap_or(words);
    }
    if words.is_empty() {
        return it.fail("you need to specify whom to kill").await;
    }
    let mut status = 0;
    for word in words {
        let Some(pid) = std::str::from_utf8(word).ok().and_then(|it| it.parse().ok()) else {
            status = it.fail([b"invalid number '".as_slice(), word, b"'"].concat()).await;
            continue;
        };
        if let Err(errno) = it.system.kill(pid, signal) {
            status = it.fail(format!("can't kill pid {pid}: {errno}")).await;
        }
    }
    // It may have been this one.
    it.system.breathe().await;
    status
}

async fn list(it: &Applet<'_>, names: &[Vec<u8>]) -> u8 {
    let mut out = String::new();
    if names.is_empty() {
        for number in 1..=31 {
            out.push_str(&format!("{number:2}) {}\n", Signal(number).name().unwrap_or_default()));
        }
    }
    for name in names {
        match Signal::parse(name) {
            // Of an exit code as well.
            Some(signal) if name[0].is_ascii_digit() => {
                out.push_str(Signal(signal.0).name().unwrap_or_default());
                out.push('\n');
            }
            Some(signal) => out.push_str(&format!("{}\n", signal.0)),
            None => return it.fail([b"unknown signal '".as_slice(), name, b"'"].concat()).await,
        }
    }
    it.print(out).await
}

/// Runs a program in a session of its own; with `-c` the terminal is its.
pub(super) async fn setsid(it: &Applet<'_>) -> u8 {
    let (terminal, words) = match it.args.split_first() {
        Some((first, rest)) if first == b"-c" => (it.system.terminal(0), rest),
        _ => (None, it.args),
    };
    if words.is_empty() {
        return it.fail("usage: setsid [-c] PROG ARGS").await;
    }
    it.system.new_session(terminal);
    become_program(it, words.to_vec(), it.system.env()).await
}

/// Becomes a program; comes back only if there is none.
pub(super) async fn become_program(
    it: &Applet<'_>,
    argv: Vec<Vec<u8>>,
    env: std::sync::Arc<Vec<Vec<u8>>>,
) -> u8 {
    let name = argv[0].clone();
    let (why, code) = match it.system.exec(argv, env).await {
        Ok(never) => match never {},
        Err(SpawnError::NotFound) => ("No such file or directory".to_owned(), 127),
        Err(SpawnError::NotExecutable(errno) | SpawnError::Refused(errno)) => (errno.to_string(), 126),
    };
    it.fail_at("can't execute", &name, why).await;
    code
}
