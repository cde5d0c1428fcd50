use super::{arrange, check, identity, place, print, run, search, stream};
use crate::machine::process::{System, Task};
use crate::machine::shell;

/// Links to busybox in the built-in root.
pub(crate) const NAMES: &[&str] = &[
    "[",
    "ash",
    "basename",
    "cat",
    "chmod",
    "chown",
    "cp",
    "cut",
    "date",
    "dd",
    "dirname",
    "echo",
    "env",
    "false",
    "grep",
    "halt",
    "head",
    "hostname",
    "id",
    "kill",
    "ln",
    "ls",
    "mkdir",
    "mv",
    "poweroff",
    "printf",
    "ps",
    "pwd",
    "readlink",
    "realpath",
    "reboot",
    "rm",
    "rmdir",
    "sed",
    "seq",
    "setsid",
    "sh",
    "sha256sum",
    "sleep",
    "sort",
    "stat",
    "stty",
    "sync",
    "tail",
    "tee",
    "test",
    "touch",
    "tr",
    "true",
    "truncate",
    "tty",
    "uname",
    "uniq",
    "wc",
    "which",
    "whoami",
    "yes",
];

/// What a shell runs without a process of its own.
pub(crate) const BUILT_IN: &[&[u8]] = &[b"echo", b"printf", b"test", b"[", b"true", b"false", b"kill"];

/// One run of an applet.
pub(super) struct Applet<'a> {
    pub(super) system: &'a System,
    /// What its messages begin with: its name, or the shell's.
    pub(super) said: &'a [u8],
    /// Without the name.
    pub(super) args: &'a [Vec<u8>],
}

impl Applet<'_> {
    /// Says what is wrong: 1, as most exit codes are then.
    pub(super) async fn fail(&self, text: impl AsRef<[u8]>) -> u8 {
        self.system.complain([self.said, b": ", text.as_ref()].concat()).await;
        1
    }

    /// Says what is wrong with a file.
    pub(super) async fn fail_at(&self, verb: &str, path: &[u8], why: impl std::fmt::Display) -> u8 {
        self.fail([verb.as_bytes(), b" '", path, b"': ", why.to_string().as_bytes()].concat()).await
    }

    /// An option that is not there is never passed over.
    pub(super) async fn bad_option(&self, option: &[u8]) -> u8 {
        let option = option.strip_prefix(b"-").unwrap_or(option);
        let option = option.get(..1).filter(|it| *it != b"-").unwrap_or(option);
        self.fail([b"invalid option -- '".as_slice(), option, b"'"].concat()).await
    }

    pub(super) async fn print(&self, bytes: impl Into<bytes::Bytes>) -> u8 {
        match self.system.write(1, bytes).await {
            Ok(()) => 0,
            Err(errno) => self.fail(format!("write error: {errno}")).await,
        }
    }

    /// The options, letter by letter, with the values of those in `with_value`, and the rest.
    pub(super) async fn options<'b>(
        &'b self,
        known: &[u8],
        with_value: &[u8],
    ) -> Result<(Vec<(u8, &'b [u8])>, Vec<&'b [u8]>), u8> {
        let (mut options, mut rest) = (Vec::new(), Vec::new());
        let mut words = self.args.iter().map(Vec::as_slice);
        while let Some(word) = words.next() {
            if word == b"--" {
                rest.extend(words);
                break;
            }
            let Some(letters) = word.strip_prefix(b"-").filter(|it| !it.is_empty()) else {
                rest.push(word);
                continue;
            };
            for (at, &letter) in letters.iter().enumerate() {
                if with_value.contains(&letter) {
                    let value = match &letters[at + 1..] {
                        b"" => words.next(),
                        value => Some(value),
                    };
                    let Some(value) = value else {
                        let text = [b"option requires an argument -- '".as_slice(), &[letter], b"'"].concat();
                        return Err(self.fail(text).await);
                    };
                    options.push((letter, value));
                    break;
                }
                if !known.contains(&letter) {
                    return Err(self.bad_option(&letters[at..]).await);
                }
                options.push((letter, b"".as_slice()));
            }
        }
        Ok((options, rest))
    }
}

/// Whether an option was given.
pub(super) fn has(options: &[(u8, &[u8])], letter: u8) -> bool {
    options.iter().any(|it| it.0 == letter)
}

/// A number, with `k`, `M` or `G` behind it perhaps.
pub(super) fn size(word: &[u8]) -> Option<u64> {
    let digits = word.iter().take_while(|it| it.is_ascii_digit()).count();
    let number: u64 = std::str::from_utf8(&word[..digits]).ok()?.parse().ok()?;
    let factor = match &word[digits..] {
        b"" | b"c" => 1,
        b"b" => 512,
        b"k" | b"K" => 1 << 10,
        b"kB" | b"KB" => 1000,
        b"m" | b"M" => 1 << 20,
        b"MB" => 1_000_000,
        b"g" | b"G" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// The command that the first word names.
pub(crate) fn task(system: System, argv: Vec<Vec<u8>>) -> Task {
    Box::pin(async move {
        let mut argv = argv;
        let mut name = base(&argv[0]);
        if name == b"busybox" && argv.len() > 1 {
            argv.remove(0);
            name = base(&argv[0]);
        }
        match name.as_slice() {
            b"sh" | b"ash" => shell::main(system, argv).await,
            _ => applet(&system, &name, &name, &argv[1..]).await,
        }
    })
}

/// The name of a program without its directory, and without the mark of a login.
fn base(word: &[u8]) -> Vec<u8> {
    let name = word.rsplit(|it| *it == b'/').next().unwrap_or_default();
    name.strip_prefix(b"-").unwrap_or(name).to_vec()
}

/// One of those in [`BUILT_IN`], for a shell of that name.
pub(crate) async fn built_in(system: &System, shell: &[u8], argv: &[Vec<u8>]) -> u8 {
    Box::pin(applet(system, shell, &argv[0], &argv[1..])).await
}

async fn applet(system: &System, said: &[u8], name: &[u8], args: &[Vec<u8>]) -> u8 {
    let it = &Applet { system, said, args };
    match name {
        b"true" | b"sync" => 0,
        b"false" => 1,
        b"echo" => print::echo(it).await,
        b"printf" => print::printf(it).await,
        b"seq" => print::seq(it).await,
        b"yes" => print::yes(it).await,
        b"cat" => stream::cat(it).await,
        b"head" => stream::head(it).await,
        b"tail" => stream::tail(it).await,
        b"tee" => stream::tee(it).await,
        b"wc" => stream::wc(it).await,
        b"tr" => stream::tr(it).await,
        b"dd" => stream::dd(it).await,
        b"sha256sum" => stream::sha256sum(it).await,
        b"grep" => search::grep(it).await,
        b"sed" => search::sed(it).await,
        b"sort" => search::sort(it).await,
        b"uniq" => search::uniq(it).await,
        b"cut" => search::cut(it).await,
        b"ls" => place::ls(it).await,
        b"stat" => place::stat(it).await,
        b"readlink" | b"realpath" => place::readlink(it, name == b"realpath").await,
        b"basename" => place::basename(it).await,
        b"dirname" => place::dirname(it).await,
        b"which" => place::which(it).await,
        b"pwd" => it.print([&system.cwd(), b"\n".as_slice()].concat()).await,
        b"rm" => arrange::rm(it).await,
        b"rmdir" => arrange::rmdir(it).await,
        b"mkdir" => arrange::mkdir(it).await,
        b"touch" => arrange::touch(it).await,
        b"truncate" => arrange::truncate(it).await,
        b"mv" => arrange::mv(it).await,
        b"cp" => arrange::cp(it).await,
        b"ln" => arrange::ln(it).await,
        b"chmod" => arrange::chmod(it).await,
        b"chown" => arrange::chown(it).await,
        b"id" => identity::id(it).await,
        b"whoami" => identity::whoami(it).await,
        b"env" => identity::env(it).await,
        b"hostname" => identity::hostname(it).await,
        b"uname" => identity::uname(it).await,
        b"date" => identity::date(it).await,
        b"ps" => identity::ps(it).await,
        b"tty" => identity::tty(it).await,
        b"stty" => identity::stty(it).await,
        b"init" => run::init(it).await,
        b"halt" | b"poweroff" | b"reboot" => run::halt(it).await,
        b"sleep" => run::sleep(it).await,
        b"kill" => run::kill(it).await,
        b"setsid" => run::setsid(it).await,
        b"test" => check::test(it, false).await,
        b"[" => check::test(it, true).await,
        _ => {
            system.complain([name, b": applet not found"].concat()).await;
            127
        }
    }
}
