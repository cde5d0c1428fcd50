use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use super::ConfigError;
use super::remotes::Config;
use super::tree::LARGEST;

/// What is to happen to a file beside the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FileChange {
    Write(PathBuf, Vec<u8>),
    /// If the first is not there, the second is not either: it was another remote's.
    Rename(PathBuf, PathBuf),
    /// If it is there.
    Remove(PathBuf),
}

impl Config {
    /// Writes the configuration, whole or not at all, and then is what a new reading would give. Certificates,
    /// keys and tokens of remotes that were changed come first: if saving fails between, a remote may be
    /// without its own, but never with another's.
    ///
    /// # Errors
    /// Somebody else has changed the file since it was read; or a file cannot be written.
    pub fn save(&mut self) -> Result<(), ConfigError> {
        let path = self.environment.config_file();
        if read(&path)? != self.on_disk {
            return Err(ConfigError::Changed { path });
        }
        for change in &self.files {
            change.apply()?;
        }
        self.files.clear();
        let text = self.to_yaml().into_bytes();
        replace(&path, &text, 0o644)?;
        self.on_disk = Some(text);
        Ok(())
    }
}

impl FileChange {
    fn apply(&self) -> Result<(), ConfigError> {
        let removed = |path: &PathBuf| match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ConfigError::io(path)(error)),
            _ => Ok(()),
        };
        match self {
            Self::Write(path, bytes) => replace(path, bytes, 0o644),
            Self::Rename(from, to) => match fs::rename(from, to) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => removed(to),
                done => done.map_err(ConfigError::io(from)),
            },
            Self::Remove(path) => removed(path),
        }
    }
}

/// What is in a file; `None` if it is not there. One that is too large is read as far as shows it.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, ConfigError> {
    let mut bytes = Vec::new();
    match fs::File::open(path).and_then(|file| file.take(LARGEST as u64 + 1).read_to_end(&mut bytes)) {
        Ok(_) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ConfigError::io(path)(error)),
    }
}

/// Puts a file with these bytes in the place of what is there, at once. A link is followed; owner and mode stay
/// as they are; a new file has the given mode, less the umask.
pub(super) fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), ConfigError> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let replaced = || -> io::Result<()> {
        let directory = path.parent().unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o750).create(directory)?;
        let beside = directory.join(format!(".{:016x}.new", crate::seed()));
        let written = write(&beside, path, bytes, mode).and_then(|()| fs::rename(&beside, path));
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written
    };
    replaced().map_err(ConfigError::io(path))
}

fn write(beside: &Path, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(beside)?;
    match fs::metadata(path) {
        Ok(old) => {
            let new = file.metadata()?;
            if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
                fchown(&file, Some(old.uid()), Some(old.gid()))?;
            }
            file.set_permissions(Permissions::from_mode(old.mode() & 0o777))?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use lxio_core::bytes::Secret;

    use super::super::entry::RemoteEntry;
    use super::super::environment::{Client, Environment};
    use super::*;
    use crate::scratch::Scratch;

    fn load(directory: &Path) -> Config {
        Config::load(Environment::at(Client::Incus, directory)).unwrap()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_new_configuration_is_made_and_read_again() {
        let scratch = Scratch::new();
        let directory = scratch.join("not/there");
        let mut config = load(&directory);
        config.add("a", &RemoteEntry::new("https://a")).unwrap();
        config.pin("a", "PEM").unwrap();
        config.save().unwrap();
        assert_eq!(fs::read_to_string(directory.join("servercerts/a.crt")).unwrap(), "PEM");
        let again = load(&directory);
        assert_eq!(again.to_yaml(), config.to_yaml());
        assert!(again.remote("a").unwrap().server_certificate.is_some());
        assert_eq!(mode(&directory) & 0o027, 0, "others look into it");
        let names = |path: &Path| fs::read_dir(path).unwrap().count();
        assert_eq!(names(&directory), 2, "something was left behind");
    }

    #[test]
    fn files_follow_their_remote_and_go_with_it() {
        let scratch = Scratch::new();
        scratch.put(
            "config.yml",
            "remotes: {a: {addr: 'https://a'}, b: {addr: 'https://b'}}\ndefault-remote: b\n",
        );
        let files = [
            "servercerts/a.crt",
            "clientcerts/a.crt",
            "clientcerts/a.key",
            "clientcerts/a.ca",
            "oidctokens/a.json",
        ];
        files.iter().for_each(|file| drop(scratch.put(file, "a's")));
        let mut config = load(&scratch);
        config.rename("a", "c").unwrap();
        config.save().unwrap();
        for file in files {
            assert!(!scratch.join(file).exists(), "{file}");
            assert_eq!(fs::read_to_string(scratch.join(file.replace("/a.", "/c."))).unwrap(), "a's");
        }
        // A remote of the same name has nothing of the one before.
        config.remove("c").unwrap();
        config.add("c", &RemoteEntry::new("https://other")).unwrap();
        config.pin("c", "another's").unwrap();
        config.save().unwrap();
        assert_eq!(fs::read_to_string(scratch.join("servercerts/c.crt")).unwrap(), "another's");
        assert!(!scratch.join("clientcerts/c.key").exists() && !scratch.join("oidctokens/c.json").exists());
    }

    #[test]
    fn what_another_remote_has_left_is_nobodys() {
        let scratch = Scratch::new();
        scratch.put("config.yml", "remotes: {a: {addr: 'https://a'}}\n");
        let left = ["servercerts/b.crt", "clientcerts/b.key", "oidctokens/b.json", "oidctokens/c.json"];
        left.iter().for_each(|file| drop(scratch.put(file, "")));
        let waiting = scratch.put("clientcerts/c.key", "");
        let mut config = load(&scratch);
        config.rename("a", "b").unwrap();
        config.add("c", &RemoteEntry::new("https://c")).unwrap();
        config.save().unwrap();
        for file in left {
            assert!(!scratch.join(file).exists(), "{file}");
        }
        assert!(waiting.exists());
    }

    #[test]
    fn links_and_modes_stay() {
        let scratch = Scratch::new();
        let real = scratch.put("elsewhere/real.yml", "remotes: {}\n");
        fs::set_permissions(&real, Permissions::from_mode(0o640)).unwrap();
        symlink(&real, scratch.join("config.yml")).unwrap();
        let mut config = load(&scratch);
        config.add("a", &RemoteEntry::new("https://a")).unwrap();
        config.save().unwrap();
        assert!(scratch.join("config.yml").is_symlink());
        assert!(fs::read_to_string(&real).unwrap().contains("https://a"));
        assert_eq!(mode(&real), 0o640);
    }

    #[test]
    fn what_somebody_else_has_written_is_not_lost() {
        let scratch = Scratch::new();
        let mut config = load(&scratch);
        scratch.put("config.yml", "remotes: {}\n");
        assert!(matches!(config.save(), Err(ConfigError::Changed { .. })));
        let mut config = load(&scratch);
        config.save().unwrap();
        config.set_project("local", Some("p")).unwrap();
        config.save().unwrap();
        assert_eq!(load(&scratch).remote("local").unwrap().project.as_deref(), Some("p"));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told() {
        let scratch = Scratch::new();
        fs::create_dir(scratch.join("config.yml")).unwrap();
        let error = Config::load(Environment::at(Client::Lxc, &*scratch)).unwrap_err();
        assert!(matches!(&error, ConfigError::Io { path, .. } if path.ends_with("config.yml")), "{error}");
    }

    #[test]
    fn tokens_are_their_owners() {
        let scratch = Scratch::new();
        let local = load(&scratch).remote("local").unwrap();
        assert_eq!(local.tokens().unwrap(), None);
        for tokens in ["{\"access_token\":\"1\"}", "{}"] {
            local.save_tokens(&Secret::new(tokens)).unwrap();
            assert_eq!(local.tokens().unwrap(), Some(Secret::new(tokens)));
            assert_eq!(mode(&local.tokens_file), 0o600);
        }
    }
}
