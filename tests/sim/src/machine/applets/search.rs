use super::dispatch::{Applet, has};
use super::pattern::Pattern;
use super::stream::{close, open, or_stdin};
use crate::machine::files::Errno;

/// What is sorted is not more.
const MEMORY: usize = 64 << 20;

/// The next line, and whether a newline ended it.
async fn line(it: &Applet<'_>, from: u32) -> Result<Option<(Vec<u8>, bool)>, Errno> {
    let line = it.system.read_line(from, false).await?.unwrap_or_default();
    Ok(match line.strip_suffix(b"\n") {
        Some(text) => Some((text.to_vec(), true)),
        None if line.is_empty() => None,
        None => Some((line, false)),
    })
}

pub(super) async fn grep(it: &Applet<'_>) -> u8 {
    let (options, mut rest) = match it.options(b"qvcinFEosxlhH", b"e").await {
        Ok(parsed) => parsed,
        Err(_) => return 2,
    };
    let mut wanted: Vec<&[u8]> = options.iter().filter(|it| it.0 == b'e').map(|it| it.1).collect();
    if wanted.is_empty() {
        if rest.is_empty() {
            it.fail("a pattern is wanted").await;
            return 2;
        }
        wanted = rest.remove(0).split(|it| *it == b'\n').collect();
    }
    let has = |letter| has(&options, letter);
    let mut patterns = Vec::new();
    for text in wanted {
        let pattern = if has(b'F') {
            Some(Pattern::fixed(text, has(b'i')))
        } else {
            Pattern::parse(text, has(b'E'), has(b'i'))
        };
        match pattern {
            Some(pattern) => patterns.push(pattern),
            None => {
                it.fail([b"bad regex '".as_slice(), text, b"'"].concat()).await;
                return 2;
            }
        }
    }
    let names = (rest.len() > 1 || has(b'H')) && !has(b'h');
    let (mut status, mut matched) = (0, false);
    for path in or_stdin(&rest) {
        let from = match if has(b's') && path != b"-" && !it.system.may(path, 4) {
            Err(2)
        } else {
            open(it, path).await
        } {
            Ok(from) => from,
            Err(_) => {
                status = 2;
                continue;
            }
        };
        let prefix = if names { [path, b":"].concat() } else { Vec::new() };
        let (mut count, mut number) = (0_u64, 0_u64);
        loop {
            let text = match line(it, from).await {
                Ok(Some((text, _))) => text,
                Ok(None) => break,
                Err(errno) => {
                    it.fail([path, b": ", errno.to_string().as_bytes()].concat()).await;
                    status = 2;
                    break;
                }
            };
            number += 1;
            let found = patterns.iter().find_map(|pattern| {
                let found = pattern.find(&text, 0)?[0];
                found.filter(|it| !has(b'x') || *it == (0, text.len()))
            });
            if found.is_some() == has(b'v') {
                continue;
            }
            (matched, count) = (true, count + 1);
            if has(b'q') {
                return 0;
            }
            if has(b'l') {
                break;
            }
            if !has(b'c') {
                let at = if has(b'n') { format!("{number}:") } else { String::new() };
                let shown = match found {
                    Some((start, end)) if has(b'o') => &text[start..end],
                    _ => &text,
                };
                it.print([prefix.as_slice(), at.as_bytes(), shown, b"\n"].concat()).await;
            }
        }
        close(it, from);
        if has(b'l') && count > 0 {
            it.print([path, b"\n"].concat()).await;
        } else if has(b'c') {
            it.print([prefix.as_slice(), format!("{count}\n").as_bytes()].concat()).await;
        }
    }
    if status != 0 { status } else { u8::from(!matched) }
}

enum Address {
    Number(u64),
    Last,
    Match(Pattern),
}

enum Deed {
    Substitute { pattern: Pattern, with: Vec<u8>, all: bool, print: bool },
    Print,
    Delete,
    Quit,
}

/// One command of a script of `sed`: where, what.
struct Step(Option<Address>, Deed);

/// Reads `/text/`, down to the next delimiter.
fn delimited<'a>(rest: &mut &'a [u8], delimiter: u8) -> Option<Vec<u8>> {
    let (mut text, mut at) = (Vec::new(), 0);
    loop {
        let byte = *rest.get(at)?;
        at += 1;
        if byte == delimiter {
            let after: &'a [u8] = &rest[at..];
            *rest = after;
            return Some(text);
        }
        if byte == b'\\' {
            let next = *rest.get(at)?;
            at += 1;
            if next != delimiter {
                text.push(b'\\');
            }
            text.push(next);
        } else {
            text.push(byte);
        }
    }
}

fn script(text: &[u8], extended: bool) -> Option<Vec<Step>> {
    let (mut steps, mut rest) = (Vec::new(), text);
    loop {
        while rest.first().is_some_and(|it| b" ;\n".contains(it)) {
            rest = &rest[1..];
        }
        let Some(&first) = rest.first() else { return Some(steps) };
        let address = if first.is_ascii_digit() {
            let digits = rest.iter().take_while(|it| it.is_ascii_digit()).count();
            let number = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
            rest = &rest[digits..];
            Some(Address::Number(number))
        } else if first == b'$' {
            rest = &rest[1..];
            Some(Address::Last)
        } else if first == b'/' {
            rest = &rest[1..];
            Some(Address::Match(Pattern::parse(&delimited(&mut rest, b'/')?, extended, false)?))
        } else {
            None
        };
        let (&command, after) = rest.split_first()?;
        rest = after;
        let deed = match command {
            b'p' => Deed::Print,
            b'd' => Deed::Delete,
            b'q' => Deed::Quit,
            b's' => {
                let (&delimiter, after) = rest.split_first()?;
                rest = after;
                let pattern = delimited(&mut rest, delimiter)?;
                let with = delimited(&mut rest, delimiter)?;
                let (mut all, mut print, mut any_case) = (false, false, false);
                while let Some(flag) = rest.first().filter(|it| b"gpI".contains(it)) {
                    match flag {
                        b'g' => all = true,
                        b'p' => print = true,
                        _ => any_case = true,
                    }
                    rest = &rest[1..];
                }
                Deed::Substitute { pattern: Pattern::parse(&pattern, extended, any_case)?, with, all, print }
            }
            _ => return None,
        };
        if rest.first().is_some_and(|it| !b" ;\n".contains(it)) {
            return None;
        }
        steps.push(Step(address, deed));
    }
}

/// Puts something in for what matches; `None` if nothing does.
fn substitute(text: &[u8], pattern: &Pattern, with: &[u8], all: bool) -> Option<Vec<u8>> {
    let (mut out, mut at, mut any) = (Vec::new(), 0, false);
    while let Some(found) = pattern.find(text, at) {
        let Some((start, end)) = found[0] else { break };
        any = true;
        out.extend_from_slice(&text[at..start]);
        let mut bytes = with.iter();
        while let Some(&byte) = bytes.next() {
            let group = match byte {
                b'&' => 0,
                b'\\' => match bytes.next() {
                    Some(digit @ b'0'..=b'9') => usize::from(digit - b'0'),
                    Some(b'n') => {
                        out.push(b'\n');
                        continue;
                    }
                    other => {
                        out.extend(other);
                        continue;
                    }
                },
                byte => {
                    out.push(byte);
                    continue;
                }
            };
            if let Some((start, end)) = found.get(group).copied().flatten() {
                out.extend_from_slice(&text[start..end]);
            }
        }
        at = end;
        if start == end {
            // Nothing was matched: one byte further, or it would be matched again.
            out.extend(text.get(at));
            at += 1;
        }
        if !all || at > text.len() {
            break;
        }
    }
    out.extend_from_slice(text.get(at..).unwrap_or_default());
    any.then_some(out)
}

pub(super) async fn sed(it: &Applet<'_>) -> u8 {
    let (options, mut rest) = match it.options(b"nEr", b"e").await {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let mut text: Vec<&[u8]> = options.iter().filter(|it| it.0 == b'e').map(|it| it.1).collect();
    if text.is_empty() {
        if rest.is_empty() {
            return it.fail("a script is wanted").await;
        }
        text.push(rest.remove(0));
    }
    let text = text.join(&b'\n');
    let Some(steps) = script(&text, has(&options, b'E') || has(&options, b'r')) else {
        return it.fail([b"unsupported command ".as_slice(), &text].concat()).await;
    };
    let quiet = has(&options, b'n');
    let (mut status, mut number) = (0, 0_u64);
    for path in or_stdin(&rest) {
        let from = match open(it, path).await {
            Ok(from) => from,
            Err(code) => {
                status = code;
                continue;
            }
        };
        let mut next = line(it, from).await.ok().flatten();
        while let Some((mut text, ended)) = next.take() {
            next = line(it, from).await.ok().flatten();
            number += 1;
            let (mut out, mut keep, mut quit) = (Vec::new(), !quiet, false);
            let newline: &[u8] = if ended { b"\n" } else { b"" };
            for Step(address, deed) in &steps {
                let here = match address {
                    None => true,
                    Some(Address::Number(wanted)) => number == *wanted,
                    Some(Address::Last) => next.is_none(),
                    Some(Address::Match(pattern)) => pattern.find(&text, 0).is_some(),
                };
                match deed {
                    _ if !here => {}
                    Deed::Print => out.extend([&text, newline].concat()),
                    Deed::Delete => {
                        keep = false;
                        break;
                    }
                    Deed::Quit => {
                        quit = true;
                        break;
                    }
                    Deed::Substitute { pattern, with, all, print } => {
                        if let Some(new) = substitute(&text, pattern, with, *all) {
                            text = new;
                            if *print {
                                out.extend([&text, newline].concat());
                            }
                        }
                    }
                }
            }
            if keep {
                out.extend([&text, newline].concat());
            }
            if !out.is_empty() && it.print(out).await != 0 {
                return 1;
            }
            if quit {
                return status;
            }
        }
        close(it, from);
    }
    status
}

/// All lines of all files.
async fn lines(it: &Applet<'_>, paths: &[&[u8]]) -> Result<Vec<Vec<u8>>, u8> {
    let mut all = Vec::new();
    for path in or_stdin(paths) {
        let from = open(it, path).await?;
        let text = it.system.read_all(from, MEMORY).await;
        close(it, from);
        match text {
            Ok(text) => {
                let text = text.strip_suffix(b"\n").map(<[u8]>::to_vec).unwrap_or(text);
                if !text.is_empty() {
                    all.extend(text.split(|it| *it == b'\n').map(<[u8]>::to_vec));
                }
            }
            Err(errno) => return Err(it.fail(errno.to_string()).await),
        }
    }
    Ok(all)
}

fn join(lines: &[Vec<u8>]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_slice(), b"\n"]).collect::<Vec<_>>().concat()
}

pub(super) async fn sort(it: &Applet<'_>) -> u8 {
    let (options, paths) = match it.options(b"nru", b"").await {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let mut all = match lines(it, &paths).await {
        Ok(all) => all,
        Err(code) => return code,
    };
    let number = |line: &[u8]| {
        let text = line.trim_ascii_start();
        let sign = usize::from(text.starts_with(b"-"));
        let digits = text[sign..].iter().take_while(|it| it.is_ascii_digit()).count();
        std::str::from_utf8(&text[..sign + digits]).ok().and_then(|it| it.parse::<i64>().ok()).unwrap_or(0)
    };
    all.sort();
    if has(&options, b'n') {
        all.sort_by_key(|line| number(line));
    }
    if has(&options, b'r') {
        all.reverse();
    }
    if has(&options, b'u') {
        all.dedup_by(|a, b| if has(&options, b'n') { number(a) == number(b) } else { a == b });
    }
    it.print(join(&all)).await
}

pub(super) async fn uniq(it: &Applet<'_>) -> u8 {
    let (options, paths) = match it.options(b"c", b"").await {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let all = match lines(it, &paths).await {
        Ok(all) => all,
        Err(code) => return code,
    };
    let mut out = Vec::new();
    for run in all.chunk_by(|a, b| a == b) {
        if has(&options, b'c') {
            out.extend(format!("{:7} ", run.len()).into_bytes());
        }
        out.extend(join(&run[..1]));
    }
    it.print(out).await
}

pub(super) async fn cut(it: &Applet<'_>) -> u8 {
    let (options, paths) = match it.options(b"s", b"dfcb").await {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let value = |letters: &[u8]| options.iter().find(|it| letters.contains(&it.0)).map(|it| it.1);
    let delimiter = value(b"d").and_then(|it| it.first().copied()).unwrap_or(b'\t');
    let fields = value(b"f");
    let mut ranges = Vec::new();
    for range in fields.or(value(b"cb")).unwrap_or_default().split(|it| *it == b',') {
        let text = std::str::from_utf8(range).unwrap_or_default();
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        let low = if low.is_empty() && range.len() > 1 { Some(1) } else { low.parse::<usize>().ok() };
        let high =
            if high.is_empty() && range.len() > 1 { Some(usize::MAX) } else { high.parse::<usize>().ok() };
        match (low, high) {
            (Some(low @ 1..), Some(high)) => ranges.push(low..=high),
            _ => return it.fail("a list of fields or characters is wanted").await,
        }
    }
    let all = match lines(it, &paths).await {
        Ok(all) => all,
        Err(code) => return code,
    };
    let wanted = |at: usize| ranges.iter().any(|it| it.contains(&(at + 1)));
    let mut out = Vec::new();
    for line in all {
        if fields.is_none() {
            out.extend(line.iter().enumerate().filter(|it| wanted(it.0)).map(|it| *it.1));
        } else if line.contains(&delimiter) {
            let parts = line.split(|it| *it == delimiter).enumerate().filter(|it| wanted(it.0));
            out.extend(parts.map(|it| it.1).collect::<Vec<_>>().join(&delimiter));
        } else if has(&options, b's') {
            continue;
        } else {
            out.extend(line);
        }
        out.push(b'\n');
    }
    it.print(out).await
}
