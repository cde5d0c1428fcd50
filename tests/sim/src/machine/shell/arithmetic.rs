use super::lex::is_name;
use super::variables::Variables;

/// As deep may parentheses and variables that hold expressions be.
const DEPTH: u32 = 40;

/// What `$((text))` is, or what is wrong with it. Assignments are done.
pub(super) fn evaluate(text: &[u8], variables: &mut Variables) -> Result<i64, &'static str> {
    within(text, variables, 0)
}

fn within(text: &[u8], variables: &mut Variables, depth: u32) -> Result<i64, &'static str> {
    if depth > DEPTH {
        return Err("expression recursion loop detected");
    }
    let mut reader = Reader { text, at: 0, variables, depth, idle: 0 };
    reader.space();
    if reader.at == text.len() {
        return Ok(0);
    }
    let value = reader.assignment()?;
    if reader.at < text.len() { Err("arithmetic syntax error") } else { Ok(value) }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    variables: &'a mut Variables,
    depth: u32,
    /// Above 0 what is read does not count: nothing is assigned, nothing is divided.
    idle: u32,
}

/// Operators with two sides, by how strongly they bind; longer ones first.
const LEVELS: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

const ASSIGN: [&str; 11] = ["<<=", ">>=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "="];

impl Reader<'_> {
    fn space(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn accept(&mut self, operator: &str) -> bool {
        let found = self.text[self.at..].starts_with(operator.as_bytes());
        if found {
            self.at += operator.len();
            self.space();
        }
        found
    }

    fn name(&mut self) -> Option<Vec<u8>> {
        let rest = &self.text[self.at..];
        let length = rest.iter().take_while(|it| it.is_ascii_alphanumeric() || **it == b'_').count();
        let name = rest[..length].to_vec();
        is_name(&name).then(|| {
            self.at += length;
            self.space();
            name
        })
    }

    fn value(&mut self, name: &[u8]) -> Result<i64, &'static str> {
        match self.variables.get(name).map(<[u8]>::to_vec) {
            None => Ok(0),
            Some(text) => within(&text, self.variables, self.depth + 1),
        }
    }

    fn set(&mut self, name: &[u8], value: i64) -> Result<(), &'static str> {
        if self.idle > 0 {
            return Ok(());
        }
        self.variables.set(name, value.to_string().into_bytes()).map_err(|_| "is read only")
    }

    fn assignment(&mut self) -> Result<i64, &'static str> {
        let start = self.at;
        if let Some(name) = self.name() {
            let is_compare = self.text[self.at..].starts_with(b"==");
            if let Some(operator) = ASSIGN.iter().find(|it| !is_compare && self.accept(it)) {
                self.deeper()?;
                let right = self.assignment()?;
                self.depth -= 1;
                let operator = &operator[..operator.len() - 1];
                let old = if operator.is_empty() || self.idle > 0 { 0 } else { self.value(&name)? };
                let value = if operator.is_empty() { right } else { self.apply(operator, old, right)? };
                self.set(&name, value)?;
                return Ok(value);
            }
            self.at = start;
        }
        let condition = self.level(0)?;
        if !self.accept("?") {
            return Ok(condition);
        }
        self.deeper()?;
        let chosen = self.idly(condition == 0, Self::assignment)?;
        if !self.accept(":") {
            return Err("arithmetic syntax error");
        }
        let other = self.idly(condition != 0, Self::assignment)?;
        self.depth -= 1;
        Ok(if condition != 0 { chosen } else { other })
    }

    fn deeper(&mut self) -> Result<(), &'static str> {
        self.depth += 1;
        if self.depth > DEPTH { Err("expression recursion loop detected") } else { Ok(()) }
    }

    fn idly(
        &mut self,
        idle: bool,
        work: impl FnOnce(&mut Self) -> Result<i64, &'static str>,
    ) -> Result<i64, &'static str> {
        self.idle += u32::from(idle);
        let value = work(self);
        self.idle -= u32::from(idle);
        value
    }

    fn level(&mut self, level: usize) -> Result<i64, &'static str> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.level(level + 1)?;
        'more: loop {
            for operator in *operators {
                let rest = &self.text[self.at..];
                let longer = match *operator {
                    "|" => rest.starts_with(b"||"),
                    "&" => rest.starts_with(b"&&"),
                    "<" | ">" => rest.len() > 1 && rest[0] == rest[1],
                    _ => false,
                };
                if longer || !self.accept(operator) {
                    continue;
                }
                let idle = *operator == "||" && left != 0 || *operator == "&&" && left == 0;
                let right = self.idly(idle, |it| it.level(level + 1))?;
                left = self.apply(operator, left, right)?;
                continue 'more;
            }
            return Ok(left);
        }
    }

    fn apply(&self, operator: &str, left: i64, right: i64) -> Result<i64, &'static str> {
        if matches!(operator, "/" | "%") && right == 0 {
            return if self.idle > 0 { Ok(0) } else { Err("divide by zero") };
        }
        Ok(match operator {
            "||" => i64::from(left != 0 || right != 0),
            "&&" => i64::from(left != 0 && right != 0),
            "|" => left | right,
            "^" => left ^ right,
            "&" => left & right,
            "==" => i64::from(left == right),
            "!=" => i64::from(left != right),
            "<=" => i64::from(left <= right),
            ">=" => i64::from(left >= right),
            "<" => i64::from(left < right),
            ">" => i64::from(left > right),
            "<<" => left.wrapping_shl(right as u32),
            ">>" => left.wrapping_shr(right as u32),
            "+" => left.wrapping_add(right),
            "-" => left.wrapping_sub(right),
            "*" => left.wrapping_mul(right),
            "/" => left.wrapping_div(right),
            _ => left.wrapping_rem(right),
        })
    }

    fn unary(&mut self) -> Result<i64, &'static str> {
        self.deeper()?;
        let value = self.operand();
        self.depth -= 1;
        value
    }

    fn operand(&mut self) -> Result<i64, &'static str> {
        for (operator, step) in [("++", 1), ("--", -1)] {
            if self.accept(operator) {
                let name = self.name().ok_or("arithmetic syntax error")?;
                let value = self.value(&name)?.wrapping_add(step);
                self.set(&name, value)?;
                return Ok(value);
            }
        }
        if self.accept("-") {
            return Ok(self.unary()?.wrapping_neg());
        }
        if self.accept("+") {
            return self.unary();
        }
        if self.accept("!") {
            return Ok(i64::from(self.unary()? == 0));
        }
        if self.accept("~") {
            return Ok(!self.unary()?);
        }
        if self.accept("(") {
            let value = self.assignment()?;
            return if self.accept(")") { Ok(value) } else { Err("arithmetic syntax error") };
        }
        if let Some(name) = self.name() {
            let value = if self.idle > 0 { 0 } else { self.value(&name)? };
            for (operator, step) in [("++", 1), ("--", -1)] {
                if self.accept(operator) {
                    self.set(&name, value.wrapping_add(step))?;
                }
            }
            return Ok(value);
        }
        self.number()
    }

    fn number(&mut self) -> Result<i64, &'static str> {
        let rest = &self.text[self.at..];
        let length = rest.iter().take_while(|it| it.is_ascii_alphanumeric()).count();
        let digits = std::str::from_utf8(&rest[..length]).unwrap_or_default();
        let (digits, radix) = match digits.as_bytes() {
            [b'0', b'x' | b'X', ..] => (&digits[2..], 16),
            [b'0', _, ..] => (&digits[1..], 8),
            _ => (digits, 10),
        };
        let value = u64::from_str_radix(digits, radix).map_err(|_| "arithmetic syntax error")?;
        self.at += length;
        self.space();
        Ok(value as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        let mut variables = Variables::default();
        variables.set(b"x", b"5".to_vec()).unwrap();
        variables.set(b"y", b"x + 1".to_vec()).unwrap();
        for (text, expected) in [
            ("", 0),
            ("6 * 7", 42),
            ("1 + 2 * 3 - -4", 11),
            ("(1 + 2) * 3", 9),
            ("x == 5 && y == 6", 1),
            ("x++ + ++x", 12),
            ("x", 7),
            ("x = 3, 0", -1),
            ("z = w = 4", 4),
            ("z += 2 << 1", 8),
            ("0x10 + 010", 24),
            ("1 ? 2 : 1 / 0", 2),
            ("0 && (z = 99)", 0),
            ("z", 8),
            ("~0", -1),
            ("5 > 3", 1),
            ("1 << 3 >> 1", 4),
            ("9223372036854775807 + 1", i64::MIN),
        ] {
            match evaluate(text.as_bytes(), &mut variables) {
                Ok(value) => assert_eq!(value, expected, "{text}"),
                Err(_) => assert_eq!(text, "x = 3, 0"),
            }
        }
        assert_eq!(evaluate(b"1 / 0", &mut variables), Err("divide by zero"));
        assert!(evaluate(b"1 +", &mut variables).is_err());
        assert!(evaluate(&[b'('; 5000], &mut variables).is_err());
        assert!(evaluate(&[b'-'; 5000], &mut variables).is_err());
        variables.set(b"a", b"a".to_vec()).unwrap();
        assert!(evaluate(b"a", &mut variables).is_err());
    }
}
