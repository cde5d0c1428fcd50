/// How much of anything is accepted from a peer. What exceeds a bound is a typed error, never memory.
///
/// The defaults suit servers with thousands of instances; raise a bound where yours is larger.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a response head (status line and header fields). Default 64 KiB.
    pub head: usize,
    /// Header fields in one response or in the trailers of one. Default 64, at most 128.
    pub fields: usize,
    /// Interim (1xx) responses before the final one. Default 16.
    pub interim: usize,
    /// Bytes of a response body that is collected, not streamed. Default 256 MiB.
    pub body: usize,
    /// Bytes of one websocket text message, which is collected (an event, a control message). Default 16 MiB.
    pub message: usize,
    /// Bytes of standard output, and of standard error, that a command may print when they are collected.
    /// Default 256 MiB each.
    pub output: usize,
}

impl Limits {
    /// The defaults, to be used where a constant is needed.
    pub const DEFAULT: Self = Self {
        head: 64 << 10,
        fields: 64,
        interim: 16,
        body: 256 << 20,
        message: 16 << 20,
        output: 256 << 20,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
