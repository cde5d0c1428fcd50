use super::dispatch::{Applet, has};
use super::identity::name_of;
use crate::machine::files::{Errno, Kind, Last, Node, Owner};

/// What is shown of a file.
struct Seen {
    letter: char,
    kind: &'static str,
    owner: Owner,
    links: u32,
    size: u64,
    seconds: i64,
    inode: u64,
    target: Option<Vec<u8>>,
    names: Vec<Vec<u8>>,
}

fn see(it: &Applet<'_>, path: &[u8], last: Last) -> Result<Seen, Errno> {
    it.system.look(path, last, |files, inode, node| {
        let (letter, kind) = match &node.kind {
            Kind::File(content) if content.len() == 0 => ('-', "regular empty file"),
            Kind::File(_) => ('-', "regular file"),
            Kind::Directory(_) => ('d', "directory"),
            Kind::Symlink(_) => ('l', "symbolic link"),
            Kind::Device(_) => ('c', "character special file"),
        };
        let target = if let Kind::Symlink(target) = &node.kind { Some(target.clone()) } else { None };
        let names: Vec<_> = files.list(inode).into_iter().flatten().map(|it| it.0.to_vec()).collect();
        let inner = files.list(inode).into_iter().flatten();
        let below = inner.filter(|it| files.node(it.1).is_some_and(Node::is_directory)).count();
        let links = if node.is_directory() { 2 + below as u32 } else { node.links };
        let seconds = node.modified.as_second();
        Seen { letter, kind, owner: node.owner, links, size: node.size(), seconds, inode, target, names }
    })
}

fn rights(letter: char, mode: u32) -> String {
    let mut text = String::from(letter);
    for (shift, special, on, off) in [(6, 0o4000, 's', 'S'), (3, 0o2000, 's', 'S'), (0, 0o1000, 't', 'T')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => on,
            (true, false) => off,
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.ends_with(b"/") { [directory, name].concat() } else { [directory, b"/", name].concat() }
}

pub(super) async fn ls(it: &Applet<'_>) -> u8 {
    let (options, paths) = match it.options(b"1lAadnhF", b"").await {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let paths = if paths.is_empty() { vec![b".".as_slice()] } else { paths };
    let (mut status, mut single, mut directories) = (0, Vec::new(), Vec::new());
    let last = if has(&options, b'l') || has(&options, b'd') { Last::Keep } else { Last::Follow };
    for path in &paths {
        // A link that leads nowhere is shown as it is.
        match see(it, path, last).or_else(|_| see(it, path, Last::Keep)) {
            Ok(seen) if seen.letter == 'd' && !has(&options, b'd') => directories.push((path, seen)),
            Ok(seen) => single.push((path.to_vec(), seen)),
            Err(errno) => {
                status = it.fail([path, b": ".as_slice(), errno.to_string().as_bytes()].concat()).await
            }
        }
    }
    let mut out = Vec::new();
    show(it, &options, &single, &mut out).await;
    for (path, seen) in directories {
        if paths.len() > 1 {
            let gap: &[u8] = if out.is_empty() { b"" } else { b"\n" };
            out.extend([gap, path, b":\n"].concat());
        }
        if !it.system.may(path, 4) {
            status = it.fail([b"can't open '".as_slice(), path, b"': Permission denied"].concat()).await;
            continue;
        }
        let mut names = seen.names;
        if has(&options, b'a') {
            names.splice(..0, [b".".to_vec(), b"..".to_vec()]);
        } else if !has(&options, b'A') {
            names.retain(|it| !it.starts_with(b"."));
        }
        if has(&options, b'l') {
            out.extend(b"total 0\n");
        }
        let inside: Vec<_> = names
            .into_iter()
            .filter_map(|name| Some((name.clone(), see(it, &join(path, &name), Last::Keep).ok()?)))
            .collect();
        show(it, &options, &inside, &mut out).await;
    }
    it.print(out).await.max(status)
}

async fn show(it: &Applet<'_>, options: &[(u8, &[u8])], entries: &[(Vec<u8>, Seen)], out: &mut Vec<u8>) {
    for (name, seen) in entries {
        if has(options, b'l') {
            let (mut user, mut group) = (None, None);
            if !has(options, b'n') {
                user = name_of(it, b"/etc/passwd", seen.owner.uid).await;
                group = name_of(it, b"/etc/group", seen.owner.gid).await;
            }
            let shown = |name: Option<Vec<u8>>, id: u32| {
                name.map_or(id.to_string(), |it| String::from_utf8_lossy(&it).into_owned())
            };
            let (user, group) = (shown(user, seen.owner.uid), shown(group, seen.owner.gid));
            let time = jiff::Timestamp::from_second(seen.seconds).unwrap_or_default();
            let time = jiff::tz::Offset::UTC.to_datetime(time);
            let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
            let month = months[usize::from(time.month().unsigned_abs().saturating_sub(1)) % 12];
            let line = format!(
                "{}{:5} {user:8} {group:8} {:9} {month} {:2} {:02}:{:02} ",
                rights(seen.letter, seen.owner.mode),
                seen.links,
                seen.size,
                time.day(),
                time.hour(),
                time.minute()
            );
            out.extend(line.into_bytes());
        }
        out.extend_from_slice(name);
        if let Some(target) = seen.target.as_ref().filter(|_| has(options, b'l')) {
            out.extend([b" -> ".as_slice(), target].concat());
        }
        out.push(b'\n');
    }
}

async fn named(it: &Applet<'_>, file: &[u8], id: u32) -> String {
    let name = name_of(it, file, id).await;
    name.map_or("UNKNOWN".to_owned(), |it| String::from_utf8_lossy(&it).into_owned())
}

pub(super) async fn stat(it: &Applet<'_>) -> u8 {
    let (options, paths) = match it.options(b"L", b"c").await {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let Some((_, format)) = options.iter().find(|it| it.0 == b'c') else {
        return it.fail("a format (-c) is wanted").await;
    };
    let last = if has(&options, b'L') { Last::Follow } else { Last::Keep };
    let mut status = 0;
    for path in paths {
        let seen = match see(it, path, last) {
            Ok(seen) => seen,
            Err(errno) => {
                status = it.fail_at("can't stat", path, errno).await;
                continue;
            }
        };
        let (mut out, mut bytes) = (Vec::new(), format.iter());
        while let Some(byte) = bytes.next() {
            if *byte != b'%' {
                out.push(*byte);
                continue;
            }
            let text = match bytes.next().copied().unwrap_or(b'%') {
                b'u' => seen.owner.uid.to_string(),
                b'g' => seen.owner.gid.to_string(),
                b'U' => named(it, b"/etc/passwd", seen.owner.uid).await,
                b'G' => named(it, b"/etc/group", seen.owner.gid).await,
                b'a' => format!("{:o}", seen.owner.mode),
                b'A' => rights(seen.letter, seen.owner.mode),
                b'F' => seen.kind.to_owned(),
                b's' => seen.size.to_string(),
                b'h' => seen.links.to_string(),
                b'i' => seen.inode.to_string(),
                b'Y' | b'Z' | b'X' => seen.seconds.to_string(),
                b'%' => "%".to_owned(),
                b'n' => {
                    out.extend_from_slice(path);
                    continue;
                }
                b'N' => {
                    out.extend([b"'", path, b"'"].concat());
                    if let Some(target) = &seen.target {
                        out.extend([b" -> '".as_slice(), target, b"'"].concat());
                    }
                    continue;
                }
                other => return it.fail([b"unknown conversion %".as_slice(), &[other]].concat()).await,
            };
            out.extend(text.into_bytes());
        }
        out.push(b'\n');
        status = it.print(out).await.max(status);
    }
    status
}

/// Where a link points; with `real`, or `-f`, where it leads in the end.
pub(super) async fn readlink(it: &Applet<'_>, real: bool) -> u8 {
    let (options, paths) = match it.options(b"fn", b"").await {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let mut status = 0;
    for path in paths {
        let shown = if real || has(&options, b'f') {
            it.system.real(path)
        } else {
            see(it, path, Last::Keep).and_then(|it| it.target.ok_or(Errno::Invalid))
        };
        match shown {
            Ok(shown) if has(&options, b'n') => status = it.print(shown).await.max(status),
            Ok(shown) => status = it.print([&shown, b"\n".as_slice()].concat()).await.max(status),
            Err(errno) if real => {
                status = it.fail([path, b": ".as_slice(), errno.to_string().as_bytes()].concat()).await;
            }
            Err(_) => status = 1,
        }
    }
    status
}

pub(super) async fn basename(it: &Applet<'_>) -> u8 {
    let Some(path) = it.args.first() else { return it.fail("a path is wanted").await };
    let trimmed = path.strip_suffix(b"/").unwrap_or(path);
    let mut name = trimmed.rsplit(|it| *it == b'/').next().unwrap_or_default();
    if let Some(short) = it.args.get(1).and_then(|suffix| name.strip_suffix(suffix.as_slice()))
        && !short.is_empty()
    {
        name = short;
    }
    it.print([if name.is_empty() { b"/" } else { name }, b"\n"].concat()).await
}

pub(super) async fn dirname(it: &Applet<'_>) -> u8 {
    let Some(path) = it.args.first() else { return it.fail("a path is wanted").await };
    let trimmed = path.strip_suffix(b"/").unwrap_or(path);
    let directory = match trimmed.iter().rposition(|it| *it == b'/') {
        None if path.starts_with(b"/") => b"/".as_slice(),
        None => b".",
        Some(0) => b"/",
        Some(at) => &trimmed[..at],
    };
    it.print([directory, b"\n"].concat()).await
}

pub(super) async fn which(it: &Applet<'_>) -> u8 {
    let env = it.system.env();
    let path = env.iter().find_map(|it| it.strip_prefix(b"PATH=")).unwrap_or_default();
    let mut status = 0;
    for name in it.args {
        let found = path
            .split(|it| *it == b':')
            .map(|directory| join(directory, name))
            .find(|path| it.system.may(path, 1));
        match found {
            Some(path) => status = it.print([&path, b"\n".as_slice()].concat()).await.max(status),
            None => status = 1,
        }
    }
    status
}
