use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;

use super::content::serve;
use super::instances::By;
use crate::http::{Answer, Answered, Body, Method, Refusal, Request, sync};
use crate::machine::files::{Content, Errno, Files, Inode, Kind, Last, Owner};
use crate::world::World;

/// What a client says of a file that it writes.
struct Written {
    kind: String,
    append: bool,
    uid: u32,
    gid: u32,
    mode: Option<u32>,
}

impl Written {
    fn read(world: &World, request: &Request) -> Result<Self, Refusal> {
        // Incus takes both, LXD its own only.
        let prefixes: &[&str] = if world.is_lxd() { &["x-lxd"] } else { &["x-incus", "x-lxd"] };
        let field = |name: &str| {
            let found = prefixes.iter().find_map(|it| request.field_text(&format!("{it}-{name}")));
            found.unwrap_or_default()
        };
        let bad = |what: &str, it: &str| Err(Refusal::new(400, format!("Bad file {what}: {it}")));
        let kind = match field("type") {
            "" => "file",
            kind @ ("file" | "directory" | "symlink") => kind,
            other => return bad("type", other),
        };
        let append = match field("write") {
            "" | "overwrite" => false,
            "append" => true,
            other => return bad("write mode", other),
        };
        let number = |name: &str| field(name).parse().unwrap_or_default();
        Ok(Self {
            kind: kind.to_owned(),
            append,
            uid: number("uid"),
            gid: number("gid"),
            mode: mode(field("mode")),
        })
    }

    fn owner(&self, mode: u32) -> Owner {
        Owner { uid: self.uid, gid: self.gid, mode: self.mode.unwrap_or(mode) }
    }
}

/// What is no octal number with a 0 before it is taken for a decimal one.
fn mode(text: &str) -> Option<u32> {
    let octal = text.starts_with('0').then(|| u32::from_str_radix(text, 8).ok()).flatten();
    octal.or_else(|| text.parse().ok()).map(|it| it & 0o777)
}

/// Why a file cannot be had; `deed` is what was tried.
fn refusal(errno: Errno, deed: &str, path: &[u8]) -> Refusal {
    if errno == Errno::NotFound {
        return Refusal::new(404, "Not Found");
    }
    let mut why = errno.to_string();
    why[..1].make_ascii_lowercase();
    Refusal::new(500, format!("sftp: \"{deed} {}: {why}\" (SSH_FX_FAILURE)", quoted(path)))
}

/// Bytes as they stand between quotes.
fn quoted(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '"' | '\\' => text.extend(['\\', char]),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                char if char.is_ascii_control() => text.push_str(&format!("\\x{:02x}", u32::from(char))),
                char => text.push(char),
            }
        }
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

/// The path that is asked for, from the root.
fn path(request: &Request) -> Result<Vec<u8>, Refusal> {
    match request.parameter("path").unwrap_or_default() {
        b"" => Err(Refusal::new(400, "Missing path argument")),
        path if path.starts_with(b"/") => Ok(path.to_vec()),
        path => Ok([b"/", path].concat()),
    }
}

/// Does something with the files of an instance.
fn with<T>(
    world: &World,
    request: &Request,
    name: &str,
    work: impl FnOnce(&mut Files, &[u8], Timestamp) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let instance = world.instance(request.project(), name)?;
    let path = path(request)?;
    instance.machine.files(|files| work(files, &path, world.time_of_day()))
}

fn tell(world: &mut World, request: &Request, name: &str, action: &str) {
    let path = String::from_utf8_lossy(request.parameter("path").unwrap_or_default()).into_owned();
    let key = (request.project().to_owned(), name.to_owned());
    world.tell_instance(&key, action, By::Nobody, Some(json!({ "path": path })));
}

/// `GET` and `HEAD /1.0/instances/{name}/files`.
pub(crate) fn get(world: &mut World, request: &Request, name: &str) -> Answered {
    let lxd = world.is_lxd();
    let is_head = request.method == Method::Head;
    let answer = with(world, request, name, |files, path, now| {
        let node = files.stat(path).map_err(|it| refusal(it, "lstat", path))?;
        let prefix = if lxd { "X-Lxd" } else { "X-Incus" };
        let kind = match &node.kind {
            Kind::Directory(_) => "directory",
            Kind::Symlink(_) => "symlink",
            Kind::File(_) | Kind::Device(_) => "file",
        };
        let fields = [
            ("Uid", node.owner.uid.to_string()),
            ("Gid", node.owner.gid.to_string()),
            ("Mode", format!("{:04o}", node.owner.mode & 0o777)),
            ("Modified", node.modified.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string()),
            ("Type", kind.to_owned()),
        ];
        let fields: Vec<_> = fields
            .into_iter()
            .map(|(name, value)| (format!("{prefix}-{name}"), value.into_bytes()))
            .collect();
        let file = |pieces, modified| {
            let mut fields = fields.clone();
            fields.push(("Content-Disposition".into(), disposition(path)));
            Answer::Bytes(serve(request, fields, pieces, modified))
        };
        Ok(match &node.kind {
            // LXD tells neither length nor kind; Incus does, of files.
            kind if is_head => {
                let is_json = lxd || matches!(kind, Kind::Directory(_) | Kind::Symlink(_));
                let kind = if is_json { "application/json" } else { "application/octet-stream" };
                let length = (!is_json).then(|| node.size());
                Answer::Bytes(Body {
                    status: 200,
                    kind: kind.into(),
                    fields,
                    head_only: Some(length),
                    ..Body::default()
                })
            }
            Kind::Directory(entries) => {
                let names: Vec<_> = entries.keys().map(|it| text(it)).collect();
                let pieces = vec![Bytes::from(sync(&names.into()))];
                let kind = "application/json".into();
                Answer::Bytes(Body { status: 200, kind, fields, pieces, ..Body::default() })
            }
            Kind::File(content) => file(content.pieces().collect(), node.modified),
            Kind::Device(_) => file(Vec::new(), node.modified),
            // It is shown as where it leads to from the root, and as if made just now.
            Kind::Symlink(target) => file(vec![resolved(path, target).into()], now),
        })
    })?;
    if !is_head {
        tell(world, request, name, "instance-file-retrieved");
    }
    Ok(answer)
}

/// What a client may call a file that it is given.
pub(super) fn disposition(path: &[u8]) -> Vec<u8> {
    let name = path.rsplit(|it| *it == b'/').find(|it| !it.is_empty()).unwrap_or(b"/");
    // A header field has one line.
    let name = name.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte });
    b"inline;filename=".iter().copied().chain(name).collect()
}

/// A name as JSON has it: what is no text is replaced, byte by byte.
fn text(name: &[u8]) -> String {
    let mut text = String::new();
    for chunk in name.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

/// Where a link at `path` leads to.
fn resolved<'a>(path: &'a [u8], target: &'a [u8]) -> Vec<u8> {
    if target.starts_with(b"/") {
        return target.to_vec();
    }
    let mut parts: Vec<&[u8]> = Vec::new();
    let mut add = |part: &'a [u8]| match part {
        b"" | b"." => {}
        b".." => drop(parts.pop()),
        part => parts.push(part),
    };
    path.split(|it| *it == b'/').for_each(&mut add);
    add(b"..");
    target.split(|it| *it == b'/').for_each(&mut add);
    [b"/", parts.join(&b'/').as_slice()].concat()
}

/// The file that a request writes into, made if it has to be.
fn open(files: &mut Files, path: &[u8], written: &Written, now: Timestamp) -> Result<Inode, Errno> {
    let place = files.walk(path, Last::Follow)?;
    let Some(inode) = place.found else {
        if written.append {
            return Err(Errno::NotFound);
        }
        return files.create_at(place, Kind::File(Content::default()), written.owner(0o644), now);
    };
    match files.node(inode).map(|it| &it.kind) {
        Some(Kind::Directory(_)) => return Err(Errno::IsDirectory),
        Some(Kind::File(_)) if !written.append => files.truncate(inode, 0, now)?,
        _ => {}
    }
    Ok(inode)
}

/// What can be refused of a file before it has come. What is there is emptied at the same time.
pub(crate) fn begin(world: &World, request: &Request, name: &str) -> Result<(), Refusal> {
    world.instance(request.project(), name)?;
    path(request)?;
    let written = Written::read(world, request)?;
    if written.kind != "file" {
        return Ok(());
    }
    with(world, request, name, |files, path, now| {
        open(files, path, &written, now).map(drop).map_err(|it| refusal(it, "open", path))
    })
}

/// `POST /1.0/instances/{name}/files`.
pub(crate) fn post(world: &mut World, request: &Request, name: &str) -> Answered {
    begin(world, request, name)?;
    let written = Written::read(world, request)?;
    let directory_mode = world.either(0o750, 0o755);
    with(world, request, name, |files, path, now| match written.kind.as_str() {
        "directory" => {
            let place = files.walk(path, Last::Keep).map_err(|it| refusal(it, "mkdir", path))?;
            // Whatever is there already will do.
            if place.found.is_none() {
                let (kind, owner) = (Kind::Directory(Default::default()), written.owner(directory_mode));
                files.create_at(place, kind, owner, now).map_err(|it| refusal(it, "mkdir", path))?;
            }
            Ok(())
        }
        "symlink" => {
            let target = request.body.to_vec();
            let deed = format!("symlink {}", quoted(&target));
            if target.is_empty() {
                return Err(refusal(Errno::NotFound, &deed, path));
            }
            let made = files.create(path, Kind::Symlink(target), Owner::root(0o777), now);
            made.map(drop).map_err(|it| refusal(it, &deed, path))
        }
        _ => {
            let inode = files.find(path, Last::Follow).map_err(|it| refusal(it, "open", path))?;
            match files.append(inode, request.body.clone(), now) {
                // A device takes anything.
                Ok(()) | Err(Errno::Invalid) => Ok(()),
                Err(errno) => Err(refusal(errno, "write", path)),
            }
        }
    })?;
    tell(world, request, name, "instance-file-pushed");
    Answer::empty()
}

/// `DELETE /1.0/instances/{name}/files`.
pub(crate) fn delete(world: &mut World, request: &Request, name: &str) -> Answered {
    with(world, request, name, |files, path, now| {
        files.remove(path, now).map_err(|errno| match errno {
            Errno::Invalid if path.iter().all(|it| *it == b'/') => {
                Refusal::new(500, "sftp: \"remove /: device or resource busy\" (SSH_FX_FAILURE)")
            }
            errno => refusal(errno, "remove", path),
        })
    })?;
    tell(world, request, name, "instance-file-deleted");
    Answer::empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes() {
        let modes = ["0640", "640", "0o755", "0x1ff", "0888", "04755", "01777", "", "0"].map(mode);
        let none = None;
        assert_eq!(
            modes,
            [Some(0o640), Some(0o200), none, none, Some(0o570), Some(0o755), Some(0o777), none, Some(0)]
        );
    }

    #[test]
    fn links() {
        for (path, target, shown) in [
            ("/tmp/l", "../etc/passwd", "/etc/passwd"),
            ("/bin/sh", "busybox", "/bin/busybox"),
            ("/tmp/l", "../../../../x/./y//z/", "/x/y/z"),
            ("/tmp/l", "/abs/../olute/", "/abs/../olute/"),
            ("/l", "..", "/"),
        ] {
            assert_eq!(resolved(path.as_bytes(), target.as_bytes()), shown.as_bytes());
        }
    }

    #[test]
    fn what_is_told() {
        assert_eq!(quoted("é\"\n\\\0".as_bytes()), "é\\\"\\n\\\\\\x00");
        assert_eq!(quoted(b"\xff"), "\\xff");
        assert_eq!(text(b"\xff\xfea"), "\u{fffd}\u{fffd}a");
        let refused = refusal(Errno::NotEmpty, "remove", b"/tmp");
        assert_eq!(refused.text, "sftp: \"remove /tmp: directory not empty\" (SSH_FX_FAILURE)");
    }
}
