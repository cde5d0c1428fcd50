/// What a word becomes: fields, each a pattern in which a backslash stands before what is meant as it is.
#[derive(Default)]
pub(super) struct Fields {
    done: Vec<Vec<u8>>,
    current: Option<Vec<u8>>,
    /// The field before was ended by white space: one more delimiter belongs to the same end.
    after_space: bool,
}

/// What means something in a pattern.
const SPECIAL: &[u8] = b"*?[]\\-!^";

impl Fields {
    /// What is meant as it is, be it empty.
    pub(super) fn quoted(&mut self, bytes: &[u8]) {
        let current = self.current.get_or_insert_default();
        for byte in bytes {
            if SPECIAL.contains(byte) {
                current.push(b'\\');
            }
            current.push(*byte);
        }
        self.after_space = false;
    }

    /// A part of a pattern that is not split.
    pub(super) fn text(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.byte(*byte);
        }
    }

    fn byte(&mut self, byte: u8) {
        let current = self.current.get_or_insert_default();
        if byte == b'\\' {
            current.push(b'\\');
        }
        current.push(byte);
        self.after_space = false;
    }

    /// What was put in for a parameter or a command: a part of a pattern that is split where `separators` are.
    pub(super) fn split(&mut self, bytes: &[u8], separators: &[u8]) {
        for &byte in bytes {
            if !separators.contains(&byte) {
                self.byte(byte);
            } else if byte.is_ascii_whitespace() {
                self.after_space |= self.current.is_some();
                self.end();
            } else {
                if self.current.is_none() && !self.after_space {
                    self.current = Some(Vec::new());
                }
                self.end();
                self.after_space = false;
            }
        }
    }

    /// The field is over, if there is one.
    pub(super) fn end(&mut self) {
        self.done.extend(self.current.take());
    }

    pub(super) fn len(&self) -> usize {
        self.done.iter().chain(&self.current).map(Vec::len).sum()
    }

    pub(super) fn finish(mut self) -> Vec<Vec<u8>> {
        self.end();
        self.done
    }
}

/// Whether it has anything that is not meant as it is.
pub(super) fn is_pattern(pattern: &[u8]) -> bool {
    let mut bytes = pattern.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'*' | b'?' | b'[' => return true,
            _ => {}
        }
    }
    false
}

/// What a pattern says, without the backslashes.
pub(super) fn plain(pattern: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(pattern.len());
    let mut bytes = pattern.iter();
    while let Some(byte) = bytes.next() {
        plain.extend(if *byte == b'\\' { bytes.next() } else { Some(byte) });
    }
    plain
}
