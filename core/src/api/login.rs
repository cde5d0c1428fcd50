use crate::flow::{Login, Refresh, Tokens};

/// A login at the identity provider that the server trusts. Start it, show the [`Prompt`](crate::flow::Prompt) that
/// comes, and keep the [`Tokens`] that it ends with: their [`credential`](Tokens::credential) is what the server takes.
#[must_use]
pub fn login() -> Login {
    Login::new()
}

/// New tokens for old ones, without their user.
#[must_use]
pub fn refresh(tokens: Tokens) -> Refresh {
    Refresh::new(tokens)
}
