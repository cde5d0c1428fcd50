use std::fmt;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use lxio_core::bytes::Secret;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P384_SHA384,
};

use super::files::IdentityFiles;

/// How long a certificate is valid: ten years of 365 days, as with the stock clients.
const VALID: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// A new certificate and its key.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Generated {
    /// The certificate, as PEM.
    pub certificate: String,
    /// The key, as PEM (PKCS#8).
    pub key: Secret,
}

/// Why there is no new identity.
#[derive(Debug)]
#[non_exhaustive]
pub enum GenerateError {
    /// The key or the certificate could not be made.
    Make(rcgen::Error),
    /// There is one already, and it is not replaced.
    Exists {
        /// The file that is there.
        path: PathBuf,
    },
    /// A file cannot be written.
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl fmt::Display for GenerateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Make(_) => f.write_str("no key and certificate could be made"),
            Self::Exists { path } => write!(f, "{} is there already", path.display()),
            Self::Io { path, .. } => write!(f, "{} cannot be written", path.display()),
        }
    }
}

impl std::error::Error for GenerateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Make(error) => Some(error),
            Self::Exists { .. } => None,
            Self::Io { source, .. } => Some(source),
        }
    }
}

/// The name that a certificate of this user has by default: `user@host`.
#[must_use]
pub fn default_name() -> String {
    let user = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let user = user.filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned());
    format!("{user}@{}", rustix::system::uname().nodename().to_string_lossy())
}

/// A new P-384 key and a certificate signed by itself, for a client of this name, valid from now for ten years.
///
/// # Errors
/// [`GenerateError::Make`], where the machine gives no random numbers.
pub fn generate(name: &str) -> Result<Generated, GenerateError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).map_err(GenerateError::Make)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "lxio");
    params.distinguished_name.push(DnType::CommonName, name);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + now;
    params.not_after = params.not_before + VALID;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.self_signed(&key).map_err(GenerateError::Make)?;
    Ok(Generated { certificate: certificate.pem(), key: Secret::new(key.serialize_pem()) })
}

impl Generated {
    /// Writes `client.crt` and `client.key` into a directory, which is made if it is not there. The key is for
    /// its owner alone. Nothing that is there is replaced.
    ///
    /// # Errors
    /// One of them is there already, or cannot be written; then neither is new.
    pub fn write(&self, directory: &Path) -> Result<IdentityFiles, GenerateError> {
        let files = IdentityFiles {
            certificate: directory.join("client.crt"),
            key: directory.join("client.key"),
            authority: None,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o750)
            .create(directory)
            .map_err(|source| GenerateError::Io { path: directory.to_owned(), source })?;
        create(&files.key, self.key.reveal(), 0o600)?;
        if let Err(error) = create(&files.certificate, &self.certificate, 0o644) {
            let _ = fs::remove_file(&files.key);
            return Err(error);
        }
        Ok(files)
    }
}

/// A new file; if it cannot be written, there is none.
fn create(path: &Path, text: &str, mode: u32) -> Result<(), GenerateError> {
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(mode).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(GenerateError::Exists { path: path.to_owned() });
        }
        opened => opened.map_err(|source| GenerateError::Io { path: path.to_owned(), source })?,
    };
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|source| {
        let _ = fs::remove_file(path);
        GenerateError::Io { path: path.to_owned(), source }
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn each_is_new_and_no_key_is_shown() {
        let [one, two] = [generate("me@here").unwrap(), generate("me@here").unwrap()];
        assert!(one.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(one.key.reveal().starts_with("-----BEGIN PRIVATE KEY-----"));
        assert_ne!(one.key, two.key);
        assert_ne!(one.certificate, two.certificate);
        assert!(format!("{one:?}").contains("Secret(..)"));
    }

    #[test]
    fn the_files_are_found_and_never_replaced() {
        let scratch = Scratch::new();
        let directory = scratch.join("new");
        let generated = generate(&default_name()).unwrap();
        let files = generated.write(&directory).unwrap();
        assert_eq!(IdentityFiles::find(&directory, Some("srv")).as_ref(), Some(&files));
        assert_eq!(fs::read_to_string(&files.key).unwrap(), generated.key.reveal());
        assert_eq!(fs::metadata(&files.key).unwrap().mode() & 0o777, 0o600);

        let other = generate("x").unwrap();
        assert!(matches!(other.write(&directory), Err(GenerateError::Exists { .. })));
        fs::remove_file(&files.key).unwrap();
        assert!(matches!(other.write(&directory), Err(GenerateError::Exists { .. })));
        assert!(!files.key.exists(), "a key was left that is not the certificate's");
        assert_eq!(fs::read_to_string(&files.certificate).unwrap(), generated.certificate);
    }
}
