use std::sync::Arc;

use super::arithmetic::evaluate;
use super::fields::{Fields, is_pattern, plain};
use super::matching::matches;
use super::run::{Future, Jump, Shell};
use super::tree::{Form, Node, Part, Word};
use crate::machine::files::{Kind, Last};
use crate::machine::process::Task;

/// What one word becomes is not longer, nor is what a command in it prints.
const LONGEST: usize = 16 << 20;

/// What is split into fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    None,
    /// What is put in without quotes.
    Values,
    /// That, and the text itself.
    All,
}

impl Mode {
    fn of(split: bool) -> Self {
        if split { Self::Values } else { Self::None }
    }
}

impl Shell {
    /// The arguments that words become.
    pub(super) async fn arguments(&mut self, words: &[Word]) -> Result<Vec<Vec<u8>>, Jump> {
        let mut arguments = Vec::new();
        for word in words {
            let mut fields = Fields::default();
            self.expand(word, Mode::Values, &mut fields).await?;
            for pattern in fields.finish() {
                if !self.options.no_names && is_pattern(&pattern) {
                    let found = self.names(&pattern).await;
                    if !found.is_empty() {
                        arguments.extend(found);
                        continue;
                    }
                }
                arguments.push(plain(&pattern));
            }
        }
        Ok(arguments)
    }

    /// One text, not split.
    pub(super) async fn text(&mut self, word: &Word) -> Result<Vec<u8>, Jump> {
        Ok(plain(&self.pattern(word).await?))
    }

    /// One pattern, not split: what is quoted stands for itself.
    pub(super) async fn pattern(&mut self, word: &Word) -> Result<Vec<u8>, Jump> {
        let mut fields = Fields::default();
        self.expand(word, Mode::None, &mut fields).await?;
        Ok(fields.finish().join(&b' '))
    }

    fn expand<'a>(&'a mut self, word: &'a Word, mode: Mode, out: &'a mut Fields) -> Future<'a, ()> {
        Box::pin(async move {
            let split = mode != Mode::None;
            for (at, part) in word.iter().enumerate() {
                match part {
                    Part::Text(text) if at == 0 && text.starts_with(b"~") => {
                        self.tilde(text, word.len() == 1, out)
                    }
                    Part::Text(text) if mode == Mode::All => out.split(text, &self.separators()),
                    Part::Text(text) => out.text(text),
                    Part::Quoted(text) => out.quoted(text),
                    Part::Command { node, quoted } => {
                        let text = self.output_of(node).await?;
                        self.put(&text, *quoted, split, out);
                    }
                    Part::Arithmetic { word, quoted } => {
                        let text = self.text(word).await?;
                        match evaluate(&text, &mut self.variables) {
                            Ok(value) => self.put(value.to_string().as_bytes(), *quoted, split, out),
                            Err(why) => return self.fail(why).await,
                        }
                    }
                    Part::Parameter { name, form, quoted } => {
                        self.parameter(name, form, *quoted, split, out).await?;
                    }
                }
                if out.len() > LONGEST {
                    return self.fail("out of memory").await;
                }
            }
            Ok(())
        })
    }

    fn tilde(&self, text: &[u8], alone: bool, out: &mut Fields) {
        let end = text.iter().position(|it| *it == b'/');
        if (end == Some(1) || text.len() == 1 && alone)
            && let Some(home) = self.variables.get(b"HOME")
        {
            out.quoted(home);
            return out.text(&text[1..]);
        }
        out.text(text);
    }

    fn put(&self, text: &[u8], quoted: bool, split: bool, out: &mut Fields) {
        match (quoted, split) {
            (true, _) => out.quoted(text),
            (false, true) => out.split(text, &self.separators()),
            (false, false) => out.text(text),
        }
    }

    pub(super) fn separators(&self) -> Vec<u8> {
        self.variables.get(b"IFS").unwrap_or(b" \t\n").to_vec()
    }

    /// A parameter with what is done with it.
    async fn parameter(
        &mut self,
        name: &[u8],
        form: &Form,
        quoted: bool,
        split: bool,
        out: &mut Fields,
    ) -> Result<(), Jump> {
        if matches!(name, b"@" | b"*") && matches!(form, Form::Plain) {
            self.all_arguments(name == b"@", quoted, split, out);
            return Ok(());
        }
        let value = self.value(name);
        let missing = |empty: bool| value.as_ref().is_none_or(|it| empty && it.is_empty());
        match form {
            Form::Length => {
                let length = value.unwrap_or_default().len().to_string();
                self.put(length.as_bytes(), quoted, split, out);
            }
            Form::Default { empty, word } if missing(*empty) => {
                return self.replacement(word, quoted, split, out).await;
            }
            Form::Alternative { empty, word } => {
                if !missing(*empty) {
                    return self.replacement(word, quoted, split, out).await;
                }
                if quoted {
                    out.quoted(b"");
                }
            }
            Form::Assign { empty, word } if missing(*empty) => {
                let text = self.text(word).await?;
                self.put(&text, quoted, split, out);
                self.assign(name, text).await?;
            }
            Form::Error { empty, word } if missing(*empty) => {
                let mut text = self.text(word).await?;
                if text.is_empty() {
                    text = b"parameter not set".to_vec();
                }
                return self.fail([name, b": ", &text].concat()).await;
            }
            Form::Trim { suffix, longest, word } => {
                let pattern = self.pattern(word).await?;
                let value = value.unwrap_or_default();
                self.put(trim(&value, &pattern, *suffix, *longest), quoted, split, out);
            }
            _ => match value {
                Some(value) => self.put(&value, quoted, split, out),
                None if self.options.unset_is_error => {
                    return self.fail([name, b": parameter not set"].concat()).await;
                }
                None if quoted => out.quoted(b""),
                None => {}
            },
        }
        Ok(())
    }

    /// What stands in for a parameter: without quotes its own text is split as a value would be.
    async fn replacement(
        &mut self,
        word: &Word,
        quoted: bool,
        split: bool,
        out: &mut Fields,
    ) -> Result<(), Jump> {
        if quoted {
            out.quoted(b"");
        }
        let mode = if split && !quoted { Mode::All } else { Mode::of(split) };
        self.expand(word, mode, out).await
    }

    fn all_arguments(&self, each: bool, quoted: bool, split: bool, out: &mut Fields) {
        if quoted && each && split {
            for (at, argument) in self.arguments.iter().enumerate() {
                if at > 0 {
                    out.end();
                }
                out.quoted(argument);
            }
        } else if quoted {
            let separator =
                if each { vec![b' '] } else { self.separators().first().copied().into_iter().collect() };
            out.quoted(&self.arguments.join(separator.as_slice()));
        } else {
            for (at, argument) in self.arguments.iter().enumerate() {
                if at > 0 {
                    if split { out.end() } else { out.text(b" ") }
                }
                self.put(argument, false, split, out);
            }
        }
    }

    /// The value of a parameter, if it is set.
    pub(super) fn value(&self, name: &[u8]) -> Option<Vec<u8>> {
        let number = |it: u32| Some(it.to_string().into_bytes());
        match name {
            b"?" => number(self.status.into()),
            b"$" => number(self.pid),
            b"!" => number(self.background?),
            b"#" => number(self.arguments.len() as u32),
            b"-" => Some(self.options.letters()),
            b"0" => Some(self.name.clone()),
            b"@" | b"*" => (!self.arguments.is_empty()).then(|| self.arguments.join(&b' ')),
            b"PPID" => number(self.system.parent()),
            _ if name[0].is_ascii_digit() => {
                let at: usize = std::str::from_utf8(name).ok()?.parse().ok()?;
                self.arguments.get(at.checked_sub(1)?).cloned()
            }
            _ => self.variables.get(name).map(<[u8]>::to_vec),
        }
    }

    /// What a command prints, without the newlines at its end.
    async fn output_of(&mut self, node: &Arc<Node>) -> Result<Vec<u8>, Jump> {
        let (reader, writer) = self.system.pipe();
        let (shell, node) = (self.child(), node.clone());
        let forked = self.system.fork(move |system| {
            system.install(1, Some(writer));
            Box::pin(shell.subshell(system, node)) as Task
        });
        let Ok(child) = forked else {
            return self.fail("can't fork: Resource temporarily unavailable").await;
        };
        // Descriptors below 10 belong to the script.
        let number = self.system.install_new(reader);
        let read = self.system.read_all(number, LONGEST).await;
        self.system.close(number);
        let status = self.system.wait(child, false).await;
        let Ok(mut text) = read else { return self.fail("out of memory").await };
        self.status = status.ok().flatten().map_or(127, |it| it.code() as u8);
        self.substituted = Some(self.status);
        text.retain(|it| *it != 0);
        while text.last() == Some(&b'\n') {
            text.pop();
        }
        Ok(text)
    }

    /// The names of files that match a pattern, sorted.
    async fn names(&self, pattern: &[u8]) -> Vec<Vec<u8>> {
        let mut found = vec![Vec::new()];
        let mut parts = pattern.split_inclusive(|it| *it == b'/').peekable();
        while let Some(part) = parts.next() {
            let name = part.strip_suffix(b"/").unwrap_or(part);
            let slash = &part[name.len()..];
            let mut next = Vec::new();
            for base in found {
                self.system.breathe().await;
                if !is_pattern(name) {
                    let path = [base, plain(part)].concat();
                    if parts.peek().is_some() || self.system.look(&path, Last::Keep, |_, _, _| ()).is_ok() {
                        next.push(path);
                    }
                    continue;
                }
                let directory: &[u8] = if base.is_empty() { b"." } else { &base };
                if !self.system.may(directory, 4) {
                    continue;
                }
                let entries = self.system.look(directory, Last::Follow, |files, inode, _| {
                    let dots = [b".".as_slice(), b".."].map(|it| (it, inode));
                    let all = dots.into_iter().chain(files.list(inode).into_iter().flatten());
                    let fitting = all.filter(|(entry, inode)| {
                        matches(name, entry)
                            && (!entry.starts_with(b".")
                                || name.starts_with(b".")
                                || name.starts_with(b"\\."))
                            && (slash.is_empty()
                                || files.node(*inode).is_some_and(|it| {
                                    matches!(it.kind, Kind::Directory(_) | Kind::Symlink(_))
                                }))
                    });
                    fitting.map(|(entry, _)| [&base, entry, slash].concat()).collect::<Vec<_>>()
                });
                next.extend(entries.unwrap_or_default());
            }
            found = next;
        }
        found
    }
}

/// A text without what matches at one of its ends.
fn trim<'a>(text: &'a [u8], pattern: &[u8], suffix: bool, longest: bool) -> &'a [u8] {
    let cut = |length: usize| if suffix { text.split_at(text.len() - length) } else { text.split_at(length) };
    let fits = |length: &usize| {
        let (front, back) = cut(*length);
        matches(pattern, if suffix { back } else { front })
    };
    let mut lengths = 0..=text.len();
    let found = if longest { lengths.rfind(fits) } else { lengths.find(fits) };
    match found.map(cut) {
        None => text,
        Some((front, back)) => {
            if suffix {
                front
            } else {
                back
            }
        }
    }
}
