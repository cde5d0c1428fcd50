use crate::machine::shell::set;

/// As many steps a search takes at most.
const STEPS: u32 = 2_000_000;
/// As deep may groups be.
const DEPTH: u32 = 20;
/// As many things may match one after another: every one of them is a call in a call.
const LENGTH: usize = 2000;

/// A regular expression, basic or extended: `.`, `[...]`, `^`, `$`, `*`, groups; and `+`, `?`, `|`.
pub(super) struct Pattern {
    root: Branches,
    groups: usize,
    any_case: bool,
}

type Branches = Vec<Vec<(Atom, u32, u32)>>;

enum Atom {
    Byte(u8),
    Any,
    /// As it is written.
    Set(Vec<u8>),
    Start,
    End,
    Group(usize, Branches),
    /// What a group has matched.
    Again(usize),
}

/// What was found: where each group began and ended, the whole first.
pub(super) type Found = Vec<Option<(usize, usize)>>;

impl Pattern {
    /// `None` if it makes no sense here.
    pub(super) fn parse(text: &[u8], extended: bool, any_case: bool) -> Option<Self> {
        let mut reader = Reader { text, at: 0, extended, groups: 0, depth: 0 };
        let root = reader.branches()?;
        (reader.at == text.len()).then_some(Self { root, groups: reader.groups, any_case })
    }

    /// A text that stands for itself.
    pub(super) fn fixed(text: &[u8], any_case: bool) -> Self {
        let bytes = text.iter().map(|byte| (Atom::Byte(*byte), 1, 1)).collect();
        Self { root: vec![bytes], groups: 0, any_case }
    }

    /// The first place where it matches, from `start` on.
    pub(super) fn find(&self, text: &[u8], start: usize) -> Option<Found> {
        let steps = std::cell::Cell::new(STEPS);
        for at in start..=text.len() {
            let mut search = Search { text, any_case: self.any_case, steps: &steps };
            let mut found = vec![None; self.groups + 1];
            let mut end = None;
            for branch in &self.root {
                let mut groups = found.clone();
                let done =
                    search.sequence(branch, at, 0, &mut groups, &mut |at, groups| Some((at, groups.clone())));
                if let Some((at, groups)) = done
                    && end.is_none_or(|it| it < at)
                {
                    (end, found) = (Some(at), groups);
                }
            }
            if let Some(end) = end {
                found[0] = Some((at, end));
                return Some(found);
            }
        }
        None
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    extended: bool,
    groups: usize,
    depth: u32,
}

impl Reader<'_> {
    /// An operator, which in a basic expression has a backslash before it.
    fn accept(&mut self, operator: u8) -> bool {
        let escaped = [b'\\', operator];
        let operator: &[u8] = if self.extended { &escaped[1..] } else { &escaped };
        let found = self.text[self.at..].starts_with(operator);
        self.at += if found { operator.len() } else { 0 };
        found
    }

    fn branches(&mut self) -> Option<Branches> {
        let mut branches = vec![self.sequence()?];
        while self.accept(b'|') {
            branches.push(self.sequence()?);
        }
        Some(branches)
    }

    fn is_over(&mut self) -> bool {
        let at = self.at;
        let over = at >= self.text.len() || self.accept(b'|') || self.depth > 0 && self.accept(b')');
        self.at = at;
        over
    }

    fn sequence(&mut self) -> Option<Vec<(Atom, u32, u32)>> {
        let mut sequence = Vec::new();
        while !self.is_over() {
            let first = sequence.is_empty();
            let atom = self.atom(first)?;
            let fixed = matches!(atom, Atom::Start | Atom::End);
            let (mut least, mut most) = (1, 1);
            loop {
                if !fixed && self.text.get(self.at) == Some(&b'*') {
                    self.at += 1;
                    (least, most) = (0, u32::MAX);
                } else if !fixed && self.accept(b'+') {
                    most = u32::MAX;
                } else if !fixed && self.accept(b'?') {
                    least = 0;
                } else {
                    break;
                }
            }
            sequence.push((atom, least, most));
            if sequence.len() > LENGTH {
                return None;
            }
        }
        Some(sequence)
    }

    fn atom(&mut self, first: bool) -> Option<Atom> {
        if self.accept(b'(') {
            self.groups += 1;
            let number = self.groups;
            self.depth += 1;
            let branches = (self.depth <= DEPTH).then(|| self.branches()).flatten()?;
            self.depth -= 1;
            return self.accept(b')').then_some(Atom::Group(number, branches));
        }
        let byte = self.text[self.at];
        self.at += 1;
        Some(match byte {
            b'.' => Atom::Any,
            b'^' if first || self.extended => Atom::Start,
            b'$' if self.is_over() || self.extended => Atom::End,
            b'[' => {
                let length = set(&self.text[self.at - 1..], 0)?.0;
                let start = self.at - 1;
                self.at = start + length;
                Atom::Set(self.text[start..self.at].to_vec())
            }
            b'\\' => {
                let next = *self.text.get(self.at)?;
                self.at += 1;
                match next {
                    b'n' => Atom::Byte(b'\n'),
                    b't' => Atom::Byte(b'\t'),
                    b'1'..=b'9' if usize::from(next - b'0') <= self.groups => {
                        Atom::Again(usize::from(next - b'0'))
                    }
                    // Classes and edges of words are not known here; braces neither.
                    next if next.is_ascii_alphanumeric() || b"<>{".contains(&next) => return None,
                    next => Atom::Byte(next),
                }
            }
            b'{' | b'*' | b'+' | b'?' if self.extended => return None,
            byte => Atom::Byte(byte),
        })
    }
}

struct Search<'a> {
    text: &'a [u8],
    any_case: bool,
    steps: &'a std::cell::Cell<u32>,
}

type Then<'a> = &'a mut dyn FnMut(usize, &mut Found) -> Option<(usize, Found)>;

impl Search<'_> {
    /// Matches atoms one after another, the longest way first, and then what comes behind.
    fn sequence(
        &mut self,
        atoms: &[(Atom, u32, u32)],
        at: usize,
        depth: u32,
        groups: &mut Found,
        then: Then<'_>,
    ) -> Option<(usize, Found)> {
        let left = self.steps.get();
        if left == 0 || depth > 3000 {
            return None;
        }
        self.steps.set(left - 1);
        let Some(((atom, least, most), rest)) = atoms.split_first() else { return then(at, groups) };
        if let Atom::Group(number, branches) = atom {
            return self.group(*number, branches, (*least, *most), rest, at, depth, groups, then);
        }
        // How far it can go, one way each time.
        let mut ends = vec![at];
        while (ends.len() as u64) <= u64::from(*most) {
            match self.one(atom, ends[ends.len() - 1], groups) {
                Some(end) if end > ends[ends.len() - 1] => ends.push(end),
                // What takes nothing is enough once.
                Some(end) => {
                    ends.resize(ends.len().max(*least as usize + 1), end);
                    break;
                }
                None => break,
            }
        }
        while ends.len() > *least as usize {
            let end = ends.pop()?;
            if let Some(found) = self.sequence(rest, end, depth + 1, groups, then) {
                return Some(found);
            }
        }
        None
    }

    #[allow(clippy::too_many_arguments)]
    fn group(
        &mut self,
        number: usize,
        branches: &Branches,
        (least, most): (u32, u32),
        rest: &[(Atom, u32, u32)],
        at: usize,
        depth: u32,
        groups: &mut Found,
        then: Then<'_>,
    ) -> Option<(usize, Found)> {
        if most > 0 {
            for branch in branches {
                let steps = self.steps;
                let (text, any_case) = (self.text, self.any_case);
                let again = &mut |end: usize, inner: &mut Found| {
                    let before = inner[number];
                    inner[number] = Some((at, end));
                    let mut search = Search { text, any_case, steps };
                    let found = if end > at && most > 1 {
                        let bounds =
                            (least.saturating_sub(1), most.saturating_sub(u32::from(most != u32::MAX)));
                        search.group(number, branches, bounds, rest, end, depth + 1, inner, then)
                    } else {
                        search.sequence(rest, end, depth + 1, inner, then)
                    };
                    inner[number] = before;
                    found
                };
                if let Some(found) = self.sequence(branch, at, depth + 1, groups, again) {
                    return Some(found);
                }
            }
        }
        if least == 0 { self.sequence(rest, at, depth + 1, groups, then) } else { None }
    }

    /// Where one thing ends that begins here.
    fn one(&self, atom: &Atom, at: usize, groups: &Found) -> Option<usize> {
        let byte = self.text.get(at).copied();
        let fold = |byte: u8| if self.any_case { byte.to_ascii_lowercase() } else { byte };
        let matched = match atom {
            Atom::Byte(expected) => byte.map(fold) == Some(fold(*expected)),
            Atom::Any => byte.is_some(),
            Atom::Set(pattern) => byte.is_some_and(|it| {
                let inside = |it| set(pattern, it).is_some_and(|it| it.1);
                inside(it)
                    || self.any_case && (inside(it.to_ascii_lowercase()) || inside(it.to_ascii_uppercase()))
            }),
            Atom::Start => return (at == 0).then_some(at),
            Atom::End => return (at == self.text.len()).then_some(at),
            Atom::Again(number) => {
                let (start, end) = groups.get(*number).copied().flatten()?;
                let again = &self.text[start..end];
                return self.text[at..].starts_with(again).then_some(at + again.len());
            }
            Atom::Group(..) => false,
        };
        matched.then_some(at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches() {
        for (pattern, extended, text, expected) in [
            (".* -> ", false, "lrwx x -> y", Some((0, 10))),
            ("b*", false, "abb", Some((0, 0))),
            ("^b", false, "ab", None),
            ("b$", false, "ab", Some((1, 2))),
            ("a\\(b\\|c\\)*d", false, "xabcbd", Some((1, 6))),
            ("(ab)+\\1", true, "ababab", Some((0, 6))),
            ("[0-9]+", true, "ab123c", Some((2, 5))),
            ("a+", false, "aaa+", Some((2, 4))),
            ("x|yz", true, "ayz", Some((1, 3))),
            ("", false, "a", Some((0, 0))),
            ("(a*)*b", true, &"a".repeat(40), None),
        ] {
            let parsed = Pattern::parse(pattern.as_bytes(), extended, false).unwrap();
            assert_eq!(parsed.find(text.as_bytes(), 0).and_then(|it| it[0]), expected, "{pattern}");
        }
        assert!(Pattern::parse(b"\\w", false, false).is_none());
        assert!(Pattern::parse(b"(a", true, false).is_none());
        assert!(Pattern::parse(b"[a", false, false).is_none());
    }
}
