use super::dispatch::Applet;

/// What is printed is written in pieces of about this size.
const PIECE: usize = 32 << 10;

pub(super) async fn echo(it: &Applet<'_>) -> u8 {
    let (mut newline, mut escapes, mut args) = (true, false, it.args);
    while let Some((first, rest)) = args.split_first() {
        let Some(letters) = first.strip_prefix(b"-").filter(|it| !it.is_empty()) else { break };
        if !letters.iter().all(|it| b"neE".contains(it)) {
            break;
        }
        for letter in letters {
            match letter {
                b'n' => newline = false,
                letter => escapes = *letter == b'e',
            }
        }
        args = rest;
    }
    let mut text = args.join(&b' ');
    if escapes {
        let mut out = Vec::new();
        let mut rest = text.as_slice();
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            if byte != b'\\' {
                out.push(byte);
            } else if !escape(&mut rest, &mut out, true) {
                newline = false;
                break;
            }
        }
        text = out;
    }
    if newline {
        text.push(b'\n');
    }
    it.print(text).await
}

/// What a backslash begins; `false` after `\c`, which ends everything. `zero`: octal digits follow a 0.
pub(crate) fn escape(rest: &mut &[u8], out: &mut Vec<u8>, zero: bool) -> bool {
    let Some((&byte, after)) = rest.split_first() else {
        out.push(b'\\');
        return true;
    };
    *rest = after;
    let digits = |rest: &mut &[u8], radix: u32, most: usize| {
        let length = rest.iter().take(most).take_while(|it| char::from(**it).is_digit(radix)).count();
        let (digits, after) = rest.split_at(length);
        *rest = after;
        let value = |sum: u32, it: &u8| sum * radix + char::from(*it).to_digit(radix).unwrap_or_default();
        (length > 0).then(|| digits.iter().fold(0, value) as u8)
    };
    match byte {
        b'a' => out.push(7),
        b'b' => out.push(8),
        b'c' => return false,
        b'e' => out.push(27),
        b'f' => out.push(12),
        b'n' => out.push(b'\n'),
        b'r' => out.push(b'\r'),
        b't' => out.push(b'\t'),
        b'v' => out.push(11),
        b'\\' => out.push(b'\\'),
        b'0' if zero => out.push(digits(rest, 8, 3).unwrap_or(0)),
        b'0'..=b'7' => {
            let mut all = [&[byte], *rest].concat();
            all.truncate(3);
            let mut view = all.as_slice();
            out.push(digits(&mut view, 8, 3).unwrap_or(0));
            *rest = &rest[all.len() - view.len() - 1..];
        }
        b'x' => match digits(rest, 16, 2) {
            Some(value) => out.push(value),
            None => out.extend(b"\\x"),
        },
        other => out.extend([b'\\', other]),
    }
    true
}

pub(super) async fn printf(it: &Applet<'_>) -> u8 {
    let args = it.args.strip_prefix(&[b"--".to_vec()]).unwrap_or(it.args);
    let Some((format, mut args)) = args.split_first() else {
        it.fail("usage: printf FORMAT [ARGUMENT...]").await;
        return 2;
    };
    let (mut out, mut status) = (Vec::new(), 0);
    loop {
        let before = args.len();
        let mut rest = format.as_slice();
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            match byte {
                b'\\' => {
                    if !escape(&mut rest, &mut out, false) {
                        return it.print(out).await.max(status);
                    }
                }
                b'%' if rest.first() == Some(&b'%') => {
                    rest = &rest[1..];
                    out.push(b'%');
                }
                b'%' => match conversion(&mut rest, &mut args, &mut out) {
                    Ok(true) => {}
                    Ok(false) => return it.print(out).await.max(status),
                    Err(Bad::Number(word)) => {
                        it.fail([b"invalid number '".as_slice(), &word, b"'"].concat()).await;
                        status = 1;
                    }
                    Err(Bad::Format) => {
                        it.print(out).await;
                        let text = [b"%".as_slice(), after, b": invalid format"].concat();
                        return it.fail(text).await;
                    }
                },
                _ => out.push(byte),
            }
        }
        if out.len() >= PIECE && it.print(std::mem::take(&mut out)).await != 0 {
            return 1;
        }
        if args.is_empty() || args.len() == before {
            return it.print(out).await.max(status);
        }
    }
}

enum Bad {
    Number(Vec<u8>),
    Format,
}

/// One conversion, behind its `%`; `false` if a `\c` in an argument ends everything.
fn conversion(rest: &mut &[u8], args: &mut &[Vec<u8>], out: &mut Vec<u8>) -> Result<bool, Bad> {
    let next = |args: &mut &[Vec<u8>]| match args.split_first() {
        Some((first, after)) => {
            *args = after;
            first.clone()
        }
        None => Vec::new(),
    };
    let number_of = |rest: &mut &[u8], args: &mut &[Vec<u8>]| {
        if rest.first() == Some(&b'*') {
            *rest = &rest[1..];
            return integer(&next(args)).ok().and_then(|it| usize::try_from(it).ok());
        }
        let length = rest.iter().take_while(|it| it.is_ascii_digit()).count();
        let (digits, after) = rest.split_at(length);
        *rest = after;
        std::str::from_utf8(digits).ok()?.parse().ok()
    };
    let flags = rest.iter().take_while(|it| b"-+ #0".contains(it)).count();
    let (flags, after) = rest.split_at(flags);
    *rest = after;
    let width: usize = number_of(rest, args).unwrap_or(0).min(PIECE);
    let mut precision = None;
    if rest.first() == Some(&b'.') {
        *rest = &rest[1..];
        precision = Some(number_of(rest, args).unwrap_or(0).min(PIECE));
    }
    let Some((&letter, after)) = rest.split_first() else { return Err(Bad::Format) };
    *rest = after;
    let has = |flag: u8| flags.contains(&flag);
    let (mut sign, mut bad, mut go_on) = (Vec::new(), None, true);
    let mut body = match letter {
        b's' => {
            let mut text = next(args);
            text.truncate(precision.unwrap_or(usize::MAX));
            text
        }
        b'b' => {
            let (text, mut body) = (next(args), Vec::new());
            let mut view = text.as_slice();
            while let Some((&byte, after)) = view.split_first() {
                view = after;
                if byte != b'\\' {
                    body.push(byte);
                } else if !escape(&mut view, &mut body, true) {
                    go_on = false;
                    break;
                }
            }
            body
        }
        b'c' => vec![next(args).first().copied().unwrap_or(0)],
        b'd' | b'i' | b'u' | b'o' | b'x' | b'X' => {
            let word = next(args);
            let value = integer(&word).unwrap_or_else(|so_far| {
                bad = Some(word);
                so_far
            });
            let digits = match letter {
                b'd' | b'i' => {
                    if value < 0 {
                        sign.push(b'-');
                    } else if has(b'+') || has(b' ') {
                        sign.push(if has(b'+') { b'+' } else { b' ' });
                    }
                    value.unsigned_abs().to_string()
                }
                b'u' => (value as u64).to_string(),
                b'o' => format!("{}{value:o}", if has(b'#') { "0" } else { "" }),
                b'x' => format!("{}{value:x}", if has(b'#') { "0x" } else { "" }),
                _ => format!("{}{value:X}", if has(b'#') { "0X" } else { "" }),
            };
            let missing = precision.unwrap_or(0).saturating_sub(digits.len());
            ["0".repeat(missing), digits].concat().into_bytes()
        }
        _ => return Err(Bad::Format),
    };
    let missing = width.saturating_sub(sign.len() + body.len());
    if has(b'-') {
        body.extend(vec![b' '; missing]);
        out.extend([sign, body].concat());
    } else if has(b'0') && precision.is_none() && !matches!(letter, b's' | b'b' | b'c') {
        out.extend([sign, vec![b'0'; missing], body].concat());
    } else {
        out.extend([vec![b' '; missing], sign, body].concat());
    }
    bad.map_or(Ok(go_on), |word| Err(Bad::Number(word)))
}

/// A number as C writes it, or the code of a character behind a quote; what is none is what could be read.
fn integer(word: &[u8]) -> Result<i64, i64> {
    if let Some([quote, rest @ ..]) = word.first().map(|_| word)
        && matches!(quote, b'"' | b'\'')
    {
        return Ok(rest.first().copied().unwrap_or(0).into());
    }
    let text = word.trim_ascii_start();
    let (negative, digits) = match text.first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits {
        [b'0', b'x' | b'X', rest @ ..] => (16, rest),
        [b'0', ..] => (8, digits),
        _ => (10, digits),
    };
    let good = digits.iter().take_while(|it| char::from(**it).is_digit(radix)).count();
    let value = digits[..good].iter().fold(0_i64, |sum, it| {
        let digit = char::from(*it).to_digit(radix).unwrap_or_default();
        sum.saturating_mul(radix.into()).saturating_add(digit.into())
    });
    let value = if negative { -value } else { value };
    if good == digits.len() && good > 0 { Ok(value) } else { Err(0) }
}

pub(super) async fn seq(it: &Applet<'_>) -> u8 {
    let mut numbers = Vec::new();
    for word in it.args {
        match std::str::from_utf8(word).ok().and_then(|it| it.parse::<i64>().ok()) {
            Some(number) => numbers.push(number),
            None => return it.fail([b"invalid number '".as_slice(), word, b"'"].concat()).await,
        }
    }
    let (first, step, last) = match *numbers.as_slice() {
        [last] => (1, 1, last),
        [first, last] => (first, 1, last),
        [first, step, last] => (first, step, last),
        _ => return it.fail("one to three numbers are wanted").await,
    };
    let (mut out, mut next) = (Vec::new(), Some(first));
    while let Some(number) = next.filter(|it| if step < 0 { *it >= last } else { *it <= last }) {
        out.extend(format!("{number}\n").into_bytes());
        next = number.checked_add(step);
        if out.len() >= PIECE && it.print(std::mem::take(&mut out)).await != 0 {
            return 1;
        }
    }
    it.print(out).await
}

pub(super) async fn yes(it: &Applet<'_>) -> u8 {
    let mut line = if it.args.is_empty() { b"y".to_vec() } else { it.args.join(&b' ') };
    line.push(b'\n');
    let many = bytes::Bytes::from(line.repeat((PIECE / line.len()).max(1)));
    while it.print(many.clone()).await == 0 {}
    1
}
