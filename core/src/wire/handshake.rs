use crate::bytes::Chance;

/// The key that a client sends with an upgrade to a websocket (`Sec-WebSocket-Key`).
///
/// It proves that the peer read this request and is no cache or plain HTTP server; it is no secret.
///
/// ```
/// # use lxio_core::wire::Key;
/// let key = Key::new(*b"the sample nonce");
/// assert_eq!(key.as_str(), "dGhlIHNhbXBsZSBub25jZQ==");
/// assert!(key.accepts(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key([u8; Key::LENGTH]);

impl Key {
    const LENGTH: usize = 24;

    /// The key that 16 given bytes make, for what must repeat a known request.
    #[must_use]
    pub fn new(nonce: [u8; 16]) -> Self {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = [b'='; Self::LENGTH];
        for (group, quad) in nonce.chunks(3).zip(text.chunks_mut(4)) {
            let bits = group.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte))
                << (8 * (3 - group.len()));
            // n bytes fill n + 1 characters; what is left over stays `=`.
            for (at, character) in quad.iter_mut().take(group.len() + 1).enumerate() {
                *character = ALPHABET[(bits >> (18 - 6 * at)) as usize & 63];
            }
        }
        Self(text)
    }

    /// The next key from `chance`.
    #[must_use]
    pub fn draw(chance: &mut Chance) -> Self {
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&chance.draw().to_le_bytes());
        nonce[8..].copy_from_slice(&chance.draw().to_le_bytes());
        Self::new(nonce)
    }

    /// The value of the header field.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only characters of the alphabet are in it.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether `value` (of the field `Sec-WebSocket-Accept`) is the answer to this key.
    #[must_use]
    pub fn accepts(&self, value: &[u8]) -> bool {
        tungstenite::handshake::derive_accept_key(&self.0).as_bytes() == value.trim_ascii()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_the_rfc() {
        let key = Key::new(*b"the sample nonce");
        assert_eq!(key.as_str(), "dGhlIHNhbXBsZSBub25jZQ==");
        assert!(key.accepts(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert!(key.accepts(b" s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\t"));
    }

    #[test]
    fn every_bit_counts() {
        assert_eq!(Key::new([0; 16]).as_str(), "AAAAAAAAAAAAAAAAAAAAAA==");
        assert_eq!(Key::new([0xff; 16]).as_str(), "/////////////////////w==");
        let nonce = std::array::from_fn(|i| 16 * i as u8 + i as u8);
        assert_eq!(Key::new(nonce).as_str(), "ABEiM0RVZneImaq7zN3u/w==");
    }

    #[test]
    fn anything_else_is_refused() {
        let key = Key::new(*b"the sample nonce");
        for bad in [
            &b""[..],
            b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo",
            b"S3PPLMBITXAQ9KYGZZHZRBK+XOO=",
            b"\xff",
            key.as_str().as_bytes(),
        ] {
            assert!(!key.accepts(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_seed_fixes_the_keys() {
        let (mut a, mut b) = (Chance::seeded(1), Chance::seeded(1));
        let first = Key::draw(&mut a);
        assert_eq!(first, Key::draw(&mut b));
        assert_ne!(first, Key::draw(&mut a));
    }

    proptest! {
        #[test]
        fn each_key_accepts_its_own_answer_only(nonce: [u8; 16], other: [u8; 16]) {
            let key = Key::new(nonce);
            let answer = tungstenite::handshake::derive_accept_key(key.as_str().as_bytes());
            prop_assert_eq!(key.as_str().len(), 24);
            prop_assert!(key.accepts(answer.as_bytes()));
            prop_assert_eq!(Key::new(other).accepts(answer.as_bytes()), nonce == other);
        }
    }
}
