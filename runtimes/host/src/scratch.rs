use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};

/// An empty directory that goes with the test.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("lxio-host-{:016x}", crate::seed()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Writes a file, with the directories above it.
    pub(crate) fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }
}

impl Deref for Scratch {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
