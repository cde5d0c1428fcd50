use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::ConfigError;

/// A stock command-line client, whose configuration is read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// `incus`, of Incus.
    Incus,
    /// `lxc`, of LXD.
    Lxc,
}

/// Where the configuration of a client is, and what its user's environment says besides.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Environment {
    /// Whose configuration it is.
    pub client: Client,
    /// The directory of `config.yml`, keys and certificates.
    pub directory: PathBuf,
    /// The administrator's directory, if it is read.
    pub global: Option<PathBuf>,
    /// The remote that is the default whatever the file says.
    pub remote: Option<String>,
    /// The project that is used whatever a remote says.
    pub project: Option<String>,
}

impl Environment {
    /// What the environment of this process says:
    ///
    /// | | [`Client::Incus`] | [`Client::Lxc`] |
    /// |---|---|---|
    /// | directory | `INCUS_CONF`, else `$XDG_CONFIG_HOME/incus` if it is there, else `~/.config/incus` | `LXD_CONF`, else `~/.config/lxc`, or `~/snap/lxd/common/config` if only that is there |
    /// | global | `INCUS_GLOBAL_CONF`, else `/etc/incus` | `LXD_GLOBAL_CONF`, else `/etc/lxd` |
    /// | remote | `INCUS_REMOTE` | `LXC_REMOTE` |
    /// | project | `INCUS_PROJECT` | `LXD_PROJECT` |
    ///
    /// # Errors
    /// [`ConfigError::NoPlace`] where neither a directory nor a home is named.
    pub fn of(client: Client) -> Result<Self, ConfigError> {
        let env = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        told(client, env, std::env::home_dir().filter(|home| !home.as_os_str().is_empty()), Path::exists)
    }

    /// The configuration in a directory of the caller's, whatever the environment says, without global remotes.
    #[must_use]
    pub fn at(client: Client, directory: impl Into<PathBuf>) -> Self {
        Self { client, directory: directory.into(), global: None, remote: None, project: None }
    }

    /// The path of the configuration itself.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.directory.join("config.yml")
    }
}

fn told(
    client: Client,
    env: impl Fn(&str) -> Option<OsString>,
    home: Option<PathBuf>,
    exists: impl Fn(&Path) -> bool,
) -> Result<Environment, ConfigError> {
    let [conf, global, remote, project] = match client {
        Client::Incus => ["INCUS_CONF", "INCUS_GLOBAL_CONF", "INCUS_REMOTE", "INCUS_PROJECT"],
        Client::Lxc => ["LXD_CONF", "LXD_GLOBAL_CONF", "LXC_REMOTE", "LXD_PROJECT"],
    };
    // The first is where a new configuration is made; another is taken if it alone is there.
    let places: Vec<PathBuf> = match client {
        Client::Incus => {
            let xdg = env("XDG_CONFIG_HOME").map(|base| Path::new(&base).join("incus"));
            [xdg, home.map(|home| home.join(".config/incus"))].into_iter().flatten().collect()
        }
        Client::Lxc => home
            .map(|home| vec![home.join(".config/lxc"), home.join("snap/lxd/common/config")])
            .unwrap_or_default(),
    };
    let directory = match env(conf) {
        Some(named) => PathBuf::from(named),
        None => {
            let there = places.iter().find(|place| exists(place));
            there.or(places.first()).cloned().ok_or(ConfigError::NoPlace)?
        }
    };
    let usual = match client {
        Client::Incus => "/etc/incus",
        Client::Lxc => "/etc/lxd",
    };
    let text = |name: &str| env(name).map(|value| value.to_string_lossy().into_owned());
    Ok(Environment {
        client,
        directory,
        global: Some(env(global).map_or_else(|| PathBuf::from(usual), PathBuf::from)),
        remote: text(remote),
        project: text(project),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(client: Client, set: &[(&str, &str)], there: &[&str]) -> String {
        let env =
            |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        let exists = |path: &Path| there.iter().any(|it| Path::new(it) == path);
        told(client, env, Some("/h".into()), exists).unwrap().directory.display().to_string()
    }

    #[test]
    fn what_is_named_comes_first_then_what_is_there_then_the_usual() {
        use Client::{Incus, Lxc};
        let xdg = ("XDG_CONFIG_HOME", "/x");
        for (client, set, there, expected) in [
            (Incus, &[("INCUS_CONF", "/c"), xdg] as &[_], &["/x/incus"] as &[_], "/c"),
            (Incus, &[xdg], &["/x/incus", "/h/.config/incus"], "/x/incus"),
            (Incus, &[xdg], &["/h/.config/incus"], "/h/.config/incus"),
            (Incus, &[xdg], &[], "/x/incus"),
            (Incus, &[("LXD_CONF", "/c")], &[], "/h/.config/incus"),
            (Lxc, &[("LXD_CONF", "/c")], &[], "/c"),
            (Lxc, &[xdg], &["/x/lxc"], "/h/.config/lxc"),
            (Lxc, &[], &["/h/.config/lxc", "/h/snap/lxd/common/config"], "/h/.config/lxc"),
            (Lxc, &[], &["/h/snap/lxd/common/config"], "/h/snap/lxd/common/config"),
        ] {
            assert_eq!(directory(client, set, there), expected, "{client:?} {set:?} {there:?}");
        }
    }

    #[test]
    fn without_a_home_a_directory_must_be_named() {
        let error = told(Client::Lxc, |_| None, None, |_| true).unwrap_err();
        assert!(matches!(error, ConfigError::NoPlace));
        let env = |name: &str| (name == "LXD_CONF" || name == "LXC_REMOTE").then(|| OsString::from("/c"));
        let told = told(Client::Lxc, env, None, |_| false).unwrap();
        assert_eq!(told.remote.as_deref(), Some("/c"));
        assert_eq!(told.global.as_deref(), Some(Path::new("/etc/lxd")));
    }
}
