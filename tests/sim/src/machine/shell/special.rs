use super::run::{Jump, Shell, apart};
use crate::machine::process::{Signal, Status};

/// Commands whose assignments last, and whose failure ends a script.
pub(super) fn is_special(name: &[u8]) -> bool {
    matches!(
        name,
        b":" | b"."
            | b"break"
            | b"continue"
            | b"eval"
            | b"exec"
            | b"exit"
            | b"export"
            | b"readonly"
            | b"return"
            | b"set"
            | b"shift"
            | b"trap"
            | b"unset"
            | b"source"
    )
}

impl Shell {
    /// Says what is wrong with a command of the shell, as busybox does.
    async fn refuse(&mut self, argv: &[Vec<u8>], text: impl AsRef<[u8]>) -> Jump {
        self.say([argv[0].as_slice(), b": line 0: ", text.as_ref()].concat()).await;
        self.status = 2;
        Jump::Fail
    }

    async fn number(&mut self, argv: &[Vec<u8>], default: u32) -> Result<u32, Jump> {
        let Some(word) = argv.get(1) else { return Ok(default) };
        match std::str::from_utf8(word).ok().and_then(|it| it.parse().ok()) {
            Some(number) => Ok(number),
            None => Err(self.refuse(argv, [b"Illegal number: ".as_slice(), word].concat()).await),
        }
    }

    /// Runs one of them: its status.
    pub(super) async fn special(&mut self, argv: &[Vec<u8>]) -> Result<u8, Jump> {
        let rest = &argv[1..];
        match argv[0].as_slice() {
            b":" => Ok(0),
            b"." | b"source" => apart(|| self.include(argv)).await,
            b"break" | b"continue" => {
                let loops = apart(|| self.number(argv, 1)).await?.max(1).min(self.loops);
                match loops {
                    0 => Ok(0),
                    loops if argv[0] == b"break" => {
                        self.status = 0;
                        Err(Jump::Break(loops))
                    }
                    loops => {
                        self.status = 0;
                        Err(Jump::Continue(loops))
                    }
                }
            }
            b"eval" => {
                self.status = 0;
                self.text_of(&rest.join(&b' ')).await?;
                Ok(self.status)
            }
            b"exec" => {
                let rest = rest.strip_prefix(&[b"--".to_vec()]).unwrap_or(rest);
                if rest.is_empty() {
                    return Ok(0);
                }
                self.status = apart(|| self.replace(rest.to_vec(), b"exec: line 0: ")).await;
                Err(Jump::Exit)
            }
            b"exit" | b"return" => {
                let status = u32::from(self.status);
                self.status = apart(|| self.number(argv, status)).await? as u8;
                Err(if argv[0] == b"exit" { Jump::Exit } else { Jump::Return })
            }
            b"export" | b"readonly" => apart(|| self.mark(argv)).await,
            b"set" => apart(|| self.set(argv)).await,
            b"shift" => {
                let number = apart(|| self.number(argv, 1)).await? as usize;
                if number > self.arguments.len() {
                    return Ok(1);
                }
                self.arguments.drain(..number);
                Ok(0)
            }
            b"trap" => apart(|| self.trap(argv)).await,
            b"unset" => {
                let (functions, rest) = match rest.split_first() {
                    Some((option, rest)) if option == b"-f" => (true, rest),
                    Some((option, rest)) if option == b"-v" => (false, rest),
                    _ => (false, rest),
                };
                for name in rest {
                    if functions {
                        self.functions.remove(name);
                    } else if self.variables.unset(name).is_err() {
                        return apart(|| self.fail([name, b": is read only".as_slice()].concat())).await;
                    }
                }
                Ok(0)
            }
            _ => Ok(127),
        }
    }

    async fn include(&mut self, argv: &[Vec<u8>]) -> Result<u8, Jump> {
        let Some(path) = argv.get(1) else {
            return Err(self.refuse(argv, "filename argument required").await);
        };
        match self.read_file(path).await {
            Ok(text) => {
                self.status = 0;
                match self.text_of(&text).await {
                    Ok(()) | Err(Jump::Return) => Ok(self.status),
                    Err(jump) => Err(jump),
                }
            }
            Err(why) => Err(self
                .refuse(argv, [b"can't open '".as_slice(), path, b"': ", why.as_bytes()].concat())
                .await),
        }
    }

    /// `export` and `readonly`.
    async fn mark(&mut self, argv: &[Vec<u8>]) -> Result<u8, Jump> {
        let names = argv[1..].iter().filter(|it| *it != b"-p").collect::<Vec<_>>();
        if names.is_empty() {
            let mut text = Vec::new();
            for (name, value, exported) in self.variables.all() {
                if exported && argv[0] == b"export" {
                    text.extend([b"export ".as_slice(), name, b"='", value, b"'\n"].concat());
                }
            }
            let _ = self.system.write(1, text).await;
            return Ok(0);
        }
        for word in names {
            let Some((name, value)) = Self::split_assignment(word) else {
                return Err(self.refuse(argv, [word, b": bad variable name".as_slice()].concat()).await);
            };
            if let Some(value) = value {
                self.assign(name, value.to_vec()).await?;
            }
            if argv[0] == b"export" {
                self.variables.export(name);
            } else {
                self.variables.fix(name);
            }
        }
        Ok(0)
    }

    async fn set(&mut self, argv: &[Vec<u8>]) -> Result<u8, Jump> {
        let mut words = argv[1..].iter();
        if argv.len() == 1 {
            let all = self.variables.all();
            let text: Vec<_> = all.map(|(name, value, _)| [name, b"='", value, b"'\n"].concat()).collect();
            let _ = self.system.write(1, text.concat()).await;
            return Ok(0);
        }
        while let Some(word) = words.clone().next() {
            if word == b"--" {
                words.next();
                self.arguments = words.cloned().collect();
                return Ok(0);
            }
            let (Some(sign @ (b'-' | b'+')), true) = (word.first(), word.len() > 1) else { break };
            words.next();
            if &word[1..] == b"o" {
                let letter = match words.next().map(Vec::as_slice) {
                    Some(b"errexit") => b'e',
                    Some(b"nounset") => b'u',
                    Some(b"noglob") => b'f',
                    Some(b"xtrace") => b'x',
                    _ => return Err(self.refuse(argv, "illegal option -o").await),
                };
                self.options.set(letter, *sign == b'-');
                continue;
            }
            for &letter in &word[1..] {
                if letter == b'i' || !self.options.set(letter, *sign == b'-') {
                    return Err(self
                        .refuse(argv, [b"illegal option -".as_slice(), &[letter]].concat())
                        .await);
                }
            }
        }
        let rest: Vec<_> = words.cloned().collect();
        if !rest.is_empty() {
            self.arguments = rest;
        }
        Ok(0)
    }

    async fn trap(&mut self, argv: &[Vec<u8>]) -> Result<u8, Jump> {
        let rest = argv[1..].strip_prefix(&[b"--".to_vec()]).unwrap_or(&argv[1..]);
        if rest.is_empty() {
            let mut text = Vec::new();
            for (number, command) in &self.traps {
                let name = if *number == 0 { "EXIT" } else { Signal(*number).name().unwrap_or("?") };
                text.extend([b"trap -- '".as_slice(), command, b"' ", name.as_bytes(), b"\n"].concat());
            }
            let _ = self.system.write(1, text).await;
            return Ok(0);
        }
        let is_number = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_digit);
        let (command, names) = match rest {
            [first, names @ ..] if first == b"-" => (None, names),
            // The first is no command: all go back.
            names if is_number(&names[0]) || names.len() == 1 => (None, names),
            [first, names @ ..] => (Some(first.as_slice()), names),
            [] => return Ok(0),
        };
        let mut status = 0;
        for name in names {
            match Signal::parse(name) {
                Some(signal) => self.set_trap(signal, command),
                None => {
                    self.say(
                        [b"trap: line 0: ".as_slice(), name, b": invalid signal specification"].concat(),
                    )
                    .await;
                    status = 1;
                }
            }
        }
        Ok(status)
    }

    /// The command `wait`: a signal that is caught ends it.
    pub(super) async fn wait(&mut self, argv: &[Vec<u8>]) -> Result<u8, Jump> {
        let named = argv.len() > 1;
        let all: Vec<_> = if named {
            argv[1..].iter().map(|it| std::str::from_utf8(it).ok().and_then(|it| it.parse().ok())).collect()
        } else {
            self.jobs.keys().copied().map(Some).collect()
        };
        let mut code = 0;
        for child in all {
            let status = match child.and_then(|it| self.jobs.remove(&it).map(|status| (it, status))) {
                None => Status::Exited(127),
                Some((_, Some(status))) => status,
                Some((child, None)) => match self.system.wait(child, true).await {
                    Ok(Some(status)) => status,
                    Ok(None) => {
                        self.jobs.insert(child, None);
                        let signal = self.system.pending().map_or(0, |it| it.0);
                        self.traps().await?;
                        return Ok(128 + signal);
                    }
                    Err(_) => Status::Exited(127),
                },
            };
            code = if named { status.code() as u8 } else { 0 };
        }
        Ok(code)
    }
}
