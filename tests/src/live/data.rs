//! Bytes without end, their hash, small images.

use std::io::{self, Cursor, Read, Write};

use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

/// Bytes without a pattern: xorshift64*, the same for the same seed, whatever the sizes of the reads.
#[derive(Debug, Clone)]
pub struct Noise {
    state: u64,
    word: [u8; 8],
    used: usize,
}

impl Noise {
    /// The noise of a seed.
    #[must_use]
    pub const fn of(seed: u64) -> Self {
        Self { state: (seed << 1) ^ 0x9e37_79b9_7f4a_7c15, word: [0; 8], used: 8 }
    }

    /// Its first bytes.
    #[must_use]
    pub fn bytes(seed: u64, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        Self::of(seed).fill(&mut bytes);
        bytes
    }

    fn next(&mut self) -> [u8; 8] {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()
    }

    fn fill(&mut self, mut space: &mut [u8]) {
        while !space.is_empty() {
            if self.used == 8 {
                let whole = space.len() / 8 * 8;
                let (words, rest) = space.split_at_mut(whole);
                for word in words.chunks_exact_mut(8) {
                    word.copy_from_slice(&self.next());
                }
                space = rest;
                if space.is_empty() {
                    return;
                }
                (self.word, self.used) = (self.next(), 0);
            }
            let count = space.len().min(8 - self.used);
            space[..count].copy_from_slice(&self.word[self.used..self.used + count]);
            self.used += count;
            space = &mut space[count..];
        }
    }
}

impl Read for Noise {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.fill(space);
        Ok(space.len())
    }
}

/// Counts and hashes what passes, as a writer, or around a reader.
#[derive(Debug, Clone, Default)]
pub struct Hash<R = ()> {
    from: R,
    hash: Sha256,
    /// How many bytes have passed.
    pub count: u64,
}

impl<R> Hash<R> {
    /// Around this reader.
    pub fn around(from: R) -> Self {
        Self { from, hash: Sha256::new(), count: 0 }
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.count += bytes.len() as u64;
    }

    /// The SHA-256 of what has passed, in lower case hexadecimal digits.
    pub fn hex(&self) -> String {
        self.hash.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pass(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<R: Read> Read for Hash<R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(space)?;
        self.pass(&space[..count]);
        Ok(count)
    }
}

/// The SHA-256 of these bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    let mut hash = Hash::<()>::default();
    hash.pass(bytes);
    hash.hex()
}

/// A unified image that no container can be started of: metadata and a file of `pad` bytes, rounded up to
/// whole blocks. The bytes depend on the arguments only, and no two of different `mark` are the same.
///
/// # Errors
/// Never, but who packs an archive writes.
pub fn image(mark: &str, architecture: &str, pad: u64) -> io::Result<(u64, impl Read + Send + 'static)> {
    let pad = pad.next_multiple_of(512);
    let metadata = format!(
        "architecture: {architecture}\ncreation_date: 1704067200\nproperties:\n  description: {mark}\n  os: lxio\n"
    );
    let mut front = Builder::new(Vec::new());
    front.append_data(
        &mut head(EntryType::Regular, metadata.len() as u64),
        "metadata.yaml",
        metadata.as_bytes(),
    )?;
    front.append_data(&mut head(EntryType::Directory, 0), "rootfs/", io::empty())?;
    let mut front = std::mem::take(front.get_mut());
    let mut file = head(EntryType::Regular, pad);
    file.set_path("rootfs/pad")?;
    file.set_cksum();
    front.extend_from_slice(file.as_bytes());
    let seed = mark.bytes().fold(pad, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    let end = [0; 1024];
    let length = front.len() as u64 + pad + end.len() as u64;
    Ok((length, Cursor::new(front).chain(Noise::of(seed).take(pad)).chain(Cursor::new(end))))
}

/// The same, in memory.
///
/// # Errors
/// Never.
pub fn small_image(mark: &str, architecture: &str, pad: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    image(mark, architecture, pad)?.1.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn head(kind: EntryType, size: u64) -> Header {
    let mut head = Header::new_gnu();
    head.set_entry_type(kind);
    head.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
    head.set_size(size);
    head.set_mtime(1_704_067_200);
    head.set_uid(0);
    head.set_gid(0);
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_the_same_in_any_pieces() {
        let whole = Noise::bytes(7, 100);
        let mut noise = Noise::of(7);
        let mut pieces = Vec::new();
        for size in [1, 7, 8, 9, 3, 32, 40] {
            let mut space = vec![0; size];
            noise.fill(&mut space);
            pieces.extend(space);
        }
        assert_eq!(pieces, whole);
        assert_ne!(whole, Noise::bytes(8, 100));
    }

    #[test]
    fn an_image_is_an_archive() {
        let bytes = small_image("x", "x86_64", 1000).unwrap();
        let (length, _) = image("x", "x86_64", 1000).unwrap();
        assert_eq!(bytes.len() as u64, length);
        let mut archive = tar::Archive::new(&bytes[..]);
        let names: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        assert_eq!(names, ["metadata.yaml", "rootfs/", "rootfs/pad"]);
        assert_ne!(sha256(&bytes), sha256(&small_image("y", "x86_64", 1000).unwrap()));
    }

    #[test]
    fn hashes_are_those_of_the_standard() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
