use std::fmt;
use std::sync::{Arc, OnceLock};

use super::lex::{Pending, Token, is_name};
use super::tree::{Node, Part, Redirect, Simple, Target, Word};

/// As deep may things be in each other.
const DEPTH: u32 = 60;

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SyntaxError {
    /// A token that cannot be here, and what could.
    Unexpected(String, Option<&'static str>),
    /// A quote without its end.
    Unterminated,
    /// `${` without its end.
    Brace,
    /// `${...}` with something else in it.
    Substitution,
    /// A bad name after `for`.
    ForName,
    TooDeep,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("syntax error: ")?;
        match self {
            Self::Unexpected(token, None) => write!(f, "unexpected {token}"),
            Self::Unexpected(token, Some(expected)) => {
                write!(f, "unexpected {token} (expecting \"{expected}\")")
            }
            Self::Unterminated => f.write_str("unterminated quoted string"),
            Self::Brace => f.write_str("missing '}'"),
            Self::Substitution => f.write_str("bad substitution"),
            Self::ForName => f.write_str("bad for loop variable"),
            Self::TooDeep => f.write_str("too many things inside each other"),
        }
    }
}

/// Words that mean something where a command begins.
const RESERVED: [&[u8]; 9] = [b"then", b"else", b"elif", b"fi", b"do", b"done", b"esac", b"}", b"in"];

/// Reads commands from a text.
pub(super) struct Parser<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    pub(super) pending: Vec<Pending>,
    /// The end of the text came where something was missing.
    pub(super) ran_out: bool,
    peeked: Option<Token>,
    depth: u32,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, pending: Vec::new(), ran_out: false, peeked: None, depth: 0 }
    }

    /// A text inside another one.
    pub(super) fn within(outer: &Parser<'_>, text: &'a [u8]) -> Self {
        Self { depth: outer.depth, ..Self::new(text) }
    }

    pub(super) fn nested<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        if self.depth >= DEPTH {
            return Err(SyntaxError::TooDeep);
        }
        self.depth += 1;
        let done = work(self);
        self.depth -= 1;
        done
    }

    /// The next command, down to the end of its line; `None` at the end.
    pub(super) fn line(&mut self) -> Result<Option<Arc<Node>>, SyntaxError> {
        while matches!(self.peek()?, Token::Newline) {
            self.next()?;
        }
        if matches!(self.peek()?, Token::End) {
            return Ok(None);
        }
        let mut list = Vec::new();
        loop {
            let node = self.and_or()?;
            let ends = self.separator(node, &mut list)?;
            match self.peek()? {
                Token::Newline => {
                    self.next()?;
                    break;
                }
                Token::End => break,
                _ if ends => {}
                _ => return self.unexpected(None),
            }
        }
        Ok(Some(single(list)))
    }

    /// Nothing but space comes after what was read.
    pub(super) fn rest_is_empty(&self) -> bool {
        self.peeked.as_ref().is_none_or(|it| matches!(it, Token::End | Token::Newline))
            && self.text[self.at..].iter().all(u8::is_ascii_whitespace)
    }

    /// Everything there is.
    pub(super) fn everything(&mut self) -> Result<Arc<Node>, SyntaxError> {
        let mut list = Vec::new();
        while let Some(node) = self.line()? {
            list.push(node);
        }
        Ok(single(list))
    }

    fn peek(&mut self) -> Result<&Token, SyntaxError> {
        let token = match self.peeked.take() {
            Some(token) => token,
            None => self.lex()?,
        };
        Ok(self.peeked.insert(token))
    }

    fn next(&mut self) -> Result<Token, SyntaxError> {
        self.peek()?;
        Ok(self.peeked.take().unwrap_or(Token::End))
    }

    fn unexpected<T>(&mut self, expected: Option<&'static str>) -> Result<T, SyntaxError> {
        let token = match self.peek()? {
            Token::End => {
                self.ran_out = true;
                "end of file".to_owned()
            }
            Token::Newline => "newline".to_owned(),
            Token::Operator(operator) => format!("\"{operator}\""),
            Token::Number(_) => "redirection".to_owned(),
            Token::Word(word) => match plain(word) {
                Some(it) if RESERVED.contains(&it) => format!("\"{}\"", String::from_utf8_lossy(it)),
                _ => "word".to_owned(),
            },
        };
        Err(SyntaxError::Unexpected(token, expected))
    }

    fn is_operator(&mut self, operator: &str) -> Result<bool, SyntaxError> {
        Ok(matches!(self.peek()?, Token::Operator(it) if *it == operator))
    }

    /// Goes past an operator if it is there.
    fn accept(&mut self, operator: &str) -> Result<bool, SyntaxError> {
        let found = self.is_operator(operator)?;
        if found {
            self.next()?;
        }
        Ok(found)
    }

    fn is_word(&mut self, expected: &[u8]) -> Result<bool, SyntaxError> {
        Ok(matches!(self.peek()?, Token::Word(word) if plain(word) == Some(expected)))
    }

    fn expect_word(&mut self, expected: &'static str) -> Result<(), SyntaxError> {
        if !self.is_word(expected.as_bytes())? {
            return self.unexpected(Some(expected));
        }
        self.next().map(drop)
    }

    fn newlines(&mut self) -> Result<(), SyntaxError> {
        while matches!(self.peek()?, Token::Newline) {
            self.next()?;
        }
        Ok(())
    }

    /// What comes after a command: whether another one may.
    fn separator(&mut self, node: Arc<Node>, list: &mut Vec<Arc<Node>>) -> Result<bool, SyntaxError> {
        if self.accept("&")? {
            list.push(Arc::new(Node::Background(node)));
            return Ok(true);
        }
        list.push(node);
        self.accept(";")
    }

    /// Commands, down to something that cannot begin one.
    fn list(&mut self) -> Result<Arc<Node>, SyntaxError> {
        let mut list = Vec::new();
        loop {
            self.newlines()?;
            let over = match self.peek()? {
                Token::End | Token::Operator(")" | ";;") => true,
                Token::Word(word) => plain(word).is_some_and(|it| RESERVED[..8].contains(&it)),
                _ => false,
            };
            if over {
                break;
            }
            let node = self.and_or()?;
            let ends = self.separator(node, &mut list)?;
            if !ends && !matches!(self.peek()?, Token::Newline) {
                break;
            }
        }
        Ok(single(list))
    }

    /// As [`Parser::list`], with at least one command in it.
    fn body(&mut self, end: &'static str) -> Result<Arc<Node>, SyntaxError> {
        let list = self.list()?;
        if matches!(&*list, Node::List(list) if list.is_empty()) {
            let ended = matches!(self.peek()?, Token::End);
            return self.unexpected(ended.then_some(end));
        }
        Ok(list)
    }

    /// Commands and the operator that ends them.
    pub(super) fn list_until(&mut self, end: &'static str) -> Result<Arc<Node>, SyntaxError> {
        let list = self.list()?;
        if !self.accept(end)? {
            return self.unexpected(Some(end));
        }
        Ok(list)
    }

    fn and_or(&mut self) -> Result<Arc<Node>, SyntaxError> {
        let first = self.pipeline()?;
        let mut more = Vec::new();
        loop {
            let and = self.accept("&&")?;
            if !and && !self.accept("||")? {
                break;
            }
            self.newlines()?;
            more.push((and, self.pipeline()?));
        }
        Ok(if more.is_empty() { first } else { Arc::new(Node::AndOr(first, more)) })
    }

    fn pipeline(&mut self) -> Result<Arc<Node>, SyntaxError> {
        let mut not = false;
        while self.is_word(b"!")? {
            self.next()?;
            not = !not;
        }
        let mut parts = vec![self.command_of()?];
        while self.accept("|")? {
            self.newlines()?;
            parts.push(self.command_of()?);
        }
        Ok(if not || parts.len() > 1 {
            Arc::new(Node::Pipeline { not, parts })
        } else {
            parts.swap_remove(0)
        })
    }

    fn command_of(&mut self) -> Result<Arc<Node>, SyntaxError> {
        let keyword = match self.peek()? {
            Token::Operator("(") => b"(".to_vec(),
            Token::Word(word) => plain(word).unwrap_or_default().to_vec(),
            _ => Vec::new(),
        };
        let node = self.nested(|it| match keyword.as_slice() {
            b"(" => it.subshell(),
            b"{" => it.group(),
            b"if" => it.conditional(),
            b"while" | b"until" => it.repetition(keyword == b"until"),
            b"for" => it.iteration(),
            b"case" => it.choice(),
            word if RESERVED[..8].contains(&word) => it.unexpected(None),
            _ => it.simple(),
        })?;
        if matches!(node, Node::Simple(_) | Node::Function { .. }) {
            return Ok(Arc::new(node));
        }
        let mut redirects = Vec::new();
        while self.redirect(&mut redirects)? {}
        let node = Arc::new(node);
        Ok(if redirects.is_empty() { node } else { Arc::new(Node::Redirected(node, redirects)) })
    }

    fn subshell(&mut self) -> Result<Node, SyntaxError> {
        self.next()?;
        let list = self.body(")")?;
        if !self.accept(")")? {
            return self.unexpected(Some(")"));
        }
        Ok(Node::Subshell(list))
    }

    fn group(&mut self) -> Result<Node, SyntaxError> {
        self.next()?;
        let list = self.body("}")?;
        self.expect_word("}")?;
        Ok(Node::List(vec![list]))
    }

    fn conditional(&mut self) -> Result<Node, SyntaxError> {
        let (mut arms, mut otherwise) = (Vec::new(), None);
        while self.is_word(b"if")? && arms.is_empty() || self.is_word(b"elif")? {
            self.next()?;
            let condition = self.body("then")?;
            self.expect_word("then")?;
            arms.push((condition, self.body("fi")?));
        }
        if self.is_word(b"else")? {
            self.next()?;
            otherwise = Some(self.body("fi")?);
        }
        self.expect_word("fi")?;
        Ok(Node::If { arms, otherwise })
    }

    fn repetition(&mut self, until: bool) -> Result<Node, SyntaxError> {
        self.next()?;
        let condition = self.body("do")?;
        let body = self.loop_body()?;
        Ok(Node::While { until, condition, body })
    }

    fn loop_body(&mut self) -> Result<Arc<Node>, SyntaxError> {
        self.expect_word("do")?;
        let body = self.body("done")?;
        self.expect_word("done")?;
        Ok(body)
    }

    fn iteration(&mut self) -> Result<Node, SyntaxError> {
        self.next()?;
        let name = match self.next()? {
            Token::Word(word) => plain(&word).filter(|it| is_name(it)).map(<[u8]>::to_vec),
            Token::End => {
                self.ran_out = true;
                None
            }
            _ => None,
        };
        let name = name.ok_or(SyntaxError::ForName)?;
        self.newlines()?;
        let mut words = None;
        if self.is_word(b"in")? {
            self.next()?;
            let mut list = Vec::new();
            while matches!(self.peek()?, Token::Word(_)) {
                if let Token::Word(word) = self.next()? {
                    list.push(word);
                }
            }
            words = Some(list);
            if !self.accept(";")? && !matches!(self.peek()?, Token::Newline) {
                return self.unexpected(None);
            }
        } else {
            self.accept(";")?;
        }
        self.newlines()?;
        let body = self.loop_body()?;
        Ok(Node::For { name, words, body })
    }

    fn choice(&mut self) -> Result<Node, SyntaxError> {
        self.next()?;
        if !matches!(self.peek()?, Token::Word(_)) {
            return self.unexpected(None);
        }
        let Token::Word(word) = self.next()? else { return self.unexpected(None) };
        self.newlines()?;
        self.expect_word("in")?;
        let mut arms = Vec::new();
        loop {
            self.newlines()?;
            if self.is_word(b"esac")? {
                break;
            }
            self.accept("(")?;
            let mut patterns = Vec::new();
            loop {
                if !matches!(self.peek()?, Token::Word(_)) {
                    let ended = matches!(self.peek()?, Token::End);
                    return self.unexpected(ended.then_some(")"));
                }
                if let Token::Word(pattern) = self.next()? {
                    patterns.push(pattern);
                }
                if !self.accept("|")? {
                    break;
                }
            }
            if !self.accept(")")? {
                return self.unexpected(Some(")"));
            }
            arms.push((patterns, self.list()?));
            if !self.accept(";;")? {
                break;
            }
        }
        self.newlines()?;
        self.expect_word("esac")?;
        Ok(Node::Case { word, arms })
    }

    fn simple(&mut self) -> Result<Node, SyntaxError> {
        let mut simple = Simple::default();
        loop {
            if self.redirect(&mut simple.redirects)? {
                continue;
            }
            if !matches!(self.peek()?, Token::Word(_)) {
                break;
            }
            let Token::Word(word) = self.next()? else { break };
            if !simple.words.is_empty() {
                simple.words.push(word);
                continue;
            }
            match assignment(word) {
                Ok(assignment) => simple.assignments.push(assignment),
                Err(word) => simple.words.push(word),
            }
            if simple.words.len() == 1 && simple.assignments.is_empty() && self.is_operator("(")? {
                return self.function(&simple.words[0]);
            }
        }
        if simple.words.is_empty() && simple.assignments.is_empty() && simple.redirects.is_empty() {
            return self.unexpected(None);
        }
        Ok(Node::Simple(simple))
    }

    fn function(&mut self, word: &Word) -> Result<Node, SyntaxError> {
        self.next()?;
        let Some(name) = plain(word).filter(|it| is_name(it)).map(<[u8]>::to_vec) else {
            return Err(SyntaxError::Unexpected("\"(\"".to_owned(), None));
        };
        if !self.accept(")")? {
            return self.unexpected(Some(")"));
        }
        self.newlines()?;
        let body = self.command_of()?;
        Ok(Node::Function { name, body })
    }

    /// A redirection, if there is one.
    fn redirect(&mut self, redirects: &mut Vec<Redirect>) -> Result<bool, SyntaxError> {
        let number = match self.peek()? {
            Token::Number(number) => {
                let number = *number;
                self.next()?;
                Some(number)
            }
            _ => None,
        };
        let Token::Operator(operator @ ("<" | ">" | ">>" | ">|" | "<>" | "<&" | ">&" | "<<" | "<<-")) =
            *self.peek()?
        else {
            return if number.is_some() { self.unexpected(None) } else { Ok(false) };
        };
        self.next()?;
        if !matches!(self.peek()?, Token::Word(_)) {
            return self.unexpected(None);
        }
        let Token::Word(word) = self.next()? else { return self.unexpected(None) };
        let number = number.unwrap_or(u32::from(operator.starts_with('>')));
        let to = match operator {
            "<" => Target::Read(word),
            ">" | ">|" => Target::Write(word),
            ">>" => Target::Append(word),
            "<>" => Target::Both(word),
            "<&" | ">&" => Target::Copy(word),
            _ => {
                let quoted = word.iter().any(|it| matches!(it, Part::Quoted(_)));
                let mut mark = Vec::new();
                for part in word {
                    match part {
                        Part::Text(text) | Part::Quoted(text) => mark.extend(text),
                        _ => return Err(SyntaxError::Unexpected("word".to_owned(), None)),
                    }
                }
                let word = Arc::new(OnceLock::new());
                self.pending.push(Pending { mark, quoted, tabs: operator == "<<-", word: word.clone() });
                Target::Here(word)
            }
        };
        redirects.push(Redirect { number, to });
        Ok(true)
    }
}

/// One command, or a list of them.
fn single(mut list: Vec<Arc<Node>>) -> Arc<Node> {
    if list.len() == 1 { list.swap_remove(0) } else { Arc::new(Node::List(list)) }
}

/// A word without quotes and substitutions.
fn plain(word: &Word) -> Option<&[u8]> {
    match word.as_slice() {
        [Part::Text(text)] => Some(text),
        _ => None,
    }
}

/// `NAME=value`, taken apart; any other word comes back.
fn assignment(mut word: Word) -> Result<(Vec<u8>, Word), Word> {
    let Some(Part::Text(text)) = word.first_mut() else { return Err(word) };
    let Some(at) = text.iter().position(|it| *it == b'=').filter(|at| is_name(&text[..*at])) else {
        return Err(word);
    };
    let value = text.split_off(at + 1);
    text.pop();
    let name = std::mem::take(text);
    if value.is_empty() {
        word.remove(0);
    } else {
        word[0] = Part::Text(value);
    }
    Ok((name, word))
}
