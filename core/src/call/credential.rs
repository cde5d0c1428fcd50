use crate::bytes::Secret;

/// What a client proves with each request that it is, beyond the certificate of its connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credential {
    /// Nothing.
    #[default]
    None,
    /// A token, sent as `Authorization: Bearer TOKEN`.
    Bearer(Secret),
}

impl Credential {
    /// The value of the `Authorization` field.
    pub(super) fn field(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Bearer(token) => Some(format!("Bearer {}", token.reveal())),
        }
    }
}
