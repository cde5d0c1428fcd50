use std::path::PathBuf;

use super::ConfigError;
use super::entry::RemoteEntry;
use super::remotes::{Config, Owner};
use super::save::FileChange;
use super::tree::{Mapping, Node};

/// The files of a remote, below the directory: in which room, with which ending.
const FILES: [(&str, &str); 5] = [
    ("servercerts", "crt"),
    ("clientcerts", "crt"),
    ("clientcerts", "key"),
    ("clientcerts", "ca"),
    ("oidctokens", "json"),
];

impl Config {
    /// Adds a remote. A client certificate that waits for it in `clientcerts` is its own; tokens of one that had
    /// its name are not, and go.
    ///
    /// # Errors
    /// A name that exists or that cannot be one; an entry without an address.
    pub fn add(&mut self, name: &str, entry: &RemoteEntry) -> Result<(), ConfigError> {
        self.free(name)?;
        let written = entry.write();
        // What the file would not say again is refused now.
        RemoteEntry::read(name, &written)?;
        self.user_remotes()?.set(name, Node::Mapping(written));
        self.files.push(FileChange::Remove(self.file("oidctokens", name, "json")));
        Ok(())
    }

    /// The certificate, as PEM, that the server of a remote of the user's must have from now on.
    ///
    /// # Errors
    /// No such remote, or not the user's.
    pub fn pin(&mut self, name: &str, certificate: &str) -> Result<(), ConfigError> {
        self.of_user(name)?;
        let path = self.file("servercerts", name, "crt");
        self.files.push(FileChange::Write(path, certificate.as_bytes().to_vec()));
        Ok(())
    }

    /// Removes a remote of the user's, with its certificates, keys and tokens.
    ///
    /// # Errors
    /// No such remote, not the user's, or the default.
    pub fn remove(&mut self, name: &str) -> Result<(), ConfigError> {
        self.of_user(name)?;
        if self.default_of_file() == name {
            return Err(ConfigError::IsDefault { name: name.to_owned() });
        }
        self.user_remotes()?.remove(name);
        for (room, ending) in FILES {
            self.files.push(FileChange::Remove(self.file(room, name, ending)));
        }
        Ok(())
    }

    /// Gives a remote of the user's another name, in its place; its files follow, and so does the default.
    ///
    /// # Errors
    /// No such remote, not the user's, a name that exists or that cannot be one.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), ConfigError> {
        self.of_user(from)?;
        self.free(to)?;
        self.user_remotes()?.rename(from, to);
        for (room, ending) in FILES {
            let [from, to] = [from, to].map(|name| self.file(room, name, ending));
            self.files.push(FileChange::Rename(from, to));
        }
        if self.default_of_file() == from {
            self.document.set("default-remote", Node::string(to));
        }
        Ok(())
    }

    /// Makes a remote the default. It is the default from now on, whatever the environment says.
    ///
    /// # Errors
    /// No such remote.
    pub fn set_default(&mut self, name: &str) -> Result<(), ConfigError> {
        self.entry(name)?;
        self.document.set("default-remote", Node::string(name));
        self.environment.remote = None;
        Ok(())
    }

    /// The project that calls of a remote are in; `None` for the server's default.
    ///
    /// # Errors
    /// No such remote, or the administrator's.
    pub fn set_project(&mut self, name: &str, project: Option<&str>) -> Result<(), ConfigError> {
        let (entry, owner) = self.entry(name)?;
        if owner == Owner::Administrator {
            return Err(ConfigError::Fixed { name: name.to_owned() });
        }
        let remotes = self.user_remotes()?;
        if remotes.get(name).is_none() {
            remotes.set(name, Node::Mapping(entry.write()));
        }
        let below = remotes
            .below(name)
            .ok_or_else(|| ConfigError::BadValue { key: format!("remotes.{name}"), expected: "a mapping" })?;
        match project {
            Some(project) => below.set("project", Node::string(project)),
            None => below.remove("project"),
        }
        Ok(())
    }

    fn file(&self, room: &str, name: &str, ending: &str) -> PathBuf {
        self.environment.directory.join(room).join(format!("{name}.{ending}"))
    }

    fn user_remotes(&mut self) -> Result<&mut Mapping, ConfigError> {
        self.document
            .below("remotes")
            .ok_or_else(|| ConfigError::BadValue { key: "remotes".to_owned(), expected: "a mapping" })
    }

    /// Fails unless the user has a remote of this name. What is said of it need not be right.
    fn of_user(&self, name: &str) -> Result<(), ConfigError> {
        match self.entry(name) {
            Ok((_, Owner::User)) | Err(ConfigError::Missing { .. } | ConfigError::BadValue { .. }) => Ok(()),
            Ok(_) => Err(ConfigError::Fixed { name: name.to_owned() }),
            Err(error) => Err(error),
        }
    }

    /// Fails unless a new remote may have this name.
    pub(crate) fn free(&self, name: &str) -> Result<(), ConfigError> {
        let name = name.to_owned();
        let separates = |c: char| c.is_whitespace() || c.is_control() || ":/=".contains(c);
        if name.is_empty() || name.len() > 100 || name.starts_with('-') || name.contains(separates) {
            Err(ConfigError::BadName { name })
        } else if self.names().contains(&name) {
            Err(ConfigError::Exists { name })
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::environment::{Client, Environment};
    use super::super::tree::{Scalar, read};
    use super::*;

    fn parse(text: &str) -> Config {
        Config::parse(Environment::at(Client::Incus, "/nowhere"), text.as_bytes()).unwrap()
    }

    const TWO: &str = "future: [1, x]\nremotes:\n  a:\n    later: {k: 1.50}\n    addr: https://a\n    public: false\n  \
        b:\n    addr: https://b\n    public: false\ndefault-remote: a\n";

    #[test]
    fn only_what_is_changed_changes() {
        let mut config = parse(TWO);
        config.set_project("a", Some("123")).unwrap();
        config.rename("a", "yes").unwrap();
        config.remove("b").unwrap();
        config.add("c", &RemoteEntry::new("unix:///c d")).unwrap();
        assert_eq!(
            config.to_yaml(),
            "future:\n  - 1\n  - x\nremotes:\n  \"yes\":\n    later:\n      k: 1.50\n    addr: https://a\n    \
                public: false\n    project: \"123\"\n  c:\n    addr: unix:///c d\n    public: false\n\
                default-remote: \"yes\"\n"
        );
        config.set_project("yes", None).unwrap();
        config.set_default("c").unwrap();
        assert!(!config.to_yaml().contains("123"));
        assert_eq!(config.default_remote(), "c");
    }

    #[test]
    fn what_cannot_be_is_refused_and_changes_nothing() {
        use ConfigError as E;
        let mut config = parse(TWO);
        let entry = RemoteEntry::new("https://c");
        assert!(matches!(config.add("a", &entry), Err(E::Exists { .. })));
        assert!(matches!(config.add("local", &entry), Err(E::Exists { .. })));
        for name in ["", "a:b", "a/b", "..\0", "a b", "a=b", "-a", &"a".repeat(101)] {
            assert!(matches!(config.add(name, &entry), Err(E::BadName { .. })), "{name:?}");
            assert!(matches!(config.rename("a", name), Err(E::BadName { .. })), "{name:?}");
        }
        assert!(matches!(config.add("c", &RemoteEntry::new("")), Err(E::Missing { .. })));
        assert!(matches!(config.remove("a"), Err(E::IsDefault { .. })));
        assert!(matches!(config.remove("c"), Err(E::NotFound { .. })));
        assert!(matches!(config.remove("local"), Err(E::Fixed { .. })));
        assert!(matches!(config.rename("local", "c"), Err(E::Fixed { .. })));
        assert!(matches!(config.rename("a", "b"), Err(E::Exists { .. })));
        assert!(matches!(config.pin("local", ""), Err(E::Fixed { .. })));
        assert!(matches!(config.set_default("c"), Err(E::NotFound { .. })));
        assert!(matches!(config.set_project("c", None), Err(E::NotFound { .. })));
        assert_eq!(config.to_yaml(), parse(TWO).to_yaml());
        assert_eq!(config.files, []);
    }

    #[test]
    fn a_remote_that_is_not_right_can_be_removed() {
        let mut config = parse("remotes:\n  a: 7\n  b: {}\n");
        config.remove("a").unwrap();
        config.rename("b", "c").unwrap();
        assert_eq!(config.to_yaml(), "remotes:\n  c: {}\n");
    }

    #[test]
    fn the_project_of_a_built_in_remote_can_be_set() {
        let mut config = parse("");
        config.set_project("local", Some("shop")).unwrap();
        assert_eq!(parse(&config.to_yaml()).remote("local").unwrap().project.as_deref(), Some("shop"));
    }

    /// Any text; numbers, booleans and the like without quotes.
    fn scalar() -> impl Strategy<Value = Scalar> {
        let plain = prop::sample::select(vec![
            "1",
            "-2.5e-3",
            "0x1f",
            "true",
            "No",
            "null",
            "~",
            "2001-12-14",
            ".nan",
        ]);
        prop_oneof![
            plain.prop_map(|text| Scalar { text: text.to_owned(), plain: true }),
            any::<String>().prop_map(|text| Scalar::string(&text)),
            "[ -~\\n]{0,12}".prop_map(|text| Scalar::string(&text)),
        ]
    }

    fn key() -> impl Strategy<Value = String> {
        prop_oneof!["[a-z]{1,6}", "[ -~]{0,6}", any::<String>()].prop_map(|key| {
            let end = key.char_indices().map(|(at, _)| at).take_while(|at| *at <= 100).last().unwrap_or(0);
            if key.len() <= 100 { key } else { key[..end].to_owned() }
        })
    }

    fn node() -> impl Strategy<Value = Node> {
        scalar().prop_map(Node::Scalar).prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Node::Sequence),
                prop::collection::btree_map(key(), inner, 0..4).prop_map(|map| {
                    Node::Mapping(Mapping(
                        map.into_iter().map(|(key, it)| (Scalar::string(&key), it)).collect(),
                    ))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_not_known_survives_a_change(
            top in prop::collection::btree_map(key(), node(), 0..4),
            inner in prop::collection::btree_map(key(), node(), 0..4),
        ) {
            let mut remote = RemoteEntry::new("https://a").write();
            inner.iter().filter(|(key, _)| *key != "project").for_each(|(key, it)| remote.set(key, it.clone()));
            remote.set("addr", Node::string("https://a"));
            remote.set("public", Node::string("false"));
            for known in ["auth_type", "protocol", "keepalive", "credentials_helper"] {
                remote.remove(known);
            }
            let mut document = Mapping::default();
            top.iter().for_each(|(key, it)| document.set(key, it.clone()));
            let mut remotes = Mapping::default();
            remotes.set("a", Node::Mapping(remote));
            document.set("remotes", Node::Mapping(remotes.clone()));
            document.remove("default-remote");

            let mut config = parse(&super::super::emit::write(&document));
            config.set_project("a", Some("p")).unwrap();
            config.rename("a", "b").unwrap();

            let below = remotes.below("a").unwrap();
            below.set("project", Node::string("p"));
            remotes.rename("a", "b");
            document.set("remotes", Node::Mapping(remotes));
            // What is only text may be written without quotes.
            let text = super::super::emit::write(&document);
            prop_assert_eq!(config.to_yaml(), text.clone());
            prop_assert_eq!(texts(&Node::Mapping(read(text.as_bytes()).unwrap())), texts(&Node::Mapping(document)));
        }
    }

    /// All texts of a tree in their order.
    fn texts(node: &Node) -> Vec<String> {
        match node {
            Node::Scalar(scalar) => vec![scalar.text.clone()],
            Node::Sequence(nodes) => {
                [vec!["[".into()], nodes.iter().flat_map(texts).collect(), vec!["]".into()]].concat()
            }
            Node::Mapping(Mapping(entries)) => {
                let inner = entries.iter().flat_map(|(key, it)| [vec![key.text.clone()], texts(it)].concat());
                [vec!["{".into()], inner.collect(), vec!["}".into()]].concat()
            }
        }
    }
}
