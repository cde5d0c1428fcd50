use std::sync::Arc;

use super::lex::is_name;
use super::parse::{Parser, SyntaxError};
use super::run::{Future, Jump, Shell};
use super::tree::Node;
use crate::machine::process::{Access, Signal, System};

/// A script is not longer.
const LONGEST: usize = 16 << 20;

/// The command `sh`.
pub(crate) async fn main(system: System, argv: Vec<Vec<u8>>) -> u8 {
    let mut shell = Shell::new(system, &argv[0]);
    let mut words = argv.into_iter().skip(1).peekable();
    let mut from_input = false;
    while let Some(word) = words.next_if(|it| it.len() > 1 && (it[0] == b'-' || it[0] == b'+')) {
        if word == b"--" {
            break;
        }
        for &letter in &word[1..] {
            match letter {
                b'c' => shell.options.text = true,
                b's' => from_input = true,
                // A login: there is no profile to read.
                b'l' => {}
                _ if shell.options.set(letter, word[0] == b'-') => {}
                _ => {
                    shell.say([b"illegal option -".as_slice(), &[letter]].concat()).await;
                    return 2;
                }
            }
        }
    }
    if shell.options.text {
        let Some(script) = words.next() else {
            shell.say("-c requires an argument").await;
            return 2;
        };
        shell.name = words.next().unwrap_or(shell.name);
        shell.arguments = words.collect();
        let done = shell.all_of(&script, true).await;
        return shell.finish(done).await;
    }
    if !from_input && let Some(path) = words.next() {
        shell.arguments = words.collect();
        return shell.file(path).await;
    }
    shell.arguments = words.collect();
    if shell.system.terminal(0).is_some() {
        shell.options.interactive = true;
    }
    if shell.options.interactive {
        for signal in [Signal::INT, Signal::QUIT, Signal::TERM] {
            shell.set_trap(signal, None);
        }
    }
    let done = shell.input().await;
    shell.finish(done).await
}

impl Shell {
    async fn file(&mut self, path: Vec<u8>) -> u8 {
        let script = match self.read_file(&path).await {
            Ok(script) => script,
            Err(why) => {
                self.say([b"can't open '".as_slice(), &path, b"': ", why.as_bytes()].concat()).await;
                return 2;
            }
        };
        self.name = path;
        let done = self.all_of(&script, false).await;
        self.finish(done).await
    }

    pub(super) async fn read_file(&self, path: &[u8]) -> Result<Vec<u8>, String> {
        let number = self.system.open_new(path, Access::READ).map_err(|it| it.to_string())?;
        let text = self.system.read_all(number, LONGEST).await;
        self.system.close(number);
        text.map_err(|it| it.to_string())
    }

    /// Runs a text: a command at a time, so that what is wrong in a later line comes late.
    pub(super) fn text_of<'a>(&'a mut self, text: &'a [u8]) -> Future<'a, ()> {
        Box::pin(self.all_of(text, false))
    }

    async fn all_of(&mut self, text: &[u8], last: bool) -> Result<(), Jump> {
        let mut parser = Parser::new(text);
        loop {
            match parser.line() {
                Ok(None) => return Ok(()),
                Ok(Some(node)) => {
                    let over = parser.rest_is_empty();
                    self.run(&node, last && over).await?;
                }
                Err(error) => return self.fail(error.to_string()).await,
            }
        }
    }

    /// Runs what comes in, line by line: what a command reads comes after the line that it is in.
    async fn input(&mut self) -> Result<(), Jump> {
        let mut text = Vec::new();
        loop {
            if self.options.interactive {
                self.prompt(text.is_empty()).await;
            }
            let line = match self.system.read_line(0, true).await {
                Ok(Some(line)) => line,
                // Somebody pressed ^C: what was typed so far is forgotten.
                Ok(None) => {
                    text.clear();
                    if let Err(jump) = self.traps().await
                        && jump != Jump::Fail
                    {
                        return Err(jump);
                    }
                    continue;
                }
                Err(_) => Vec::new(),
            };
            let over = !line.ends_with(b"\n");
            text.extend(line);
            if text.len() > LONGEST {
                return self.fail("out of memory").await;
            }
            match complete(&text) {
                Err((_, true)) if !over => continue,
                Err((error, _)) => {
                    let failed: Result<(), Jump> = self.fail(error.to_string()).await;
                    if !self.options.interactive {
                        return failed;
                    }
                }
                Ok((_, true)) if !over => continue,
                Ok((nodes, _)) => {
                    for node in nodes {
                        match self.run(&node, false).await {
                            Ok(()) => {}
                            Err(Jump::Fail) if self.options.interactive => break,
                            Err(Jump::Break(_) | Jump::Continue(_) | Jump::Return) => {}
                            Err(jump) => return Err(jump),
                        }
                    }
                }
            }
            text.clear();
            if over {
                return Ok(());
            }
        }
    }

    async fn prompt(&self, first: bool) {
        let text = if first {
            let mut cwd = self.system.cwd();
            if let Some(home) = self.variables.get(b"HOME").filter(|it| it.len() > 1)
                && let Some(rest) = cwd.strip_prefix(home)
                && (rest.is_empty() || rest.starts_with(b"/"))
            {
                cwd = [b"~", rest].concat();
            }
            [cwd.as_slice(), if self.system.uid() == 0 { b" # " } else { b" $ " }].concat()
        } else {
            b"> ".to_vec()
        };
        // A terminal that is gone shows nothing.
        let _ = self.system.write(2, text).await;
    }

    /// `NAME=value`, or a name alone.
    pub(super) fn split_assignment(word: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
        let (name, value) = match word.iter().position(|it| *it == b'=') {
            Some(at) => (&word[..at], Some(&word[at + 1..])),
            None => (word, None),
        };
        is_name(name).then_some((name, value))
    }
}

/// The commands of a text, and whether more of it is wanted.
#[allow(clippy::type_complexity)]
fn complete(text: &[u8]) -> Result<(Vec<Arc<Node>>, bool), (SyntaxError, bool)> {
    let mut parser = Parser::new(text);
    let mut nodes = Vec::new();
    loop {
        match parser.line() {
            Ok(None) => return Ok((nodes, parser.ran_out)),
            Ok(Some(node)) => nodes.push(node),
            Err(error) => {
                let more = parser.ran_out || matches!(error, SyntaxError::Unterminated | SyntaxError::Brace);
                return Err((error, more));
            }
        }
    }
}
