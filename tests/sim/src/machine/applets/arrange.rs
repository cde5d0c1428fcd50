use super::dispatch::{Applet, has, size};
use super::identity::id_of;
use crate::machine::files::{Errno, Kind, Last, Owner};
use crate::machine::process::Access;

/// As much is copied at once.
const PIECE: usize = 64 << 10;

/// The last name of a path.
fn name(path: &[u8]) -> &[u8] {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    path.rsplit(|it| *it == b'/').next().unwrap_or_default()
}

fn is_directory(it: &Applet<'_>, path: &[u8], last: Last) -> bool {
    it.system.look(path, last, |_, _, node| node.is_directory()).unwrap_or(false)
}

pub(super) async fn rm(it: &Applet<'_>) -> u8 {
    let (options, paths) = match it.options(b"frRi", b"").await {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let (force, all) = (has(&options, b'f'), has(&options, b'r') || has(&options, b'R'));
    if paths.is_empty() && !force {
        return it.fail("a path is wanted").await;
    }
    let mut status = 0;
    for path in paths {
        if matches!(name(path), b"." | b"..") {
            status = it.fail_at("refusing to remove", path, "it is where this is").await;
            continue;
        }
        if is_directory(it, path, Last::Keep) && !all {
            status = it.fail([b"'".as_slice(), path, b"' is a directory"].concat()).await;
            continue;
        }
        // What is in a directory goes first.
        let mut todo = vec![path.to_vec()];
        while let Some(path) = todo.last().cloned() {
            it.system.breathe().await;
            let inside = it.system.look(&path, Last::Keep, |files, inode, _| {
                let entries = files.list(inode).into_iter().flatten();
                entries.map(|entry| [&path, b"/".as_slice(), entry.0].concat()).collect::<Vec<_>>()
            });
            if let Ok(inside) = inside
                && !inside.is_empty()
            {
                todo.extend(inside);
                continue;
            }
            todo.pop();
            match it.system.edit(&path, |files, path, now| files.remove(path, now)) {
                Err(Errno::NotFound) if force => {}
                Err(errno) => {
                    status = it.fail_at("can't remove", &path, errno).await;
                    break;
                }
                Ok(()) => {}
            }
        }
    }
    status
}

pub(super) async fn rmdir(it: &Applet<'_>) -> u8 {
    let mut status = 0;
    for path in it.args {
        let removed = if is_directory(it, path, Last::Keep) {
            it.system.edit(path, |files, path, now| files.remove(path, now))
        } else {
            it.system.look(path, Last::Keep, |_, _, _| ()).and(Err(Errno::NotDirectory))
        };
        if let Err(errno) = removed {
            status = it.fail([b"'".as_slice(), path, b"': ", errno.to_string().as_bytes()].concat()).await;
        }
    }
    status
}

fn owner(it: &Applet<'_>, mode: u32) -> Owner {
    Owner { uid: it.system.uid(), gid: it.system.gid(), mode }
}

fn make(it: &Applet<'_>, path: &[u8], kind: Kind, mode: u32) -> Result<(), Errno> {
    // Not inside: whoever edits has the table.
    let owner = owner(it, mode);
    it.system.edit(path, |files, path, now| files.create(path, kind, owner, now)).map(drop)
}

fn make_directory(it: &Applet<'_>, path: &[u8], mode: u32) -> Result<(), Errno> {
    make(it, path, Kind::Directory(Default::default()), mode)
}

pub(super) async fn mkdir(it: &Applet<'_>) -> u8 {
    let (options, paths) = match it.options(b"p", b"m").await {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let default = 0o777 & !it.system.umask();
    let given = options.iter().find(|it| it.0 == b'm').map(|it| octal(it.1));
    let mode = match given {
        Some(None) => return it.fail("invalid mode").await,
        Some(Some(mode)) => mode,
        None => default,
    };
    let mut status = 0;
    for path in paths {
        let mut made = Ok(());
        if has(&options, b'p') {
            let slashes = path.iter().enumerate().filter(|(at, it)| **it == b'/' && *at > 0).map(|it| it.0);
            for end in slashes.chain([path.len()]) {
                it.system.breathe().await;
                let whole = end == path.len();
                made = make_directory(it, &path[..end], if whole { mode } else { default });
                if made == Err(Errno::Exists) && is_directory(it, &path[..end], Last::Follow) {
                    made = Ok(());
                }
                if made.is_err() {
                    break;
                }
            }
        } else {
            made = make_directory(it, path, mode);
        }
        if let Err(errno) = made {
            status = it.fail_at("can't create directory", path, errno).await;
        }
    }
    status
}

pub(super) async fn touch(it: &Applet<'_>) -> u8 {
    let (options, paths) = match it.options(b"c", b"").await {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let mut status = 0;
    for path in paths {
        let mut touched =
            it.system.change(path, Last::Follow, |files, inode, now| files.set_modified(inode, now));
        if touched == Err(Errno::NotFound) {
            let access = Access { write: true, create: true, ..Access::default() };
            touched = if has(&options, b'c') { Ok(()) } else { it.system.open(path, access).map(drop) };
        }
        if let Err(errno) = touched {
            status = it.fail([path, b": ".as_slice(), errno.to_string().as_bytes()].concat()).await;
        }
    }
    status
}

pub(super) async fn truncate(it: &Applet<'_>) -> u8 {
    let (options, paths) = match it.options(b"c", b"s").await {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let Some(length) = options.iter().find(|it| it.0 == b's').and_then(|it| size(it.1)) else {
        return it.fail("a size (-s) is wanted").await;
    };
    let mut status = 0;
    for path in paths {
        let access = Access { write: true, create: !has(&options, b'c'), ..Access::default() };
        let done = it.system.open(path, access).and_then(|_| {
            it.system.change(path, Last::Follow, |files, inode, now| files.truncate(inode, length, now))
        });
        if let Err(errno) = done {
            status = it.fail([path, b": ".as_slice(), errno.to_string().as_bytes()].concat()).await;
        }
    }
    status
}

/// Where each of several paths is to go.
async fn targets<'a>(it: &Applet<'_>, paths: &[&'a [u8]]) -> Result<Vec<(&'a [u8], Vec<u8>)>, u8> {
    let Some((to, from)) = paths.split_last().filter(|it| !it.1.is_empty()) else {
        return Err(it.fail("two paths are wanted").await);
    };
    let into = is_directory(it, to, Last::Follow);
    if from.len() > 1 && !into {
        return Err(it.fail_at("target", to, Errno::NotDirectory).await);
    }
    let slash: &[u8] = if to.ends_with(b"/") { b"" } else { b"/" };
    Ok(from
        .iter()
        .map(|from| (*from, if into { [to, slash, name(from)].concat() } else { to.to_vec() }))
        .collect())
}

pub(super) async fn mv(it: &Applet<'_>) -> u8 {
    let paths = match it.options(b"fi", b"").await {
        Ok((_, paths)) => paths,
        Err(code) => return code,
    };
    let targets = match targets(it, &paths).await {
        Ok(targets) => targets,
        Err(code) => return code,
    };
    let mut status = 0;
    for (from, to) in targets {
        let to = it.system.absolute(&to);
        // Both directories are changed, and both must allow it.
        let moved = it
            .system
            .edit(&to, |_, _, _| Ok(()))
            .and_then(|()| it.system.edit(from, |files, from, now| files.rename(from, &to, now)));
        if let Err(errno) = moved {
            status = it.fail_at("can't rename", from, errno).await;
        }
    }
    status
}

pub(super) async fn cp(it: &Applet<'_>) -> u8 {
    let (options, paths) = match it.options(b"apfrRPdL", b"").await {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let keep = has(&options, b'a') || has(&options, b'p');
    let all = has(&options, b'a') || has(&options, b'r') || has(&options, b'R');
    let mut todo = match targets(it, &paths).await {
        Ok(targets) => targets.into_iter().map(|(from, to)| (from.to_vec(), to)).collect::<Vec<_>>(),
        Err(code) => return code,
    };
    let mut status = 0;
    while let Some((from, to)) = todo.pop() {
        it.system.breathe().await;
        let last = if all || has(&options, b'P') || has(&options, b'd') { Last::Keep } else { Last::Follow };
        let seen = it.system.look(&from, last, |files, inode, node| {
            let names = files.list(inode).into_iter().flatten().map(|it| it.0.to_vec()).collect::<Vec<_>>();
            let target = if let Kind::Symlink(target) = &node.kind { Some(target.clone()) } else { None };
            (node.is_directory(), target, names, node.owner, node.modified)
        });
        let (directory, target, names, mut attributes, modified) = match seen {
            Ok(seen) => seen,
            Err(errno) => {
                status = it.fail_at("can't stat", &from, errno).await;
                continue;
            }
        };
        if directory && !all {
            status = it.fail([b"omitting directory '".as_slice(), &from, b"'"].concat()).await;
            continue;
        }
        let copied = if let Some(target) = target {
            make(it, &to, Kind::Symlink(target), 0o777)
        } else if directory {
            let inside = [&it.system.absolute(&from), b"/".as_slice()].concat();
            if [&it.system.absolute(&to), b"/".as_slice()].concat().starts_with(&inside) {
                status = it
                    .fail([b"recursion detected, omitting directory '".as_slice(), &from, b"'"].concat())
                    .await;
                continue;
            }
            todo.extend(names.iter().map(|name| {
                ([&from, b"/".as_slice(), name].concat(), [&to, b"/".as_slice(), name].concat())
            }));
            match make_directory(it, &to, attributes.mode & !it.system.umask()) {
                Err(Errno::Exists) if is_directory(it, &to, Last::Follow) => Ok(()),
                made => made,
            }
        } else {
            let fresh = it.system.look(&to, Last::Follow, |_, _, _| ()).is_err();
            let copied = copy(it, &from, &to).await;
            if copied.is_ok() && fresh && !keep {
                attributes = owner(it, attributes.mode & 0o777 & !it.system.umask());
                let _ =
                    it.system.change(&to, Last::Follow, |files, inode, _| files.set_owner(inode, attributes));
            }
            copied
        };
        if let Err(errno) = copied {
            status = it.fail_at("can't create", &to, errno).await;
        } else if keep {
            // Who may not give files away keeps them.
            let _ = it.system.change(&to, Last::Keep, |files, inode, _| {
                files.set_owner(inode, attributes)?;
                files.set_modified(inode, modified)
            });
        }
    }
    status
}

async fn copy(it: &Applet<'_>, from: &[u8], to: &[u8]) -> Result<(), Errno> {
    let from = it.system.open_new(from, Access::READ)?;
    let to = match it.system.open_new(to, Access::WRITE) {
        Ok(to) => to,
        Err(errno) => {
            it.system.close(from);
            return Err(errno);
        }
    };
    let copied = pump(it, from, to).await;
    it.system.close(from);
    it.system.close(to);
    copied
}

/// Copies everything from one descriptor to another.
pub(super) async fn pump(it: &Applet<'_>, from: u32, to: u32) -> Result<(), Errno> {
    loop {
        let piece = it.system.read(from, PIECE).await?;
        if piece.is_empty() {
            return Ok(());
        }
        it.system.write(to, piece).await?;
    }
}

pub(super) async fn ln(it: &Applet<'_>) -> u8 {
    let (options, paths) = match it.options(b"sfn", b"").await {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let paths = if paths.len() == 1 { vec![paths[0], b"."] } else { paths };
    let targets = match targets(it, &paths).await {
        Ok(targets) => targets,
        Err(code) => return code,
    };
    let mut status = 0;
    for (from, to) in targets {
        if has(&options, b'f') {
            let _ = it.system.edit(&to, |files, to, now| files.remove(to, now));
        }
        let linked = if has(&options, b's') {
            make(it, &to, Kind::Symlink(from.to_vec()), 0o777)
        } else {
            let from = it.system.absolute(from);
            it.system.edit(&to, |files, to, now| files.link(&from, to, now))
        };
        if let Err(errno) = linked {
            status = it.fail([to.as_slice(), b": ", errno.to_string().as_bytes()].concat()).await;
        }
    }
    status
}

fn octal(word: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(word).ok()?;
    u32::from_str_radix(text, 8).ok().filter(|it| *it <= 0o7777 && !text.starts_with('+'))
}

/// A mode as `chmod` takes it, applied to an old one.
fn mode(word: &[u8], old: u32, directory: bool) -> Option<u32> {
    if let Some(mode) = octal(word) {
        return Some(mode);
    }
    let mut mode = old;
    for clause in word.split(|it| *it == b',') {
        let at = clause.iter().position(|it| b"+-=".contains(it))?;
        let (mut who, mut bits) = (0, 0);
        for letter in &clause[..at] {
            who |= match letter {
                b'u' => 0o4700,
                b'g' => 0o2070,
                b'o' => 0o1007,
                b'a' => 0o7777,
                _ => return None,
            };
        }
        // Without a name it is everybody's; the umask is left out.
        let who = if who == 0 { 0o7777 } else { who };
        for letter in &clause[at + 1..] {
            bits |= match letter {
                b'r' => 0o444,
                b'w' => 0o222,
                b'x' => 0o111,
                b'X' if directory || old & 0o111 != 0 => 0o111,
                b'X' => 0,
                b's' => 0o6000,
                b't' => 0o1000,
                _ => return None,
            };
        }
        match clause[at] {
            b'+' => mode |= bits & who,
            b'-' => mode &= !(bits & who),
            _ => mode = mode & !(who & 0o777) | bits & who,
        }
    }
    Some(mode)
}

/// All below a path, itself first; links are not followed.
fn below(it: &Applet<'_>, path: &[u8], all: bool) -> Vec<Vec<u8>> {
    let (mut found, mut todo) = (Vec::new(), vec![path.to_vec()]);
    while let Some(path) = todo.pop() {
        if all {
            let inside = it.system.look(&path, Last::Keep, |files, inode, _| {
                let entries = files.list(inode).into_iter().flatten();
                entries.map(|entry| [&path, b"/".as_slice(), entry.0].concat()).collect::<Vec<_>>()
            });
            todo.extend(inside.unwrap_or_default());
        }
        found.push(path);
    }
    found
}

pub(super) async fn chmod(it: &Applet<'_>) -> u8 {
    let (all, words) = match it.args.split_first() {
        Some((first, rest)) if first == b"-R" => (true, rest),
        _ => (false, it.args),
    };
    let Some((word, paths)) = words.split_first() else { return it.fail("a mode is wanted").await };
    if mode(word, 0, false).is_none() {
        return it.fail([b"invalid mode '".as_slice(), word, b"'"].concat()).await;
    }
    let mut status = 0;
    for path in paths.iter().flat_map(|path| below(it, path, all)) {
        let changed = it.system.change(&path, Last::Follow, |files, inode, _| {
            let node = files.node(inode).ok_or(Errno::NotFound)?;
            let new = mode(word, node.owner.mode, node.is_directory()).unwrap_or(node.owner.mode);
            files.set_owner(inode, Owner { mode: new, ..node.owner })
        });
        if let Err(errno) = changed {
            status = it.fail([path.as_slice(), b": ", errno.to_string().as_bytes()].concat()).await;
        }
    }
    status
}

pub(super) async fn chown(it: &Applet<'_>) -> u8 {
    let (options, words) = match it.options(b"Rh", b"").await {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let Some((whose, paths)) = words.split_first() else { return it.fail("an owner is wanted").await };
    let mut parts = whose.splitn(2, |it| matches!(it, b':' | b'.'));
    let mut ids = [None, None];
    for ((part, file), id) in parts.by_ref().zip([b"/etc/passwd".as_slice(), b"/etc/group"]).zip(&mut ids) {
        if !part.is_empty() {
            *id = id_of(it, file, part).await;
            if id.is_none() {
                return it.fail([b"unknown user ".as_slice(), part].concat()).await;
            }
        }
    }
    let last = if has(&options, b'h') { Last::Keep } else { Last::Follow };
    let mut status = 0;
    for path in paths.iter().flat_map(|path| below(it, path, has(&options, b'R'))) {
        let root = it.system.uid() == 0;
        let changed = it.system.change(&path, last, |files, inode, _| {
            let old = files.node(inode).ok_or(Errno::NotFound)?.owner;
            if !root {
                return Err(Errno::NotPermitted);
            }
            files.set_owner(
                inode,
                Owner { uid: ids[0].unwrap_or(old.uid), gid: ids[1].unwrap_or(old.gid), ..old },
            )
        });
        if let Err(errno) = changed {
            status = it.fail([path.as_slice(), b": ", errno.to_string().as_bytes()].concat()).await;
        }
    }
    status
}
