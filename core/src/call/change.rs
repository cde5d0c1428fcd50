use crate::model::Operation;

/// The server's answer to a change. Which of the two comes depends on the call, the server and its version,
/// so every change may give either.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// It is done.
    Done,
    /// It has begun: follow this operation, which may be over already.
    Operation(Box<Operation>),
}
