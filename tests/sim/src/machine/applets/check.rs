use super::dispatch::Applet;
use crate::machine::files::{Device, Kind, Last};

/// As deep may parentheses be.
const DEPTH: u32 = 50;

/// `test`, or `[`, whose last word is a bracket.
pub(super) async fn test(it: &Applet<'_>, bracket: bool) -> u8 {
    let mut words = it.args;
    if bracket {
        match words.split_last() {
            Some((last, rest)) if last == b"]" => words = rest,
            _ => {
                it.fail("missing ]").await;
                return 2;
            }
        }
    }
    let mut test = Test { it, words, at: 0, depth: 0 };
    let done = match words.len() {
        0 => Ok(false),
        // What looks like an operator is a word where an operator cannot be.
        1 => Ok(!words[0].is_empty()),
        3 if is_binary(&words[1]) => test.binary(),
        _ => test.or(),
    };
    match done {
        Ok(value) if test.at >= words.len() || words.len() < 2 => u8::from(!value),
        Ok(_) => {
            it.fail([words[test.at].as_slice(), b": unknown operand"].concat()).await;
            2
        }
        Err(text) => {
            it.fail(text).await;
            2
        }
    }
}

fn is_binary(word: &[u8]) -> bool {
    matches!(
        word,
        b"=" | b"=="
            | b"!="
            | b"-eq"
            | b"-ne"
            | b"-lt"
            | b"-le"
            | b"-gt"
            | b"-ge"
            | b"<"
            | b">"
            | b"-nt"
            | b"-ot"
            | b"-ef"
    )
}

struct Test<'a> {
    it: &'a Applet<'a>,
    words: &'a [Vec<u8>],
    at: usize,
    depth: u32,
}

impl Test<'_> {
    fn word(&self, ahead: usize) -> Option<&[u8]> {
        self.words.get(self.at + ahead).map(Vec::as_slice)
    }

    fn accept(&mut self, word: &[u8]) -> bool {
        let found = self.word(0) == Some(word);
        self.at += usize::from(found);
        found
    }

    fn or(&mut self) -> Result<bool, Vec<u8>> {
        let mut value = self.and()?;
        while self.accept(b"-o") {
            value |= self.and()?;
        }
        Ok(value)
    }

    fn and(&mut self) -> Result<bool, Vec<u8>> {
        let mut value = self.not()?;
        while self.accept(b"-a") {
            value &= self.not()?;
        }
        Ok(value)
    }

    fn not(&mut self) -> Result<bool, Vec<u8>> {
        let mut not = false;
        while self.word(1).is_some() && self.accept(b"!") {
            not = !not;
        }
        Ok(self.primary()? != not)
    }

    fn primary(&mut self) -> Result<bool, Vec<u8>> {
        let Some(first) = self.word(0) else { return Err(b"argument expected".to_vec()) };
        if self.word(1).is_some_and(is_binary) && self.word(2).is_some() {
            return self.binary();
        }
        if first == b"(" {
            self.at += 1;
            self.depth += 1;
            if self.depth > DEPTH {
                return Err(b"too many parentheses".to_vec());
            }
            let value = self.or()?;
            self.depth -= 1;
            return if self.accept(b")") { Ok(value) } else { Err(b"closing paren expected".to_vec()) };
        }
        let first = first.to_vec();
        if let ([b'-', letter], Some(operand)) = (first.as_slice(), self.word(1).map(<[u8]>::to_vec))
            && b"bcdefghknprstuwxzLS".contains(letter)
        {
            self.at += 2;
            return Ok(self.unary(*letter, &operand));
        }
        self.at += 1;
        Ok(!first.is_empty())
    }

    fn unary(&self, letter: u8, operand: &[u8]) -> bool {
        let system = self.it.system;
        let last = if matches!(letter, b'h' | b'L') { Last::Keep } else { Last::Follow };
        let of_file = |check: &dyn Fn(&Kind, u32, u64) -> bool| {
            let seen =
                system.look(operand, last, |_, _, node| check(&node.kind, node.owner.mode, node.size()));
            seen.unwrap_or(false)
        };
        match letter {
            b'n' => !operand.is_empty(),
            b'z' => operand.is_empty(),
            b'e' => of_file(&|_, _, _| true),
            b'f' => of_file(&|kind, _, _| matches!(kind, Kind::File(_))),
            b'd' => of_file(&|kind, _, _| matches!(kind, Kind::Directory(_))),
            b'h' | b'L' => of_file(&|kind, _, _| matches!(kind, Kind::Symlink(_))),
            b'c' => of_file(&|kind, _, _| matches!(kind, Kind::Device(it) if *it != Device::Other)),
            b's' => of_file(&|_, _, size| size > 0),
            b'g' => of_file(&|_, mode, _| mode & 0o2000 != 0),
            b'k' => of_file(&|_, mode, _| mode & 0o1000 != 0),
            b'u' => of_file(&|_, mode, _| mode & 0o4000 != 0),
            b'r' => system.may(operand, 4),
            b'w' => system.may(operand, 2),
            b'x' => system.may(operand, 1),
            b't' => {
                let number = std::str::from_utf8(operand).ok().and_then(|it| it.parse().ok());
                number.is_some_and(|it| system.terminal(it).is_some())
            }
            // Block devices, fifos and sockets: there are none.
            _ => false,
        }
    }

    fn binary(&mut self) -> Result<bool, Vec<u8>> {
        let (left, operator, right) =
            (&self.words[self.at], &self.words[self.at + 1], &self.words[self.at + 2]);
        self.at += 3;
        let number = |word: &[u8]| {
            let text = std::str::from_utf8(word).ok().map(str::trim);
            text.and_then(|it| it.parse::<i64>().ok()).ok_or_else(|| [word, b": bad number"].concat())
        };
        let time = |word: &[u8]| {
            self.it.system.look(word, Last::Follow, |_, inode, node| (node.modified, inode)).ok()
        };
        Ok(match operator.as_slice() {
            b"=" | b"==" => left == right,
            b"!=" => left != right,
            b"<" => left < right,
            b">" => left > right,
            b"-nt" => time(left).map(|it| it.0) > time(right).map(|it| it.0),
            b"-ot" => time(left).map(|it| it.0) < time(right).map(|it| it.0),
            b"-ef" => time(left).is_some() && time(left) == time(right),
            comparison => {
                let (left, right) = (number(left)?, number(right)?);
                match comparison {
                    b"-eq" => left == right,
                    b"-ne" => left != right,
                    b"-lt" => left < right,
                    b"-le" => left <= right,
                    b"-gt" => left > right,
                    _ => left >= right,
                }
            }
        })
    }
}
