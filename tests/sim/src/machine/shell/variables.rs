use std::collections::BTreeMap;
use std::sync::Arc;

use super::lex::is_name;

/// All values together are not longer, in bytes.
const MEMORY: usize = 64 << 20;

#[derive(Debug, Clone, Default)]
struct Variable {
    /// `None`: marked, and not set.
    value: Option<Vec<u8>>,
    exported: bool,
    fixed: bool,
}

/// Why a variable cannot be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    ReadOnly,
    TooMuch,
}

/// The variables of a shell.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables {
    all: BTreeMap<Vec<u8>, Variable>,
    length: usize,
}

impl Variables {
    /// From `NAME=value`.
    pub(super) fn from_env(env: &[Vec<u8>]) -> Self {
        let mut it = Self::default();
        for entry in env {
            if let Some(at) = entry.iter().position(|it| *it == b'=')
                && is_name(&entry[..at])
                && it.set(&entry[..at], entry[at + 1..].to_vec()).is_ok()
            {
                it.export(&entry[..at]);
            }
        }
        it
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.all.get(name)?.value.as_deref()
    }

    pub(super) fn set(&mut self, name: &[u8], value: Vec<u8>) -> Result<(), Refused> {
        let variable = self.all.entry(name.to_vec()).or_default();
        if variable.fixed {
            return Err(Refused::ReadOnly);
        }
        let length = self.length - variable.value.as_ref().map_or(0, Vec::len) + value.len();
        if length > MEMORY {
            return Err(Refused::TooMuch);
        }
        self.length = length;
        variable.value = Some(value);
        Ok(())
    }

    pub(super) fn unset(&mut self, name: &[u8]) -> Result<(), Refused> {
        match self.all.get(name) {
            Some(variable) if variable.fixed => Err(Refused::ReadOnly),
            Some(_) => {
                self.restore(name, None);
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(super) fn export(&mut self, name: &[u8]) {
        self.all.entry(name.to_vec()).or_default().exported = true;
    }

    pub(super) fn fix(&mut self, name: &[u8]) {
        self.all.entry(name.to_vec()).or_default().fixed = true;
    }

    /// What has to be put back after a change that does not last.
    pub(super) fn save(&self, name: &[u8]) -> Saved {
        Saved(self.all.get(name).cloned())
    }

    pub(super) fn restore(&mut self, name: &[u8], saved: Option<Saved>) {
        let old = match saved.and_then(|it| it.0) {
            Some(variable) => {
                self.length += variable.value.as_ref().map_or(0, Vec::len);
                self.all.insert(name.to_vec(), variable)
            }
            None => self.all.remove(name),
        };
        self.length -= old.and_then(|it| it.value).map_or(0, |it| it.len());
    }

    /// What is exported, as `NAME=value`.
    pub(super) fn env(&self) -> Arc<Vec<Vec<u8>>> {
        let exported = self.all.iter().filter(|(_, it)| it.exported);
        Arc::new(
            exported
                .filter_map(|(name, it)| Some([name, b"=".as_slice(), it.value.as_ref()?].concat()))
                .collect(),
        )
    }

    /// Names and values of all that are set, and whether they are exported.
    pub(super) fn all(&self) -> impl Iterator<Item = (&[u8], &[u8], bool)> {
        self.all.iter().filter_map(|(name, it)| Some((name.as_slice(), it.value.as_deref()?, it.exported)))
    }
}

/// A variable as it was.
#[derive(Clone)]
pub(super) struct Saved(Option<Variable>);
