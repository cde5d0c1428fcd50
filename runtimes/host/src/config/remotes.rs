use std::collections::HashSet;
use std::path::PathBuf;

use super::builtin::{self, LOCAL};
use super::entry::{Auth, Protocol, RemoteEntry};
use super::environment::{Client, Environment};
use super::save::{self, FileChange};
use super::tree::{self, Mapping, Node};
use super::{ConfigError, emit};
use crate::identity::IdentityFiles;

/// The configuration of a stock client.
///
/// Changes are made here and take effect with [`save`](Self::save).
#[derive(Debug, Clone)]
pub struct Config {
    pub(super) environment: Environment,
    pub(super) document: Mapping,
    global: Mapping,
    /// What the file held when it was read; `None` if it was not there.
    pub(super) on_disk: Option<Vec<u8>>,
    /// What is to happen to other files, in this order.
    pub(super) files: Vec<FileChange>,
}

/// Who has a say over a remote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The user, in their file.
    User,
    /// The administrator of the machine: it cannot be changed.
    Administrator,
    /// The client: it is built in, and only its project can be set.
    Client,
}

/// A remote of a configuration, all that is known of it in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfiguredRemote {
    /// Its name.
    pub name: String,
    /// What the configuration says, with protocol and authentication filled in where it says nothing.
    pub entry: RemoteEntry,
    /// Who has a say over it.
    pub owner: Owner,
    /// The project that calls are in: the environment's, else the remote's.
    pub project: Option<String>,
    /// The file with the certificate that its server must have. None: it must be one that the machine trusts.
    pub server_certificate: Option<PathBuf>,
    /// Who we are to it.
    pub identity: Option<IdentityFiles>,
    /// The user's directory, where that is or should be.
    pub(super) directory: PathBuf,
    /// Where the tokens of a login are, or will be.
    pub tokens_file: PathBuf,
}

impl Config {
    /// The configuration of a client, where the environment says that it is. One that is not there yet is as
    /// the client would begin it.
    ///
    /// # Errors
    /// No place for it, files that cannot be read, or are not what they should be.
    pub fn of(client: Client) -> Result<Self, ConfigError> {
        Self::load(Environment::of(client)?)
    }

    /// The configuration at a place.
    ///
    /// # Errors
    /// Files that cannot be read, or are not what they should be.
    pub fn load(environment: Environment) -> Result<Self, ConfigError> {
        let on_disk = save::read(&environment.config_file())?;
        Self::read(environment, on_disk)
    }

    /// The configuration at a place as it is with this text in its file.
    ///
    /// # Errors
    /// The text, or the administrator's file, is not what it should be.
    pub fn parse(environment: Environment, text: &[u8]) -> Result<Self, ConfigError> {
        Self::read(environment, Some(text.to_vec()))
    }

    fn read(environment: Environment, on_disk: Option<Vec<u8>>) -> Result<Self, ConfigError> {
        let of_user = match &on_disk {
            Some(bytes) => document(bytes, environment.config_file())?,
            None => initial(environment.client),
        };
        let mut global = Mapping::default();
        if let Some(path) = environment.global.as_ref().map(|directory| directory.join("config.yml"))
            && let Some(bytes) = save::read(&path)?
        {
            global = document(&bytes, path)?;
        }
        Ok(Self { environment, document: of_user, global, on_disk, files: Vec::new() })
    }

    /// Where the configuration is, and what the environment says besides.
    #[must_use]
    pub const fn environment(&self) -> &Environment {
        &self.environment
    }

    /// What [`save`](Self::save) writes.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        emit::write(&self.document)
    }

    /// The names of all remotes: the user's in the order of the file, the administrator's, the built-in ones.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        let fixed = builtin::fixed(self.environment.client);
        let said = [&self.document, &self.global].into_iter().flat_map(remotes);
        said.map(|(name, _)| name.text.as_str())
            .chain(fixed.iter().map(|(name, _)| *name))
            .filter(|name| seen.insert(*name))
            .map(str::to_owned)
            .collect()
    }

    /// The name of the default remote: the environment's, else the file's, else `local`. It need not exist.
    #[must_use]
    pub fn default_remote(&self) -> &str {
        self.environment.remote.as_deref().unwrap_or_else(|| self.default_of_file())
    }

    pub(super) fn default_of_file(&self) -> &str {
        match self.document.get("default-remote") {
            Some(Node::Scalar(name)) if !name.text.is_empty() => &name.text,
            _ => LOCAL,
        }
    }

    /// All remotes, in the order of [`names`](Self::names).
    ///
    /// # Errors
    /// See [`remote`](Self::remote).
    pub fn remotes(&self) -> Result<Vec<ConfiguredRemote>, ConfigError> {
        self.names().iter().map(|name| self.remote(name)).collect()
    }

    /// The remote of a name, which may have the colon behind it that it has on command lines.
    ///
    /// # Errors
    /// There is none, or what the file says of it is not what it should be.
    pub fn remote(&self, name: &str) -> Result<ConfiguredRemote, ConfigError> {
        let name = name.strip_suffix(':').unwrap_or(name);
        if name.contains(['/', '\0']) {
            return Err(ConfigError::BadName { name: name.to_owned() });
        }
        let (mut entry, owner) = self.entry(name)?;
        let protocol = entry.protocol.get_or_insert(Protocol::of_client(self.environment.client));
        if protocol.is_rest() && !entry.public {
            entry.auth.get_or_insert(Auth::Tls);
        }
        let at = match (&self.environment.global, owner) {
            (Some(global), Owner::Administrator) => global,
            _ => &self.environment.directory,
        };
        let certificate = at.join("servercerts").join(format!("{name}.crt"));
        Ok(ConfiguredRemote {
            project: self.environment.project.clone().or_else(|| entry.project.clone()),
            server_certificate: certificate.is_file().then_some(certificate),
            identity: IdentityFiles::find(&self.environment.directory, Some(name)),
            tokens_file: self.environment.directory.join("oidctokens").join(format!("{name}.json")),
            directory: self.environment.directory.clone(),
            name: name.to_owned(),
            entry,
            owner,
        })
    }

    /// What is said of a remote, and by whom.
    pub(super) fn entry(&self, name: &str) -> Result<(RemoteEntry, Owner), ConfigError> {
        if let Some((_, mut entry)) =
            builtin::fixed(self.environment.client).into_iter().find(|(fixed, _)| *fixed == name)
        {
            if let Some(said) = below(&self.document, name)? {
                // Nothing but the project counts, and an address that is missing is no fault.
                let mut all = said.clone();
                all.set("addr", Node::string("unix://"));
                entry.project = RemoteEntry::read(name, &all)?.project;
            }
            return Ok((entry, Owner::Client));
        }
        for (document, owner) in [(&self.document, Owner::User), (&self.global, Owner::Administrator)] {
            if let Some(said) = below(document, name)? {
                return Ok((RemoteEntry::read(name, said)?, owner));
            }
        }
        Err(ConfigError::NotFound { name: name.to_owned(), known: self.names() })
    }
}

/// The remotes of a document.
fn remotes(document: &Mapping) -> &[(tree::Scalar, Node)] {
    match document.get("remotes") {
        Some(Node::Mapping(remotes)) => &remotes.0,
        _ => &[],
    }
}

/// What a document says of a remote.
fn below<'a>(document: &'a Mapping, name: &str) -> Result<Option<&'a Mapping>, ConfigError> {
    match remotes(document).iter().find(|(key, _)| key.text == name) {
        None => Ok(None),
        Some((_, Node::Mapping(said))) => Ok(Some(said)),
        Some(_) => Err(ConfigError::BadValue { key: format!("remotes.{name}"), expected: "a mapping" }),
    }
}

/// What a file says.
fn document(bytes: &[u8], path: PathBuf) -> Result<Mapping, ConfigError> {
    let document = tree::read(bytes).map_err(|fault| ConfigError::Malformed {
        path,
        line: fault.line,
        what: fault.what,
    })?;
    for (key, expected) in [("remotes", "a mapping"), ("default-remote", "the name of a remote")] {
        let fits = match document.get(key) {
            None => true,
            Some(Node::Mapping(_)) => key == "remotes",
            Some(Node::Scalar(_)) => key != "remotes",
            Some(Node::Sequence(_)) => false,
        };
        if !fits {
            return Err(ConfigError::BadValue { key: key.to_owned(), expected });
        }
    }
    Ok(document)
}

/// What a client begins its file with.
fn initial(client: Client) -> Mapping {
    let mut remotes = Mapping::default();
    for (name, entry) in builtin::initial(client) {
        remotes.set(name, Node::Mapping(entry.write()));
    }
    let mut document = Mapping::default();
    document.set("default-remote", Node::string(LOCAL));
    document.set("remotes", Node::Mapping(remotes));
    document.set("aliases", Node::Mapping(Mapping::default()));
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    /// As `incus` 6.0.4 writes it.
    const INCUS: &str = "default-remote: srv\nremotes:\n  images:\n    addr: https://images.linuxcontainers.org\n    \
        protocol: simplestreams\n    public: true\n  local:\n    addr: unix://\n    project: shop\n    protocol: incus\n    \
        public: false\n  pub:\n    addr: https://127.0.0.1:8443\n    protocol: incus\n    public: true\n  sock:\n    \
        addr: unix:///run/other/unix.socket\n    auth_type: tls\n    project: default\n    protocol: incus\n    \
        public: false\n  srv:\n    addr: https://127.0.0.1:8443\n    auth_type: tls\n    project: default\n    \
        protocol: incus\n    public: false\naliases:\n  foo: list -c n\n";
    /// As `lxc` 5.0.2 writes it.
    const LXC: &str = "default-remote: local\nremotes:\n  images:\n    addr: https://images.linuxcontainers.org\n    \
        protocol: simplestreams\n    public: true\n  local:\n    addr: unix://\n    public: false\n  srv:\n    \
        addr: https://127.0.0.1:8443\n    auth_type: tls\n    project: default\n    protocol: lxd\n    \
        public: false\naliases: {}\n";

    fn parse(client: Client, text: &str) -> Result<Config, ConfigError> {
        Config::parse(Environment::at(client, "/nowhere"), text.as_bytes())
    }

    #[test]
    fn what_incus_writes_is_read() {
        let config = parse(Client::Incus, INCUS).unwrap();
        assert_eq!(config.to_yaml(), INCUS);
        assert_eq!(config.names(), ["images", "local", "pub", "sock", "srv"]);
        assert_eq!(config.default_remote(), "srv");
        let remotes = config.remotes().unwrap();
        let told: Vec<_> =
            remotes.iter().map(|it| (&it.entry.protocol, &it.entry.auth, it.entry.public)).collect();
        let (incus, streams, tls) = (Some(Protocol::Incus), Some(Protocol::Simplestreams), Some(Auth::Tls));
        assert_eq!(
            told,
            [
                (&streams, &None, true),
                (&incus, &tls, false),
                (&incus, &None, true),
                (&incus, &tls, false),
                (&incus, &tls, false)
            ]
        );
        assert_eq!(remotes[1].project.as_deref(), Some("shop"));
        assert_eq!((remotes[1].owner, remotes[4].owner), (Owner::Client, Owner::User));
        assert_eq!(config.remote("srv:").unwrap(), remotes[4]);
    }

    #[test]
    fn what_lxc_writes_is_read() {
        let config = parse(Client::Lxc, LXC).unwrap();
        assert_eq!(config.to_yaml(), LXC);
        assert_eq!(config.names()[..4], ["images", "local", "srv", "ubuntu"]);
        assert_eq!(config.remote("local").unwrap().entry.protocol, Some(Protocol::Lxd));
        assert_eq!(config.remote("ubuntu").unwrap().owner, Owner::Client);
    }

    #[test]
    fn without_a_file_it_is_as_the_client_begins_it() {
        let scratch = Scratch::new();
        let config = Config::load(Environment::at(Client::Incus, &*scratch)).unwrap();
        assert_eq!(
            config.to_yaml(),
            "default-remote: local\nremotes:\n  images:\n    addr: https://images.linuxcontainers.org\n    \
                protocol: simplestreams\n    public: true\n  local:\n    addr: unix://\n    protocol: incus\n    \
                public: false\naliases: {}\n"
        );
    }

    #[test]
    fn a_remote_has_its_files_and_the_administrator_has_remotes() {
        let scratch = Scratch::new();
        let mut environment = Environment::at(Client::Incus, scratch.join("c"));
        environment.global = Some(scratch.join("g"));
        scratch.put("c/config.yml", INCUS);
        scratch.put("g/config.yml", "remotes:\n  glob: {addr: 'https://b'}\n  srv: {addr: 'https://c'}\n");
        for file in [
            "c/client.crt",
            "c/client.key",
            "c/clientcerts/srv.crt",
            "c/clientcerts/srv.key",
            "c/clientcerts/srv.ca",
        ] {
            scratch.put(file, "");
        }
        scratch.put("c/clientcerts/glob.crt", "no key beside it");
        let pins = [scratch.put("c/servercerts/srv.crt", ""), scratch.put("g/servercerts/glob.crt", "")];

        let config = Config::load(environment.clone()).unwrap();
        let (srv, glob) = (config.remote("srv").unwrap(), config.remote("glob").unwrap());
        assert_eq!(srv.entry.addresses, ["https://127.0.0.1:8443"]);
        assert_eq!((srv.owner, glob.owner), (Owner::User, Owner::Administrator));
        assert_eq!([srv.server_certificate, glob.server_certificate], pins.map(Some));
        let (own, usual) = (srv.identity.unwrap(), glob.identity.unwrap());
        assert_eq!(own.key, scratch.join("c/clientcerts/srv.key"));
        assert_eq!(own.authority, Some(scratch.join("c/clientcerts/srv.ca")));
        assert_eq!((usual.certificate, usual.authority), (scratch.join("c/client.crt"), None));
        assert_eq!(srv.project.as_deref(), Some("default"));

        environment.remote = Some("glob".into());
        environment.project = Some("other".into());
        let config = Config::load(environment).unwrap();
        assert_eq!(config.default_remote(), "glob");
        assert_eq!(config.remote("srv").unwrap().project.as_deref(), Some("other"));
    }

    #[test]
    fn one_bad_remote_does_not_hide_the_others() {
        let config =
            parse(Client::Incus, "remotes:\n  a: 7\n  b: {}\n  c: {addr: x}\n  ../d: {addr: x}\n").unwrap();
        assert!(matches!(config.remote("a"), Err(ConfigError::BadValue { .. })));
        assert!(matches!(config.remote("b"), Err(ConfigError::Missing { .. })));
        assert!(matches!(config.remote("../d"), Err(ConfigError::BadName { .. })));
        assert!(config.remote("c").is_ok());
        let error = config.remote("e").unwrap_err();
        assert_eq!(error.to_string(), "there is no remote \"e\", but a, b, c, ../d, local");
        assert!(config.remotes().is_err());
    }

    #[test]
    fn what_is_no_configuration_is_refused_with_its_place() {
        let error = parse(Client::Lxc, "remotes:\n  a: {\n").unwrap_err();
        assert!(matches!(&error, ConfigError::Malformed { line: 3, .. }), "{error}");
        assert!(error.to_string().starts_with("/nowhere/config.yml, line 3: "), "{error}");
        for (text, key) in
            [("remotes: []", "remotes"), ("remotes: x", "remotes"), ("default-remote: {}", "default-remote")]
        {
            let error = parse(Client::Lxc, text).unwrap_err();
            assert!(matches!(&error, ConfigError::BadValue { key: it, .. } if it == key), "{text}: {error}");
        }
    }
}
