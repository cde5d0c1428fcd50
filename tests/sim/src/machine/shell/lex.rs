use std::sync::{Arc, OnceLock};

use super::parse::{Parser, SyntaxError};
use super::tree::{Form, Part, Word};
use crate::machine::applets::escape;

/// What the grammar is made of.
#[derive(Debug)]
pub(super) enum Token {
    Word(Word),
    /// Digits before a redirection.
    Number(u32),
    Operator(&'static str),
    Newline,
    End,
}

/// A here-document whose text comes after the line.
pub(super) struct Pending {
    pub(super) mark: Vec<u8>,
    /// Nothing in it is expanded.
    pub(super) quoted: bool,
    /// Tabs at the start of lines do not count.
    pub(super) tabs: bool,
    pub(super) word: Arc<OnceLock<Word>>,
}

/// The longer ones first.
const OPERATORS: [&str; 18] =
    ["<<-", "&&", "||", ";;", "<<", ">>", "<&", ">&", "<>", ">|", ";", "&", "|", "(", ")", "<", ">", "\n"];

pub(super) fn is_name(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|it| !it.is_ascii_digit())
        && bytes.iter().all(|it| it.is_ascii_alphanumeric() || *it == b'_')
}

impl Parser<'_> {
    fn rest(&self) -> &[u8] {
        &self.text[self.at.min(self.text.len())..]
    }

    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip(&mut self, expected: &[u8]) -> bool {
        let found = self.rest().starts_with(expected);
        if found {
            self.at += expected.len();
        }
        found
    }

    pub(super) fn lex(&mut self) -> Result<Token, SyntaxError> {
        loop {
            match self.byte() {
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\\') if self.rest().starts_with(b"\\\n") => self.at += 2,
                Some(b'#') => {
                    while self.byte().is_some_and(|it| it != b'\n') {
                        self.at += 1;
                    }
                }
                _ => break,
            }
        }
        if self.at >= self.text.len() {
            return Ok(Token::End);
        }
        if let Some(operator) = OPERATORS.iter().find(|it| self.rest().starts_with(it.as_bytes())) {
            self.at += operator.len();
            if *operator == "\n" {
                self.here_documents()?;
                return Ok(Token::Newline);
            }
            return Ok(Token::Operator(operator));
        }
        let digits = self.rest().iter().take_while(|it| it.is_ascii_digit()).count();
        if (1..=4).contains(&digits) && matches!(self.rest().get(digits), Some(b'<' | b'>')) {
            let number = self.rest()[..digits].iter().fold(0, |sum, it| sum * 10 + u32::from(it - b'0'));
            self.at += digits;
            return Ok(Token::Number(number));
        }
        let mut word = Vec::new();
        while let Some(byte) = self.byte() {
            if b" \t\n;&|()<>".contains(&byte) {
                break;
            }
            self.part(&mut word, false)?;
        }
        Ok(Token::Word(word))
    }

    /// One more piece of a word that is not in double quotes. `braced`: it is inside `${...}`.
    fn part(&mut self, word: &mut Word, braced: bool) -> Result<(), SyntaxError> {
        let Some(byte) = self.byte() else { return Ok(()) };
        self.at += 1;
        match byte {
            b'\\' => match self.byte() {
                Some(b'\n') => self.at += 1,
                Some(next) => {
                    self.at += 1;
                    word.push(Part::Quoted(vec![next]));
                }
                None => word.push(Part::Quoted(b"\\".to_vec())),
            },
            b'\'' => {
                let end = self.rest().iter().position(|it| *it == b'\'').ok_or(SyntaxError::Unterminated)?;
                word.push(Part::Quoted(self.rest()[..end].to_vec()));
                self.at += end + 1;
            }
            b'"' => {
                let before = word.len();
                self.quoted(word, Some(b'"'))?;
                if word.len() == before {
                    word.push(Part::Quoted(Vec::new()));
                }
            }
            b'$' => self.dollar(word, false)?,
            b'`' => self.backquote(word, false)?,
            _ => {
                let stop: &[u8] = if braced { b"\\'\"$`}" } else { b"\\'\"$` \t\n;&|()<>" };
                let start = self.at - 1;
                while self.byte().is_some_and(|it| !stop.contains(&it)) {
                    self.at += 1;
                }
                word.push(Part::Text(self.text[start..self.at].to_vec()));
            }
        }
        Ok(())
    }

    /// What is in double quotes, down to the byte that ends it; without one, down to the end of the text.
    fn quoted(&mut self, word: &mut Word, end: Option<u8>) -> Result<(), SyntaxError> {
        let mut plain = Vec::new();
        let flush = |plain: &mut Vec<u8>, word: &mut Word| {
            if !plain.is_empty() {
                word.push(Part::Quoted(std::mem::take(plain)));
            }
        };
        loop {
            let Some(byte) = self.byte() else {
                flush(&mut plain, word);
                return if end.is_none() { Ok(()) } else { Err(SyntaxError::Unterminated) };
            };
            self.at += 1;
            match byte {
                _ if Some(byte) == end => {
                    flush(&mut plain, word);
                    return Ok(());
                }
                b'\\' => match self.byte() {
                    Some(b'\n') => self.at += 1,
                    Some(next) if b"$`\\".contains(&next) || Some(next) == end => {
                        self.at += 1;
                        plain.push(next);
                    }
                    _ => plain.push(b'\\'),
                },
                b'$' => {
                    flush(&mut plain, word);
                    self.dollar(word, true)?;
                }
                b'`' => {
                    flush(&mut plain, word);
                    self.backquote(word, true)?;
                }
                b'"' if end == Some(b'}') => self.quoted(word, Some(b'"'))?,
                _ => plain.push(byte),
            }
        }
    }

    /// What a `$` begins, which was read.
    fn dollar(&mut self, word: &mut Word, quoted: bool) -> Result<(), SyntaxError> {
        if self.skip(b"((") {
            let start = self.at;
            if let Some(inner) = self.arithmetic() {
                let word_of = Parser::within(self, &inner).whole(None)?;
                word.push(Part::Arithmetic { word: word_of, quoted });
                return Ok(());
            }
            self.at = start - 1;
            return self.command(word, quoted);
        }
        if self.skip(b"(") {
            return self.command(word, quoted);
        }
        if !quoted && self.skip(b"'") {
            return self.escaped(word);
        }
        if self.skip(b"{") {
            return self.nested(|it| it.braces(word, quoted));
        }
        let name = match self.byte() {
            Some(byte) if byte.is_ascii_digit() || b"@*#?-$!".contains(&byte) => 1,
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => {
                self.rest().iter().take_while(|it| it.is_ascii_alphanumeric() || **it == b'_').count()
            }
            _ => {
                word.push(if quoted { Part::Quoted(b"$".to_vec()) } else { Part::Text(b"$".to_vec()) });
                return Ok(());
            }
        };
        let name = self.rest()[..name].to_vec();
        self.at += name.len();
        word.push(Part::Parameter { name, form: Form::Plain, quoted });
        Ok(())
    }

    /// What stands in `$'...'`, with the escapes of C.
    fn escaped(&mut self, word: &mut Word) -> Result<(), SyntaxError> {
        let mut out = Vec::new();
        loop {
            let byte = self.byte().ok_or(SyntaxError::Unterminated)?;
            self.at += 1;
            match (byte, self.byte()) {
                (b'\'', _) => break,
                (b'\\', Some(quote @ (b'\'' | b'"'))) => {
                    self.at += 1;
                    out.push(quote);
                }
                (b'\\', Some(_)) => {
                    let mut rest = &self.text[self.at..];
                    escape(&mut rest, &mut out, false);
                    self.at = self.text.len() - rest.len();
                }
                _ => out.push(byte),
            }
        }
        word.push(Part::Quoted(out));
        Ok(())
    }

    /// The text of `$((...))`; `None` if it does not end so.
    fn arithmetic(&mut self) -> Option<Vec<u8>> {
        let mut depth = 0;
        for at in self.at..self.text.len() {
            match self.text[at] {
                b'(' => depth += 1,
                b')' if depth > 0 => depth -= 1,
                b')' => {
                    let inner = self.text[self.at..at].to_vec();
                    self.at = at + 2;
                    return (self.text.get(at + 1) == Some(&b')')).then_some(inner);
                }
                _ => {}
            }
        }
        None
    }

    fn command(&mut self, word: &mut Word, quoted: bool) -> Result<(), SyntaxError> {
        let node = self.nested(|it| it.list_until(")"))?;
        word.push(Part::Command { node, quoted });
        Ok(())
    }

    fn backquote(&mut self, word: &mut Word, quoted: bool) -> Result<(), SyntaxError> {
        let mut inner = Vec::new();
        loop {
            let byte = self.byte().ok_or(SyntaxError::Unterminated)?;
            self.at += 1;
            match byte {
                b'`' => break,
                b'\\' => match self.byte() {
                    Some(next) if b"$`\\".contains(&next) || quoted && next == b'"' => {
                        self.at += 1;
                        inner.push(next);
                    }
                    _ => inner.push(b'\\'),
                },
                _ => inner.push(byte),
            }
        }
        let node = self.nested(|it| Parser::within(it, &inner).everything())?;
        word.push(Part::Command { node, quoted });
        Ok(())
    }

    /// What stands between `${` and `}`.
    fn braces(&mut self, word: &mut Word, quoted: bool) -> Result<(), SyntaxError> {
        let length = self.byte() == Some(b'#') && self.text.get(self.at + 1).is_some_and(|it| *it != b'}');
        self.at += usize::from(length);
        let size = match self.byte() {
            Some(byte) if byte.is_ascii_digit() => {
                self.rest().iter().take_while(|it| it.is_ascii_digit()).count()
            }
            Some(byte) if b"@*#?-$!".contains(&byte) => 1,
            _ => self.rest().iter().take_while(|it| it.is_ascii_alphanumeric() || **it == b'_').count(),
        };
        let name = self.rest()[..size].to_vec();
        self.at += size;
        if name.is_empty() {
            return Err(if self.byte().is_none() { SyntaxError::Brace } else { SyntaxError::Substitution });
        }
        let mut form = Form::Plain;
        if length {
            form = Form::Length;
        } else if self.byte() != Some(b'}') {
            let empty = self.skip(b":");
            let operator = self.byte().ok_or(SyntaxError::Brace)?;
            self.at += 1;
            let twice = matches!(operator, b'#' | b'%') && self.byte() == Some(operator);
            self.at += usize::from(twice);
            let trim = matches!(operator, b'#' | b'%');
            let mut inner = Vec::new();
            if quoted && !trim {
                self.quoted(&mut inner, Some(b'}'))?;
                self.at -= 1;
            } else {
                while self.byte().ok_or(SyntaxError::Brace)? != b'}' {
                    self.part(&mut inner, true)?;
                }
            }
            form = match operator {
                b'-' => Form::Default { empty, word: inner },
                b'=' => Form::Assign { empty, word: inner },
                b'?' => Form::Error { empty, word: inner },
                b'+' => Form::Alternative { empty, word: inner },
                b'#' | b'%' if !empty => Form::Trim { suffix: operator == b'%', longest: twice, word: inner },
                _ => return Err(SyntaxError::Substitution),
            };
        }
        if !self.skip(b"}") {
            return Err(if self.byte().is_none() { SyntaxError::Brace } else { SyntaxError::Substitution });
        }
        word.push(Part::Parameter { name, form, quoted });
        Ok(())
    }

    /// The whole text as if it were in double quotes.
    fn whole(&mut self, end: Option<u8>) -> Result<Word, SyntaxError> {
        let mut word = Vec::new();
        self.quoted(&mut word, end)?;
        Ok(word)
    }

    /// Reads the documents that the line before has promised.
    fn here_documents(&mut self) -> Result<(), SyntaxError> {
        for pending in std::mem::take(&mut self.pending) {
            let mut text = Vec::new();
            loop {
                if self.at >= self.text.len() {
                    self.ran_out = true;
                    break;
                }
                let length = self.rest().iter().position(|it| *it == b'\n').unwrap_or(self.rest().len());
                let mut line = &self.rest()[..length];
                if pending.tabs {
                    line = &line[line.iter().take_while(|it| **it == b'\t').count()..];
                }
                let is_mark = line == pending.mark;
                if !is_mark {
                    text.extend_from_slice(line);
                    text.push(b'\n');
                }
                self.at = (self.at + length + 1).min(self.text.len());
                if is_mark {
                    break;
                }
            }
            let word = if pending.quoted {
                vec![Part::Quoted(text)]
            } else {
                Parser::within(self, &text).whole(None)?
            };
            // Nobody else sets it.
            let _ = pending.word.set(word);
        }
        Ok(())
    }
}
