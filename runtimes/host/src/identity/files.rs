use std::path::{Path, PathBuf};

/// The files that say who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdentityFiles {
    /// The certificate, as PEM.
    pub certificate: PathBuf,
    /// Its key, as PEM.
    pub key: PathBuf,
    /// The certificate of the authority that server and client have in common, as PEM, if they have one.
    pub authority: Option<PathBuf>,
}

impl IdentityFiles {
    /// Those of a stock client's directory: for the named remote in `clientcerts`, else `client.crt` and its
    /// key. A certificate without its key does not count.
    #[must_use]
    pub fn find(directory: &Path, remote: Option<&str>) -> Option<Self> {
        let own = remote.map(|name| (directory.join("clientcerts"), name));
        own.into_iter().chain([(directory.to_owned(), "client")]).find_map(|(room, name)| {
            let [certificate, key, authority] =
                ["crt", "key", "ca"].map(|ending| room.join(format!("{name}.{ending}")));
            (certificate.is_file() && key.is_file()).then(|| Self {
                certificate,
                key,
                authority: authority.is_file().then_some(authority),
            })
        })
    }

    /// Reads them.
    ///
    /// # Errors
    /// A file that cannot be read, or is not what it should be.
    #[cfg(all(feature = "config", feature = "tls"))]
    pub(crate) fn load(&self) -> Result<lxio_core::wire::Identity, crate::config::ConfigError> {
        use crate::config::{present, unusable};
        let (certificate, key) = (present(&self.certificate)?, present(&self.key)?);
        lxio_core::wire::Identity::from_pem(&certificate, &key).map_err(unusable(&self.key))
    }

    /// Reads the [`authority`](Self::authority): the server's certificate must be signed by it.
    #[cfg(all(feature = "config", feature = "tls"))]
    pub(crate) fn common_authority(
        path: &Path,
    ) -> Result<lxio_core::wire::Trust, crate::config::ConfigError> {
        use crate::config::{present, unusable};
        lxio_core::wire::Trust::authorities(&present(path)?).map_err(unusable(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn a_remotes_own_come_first_but_only_with_their_key() {
        let scratch = Scratch::new();
        assert_eq!(IdentityFiles::find(&scratch, None), None);
        for file in
            ["client.crt", "client.key", "clientcerts/a.crt", "clientcerts/a.key", "clientcerts/b.crt"]
        {
            scratch.put(file, "");
        }
        let key = |remote| IdentityFiles::find(&scratch, remote).unwrap().key;
        assert_eq!(key(Some("a")), scratch.join("clientcerts/a.key"));
        for other in [Some("b"), Some("c"), None] {
            assert_eq!(key(other), scratch.join("client.key"));
        }
    }
}
