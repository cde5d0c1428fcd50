use lxio_core::bytes::Secret;

use super::remotes::ConfiguredRemote;
use super::{ConfigError, save};

impl ConfiguredRemote {
    /// What the last login has given, as the JSON that the stock clients keep; `None` if there was none.
    ///
    /// # Errors
    /// A file that cannot be read, or is no text.
    pub fn tokens(&self) -> Result<Option<Secret>, ConfigError> {
        let Some(bytes) = save::read(&self.tokens_file)? else { return Ok(None) };
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(Secret::new(text))),
            Err(_) => Err(ConfigError::Malformed {
                path: self.tokens_file.clone(),
                line: 1,
                what: "no UTF-8".to_owned(),
            }),
        }
    }

    /// Keeps what a login has given, at once, for its owner alone.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save_tokens(&self, tokens: &Secret) -> Result<(), ConfigError> {
        save::replace(&self.tokens_file, tokens.reveal().as_bytes(), 0o600)
    }
}
