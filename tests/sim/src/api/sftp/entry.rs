use jiff::Timestamp;

use super::packet::Output;
use crate::machine::files::{Kind, Node};

/// Half a year: older files are told with the year.
const RECENT: i64 = 365 * 24 * 3600 / 2;

/// The mode with the kind in it.
fn mode(node: &Node) -> u32 {
    let kind = match node.kind {
        Kind::File(_) => 0o100_000,
        Kind::Directory(_) => 0o040_000,
        Kind::Symlink(_) => 0o120_000,
        Kind::Device(_) => 0o020_000,
    };
    kind | node.owner.mode
}

impl Output {
    /// Size, owner, mode and times.
    pub(super) fn attributes(self, node: &Node) -> Self {
        let time = u32::try_from(node.modified.as_second()).unwrap_or_default();
        let it = self.number(0xf).long(node.size());
        it.number(node.owner.uid).number(node.owner.gid).number(mode(node)).number(time).number(time)
    }

    /// A name in a directory, also as a line for people.
    pub(super) fn entry(self, name: &[u8], node: &Node, now: Timestamp) -> Self {
        let line = [line(node, now).as_bytes(), name].concat();
        self.bytes(name).bytes(&line).attributes(node)
    }
}

fn line(node: &Node, now: Timestamp) -> String {
    let kind = match node.kind {
        Kind::File(_) => '-',
        Kind::Directory(_) => 'd',
        Kind::Symlink(_) => 'l',
        Kind::Device(_) => 'c',
    };
    let bits = (0..9).map(|at| if node.owner.mode >> (8 - at) & 1 == 1 { b"rwx"[at % 3] } else { b'-' });
    let bits: String = std::iter::once(kind).chain(bits.map(char::from)).collect();
    // Groups have names, and users have not.
    let group = match node.owner.gid {
        0 => "root".to_owned(),
        65534 => "nogroup".to_owned(),
        gid => gid.to_string(),
    };
    let is_recent = now.as_second() - node.modified.as_second() < RECENT;
    let time = node.modified.strftime(if is_recent { "%H:%M" } else { "%Y" }).to_string();
    format!(
        "{bits} {:4} {:<8} {:8} {:8} {} {time:>5} ",
        if node.is_directory() { 2 } else { node.links },
        node.owner.uid,
        group,
        node.size(),
        node.modified.strftime("%b %-d"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::files::Files;

    #[test]
    fn lines() {
        let files = Files::busybox();
        let now = Timestamp::constant(1_704_067_200, 0);
        let node = files.stat(b"/etc/passwd").unwrap();
        let size = node.size();
        assert_eq!(line(node, now), format!("-rw-r--r--    1 0        root     {size:8} Jan 1 00:00 "));
        let line = line(files.stat(b"/tmp").unwrap(), Timestamp::constant(1_804_067_200, 0));
        assert_eq!(line, "drwxrwxrwx    2 0        root         4096 Jan 1  2024 ");
    }
}
