use super::run::{Jump, Shell};
use super::special::is_special;
use crate::machine::applets;
use crate::machine::files::{Errno, Last};

/// Commands that need to be done in the shell itself, beside the special ones.
const OWN: [&[u8]; 9] = [b"cd", b"pwd", b"read", b"wait", b"umask", b"type", b"command", b"local", b"hash"];

pub(super) fn is_builtin(name: &[u8]) -> bool {
    OWN.contains(&name) || applets::BUILT_IN.contains(&name)
}

impl Shell {
    /// Runs one of them: its status.
    pub(super) async fn builtin(&mut self, argv: &[Vec<u8>]) -> Result<u8, Jump> {
        match argv[0].as_slice() {
            b"cd" => self.change_directory(argv).await,
            b"pwd" => {
                let cwd = self.system.cwd();
                Ok(u8::from(self.system.write(1, [&cwd, b"\n".as_slice()].concat()).await.is_err()))
            }
            b"read" => self.read(argv).await,
            b"wait" => self.wait(argv).await,
            b"umask" => self.umask(argv).await,
            b"type" => self.kind_of(&argv[1..], true).await,
            b"command" => self.plain_command(argv).await,
            b"local" => self.local(argv).await,
            b"hash" => {
                let missing = argv[1..]
                    .iter()
                    .find(|name| !is_special(name) && !is_builtin(name) && self.find(name).is_none());
                if let Some(name) = missing {
                    self.say([b"hash: line 0: ".as_slice(), name, b": not found"].concat()).await;
                }
                Ok(u8::from(missing.is_some()))
            }
            _ => Ok(self.applet(argv).await),
        }
    }

    async fn change_directory(&mut self, argv: &[Vec<u8>]) -> Result<u8, Jump> {
        let (mut to, mut shown) = (argv.get(1).filter(|it| *it != b"--").or(argv.get(2)).cloned(), false);
        if to.as_deref() == Some(b"-") {
            to = self.variables.get(b"OLDPWD").map(<[u8]>::to_vec);
            shown = true;
        }
        let to = match to.or_else(|| self.variables.get(b"HOME").map(<[u8]>::to_vec)) {
            Some(to) if !to.is_empty() => to,
            _ => return Ok(0),
        };
        // As it is written: `..` after a link leads back to where the link is.
        let mut parts: Vec<&[u8]> = Vec::new();
        let absolute = self.system.absolute(&to);
        for part in absolute.split(|it| *it == b'/') {
            match part {
                b"" | b"." => {}
                b".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        let path = [b"/".as_slice(), &parts.join(&b'/')].concat();
        let checked = match self.system.look(&path, Last::Follow, |_, _, node| node.is_directory()) {
            Ok(true) if self.system.may(&path, 1) => Ok(()),
            Ok(true) => Err(Errno::Denied),
            Ok(false) => Err(Errno::NotDirectory),
            Err(errno) => Err(errno),
        };
        if let Err(errno) = checked {
            let why = errno.to_string();
            self.say([b"cd: line 0: can't cd to ".as_slice(), &to, b": ", why.as_bytes()].concat()).await;
            return Ok(2);
        }
        let old = self.system.cwd();
        self.system.set_cwd(path.clone());
        if shown {
            let _ = self.system.write(1, [&path, b"\n".as_slice()].concat()).await;
        }
        self.assign(b"OLDPWD", old).await?;
        self.assign(b"PWD", path).await?;
        Ok(0)
    }

    async fn read(&mut self, argv: &[Vec<u8>]) -> Result<u8, Jump> {
        let (mut raw, mut names) = (false, Vec::new());
        let mut words = argv[1..].iter();
        while let Some(word) = words.next() {
            match word.as_slice() {
                b"-r" => raw = true,
                b"-p" => {
                    let prompt = words.next().cloned().unwrap_or_default();
                    let _ = self.system.write(2, prompt).await;
                }
                word if word.starts_with(b"-") && names.is_empty() => {
                    self.say([b"read: line 0: illegal option ".as_slice(), word].concat()).await;
                    return Ok(2);
                }
                name => names.push(name.to_vec()),
            }
        }
        if names.is_empty() {
            names.push(b"REPLY".to_vec());
        }
        // Bytes, and whether a backslash stood before.
        let (mut line, mut complete) = (Vec::new(), false);
        'more: loop {
            let Ok(Some(piece)) = self.system.read_line(0, false).await else { break };
            let mut bytes = piece.iter();
            while let Some(&byte) = bytes.next() {
                match byte {
                    b'\\' if !raw => match bytes.next() {
                        Some(b'\n') => continue 'more,
                        Some(next) => line.push((*next, true)),
                        None => {}
                    },
                    b'\n' => {
                        complete = true;
                        break 'more;
                    }
                    0 => {}
                    _ => line.push((byte, false)),
                }
            }
            if !piece.ends_with(b"\n") {
                break;
            }
        }
        for (name, value) in names.iter().zip(share(&line, &self.separators(), names.len())) {
            self.assign(name, value).await?;
        }
        Ok(u8::from(!complete))
    }

    async fn umask(&mut self, argv: &[Vec<u8>]) -> Result<u8, Jump> {
        let Some(word) = argv.get(1) else {
            let text = format!("{:04o}\n", self.system.umask());
            return Ok(u8::from(self.system.write(1, text).await.is_err()));
        };
        match std::str::from_utf8(word).ok().and_then(|it| u32::from_str_radix(it, 8).ok()) {
            Some(mask) if mask <= 0o777 => {
                self.system.set_umask(mask);
                Ok(0)
            }
            _ => {
                self.say([b"umask: line 0: illegal mode: ".as_slice(), word].concat()).await;
                Ok(2)
            }
        }
    }

    /// Says what a name stands for.
    async fn kind_of(&mut self, names: &[Vec<u8>], long: bool) -> Result<u8, Jump> {
        let mut status = 0;
        for name in names {
            let found = if self.functions.contains_key(name) {
                Some(if long { [name, b" is a shell function".as_slice()].concat() } else { name.clone() })
            } else if is_special(name) || is_builtin(name) {
                Some(if long { [name, b" is a shell builtin".as_slice()].concat() } else { name.clone() })
            } else {
                let path = self.find(name);
                path.map(|path| if long { [name, b" is ".as_slice(), &path].concat() } else { path })
            };
            let (number, text) = match found {
                Some(text) => (1, text),
                None => {
                    status = 127;
                    (1, if long { [name, b": not found".as_slice()].concat() } else { continue })
                }
            };
            let _ = self.system.write(number, [&text, b"\n".as_slice()].concat()).await;
        }
        Ok(status)
    }

    /// Where a program is.
    fn find(&self, name: &[u8]) -> Option<Vec<u8>> {
        if name.contains(&b'/') {
            return self.system.may(name, 1).then(|| name.to_vec());
        }
        let path = self.variables.get(b"PATH")?;
        let mut candidates = path.split(|it| *it == b':').map(|it| [it, b"/", name].concat());
        candidates.find(|it| self.system.may(it, 1))
    }

    /// `command`: what is meant is no function.
    async fn plain_command(&mut self, argv: &[Vec<u8>]) -> Result<u8, Jump> {
        let rest = &argv[1..];
        match rest.first().map(Vec::as_slice) {
            None => Ok(0),
            // One name only, as in busybox.
            Some(b"-v") => self.kind_of(&rest[1..rest.len().min(2)], false).await,
            Some(b"-V") => self.kind_of(&rest[1..rest.len().min(2)], true).await,
            Some(name) if is_special(name) => Box::pin(self.special(rest)).await,
            Some(name) if is_builtin(name) => Box::pin(self.builtin(rest)).await,
            Some(_) => {
                let (mut shell, rest) = (self.child(), rest.to_vec());
                self.spawn_and_wait(move |system| {
                    shell.system = system;
                    Box::pin(async move { shell.replace(rest, b"").await })
                })
                .await?;
                Ok(self.status)
            }
        }
    }

    async fn local(&mut self, argv: &[Vec<u8>]) -> Result<u8, Jump> {
        if self.locals.is_empty() {
            self.say("local: line 0: not in a function").await;
            return Err(Jump::Fail);
        }
        for word in &argv[1..] {
            let Some((name, value)) = Self::split_assignment(word) else {
                return self
                    .fail([b"local: line 0: ".as_slice(), word, b": bad variable name"].concat())
                    .await;
            };
            let saved = self.variables.save(name);
            if let Some(locals) = self.locals.last_mut() {
                locals.push((name.to_vec(), saved));
            }
            if let Some(value) = value {
                self.assign(name, value.to_vec()).await?;
            }
        }
        Ok(0)
    }
}

/// Shares a line out among so many names; the last has all the rest.
fn share(line: &[(u8, bool)], separators: &[u8], names: usize) -> Vec<Vec<u8>> {
    let is_end = |it: &(u8, bool)| !it.1 && separators.contains(&it.0);
    let is_space = |it: &(u8, bool)| is_end(it) && it.0.is_ascii_whitespace();
    let skip = |at: usize| at + line[at..].iter().take_while(|it| is_space(it)).count();
    let (mut values, mut at) = (Vec::new(), skip(0));
    for number in 0..names {
        let rest = &line[at..];
        let length = if number + 1 < names {
            rest.iter().position(is_end).unwrap_or(rest.len())
        } else {
            rest.len() - rest.iter().rev().take_while(|it| is_space(it)).count()
        };
        values.push(rest[..length].iter().map(|it| it.0).collect());
        at = skip(at + length);
        // One delimiter that is no space ends a field, with the spaces around it.
        if at < line.len() && number + 1 < names && is_end(&line[at]) {
            at = skip(at + 1);
        }
    }
    values
}
