use std::fmt;

/// How a command ended: its exit code, or 128 plus the signal that ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExitStatus(i32);

impl ExitStatus {
    /// The status that the server's `return` stands for.
    #[must_use]
    pub const fn new(code: i32) -> Self {
        Self(code)
    }

    /// The code, 0 to 255.
    #[must_use]
    pub const fn code(self) -> i32 {
        self.0
    }

    /// Whether the code is 0.
    #[must_use]
    pub const fn success(self) -> bool {
        self.0 == 0
    }

    /// The signal that the code stands for, as shells read it: 143 is signal 15. A command may also return
    /// such a code of its own accord; the server does not tell the two apart.
    #[must_use]
    pub const fn signal(self) -> Option<i32> {
        if self.0 > 128 && self.0 <= 128 + 64 { Some(self.0 - 128) } else { None }
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.signal() {
            Some(signal) => write!(f, "exit code {} (signal {signal})", self.0),
            None => write!(f, "exit code {}", self.0),
        }
    }
}

/// What a command came to, with its output when that was collected.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output; empty if it was handed out as it came.
    pub stdout: Vec<u8>,
    /// Its standard error; empty if it was handed out as it came.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Standard output as text, with what is no UTF-8 replaced.
    #[must_use]
    pub fn stdout_text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout)
    }

    /// Standard error as text, with what is no UTF-8 replaced.
    #[must_use]
    pub fn stderr_text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.stderr)
    }
}

/// A piece of a running command's output, as it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Of its standard output.
    Stdout(Vec<u8>),
    /// Of its standard error.
    Stderr(Vec<u8>),
}

impl Piece {
    /// Its bytes, whichever output they are of.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Stdout(bytes) | Self::Stderr(bytes) => bytes,
        }
    }
}
