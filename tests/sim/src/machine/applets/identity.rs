use std::sync::Arc;

use super::dispatch::{Applet, has};
use super::run::become_program;
use crate::machine::process::Access;

/// The name of a user or a group, from `/etc/passwd` or `/etc/group`.
pub(super) async fn name_of(it: &Applet<'_>, file: &[u8], id: u32) -> Option<Vec<u8>> {
    let id = id.to_string().into_bytes();
    for fields in database(it, file).await {
        if fields.get(2) == Some(&id) {
            return fields.into_iter().next();
        }
    }
    None
}

/// The number of a user or a group that is given by number or by name.
pub(super) async fn id_of(it: &Applet<'_>, file: &[u8], name: &[u8]) -> Option<u32> {
    if let Some(id) = std::str::from_utf8(name).ok().and_then(|it| it.parse().ok()) {
        return Some(id);
    }
    let all = database(it, file).await;
    let found = all.into_iter().find(|it| it.first().is_some_and(|it| it == name))?;
    std::str::from_utf8(found.get(2)?).ok()?.parse().ok()
}

async fn database(it: &Applet<'_>, file: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let Ok(number) = it.system.open_new(file, Access::READ) else { return Vec::new() };
    let text = it.system.read_all(number, 1 << 20).await.unwrap_or_default();
    it.system.close(number);
    text.split(|it| *it == b'\n')
        .map(|line| line.split(|it| *it == b':').map(<[u8]>::to_vec).collect())
        .collect()
}

pub(super) async fn id(it: &Applet<'_>) -> u8 {
    let (options, rest) = match it.options(b"ugnrG", b"").await {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    if !rest.is_empty() {
        return it.fail("only the own id can be told").await;
    }
    let (uid, gid) = (it.system.uid(), it.system.gid());
    let user = name_of(it, b"/etc/passwd", uid).await;
    let group = name_of(it, b"/etc/group", gid).await;
    let (id, name) = if has(&options, b'u') {
        (uid, user)
    } else if has(&options, b'g') || has(&options, b'G') {
        (gid, group)
    } else {
        let shown = |id: u32, name: Option<Vec<u8>>| match name {
            Some(name) => format!("{id}({})", String::from_utf8_lossy(&name)),
            None => id.to_string(),
        };
        let (user, group) = (shown(uid, user), shown(gid, group));
        return it.print(format!("uid={user} gid={group}\n")).await;
    };
    if !has(&options, b'n') {
        return it.print(format!("{id}\n")).await;
    }
    match name {
        Some(name) => it.print([&name, b"\n".as_slice()].concat()).await,
        None => it.fail(format!("unknown ID {id}")).await,
    }
}

pub(super) async fn whoami(it: &Applet<'_>) -> u8 {
    let uid = it.system.uid();
    match name_of(it, b"/etc/passwd", uid).await {
        Some(name) => it.print([&name, b"\n".as_slice()].concat()).await,
        None => it.fail(format!("unknown uid {uid}")).await,
    }
}

/// Prints the environment, or runs something in another one.
pub(super) async fn env(it: &Applet<'_>) -> u8 {
    let mut env = (*it.system.env()).clone();
    let mut words = it.args.iter().peekable();
    while let Some(option) = words.next_if(|it| it.starts_with(b"-")) {
        match option.as_slice() {
            b"-i" | b"-" => env.clear(),
            b"-u" => {
                let name = [words.next().map(Vec::as_slice).unwrap_or_default(), b"="].concat();
                env.retain(|it| !it.starts_with(&name));
            }
            other => return it.bad_option(other).await,
        }
    }
    while let Some(word) = words.next_if(|it| it.contains(&b'=')) {
        let length = word.iter().position(|it| *it == b'=').unwrap_or(0) + 1;
        env.retain(|it| !it.starts_with(&word[..length]));
        env.push(word.clone());
    }
    let argv: Vec<_> = words.cloned().collect();
    if !argv.is_empty() {
        return become_program(it, argv, Arc::new(env)).await;
    }
    it.print(env.iter().map(|it| [it, b"\n".as_slice()].concat()).collect::<Vec<_>>().concat()).await
}

pub(super) async fn hostname(it: &Applet<'_>) -> u8 {
    match it.args {
        [] => it.print([&it.system.hostname(), b"\n".as_slice()].concat()).await,
        [name] if !name.starts_with(b"-") => {
            if it.system.uid() != 0 {
                return it.fail("sethostname: Operation not permitted").await;
            }
            it.system.set_hostname(name);
            0
        }
        [option, ..] => it.bad_option(option).await,
    }
}

pub(super) async fn uname(it: &Applet<'_>) -> u8 {
    let (options, _) = match it.options(b"asnrvmo", b"").await {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let name = String::from_utf8_lossy(&it.system.hostname()).into_owned();
    let all = [
        (b's', "Linux"),
        (b'n', name.as_str()),
        (b'r', "6.1.0"),
        (b'v', "#1 SMP"),
        (b'm', "x86_64"),
        (b'o', "GNU/Linux"),
    ];
    let wanted =
        |letter| has(&options, letter) || has(&options, b'a') || options.is_empty() && letter == b's';
    let words: Vec<_> = all.iter().filter(|it| wanted(it.0)).map(|it| it.1).collect();
    it.print(format!("{}\n", words.join(" "))).await
}

pub(super) async fn date(it: &Applet<'_>) -> u8 {
    let format = match it.args.iter().filter(|it| *it != b"-u").map(Vec::as_slice).collect::<Vec<_>>()[..] {
        [] => b"%a %b %e %H:%M:%S UTC %Y".as_slice(),
        [[b'+', format @ ..]] => format,
        [other, ..] => return it.fail([b"invalid date '".as_slice(), other, b"'"].concat()).await,
    };
    let now = it.system.wall();
    let civil = jiff::tz::Offset::UTC.to_datetime(now);
    let (mut out, mut bytes) = (Vec::new(), format.iter());
    while let Some(byte) = bytes.next() {
        if *byte != b'%' {
            out.push(*byte);
            continue;
        }
        let weekday = civil.weekday();
        let text = match bytes.next().copied().unwrap_or(b'%') {
            b'%' => "%".to_owned(),
            b's' => now.as_second().to_string(),
            b'N' => format!("{:09}", civil.subsec_nanosecond()),
            b'Y' => format!("{:04}", civil.year()),
            b'm' => format!("{:02}", civil.month()),
            b'd' => format!("{:02}", civil.day()),
            b'e' => format!("{:2}", civil.day()),
            b'H' => format!("{:02}", civil.hour()),
            b'M' => format!("{:02}", civil.minute()),
            b'S' => format!("{:02}", civil.second()),
            b'j' => format!("{:03}", civil.day_of_year()),
            b'F' => format!("{:04}-{:02}-{:02}", civil.year(), civil.month(), civil.day()),
            b'T' => format!("{:02}:{:02}:{:02}", civil.hour(), civil.minute(), civil.second()),
            b'a' => ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
                [usize::from(weekday.to_sunday_zero_offset().unsigned_abs()) % 7]
                .to_owned(),
            b'b' => ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
                [usize::from(civil.month().unsigned_abs().saturating_sub(1)) % 12]
                .to_owned(),
            b'Z' => "UTC".to_owned(),
            b'z' => "+0000".to_owned(),
            other => return it.fail([b"unknown conversion %".as_slice(), &[other]].concat()).await,
        };
        out.extend(text.into_bytes());
    }
    out.push(b'\n');
    it.print(out).await
}

pub(super) async fn ps(it: &Applet<'_>) -> u8 {
    let mut out = b"PID   USER     COMMAND\n".to_vec();
    for (pid, uid, argv) in it.system.processes() {
        let user = name_of(it, b"/etc/passwd", uid).await.unwrap_or_else(|| uid.to_string().into_bytes());
        let user = String::from_utf8_lossy(&user).into_owned();
        out.extend([format!("{pid:5} {user:8} ").as_bytes(), &argv.join(&b' '), b"\n"].concat());
    }
    it.print(out).await
}

pub(super) async fn tty(it: &Applet<'_>) -> u8 {
    match it.system.terminal(0) {
        Some(_) => it.print("/dev/pts/0\n").await,
        None => {
            it.print("not a tty\n").await;
            1
        }
    }
}

pub(super) async fn stty(it: &Applet<'_>) -> u8 {
    let Some(tty) = it.system.terminal(0) else {
        return it.fail("standard input: Inappropriate ioctl for device").await;
    };
    let mut words = it.args.iter().map(Vec::as_slice);
    while let Some(word) = words.next() {
        let (columns, rows) = tty.size();
        let mut number = || std::str::from_utf8(words.next()?).ok()?.parse().ok();
        match word {
            b"size" => {
                it.print(format!("{rows} {columns}\n")).await;
            }
            b"echo" => tty.set_mode(Some(true), None),
            b"-echo" => tty.set_mode(Some(false), None),
            b"raw" | b"-icanon" => tty.set_mode(None, Some(false)),
            b"-raw" | b"icanon" | b"cooked" => tty.set_mode(None, Some(true)),
            b"sane" => tty.set_mode(Some(true), Some(true)),
            b"rows" | b"cols" | b"columns" => match number() {
                Some(rows) if word == b"rows" => tty.resize(columns, rows),
                Some(columns) => tty.resize(columns, rows),
                None => return it.fail("a number is missing").await,
            },
            other => return it.fail([b"invalid argument '".as_slice(), other, b"'"].concat()).await,
        }
    }
    0
}
