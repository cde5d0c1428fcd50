//! A container image of a few hundred lines of nothing: one static busybox, packed as the unified
//! image tarball that LXD and Incus import.
//!
//! | path in the image | what it is |
//! |---|---|
//! | `metadata.yaml` | architecture (that of the busybox), creation date, properties |
//! | `rootfs/bin` | busybox and a link per applet |
//! | `rootfs/sbin/init` | a shell script: a shell on the console, a quick clean end on the halt signal |
//! | `rootfs/etc` | `passwd`, `group` and what a shell wants to find |
//! | `rootfs/root`, `rootfs/tmp` | 0700 and 1777 |
//! | `rootfs/home/user` | the home of uid 1000 |
//! | `rootfs/dev`, `proc`, `sys`, `run`, `mnt`, `var` | empty |
//! | `rootfs/var/pad` | only on request: noise that no compressor makes smaller |
//!
//! The bytes depend on nothing but the busybox and the size of the padding. The module uses `std` and
//! `tar` only, so that it can be carried into a program of its own.

use std::env;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

/// The time of every file and of the image: the start of 2024, UTC.
const MADE: u64 = 1_704_067_200;

/// Commands that are links to busybox. A name that a busybox lacks is answered by busybox itself.
const APPLETS: &str = "\
    cat chmod chown cp cut date dd df du echo env false grep halt head hostname id ifconfig \
    kill ln ls mkdir mknod mount mv nc poweroff printf ps pwd reboot rm rmdir sed seq setsid \
    sh sha256sum sleep sort stat stty sync tail tar test touch tr true tty umount uname vi \
    wc yes";

/// The first process. Busybox's own `init` would do, but takes three seconds for a clean stop, as it
/// sleeps twice on the way down; this script takes less than one. A shell that waits takes SIGPWR (the
/// halt signal of `liblxc`) at once and collects every child that lost its parent.
const INIT: &str = "\
#!/bin/sh
# First process of the container: a shell on the console, children collected, a clean end when asked.
export PATH=/sbin:/bin HOME=/root TERM=linux
end() {
\ttrap '' PWR TERM USR1 USR2
\tkill -TERM -1
\texit 0
}
trap end PWR USR1 USR2
trap 'reboot -f' TERM
trap '' INT HUP
ifconfig lo up 2>/dev/null
cd /root
while :; do
\tsetsid -c sh -l </dev/console >/dev/console 2>&1 &
\twait $!
\tsleep 1 &
\twait $!
done
";

const PASSWD: &str = "\
root:x:0:0:root:/root:/bin/sh
user:x:1000:1000:user:/home/user:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
";

const GROUP: &str = "\
root:x:0:
tty:x:5:
user:x:1000:
nogroup:x:65534:
";

/// Writes the image of `busybox` to `out`: an uncompressed tar archive, the same bytes every time.
///
/// # Errors
/// When the file cannot be read, is no ELF program, or `out` takes no more.
pub fn busybox_image(busybox: &Path, out: impl Write) -> io::Result<()> {
    padded_image(busybox, 0, out)
}

/// As [`busybox_image`], with `pad` bytes of noise in `/var/pad`, made while they are written.
///
/// # Errors
/// As [`busybox_image`].
pub fn padded_image(busybox: &Path, pad: u64, out: impl Write) -> io::Result<()> {
    let mut program = File::open(busybox)?;
    let elf = Elf::read(&mut program)?;
    let size = program.seek(SeekFrom::End(0))?;
    program.rewind()?;

    let mut image = Image(Builder::new(out));
    image.file("metadata.yaml", 0o644, metadata(elf.architecture).as_bytes())?;
    for (path, mode) in [
        ("rootfs", 0o755),
        ("rootfs/bin", 0o755),
        ("rootfs/dev", 0o755),
        ("rootfs/etc", 0o755),
        ("rootfs/home", 0o755),
        ("rootfs/mnt", 0o755),
        ("rootfs/proc", 0o755),
        ("rootfs/root", 0o700),
        ("rootfs/run", 0o755),
        ("rootfs/sbin", 0o755),
        ("rootfs/sys", 0o755),
        ("rootfs/tmp", 0o1777),
        ("rootfs/usr", 0o755),
        ("rootfs/var", 0o755),
        ("rootfs/var/log", 0o755),
    ] {
        image.directory(path, mode, 0)?;
    }
    image.directory("rootfs/home/user", 0o755, 1000)?;
    image.stream("rootfs/bin/busybox", 0o755, size, &mut program)?;
    for applet in APPLETS.split(' ') {
        image.link(&format!("rootfs/bin/{applet}"), "busybox")?;
    }
    image.link("rootfs/usr/bin", "../bin")?;
    image.file("rootfs/sbin/init", 0o755, INIT.as_bytes())?;
    image.file("rootfs/etc/passwd", 0o644, PASSWD.as_bytes())?;
    image.file("rootfs/etc/group", 0o644, GROUP.as_bytes())?;
    image.file("rootfs/etc/hosts", 0o644, b"127.0.0.1 localhost\n")?;
    if pad > 0 {
        image.stream("rootfs/var/pad", 0o644, pad, &mut Noise::default())?;
    }
    image.0.into_inner()?.flush()
}

fn metadata(architecture: &str) -> String {
    format!(
        "architecture: {architecture}\n\
         creation_date: {MADE}\n\
         properties:\n\
         \x20 architecture: {architecture}\n\
         \x20 description: busybox, a shell and nothing else\n\
         \x20 os: busybox\n\
         \x20 release: '1'\n"
    )
}

/// The archive under construction.
struct Image<W: Write>(Builder<W>);

impl<W: Write> Image<W> {
    fn directory(&mut self, path: &str, mode: u32, owner: u64) -> io::Result<()> {
        let mut head = head(EntryType::Directory, mode, 0);
        head.set_uid(owner);
        head.set_gid(owner);
        self.0.append_data(&mut head, format!("{path}/"), io::empty())
    }

    fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> io::Result<()> {
        self.stream(path, mode, content.len() as u64, &mut &content[..])
    }

    fn stream(&mut self, path: &str, mode: u32, size: u64, from: &mut dyn Read) -> io::Result<()> {
        let mut head = head(EntryType::Regular, mode, size);
        self.0.append_data(&mut head, path, Exactly { from, left: size })
    }

    fn link(&mut self, path: &str, target: &str) -> io::Result<()> {
        let mut head = head(EntryType::Symlink, 0o777, 0);
        self.0.append_link(&mut head, path, target)
    }
}

fn head(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut head = Header::new_gnu();
    head.set_entry_type(kind);
    head.set_mode(mode);
    head.set_size(size);
    head.set_mtime(MADE);
    head.set_uid(0);
    head.set_gid(0);
    head
}

/// A reader of as many bytes as the header of the entry says: a file that changes while it is packed
/// must not shift what follows.
struct Exactly<'a> {
    from: &'a mut dyn Read,
    left: u64,
}

impl Read for Exactly<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = into.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        let n = self.from.read(&mut into[..most])?;
        if n == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the file became shorter while it was packed",
            ));
        }
        self.left -= n as u64;
        Ok(n)
    }
}

/// Bytes without a pattern and without an end: xorshift64*, always from the same seed.
struct Noise(u64);

impl Default for Noise {
    fn default() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }
}

impl Read for Noise {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // Whole words only, so that the bytes do not depend on the sizes of the reads.
        let whole = into.len() / 8 * 8;
        if whole == 0 && !into.is_empty() {
            into[0] = self.word()[0];
            return Ok(1);
        }
        for word in into[..whole].chunks_exact_mut(8) {
            word.copy_from_slice(&self.word());
        }
        Ok(whole)
    }
}

impl Noise {
    fn word(&mut self) -> [u8; 8] {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()
    }
}

/// A busybox that needs nothing else to run.
///
/// `$LXIO_BUSYBOX` if it is set; otherwise the first static one of `busybox` and `busybox.static` in
/// `$PATH` and of the places where distributions put them.
///
/// # Errors
/// A sentence that says what was looked at and what to do.
pub fn find_busybox() -> Result<PathBuf, String> {
    if let Some(given) = env::var_os("LXIO_BUSYBOX") {
        let given = PathBuf::from(given);
        return match usable(&given) {
            Ok(()) => Ok(given),
            Err(why) => Err(format!("LXIO_BUSYBOX names {}: {why}", given.display())),
        };
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let places = env::split_paths(&path).chain(
        ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from),
    );
    let mut seen = Vec::new();
    let mut refused = String::new();
    for place in places {
        for name in ["busybox", "busybox.static", "busybox-static"] {
            let candidate = place.join(name);
            if seen.contains(&candidate) || !candidate.is_file() {
                continue;
            }
            match usable(&candidate) {
                Ok(()) => return Ok(candidate),
                Err(why) => refused.push_str(&format!("; {}: {why}", candidate.display())),
            }
            seen.push(candidate);
        }
    }
    Err(format!(
        "no static busybox found{refused}. Install one (the package is often called busybox-static) or name one \
         in LXIO_BUSYBOX"
    ))
}

fn usable(path: &Path) -> Result<(), String> {
    let elf = File::open(path).and_then(|mut file| Elf::read(&mut file)).map_err(|e| e.to_string())?;
    if elf.dynamic { Err("it needs shared libraries, a static one is wanted".to_owned()) } else { Ok(()) }
}

/// What an image must know of a program.
#[derive(Debug, PartialEq, Eq)]
struct Elf {
    /// The name that LXD and Incus give to the processor.
    architecture: &'static str,
    /// It asks for a program interpreter, which the image does not have.
    dynamic: bool,
}

impl Elf {
    fn read(from: &mut (impl Read + Seek)) -> io::Result<Self> {
        const INTERPRETER: u32 = 3;
        let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let mut head = [0; 64];
        let mut got = 0;
        while got < head.len() {
            match from.read(&mut head[got..])? {
                0 => break,
                n => got += n,
            }
        }
        if got < 52 || head[..4] != *b"\x7fELF" {
            return Err(bad("it is no ELF program"));
        }
        let wide = head[4] == 2;
        let big = head[5] == 2;
        let number = |bytes: &[u8]| -> u64 {
            let add = |sum: u64, b: &u8| (sum << 8) | u64::from(*b);
            if big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
        };
        let architecture = match (number(&head[18..20]), wide, big) {
            (3, _, _) => "i686",
            (8, true, _) => "mips64",
            (8, false, _) => "mips",
            (21, _, false) => "ppc64le",
            (21, _, true) => "ppc64",
            (20, _, _) => "ppc",
            (22, _, _) => "s390x",
            (40, _, _) => "armv7l",
            (62, _, _) => "x86_64",
            (183, _, _) => "aarch64",
            (243, true, _) => "riscv64",
            (243, false, _) => "riscv32",
            (258, _, _) => "loongarch64",
            _ => return Err(bad("it is made for a processor that is not known here")),
        };
        let (table, size, count) = if wide {
            (number(&head[32..40]), number(&head[54..56]), number(&head[56..58]))
        } else {
            (number(&head[28..32]), number(&head[42..44]), number(&head[44..46]))
        };
        if size < 4 {
            return Err(bad("its ELF program headers are damaged"));
        }
        let mut dynamic = false;
        for i in 0..count {
            let mut kind = [0; 4];
            let at = table.checked_add(i * size).ok_or_else(|| bad("its ELF program headers are damaged"))?;
            from.seek(SeekFrom::Start(at))?;
            from.read_exact(&mut kind)?;
            dynamic |= number(&kind) == u64::from(INTERPRETER);
        }
        Ok(Self { architecture, dynamic })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::io::Cursor;

    /// The head of a program and one program header of the given type.
    fn program(wide: bool, big: bool, machine: u16, kind: u32) -> Vec<u8> {
        let mut elf = vec![0; 96];
        let put = |elf: &mut Vec<u8>, at: usize, value: u64, len: usize| {
            let bytes = if big {
                value.to_be_bytes()[8 - len..].to_vec()
            } else {
                value.to_le_bytes()[..len].to_vec()
            };
            elf[at..at + len].copy_from_slice(&bytes);
        };
        elf[..4].copy_from_slice(b"\x7fELF");
        elf[4] = 1 + u8::from(wide);
        elf[5] = 1 + u8::from(big);
        put(&mut elf, 18, machine.into(), 2);
        if wide {
            put(&mut elf, 32, 64, 8);
            put(&mut elf, 54, 32, 2);
            put(&mut elf, 56, 1, 2);
        } else {
            put(&mut elf, 28, 64, 4);
            put(&mut elf, 42, 32, 2);
            put(&mut elf, 44, 1, 2);
        }
        put(&mut elf, 64, kind.into(), 4);
        elf
    }

    fn on_disk(name: &str, content: &[u8]) -> PathBuf {
        let path = env::temp_dir().join(format!("lxio-tarball-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        path
    }

    #[test]
    fn elf_heads() {
        let read = |bytes: Vec<u8>| Elf::read(&mut Cursor::new(bytes));
        let is = |architecture, dynamic| Elf { architecture, dynamic };
        assert_eq!(read(program(true, false, 62, 1)).unwrap(), is("x86_64", false));
        assert_eq!(read(program(true, false, 183, 3)).unwrap(), is("aarch64", true));
        assert_eq!(read(program(true, true, 22, 3)).unwrap(), is("s390x", true));
        assert_eq!(read(program(false, false, 40, 1)).unwrap(), is("armv7l", false));
        assert_eq!(read(program(false, true, 20, 3)).unwrap(), is("ppc", true));
        assert!(read(b"#!/bin/sh\n".to_vec()).is_err());
        assert!(read(program(true, false, 62, 1)[..63].to_vec()).is_err());
        assert!(read(program(true, false, 9999, 1)).is_err());
    }

    #[test]
    fn same_input_same_bytes() {
        let path = on_disk("same", &program(true, false, 62, 1));
        let (mut first, mut second) = (Vec::new(), Vec::new());
        busybox_image(&path, &mut first).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1100));
        busybox_image(&path, &mut second).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(first == second);
    }

    #[test]
    fn what_is_inside() {
        let path = on_disk("inside", &program(true, false, 183, 1));
        let mut bytes = Vec::new();
        padded_image(&path, 100_003, &mut bytes).unwrap();
        std::fs::remove_file(&path).unwrap();
        let mut archive = tar::Archive::new(&bytes[..]);
        let mut found = BTreeMap::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            let name = entry.path().unwrap().to_string_lossy().into_owned();
            assert_eq!(entry.header().mtime().unwrap(), MADE, "{name}");
            let target = entry.link_name().unwrap().map(|t| t.to_string_lossy().into_owned());
            found.insert(name, (entry.header().mode().unwrap(), content, target));
        }
        assert!(found["metadata.yaml"].1.starts_with(b"architecture: aarch64\ncreation_date: 1704067200\n"));
        assert_eq!(found["rootfs/root/"].0, 0o700);
        assert_eq!(found["rootfs/tmp/"].0, 0o1777);
        assert_eq!(found["rootfs/bin/sh"].2.as_deref(), Some("busybox"));
        assert_eq!(found["rootfs/bin/busybox"].1.len(), 96);
        assert_eq!(found["rootfs/sbin/init"].0, 0o755);
        assert_eq!(found["rootfs/var/pad"].1.len(), 100_003);
    }

    #[test]
    fn noise_does_not_depend_on_reads() {
        let mut whole = vec![0; 64];
        Noise::default().read_exact(&mut whole).unwrap();
        let mut pieces = vec![0; 64];
        let mut noise = Noise::default();
        noise.read_exact(&mut pieces[..16]).unwrap();
        noise.read_exact(&mut pieces[16..]).unwrap();
        assert_eq!(whole, pieces);
    }

    #[test]
    fn a_file_that_shrinks_is_an_error() {
        let mut image = Image(Builder::new(Vec::new()));
        assert!(image.stream("rootfs/x", 0o644, 10, &mut &b"short"[..]).is_err());
    }
}
