/// A stream of numbers that follows from its seed alone (SplitMix64).
///
/// The core draws websocket masks and keys from it, so that the same seed gives the same bytes on the
/// wire. Masks and handshake keys are no secrets: they keep proxies from mistaking frames for HTTP.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// Starts the stream that belongs to `seed`.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next four bytes: a websocket mask.
    pub fn mask(&mut self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.draw().to_le_bytes();
        [a, b, c, d]
    }

    /// A new stream that is independent of what is drawn from this one later.
    pub fn fork(&mut self) -> Self {
        Self(self.draw())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_fixes_the_stream() {
        let (mut a, mut b, mut c) = (Chance::seeded(7), Chance::seeded(7), Chance::seeded(8));
        let (x, y, z) = (a.draw(), b.draw(), c.draw());
        assert_eq!(x, y);
        assert_ne!(x, z);
        assert_ne!(a.mask(), a.mask());
    }
}
