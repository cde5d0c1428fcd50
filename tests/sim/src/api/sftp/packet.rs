use bytes::{Buf, BufMut, Bytes};

use crate::machine::files::Errno;

/// What a packet holds, from its front. A packet that is too short has no answer.
pub(super) struct Input(pub(super) Bytes);

impl Input {
    pub(super) fn byte(&mut self) -> Option<u8> {
        self.0.try_get_u8().ok()
    }

    pub(super) fn number(&mut self) -> Option<u32> {
        self.0.try_get_u32().ok()
    }

    pub(super) fn long(&mut self) -> Option<u64> {
        self.0.try_get_u64().ok()
    }

    pub(super) fn bytes(&mut self) -> Option<Bytes> {
        let length = usize::try_from(self.number()?).ok()?;
        (length <= self.0.len()).then(|| self.0.split_to(length))
    }

    /// A path, from the root.
    pub(super) fn path(&mut self) -> Option<Vec<u8>> {
        let path = self.bytes()?;
        Some(if path.starts_with(b"/") { path.to_vec() } else { [b"/", &path[..]].concat() })
    }
}

/// A packet that is being made: its length comes last.
pub(super) struct Output(Vec<u8>);

impl Output {
    pub(super) fn new(kind: u8, id: u32) -> Self {
        Self(vec![0, 0, 0, 0, kind]).number(id)
    }

    pub(super) fn number(mut self, number: u32) -> Self {
        self.0.put_u32(number);
        self
    }

    pub(super) fn long(mut self, number: u64) -> Self {
        self.0.put_u64(number);
        self
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.put_u32(bytes.len() as u32);
        self.0.put_slice(bytes);
        self
    }

    pub(super) fn finish(mut self) -> Bytes {
        let length = (self.0.len() - 4) as u32;
        self.0[..4].copy_from_slice(&length.to_be_bytes());
        self.0.into()
    }
}

/// Why something was not done: the code, and what the server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) code: u32,
    pub(super) text: String,
}

impl Failure {
    pub(super) fn end() -> Self {
        Self { code: 1, text: "EOF".into() }
    }

    pub(super) fn unsupported() -> Self {
        Self { code: 8, text: "operation unsupported".into() }
    }

    /// A handle that is not open, or an argument that makes no sense.
    pub(super) fn plain(errno: Errno) -> Self {
        Self { code: 4, text: told(errno) }
    }

    /// What was tried, with what.
    pub(super) fn of(deed: &str, path: &[u8], errno: Errno) -> Self {
        let code = if errno == Errno::NotFound { 2 } else { 4 };
        Self { code, text: format!("{deed} {}: {}", String::from_utf8_lossy(path), told(errno)) }
    }
}

fn told(errno: Errno) -> String {
    let mut text = errno.to_string();
    text[..1].make_ascii_lowercase();
    text
}
