use super::{CallError, Request};
use crate::wire::Reply;

/// One REST call and the type of its answer.
///
/// A plain value: it can be stored, cloned, sent many times, and to servers of either flavour.
pub struct Call<T> {
    /// What is sent.
    pub request: Request,
    decode: fn(&Reply<'_>) -> Result<T, CallError>,
}

impl<T> Call<T> {
    /// A request whose answer `decode` reads.
    #[must_use]
    pub const fn new(request: Request, decode: fn(&Reply<'_>) -> Result<T, CallError>) -> Self {
        Self { request, decode }
    }

    /// Reads the answer.
    ///
    /// # Errors
    /// What the server answered instead of a `T`.
    pub fn decode(&self, reply: &Reply<'_>) -> Result<T, CallError> {
        (self.decode)(reply)
    }

    /// Allows the call to be sent again after the connection failed while nobody can tell whether the
    /// server acted on it.
    #[must_use]
    pub const fn repeatable(mut self) -> Self {
        self.request.idempotent = true;
        self
    }
}

impl<T> Clone for Call<T> {
    fn clone(&self) -> Self {
        Self { request: self.request.clone(), decode: self.decode }
    }
}

impl<T> std::fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Call({})", self.request.line())
    }
}
