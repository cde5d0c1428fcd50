//! How an input is read: control bytes first, then pieces, then cuts that follow from the input itself.

use lxio_core::bytes::Chance;

/// What stands between two pieces of an input. A text, so that mutations keep it and people see it.
pub const SEPARATOR: &[u8] = b"\n%%\n";

/// An input that is read from its front. What is not there reads as zero.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// All of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// The next two bytes as a number.
    pub fn number(&mut self) -> usize {
        usize::from(self.byte()) << 8 | usize::from(self.byte())
    }

    /// All that is left.
    #[must_use]
    pub const fn rest(self) -> &'a [u8] {
        self.0
    }

    /// What is left, as pieces.
    #[must_use]
    pub fn pieces(self) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        let mut rest = self.0;
        while let Some(at) = rest.windows(SEPARATOR.len()).position(|part| part == SEPARATOR) {
            pieces.push(&rest[..at]);
            rest = &rest[at + SEPARATOR.len()..];
        }
        pieces.push(rest);
        pieces
    }
}

/// A number that follows from `bytes`.
#[must_use]
pub fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// How a stream of bytes is cut.
#[derive(Debug, Clone)]
pub enum Cuts {
    /// Not at all.
    Whole,
    /// After each byte.
    Single,
    /// Anywhere, as chance has it.
    Mixed(Chance),
}

impl Cuts {
    /// The three ways to cut that are compared, the last by chance that follows from `input`.
    #[must_use]
    pub fn all(input: &[u8]) -> [Self; 3] {
        [Self::Whole, Self::Single, Self::Mixed(Chance::seeded(hash(input)))]
    }

    /// How much of `there` bytes comes next: at least one if there is one.
    pub fn next(&mut self, there: usize) -> usize {
        match self {
            Self::Whole => there,
            Self::Single => there.min(1),
            Self::Mixed(chance) => {
                let draw = chance.draw();
                let most = [1, 3, 20, 300, 5000, usize::MAX][(draw >> 32) as usize % 6];
                there.min(1 + (draw as u32 as usize) % most)
            }
        }
    }
}
