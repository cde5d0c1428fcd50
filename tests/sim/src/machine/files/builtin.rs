use std::sync::OnceLock;

use bytes::Bytes;
use jiff::Timestamp;

use super::{Device, Files, Kind, Owner};
use crate::machine::applets;
use crate::machine::process::Noise;

/// The time of every file: the start of 2024, UTC.
const MADE: i64 = 1_704_067_200;
/// The size of the program.
const PROGRAM: usize = 200_000;

const DIRECTORIES: &[(&str, u32)] = &[
    ("bin", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("mnt", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run", 0o755),
    ("sbin", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("var", 0o755),
    ("var/log", 0o755),
];

const TEXTS: &[(&str, &str)] = &[
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    ),
    ("etc/group", "root:x:0:\ntty:x:5:\nuser:x:1000:\nnogroup:x:65534:\n"),
    ("etc/hosts", "127.0.0.1 localhost\n"),
];

/// What the start of an instance puts into `/dev`.
const DEVICES: &[(&str, Device)] = &[
    ("null", Device::Null),
    ("zero", Device::Zero),
    ("full", Device::Full),
    ("random", Device::Random),
    ("urandom", Device::Random),
    ("tty", Device::Terminal),
    ("console", Device::Console),
];

impl Files {
    /// The root file system of an image that was not imported: a busybox, a link per applet, and what a
    /// shell wants to find. Made once; every caller has a clone.
    pub(crate) fn busybox() -> Self {
        static ROOT: OnceLock<Files> = OnceLock::new();
        ROOT.get_or_init(Self::make).clone()
    }

    fn make() -> Self {
        let mut files = Self::default();
        let made = Timestamp::new(MADE, 0).unwrap_or_default();
        // All of these are new, and in directories that were made before: none can be refused.
        let mut put = |path: &str, kind, mode| {
            let _ = files.create(path.as_bytes(), kind, Owner::root(mode), made);
        };
        for (path, mode) in DIRECTORIES {
            put(path, Kind::Directory(Default::default()), *mode);
        }
        let mut program = b"\x7fELF\x02\x01\x01".to_vec();
        program.resize(PROGRAM, 0);
        Noise::of(1).fill(&mut program[16..]);
        put("bin/busybox", Kind::File(Bytes::from(program).into()), 0o755);
        for name in applets::NAMES {
            put(&format!("bin/{name}"), Kind::Symlink(b"busybox".to_vec()), 0o777);
        }
        put("usr/bin", Kind::Symlink(b"../bin".to_vec()), 0o777);
        put("sbin/init", Kind::Symlink(b"../bin/busybox".to_vec()), 0o777);
        for (path, text) in TEXTS {
            put(path, Kind::File(Bytes::from_static(text.as_bytes()).into()), 0o644);
        }
        let user = Owner { uid: 1000, gid: 1000, mode: 0o755 };
        let _ = files.create(b"home/user", Kind::Directory(Default::default()), user, made);
        files.mount(b"localhost", made);
        files
    }

    /// What the start of an instance adds: devices, and the name of the host where it has a place.
    pub(crate) fn mount(&mut self, hostname: &[u8], now: Timestamp) {
        // What is there already, or has no directory to be in, is left as it is.
        let _ = self.create(b"dev", Kind::Directory(Default::default()), Owner::root(0o755), now);
        for (name, device) in DEVICES {
            let _ =
                self.create(format!("dev/{name}").as_bytes(), Kind::Device(*device), Owner::root(0o666), now);
        }
        let text = Bytes::from([hostname, b"\n"].concat());
        if self.create(b"etc/hostname", Kind::File(text.clone().into()), Owner::root(0o644), now).is_err()
            && let Ok(inode) = self.find(b"etc/hostname", super::Last::Follow)
            && self.read(inode, 0, usize::MAX).is_ok_and(|it| it != text)
        {
            let _ = self.truncate(inode, 0, now);
            let _ = self.append(inode, text, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Last;
    use super::*;

    #[test]
    fn what_is_inside() {
        let files = Files::busybox();
        let program = files.find(b"/sbin/init", Last::Follow).unwrap();
        assert_eq!(files.find(b"/usr/bin/sh", Last::Follow), Ok(program));
        assert_eq!(&files.read(program, 0, 4).unwrap()[..], b"\x7fELF");
        assert_eq!(files.stat(b"/tmp").unwrap().owner.mode, 0o1777);
        assert_eq!(files.stat(b"/root").unwrap().owner.mode, 0o700);
        assert_eq!(files.stat(b"/etc/passwd").unwrap().owner.mode, 0o644);
    }

    /// A clone shares what neither has changed.
    #[test]
    fn snapshots() {
        let now = Timestamp::UNIX_EPOCH;
        let mut files = Files::busybox();
        let inode =
            files.create(b"/tmp/x", Kind::File(Bytes::from_static(b"one").into()), Owner::root(0o644), now);
        let inode = inode.unwrap();
        let before = files.clone();
        files.append(inode, Bytes::from_static(b" two"), now).unwrap();
        files.remove(b"/etc/hosts", now).unwrap();
        assert_eq!(&before.read(inode, 0, 9).unwrap()[..], b"one");
        assert!(before.stat(b"/etc/hosts").is_ok());
        assert_eq!(files.used() + 20, before.used() + 4);
    }
}
