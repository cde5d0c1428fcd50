use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::arrange::pump;
use super::dispatch::{Applet, has, size};
use crate::machine::files::Errno;
use crate::machine::process::Access;
use crate::machine::shell::class;

/// As much is read at once.
const PIECE: usize = 64 << 10;
/// What has to be kept in memory is not more.
const MEMORY: usize = 64 << 20;

/// Opens a file, or standard input for `-`; says why not.
pub(super) async fn open(it: &Applet<'_>, path: &[u8]) -> Result<u32, u8> {
    if path == b"-" {
        return Ok(0);
    }
    match it.system.open_new(path, Access::READ) {
        Ok(number) => Ok(number),
        Err(errno) => Err(it.fail_at("can't open", path, errno).await),
    }
}

/// As [`open`], with fewer words, as some applets do.
async fn open_plainly(it: &Applet<'_>, path: &[u8]) -> Result<u32, u8> {
    if path == b"-" {
        return Ok(0);
    }
    match it.system.open_new(path, Access::READ) {
        Ok(number) => Ok(number),
        Err(errno) => Err(it.fail([path, b": ", errno.to_string().as_bytes()].concat()).await),
    }
}

pub(super) fn close(it: &Applet<'_>, number: u32) {
    if number != 0 {
        it.system.close(number);
    }
}

/// Standard input, if no file is named.
pub(super) fn or_stdin<'a>(paths: &[&'a [u8]]) -> Vec<&'a [u8]> {
    if paths.is_empty() { vec![b"-"] } else { paths.to_vec() }
}

pub(super) async fn cat(it: &Applet<'_>) -> u8 {
    let paths = match it.options(b"u", b"").await {
        Ok((_, paths)) => paths,
        Err(code) => return code,
    };
    let mut status = 0;
    for path in or_stdin(&paths) {
        let number = match open(it, path).await {
            Ok(number) => number,
            Err(code) => {
                status = code;
                continue;
            }
        };
        let copied = pump(it, number, 1).await;
        close(it, number);
        if let Err(errno) = copied {
            let side = if errno == Errno::IsDirectory { "read" } else { "write" };
            status = it.fail(format!("{side} error: {errno}")).await;
        }
    }
    status
}

/// The options of `head` and `tail`: whether bytes are counted, the number, the sign before it, the files.
async fn parts<'a>(it: &'a Applet<'_>) -> Result<(bool, u64, Option<u8>, bool, Vec<&'a [u8]>), u8> {
    if let Some((first, rest)) = it.args.split_first()
        && first.len() > 1
        && first[0] == b'-'
        && first[1..].iter().all(u8::is_ascii_digit)
    {
        let number = size(&first[1..]).unwrap_or(10);
        return Ok((false, number, None, false, rest.iter().map(Vec::as_slice).collect()));
    }
    let (options, paths) = it.options(b"qvf", b"nc").await?;
    let (mut bytes, mut number, mut sign) = (false, 10, None);
    for (letter, value) in &options {
        if matches!(letter, b'n' | b'c') {
            bytes = *letter == b'c';
            sign = value.first().copied().filter(|it| b"+-".contains(it));
            let digits = if sign.is_some() { &value[1..] } else { value };
            number = match size(digits) {
                Some(number) => number,
                None => return Err(it.fail([b"invalid number '".as_slice(), value, b"'"].concat()).await),
            };
        }
    }
    Ok((bytes, number, sign, has(&options, b'f'), paths))
}

pub(super) async fn head(it: &Applet<'_>) -> u8 {
    let (bytes, number, sign, _, paths) = match parts(it).await {
        Ok(parts) => parts,
        Err(code) => return code,
    };
    if sign.is_some() {
        return it.fail("a number without a sign is wanted").await;
    }
    let (mut status, many) = (0, paths.len() > 1);
    for (at, path) in or_stdin(&paths).into_iter().enumerate() {
        let from = match open_plainly(it, path).await {
            Ok(from) => from,
            Err(code) => {
                status = code;
                continue;
            }
        };
        if many {
            let gap: &[u8] = if at > 0 { b"\n" } else { b"" };
            it.print([gap, b"==> ", path, b" <==\n"].concat()).await;
        }
        let copied =
            if bytes { first_bytes(it, from, number).await } else { first_lines(it, from, number).await };
        close(it, from);
        if let Err(errno) = copied {
            status = it.fail(errno.to_string()).await;
        }
    }
    status
}

async fn first_bytes(it: &Applet<'_>, from: u32, mut left: u64) -> Result<(), Errno> {
    while left > 0 {
        let piece = it.system.read(from, PIECE.min(usize::try_from(left).unwrap_or(PIECE))).await?;
        if piece.is_empty() {
            break;
        }
        left -= piece.len() as u64;
        it.system.write(1, piece).await?;
    }
    Ok(())
}

async fn first_lines(it: &Applet<'_>, from: u32, mut left: u64) -> Result<(), Errno> {
    while left > 0 {
        let mut piece = it.system.read(from, PIECE).await?;
        if piece.is_empty() {
            break;
        }
        for (at, _) in piece.clone().iter().enumerate().filter(|it| *it.1 == b'\n') {
            left -= 1;
            if left == 0 {
                piece.truncate(at + 1);
                break;
            }
        }
        it.system.write(1, piece).await?;
    }
    Ok(())
}

pub(super) async fn tail(it: &Applet<'_>) -> u8 {
    let (bytes, number, sign, follow, paths) = match parts(it).await {
        Ok(parts) => parts,
        Err(code) => return code,
    };
    if paths.len() > 1 {
        return it.fail("one file is wanted").await;
    }
    let from = match open(it, or_stdin(&paths)[0]).await {
        Ok(from) => from,
        Err(_) => return it.fail("no files").await,
    };
    let text = match it.system.read_all(from, MEMORY).await {
        Ok(text) => text,
        Err(errno) => return it.fail(errno.to_string()).await,
    };
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    let from_start = sign == Some(b'+');
    let start = if bytes {
        if from_start { number.saturating_sub(1) } else { text.len().saturating_sub(number) }
    } else {
        // Where lines begin.
        let mut starts: Vec<_> =
            text.iter().enumerate().filter(|it| *it.1 == b'\n').map(|it| it.0 + 1).collect();
        starts.insert(0, 0);
        starts.retain(|it| *it < text.len());
        let at = if from_start { number.saturating_sub(1) } else { starts.len().saturating_sub(number) };
        starts.get(at).copied().unwrap_or(text.len())
    };
    let mut status = it.print(Bytes::from(text).slice(start..)).await;
    while follow && status == 0 {
        match it.system.read(from, PIECE).await {
            Ok(piece) if piece.is_empty() => it.system.sleep(std::time::Duration::from_secs(1)).await,
            Ok(piece) => status = it.print(piece).await,
            Err(errno) => status = it.fail(errno.to_string()).await,
        }
    }
    status
}

pub(super) async fn tee(it: &Applet<'_>) -> u8 {
    let (options, paths) = match it.options(b"a", b"").await {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let access = if has(&options, b'a') { Access::APPEND } else { Access::WRITE };
    let (mut status, mut outputs) = (0, vec![1]);
    for path in paths {
        match it.system.open_new(path, access) {
            Ok(number) => outputs.push(number),
            Err(errno) => {
                status = it.fail([path, b": ".as_slice(), errno.to_string().as_bytes()].concat()).await
            }
        }
    }
    loop {
        match it.system.read(0, PIECE).await {
            Ok(piece) if piece.is_empty() => return status,
            Ok(piece) => {
                for number in &outputs {
                    if let Err(errno) = it.system.write(*number, piece.clone()).await {
                        status = it.fail(errno.to_string()).await;
                    }
                }
            }
            Err(errno) => return it.fail(errno.to_string()).await,
        }
    }
}

pub(super) async fn wc(it: &Applet<'_>) -> u8 {
    let (options, paths) = match it.options(b"lwc", b"").await {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let wanted = |letter| options.is_empty() || has(&options, letter);
    let (mut status, mut total) = (0, [0_u64; 3]);
    let mut lines = Vec::new();
    for path in or_stdin(&paths) {
        let from = match open(it, path).await {
            Ok(from) => from,
            Err(code) => {
                status = code;
                continue;
            }
        };
        let (mut counts, mut inside) = ([0_u64; 3], false);
        loop {
            let piece = match it.system.read(from, PIECE).await {
                Ok(piece) if piece.is_empty() => break,
                Ok(piece) => piece,
                Err(errno) => {
                    status = it.fail([path, b": ".as_slice(), errno.to_string().as_bytes()].concat()).await;
                    break;
                }
            };
            counts[2] += piece.len() as u64;
            for byte in &piece {
                counts[0] += u64::from(*byte == b'\n');
                let word = !byte.is_ascii_whitespace();
                counts[1] += u64::from(word && !inside);
                inside = word;
            }
        }
        close(it, from);
        total.iter_mut().zip(counts).for_each(|(sum, it)| *sum += it);
        lines.push((counts, path));
    }
    if lines.len() > 1 {
        lines.push((total, b"total"));
    }
    let mut out = Vec::new();
    for (counts, path) in lines {
        let shown: Vec<_> = counts.iter().zip(b"lwc").filter(|it| wanted(*it.1)).map(|it| *it.0).collect();
        // A number alone stands alone.
        let line = match shown.as_slice() {
            [one] if paths.is_empty() => one.to_string(),
            [one] => format!("{one} "),
            all => {
                let all: Vec<_> = all.iter().map(|it| format!("{it:9}")).collect();
                let gap = if paths.is_empty() { "" } else { " " };
                format!("{}{gap}", all.join(" "))
            }
        };
        out.extend(line.into_bytes());
        if !paths.is_empty() {
            out.extend_from_slice(path);
        }
        out.push(b'\n');
    }
    it.print(out).await.max(status)
}

/// The bytes that a set of `tr` names.
fn bytes_of(set: &[u8]) -> Vec<u8> {
    let (mut all, mut at) = (Vec::new(), 0);
    while at < set.len() {
        let mut byte = set[at];
        at += 1;
        if byte == b'['
            && set.get(at) == Some(&b':')
            && let Some(length) = set[at + 1..].windows(2).position(|it| it == b":]")
        {
            all.extend((0..=255).filter(|byte| class(&set[at + 1..at + 1 + length], *byte)));
            at += length + 3;
            continue;
        }
        if byte == b'\\' && at < set.len() {
            let octal = set[at..].iter().take(3).take_while(|it| (b'0'..=b'7').contains(it)).count();
            byte = match set[at] {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'0'..=b'7' => {
                    set[at..at + octal].iter().fold(0_u8, |sum, it| sum.wrapping_mul(8) + (it - b'0'))
                }
                other => other,
            };
            at += octal.max(1);
        }
        match (set.get(at), set.get(at + 1)) {
            (Some(b'-'), Some(high)) => {
                all.extend(byte..=*high);
                at += 2;
            }
            _ => all.push(byte),
        }
    }
    all
}

pub(super) async fn tr(it: &Applet<'_>) -> u8 {
    let (options, sets) = match it.options(b"dsc", b"").await {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let Some(first) = sets.first() else { return it.fail("a set is wanted").await };
    let (delete, squeeze) = (has(&options, b'd'), has(&options, b's'));
    let mut from = bytes_of(first);
    if has(&options, b'c') {
        from = (0..=255).filter(|byte| !from.contains(byte)).collect();
    }
    let to = sets.get(1).map(|it| bytes_of(it)).unwrap_or_default();
    let mut map: Vec<u8> = (0..=255).collect();
    if !delete && let Some(last) = to.last() {
        for (at, byte) in from.iter().enumerate() {
            map[usize::from(*byte)] = *to.get(at).unwrap_or(last);
        }
    } else if !delete && !squeeze {
        return it.fail("two sets are wanted").await;
    }
    let once = if to.is_empty() { &from } else { &to };
    let mut last = None;
    loop {
        let piece = match it.system.read(0, PIECE).await {
            Ok(piece) if piece.is_empty() => return 0,
            Ok(piece) => piece,
            Err(errno) => return it.fail(errno.to_string()).await,
        };
        let mut out = Vec::with_capacity(piece.len());
        for byte in piece {
            if delete && from.contains(&byte) {
                continue;
            }
            let byte = map[usize::from(byte)];
            if squeeze && last == Some(byte) && once.contains(&byte) {
                continue;
            }
            last = Some(byte);
            out.push(byte);
        }
        if it.print(out).await != 0 {
            return 1;
        }
    }
}

pub(super) async fn dd(it: &Applet<'_>) -> u8 {
    let (mut from, mut to, mut block, mut count) = (None, None, 512, u64::MAX);
    let (mut skip, mut seek, mut truncate, mut quiet) = (0, 0, true, false);
    for word in it.args {
        let (name, value) = match word.iter().position(|it| *it == b'=') {
            Some(at) => (&word[..at], &word[at + 1..]),
            None => (word.as_slice(), b"".as_slice()),
        };
        let number = size(value);
        match (name, number) {
            (b"if", _) => from = Some(value),
            (b"of", _) => to = Some(value),
            (b"bs", Some(number)) if (1..=MEMORY as u64).contains(&number) => block = number as usize,
            (b"count", Some(number)) => count = number,
            (b"skip", Some(number)) => skip = number,
            (b"seek", Some(number)) => seek = number,
            (b"conv", _) if value == b"notrunc" => truncate = false,
            (b"status", _) if value == b"none" => quiet = true,
            _ => return it.fail([b"invalid argument '".as_slice(), word, b"'"].concat()).await,
        }
    }
    let input = match from {
        None => 0,
        Some(path) => match open(it, path).await {
            Ok(number) => number,
            Err(code) => return code,
        },
    };
    let output = match to {
        None => 1,
        Some(path) => {
            let access =
                Access { write: true, create: true, truncate: truncate && seek == 0, ..Access::default() };
            match it.system.open_new(path, access) {
                Ok(number) => number,
                Err(errno) => return it.fail_at("can't open", path, errno).await,
            }
        }
    };
    let mut left = count.saturating_mul(block as u64);
    let done = async {
        if skip > 0 && it.system.seek(input, skip.saturating_mul(block as u64)).is_err() {
            // What cannot be gone past is read.
            let mut left = skip.saturating_mul(block as u64);
            while left > 0 {
                let piece = it.system.read(input, PIECE.min(usize::try_from(left).unwrap_or(PIECE))).await?;
                if piece.is_empty() {
                    break;
                }
                left -= piece.len() as u64;
            }
        }
        if seek > 0 {
            it.system.seek(output, seek.saturating_mul(block as u64))?;
        }
        let mut whole = 0;
        while left > 0 {
            let piece = it.system.read(input, PIECE.min(usize::try_from(left).unwrap_or(PIECE))).await?;
            if piece.is_empty() {
                break;
            }
            left -= piece.len() as u64;
            whole += piece.len() as u64;
            it.system.write(output, piece).await?;
        }
        Ok::<u64, Errno>(whole)
    };
    match done.await {
        Ok(whole) => {
            let blocks = format!("{}+{}", whole / block as u64, u8::from(whole % block as u64 > 0));
            if !quiet {
                it.system.complain(format!("{blocks} records in\n{blocks} records out")).await;
            }
            0
        }
        Err(errno) => it.fail(errno.to_string()).await,
    }
}

pub(super) async fn sha256sum(it: &Applet<'_>) -> u8 {
    let paths = match it.options(b"b", b"").await {
        Ok((_, paths)) => paths,
        Err(code) => return code,
    };
    let (mut status, mut out) = (0, Vec::new());
    for path in or_stdin(&paths) {
        let from = match open(it, path).await {
            Ok(from) => from,
            Err(code) => {
                status = code;
                continue;
            }
        };
        let mut hash = Sha256::new();
        let read = loop {
            match it.system.read(from, PIECE).await {
                Ok(piece) if piece.is_empty() => break Ok(()),
                Ok(piece) => hash.update(&piece),
                Err(errno) => break Err(errno),
            }
        };
        close(it, from);
        match read {
            Ok(()) => {
                let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
                out.extend([hex.as_bytes(), b"  ", path, b"\n"].concat());
            }
            Err(errno) => status = it.fail_at("can't read", path, errno).await,
        }
    }
    it.print(out).await.max(status)
}
