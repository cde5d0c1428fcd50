//! A configuration of a stock client is refused, or every reader finds in what we write what was in what we read; a
//! change of one remote changes nothing else.

use lxio_host::config::{Client, Config, Environment, RemoteEntry};
use yaml_rust2::{Yaml, YamlLoader};

use crate::input::Input;

/// The first byte chooses the client; the rest is its file.
///
/// # Panics
/// Where the invariant does not hold.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let client = if input.byte() & 1 == 0 { Client::Incus } else { Client::Lxc };
    let parse = |text: &[u8]| Config::parse(Environment::at(client, "/nowhere"), text);
    let text = input.rest();
    let Ok(config) = parse(text) else { return };

    let written = config.to_yaml();
    let before = document(std::str::from_utf8(text).expect("what is no text is refused"));
    assert_eq!(document(&written), before, "{written}");
    let again = parse(written.as_bytes()).expect("what was written can be read");
    assert_eq!(again.to_yaml(), written);
    assert_eq!(again.names(), config.names());
    assert_eq!(again.default_remote(), config.default_remote());
    for name in config.names() {
        match (config.remote(&name), again.remote(&name)) {
            (Ok(remote), Ok(again)) => assert_eq!(remote, again),
            (Err(error), Err(again)) => assert_eq!(error.to_string(), again.to_string()),
            (one, other) => panic!("{one:?}, then {other:?}"),
        }
    }
    changes(config, &written);
}

/// What is added and removed again leaves no trace; the others keep theirs.
fn changes(mut config: Config, before: &str) {
    let name = "lxio-fuzz";
    if config.names().iter().any(|known| known == name) || config.default_remote() == name {
        return;
    }
    let known: Vec<_> = config.names().iter().map(|name| config.remote(name).ok()).collect();
    let entry = RemoteEntry::new("https://127.0.0.1:8443");
    config.add(name, &entry).expect("a new remote can be added");
    config.set_project(name, Some("true")).expect("it has a project");
    let now: Vec<_> =
        config.names().iter().filter(|it| *it != name).map(|name| config.remote(name).ok()).collect();
    assert_eq!(now, known);
    assert_eq!(config.remote(name).expect("it is there").project.as_deref(), Some("true"));
    config.rename(name, "lxio-other").expect("it can be renamed");
    config.remove("lxio-other").expect("it can be removed");
    assert_eq!(without_empty_remotes(&config.to_yaml()), without_empty_remotes(before));
}

/// A document, whether it has an empty list of remotes or none.
fn without_empty_remotes(text: &str) -> Yaml {
    let mut document = document(text);
    let key = Yaml::String("remotes".to_owned());
    if let Yaml::Hash(top) = &mut document
        && top.get(&key).is_some_and(|it| it.is_null() || it.as_hash().is_some_and(|it| it.is_empty()))
    {
        top.remove(&key);
    }
    document
}

/// The document as the YAML library itself has it. One without anything is an empty mapping.
fn document(text: &str) -> Yaml {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match YamlLoader::load_from_str(text).expect("what was read is YAML").into_iter().next() {
        None | Some(Yaml::Null) => Yaml::Hash(Default::default()),
        Some(document) => document,
    }
}
