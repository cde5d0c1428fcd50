use super::super::environment::Environment;
use super::*;
use crate::scratch::Scratch;

fn config(client: Client, directory: &Path, remotes: &str) -> Result<Config, ConfigError> {
    let text = format!("remotes:\n{remotes}");
    Config::parse(Environment::at(client, directory), text.as_bytes())
}

fn one(text: &str) -> Result<Remote, ConfigError> {
    of(&Scratch::new(), text)
}

fn of(directory: &Path, text: &str) -> Result<Remote, ConfigError> {
    config(Client::Incus, directory, &format!("  r: {{{text}}}\n"))?.remote("r:")?.fill(Remote::named("r"))
}

fn both(incus: &str, lxc: &str, first_decides: bool) -> Result<Vec<String>, ConfigError> {
    let nowhere = Path::new("/nowhere");
    let configs = [config(Client::Incus, nowhere, incus), config(Client::Lxc, nowhere, lxc)];
    let found = find("r", configs, first_decides)?;
    Ok(found.into_iter().map(|remote| remote.entry.addresses.join(",")).collect())
}

#[test]
fn whoever_has_the_name_is_meant_and_the_environment_decides() {
    let (a, b) = ("  r: {addr: 'https://a'}\n", "  r: {addr: 'https://b'}\n");
    let images = "  r: {addr: 'https://i', protocol: simplestreams}\n";
    let none = "  x: {addr: 'https://x'}\n";
    assert_eq!(both(a, none, false).unwrap(), ["https://a"]);
    assert_eq!(both(none, b, true).unwrap(), ["https://b"]);
    assert_eq!(both(a, b, true).unwrap(), ["https://a"]);
    assert_eq!(both(a, "  r: 7\n", true).unwrap(), ["https://a"]);
    assert_eq!(both(images, b, false).unwrap(), ["https://b"]);
    assert!(matches!(both(a, b, false), Err(ConfigError::Ambiguous { .. })));
    assert!(matches!(both(a, "  r: 7\n", false), Err(ConfigError::BadValue { .. })));
    let error = both(none, none, false).unwrap_err().to_string();
    assert_eq!(
        error,
        "there is no remote \"r\", but local, ubuntu, ubuntu-daily, ubuntu-minimal, ubuntu-minimal-daily, x"
    );
    let no_place = || Err(ConfigError::NoPlace);
    assert!(matches!(find("r", [no_place(), no_place()], false), Err(ConfigError::NoPlace)));
    let alone = find("r", [no_place(), config(Client::Lxc, Path::new("/"), b)], false).unwrap();
    assert_eq!(alone.len(), 1);
}

#[test]
fn the_environment_says_which_is_first() {
    use Client::{Incus, Lxc};
    for (set, expected) in [
        (&[] as &[_], ([Incus, Lxc], false)),
        (&["INCUS_CONF", "LXD_CONF"], ([Incus, Lxc], false)),
        (&["INCUS_CONF"], ([Incus, Lxc], true)),
        (&["LXD_CONF"], ([Lxc, Incus], true)),
    ] {
        assert_eq!(order(|name| set.contains(&name)), expected, "{set:?}");
    }
}

#[test]
fn local_is_this_machine_with_the_project_of_each_client() {
    let here = |flavour, path: &str, project: Option<&str>| {
        (flavour, Candidate { path: path.into(), project: project.map(str::to_owned) })
    };
    let machine = || {
        vec![
            here(Flavour::Lxd, "/l", None),
            here(Flavour::Incus, "/i", None),
            here(Flavour::Incus, "/u", Some("user-7")),
        ]
    };
    let local = |client, project: &str| {
        let text = format!("  local: {{addr: 'unix://', project: {project}}}\n");
        config(client, Path::new("/nowhere"), &text)
    };
    let shown = |configs: Vec<Result<Config, ConfigError>>| -> Vec<String> {
        let found = find("local", configs, false).unwrap();
        let sockets = sockets(&found, machine()).unwrap();
        assert_eq!(found[0].fill(Remote::named("local")).unwrap().address, Address::Local);
        sockets.iter().map(|it| format!("{} {:?}", it.path.display(), it.project)).collect()
    };
    let (incus, lxd) = (local(Client::Incus, "shop"), local(Client::Lxc, "default"));
    assert_eq!(shown(vec![incus, lxd]), ["/l None", "/i Some(\"shop\")", "/u Some(\"shop\")"]);
    let incus = local(Client::Incus, "default");
    assert_eq!(shown(vec![incus]), ["/i None", "/u Some(\"user-7\")"]);
}

#[test]
fn addresses_are_those_of_the_stock_clients() {
    let address = |text: &str| one(&format!("addr: '{text}', public: true")).map(|remote| remote.address);
    let Ok(Address::Network(origins)) = address("https://a:8443,https://b/") else { panic!() };
    assert_eq!(
        origins.iter().map(Origin::to_string).collect::<Vec<_>>(),
        ["https://a:8443", "https://b:443"]
    );
    assert_eq!(address("unix:///run/x").unwrap(), Address::Socket("/run/x".into()));
    assert!(matches!(address("unix://").unwrap(), Address::Local));
    assert!(address("http://127.0.0.1:80").is_ok());
    for bad in ["http://a", "https://a/b", "ftp://a", "https://me@a", "oci://a"] {
        assert!(matches!(address(bad), Err(ConfigError::BadAddress { .. })), "{bad}");
    }
    assert!(matches!(address("https://a,unix://"), Err(ConfigError::BadValue { .. })));
}

#[test]
fn the_callers_own_counts_more() {
    let scratch = Scratch::new();
    let configured = config(Client::Incus, &scratch, "  r: {addr: 'unix:///r', project: shop}\n");
    let configured = configured.unwrap().remote("r").unwrap();
    let project = |remote| configured.fill(remote).unwrap().project;
    assert_eq!(project(Remote::named("r")).as_deref(), Some("shop"));
    assert_eq!(project(Remote::named("r").project("mine")).as_deref(), Some("mine"));
    assert_eq!(one("addr: 'unix:///r', project: default").unwrap().project, None);
}

#[test]
fn what_is_no_server_or_unknown_is_refused() {
    for text in ["addr: 'https://a', protocol: simplestreams", "addr: 'https://a', protocol: oci"] {
        assert!(matches!(one(text), Err(ConfigError::NotAServer { .. })), "{text}");
    }
    let strange = one("addr: 'https://a', auth_type: candid");
    assert!(matches!(strange, Err(ConfigError::UnknownAuth { .. })));
    assert!(one("addr: 'https://a', auth_type: candid, public: true").is_ok());
}

#[cfg(feature = "tls")]
mod tls {
    use lxio_core::wire::Trust;

    use super::*;

    const BOTH: &str = include_str!("../../../../../tests/fixtures/tls/client/both.pem");
    const CA: &str = include_str!("../../../../../tests/fixtures/tls/server/ca.crt");
    const PIN: &str = include_str!("../../../../../tests/fixtures/tls/server/good.crt");
    const TLS: &str = "addr: 'https://a'";

    #[test]
    fn certificates_are_those_of_the_files() {
        let scratch = Scratch::new();
        assert!(matches!(of(&scratch, TLS), Err(ConfigError::NoIdentity { .. })));
        for file in ["client.crt", "client.key"] {
            scratch.put(file, BOTH);
        }
        let remote = of(&scratch, TLS).unwrap();
        assert!(remote.tls.identity.is_some() && matches!(remote.tls.trust, Trust::System));
        scratch.put("client.ca", CA);
        assert!(matches!(of(&scratch, TLS).unwrap().tls.trust, Trust::Authorities(_)));
        scratch.put("servercerts/r.crt", PIN);
        assert!(matches!(of(&scratch, TLS).unwrap().tls.trust, Trust::Certificate(_)));
        let public = of(&scratch, "addr: 'https://a', public: true").unwrap();
        assert!(public.tls.identity.is_none() && matches!(public.tls.trust, Trust::Certificate(_)));

        for file in ["clientcerts/r.crt", "clientcerts/r.key"] {
            scratch.put(file, "nothing");
        }
        let error = of(&scratch, TLS).unwrap_err();
        assert!(matches!(&error, ConfigError::Unusable { path, .. } if path.ends_with("clientcerts/r.key")));
        scratch.put("servercerts/r.crt", "nothing");
        let error = of(&scratch, "addr: 'https://a', public: true").unwrap_err();
        assert!(matches!(&error, ConfigError::Unusable { path, .. } if path.ends_with("servercerts/r.crt")));
    }

    #[test]
    fn a_login_brings_its_token_and_no_certificate() {
        const OIDC: &str = "addr: 'https://a', auth_type: oidc";
        let scratch = Scratch::new();
        for (file, text) in [("client.crt", BOTH), ("client.key", BOTH), ("client.ca", CA)] {
            scratch.put(file, text);
        }
        assert_eq!(of(&scratch, OIDC).unwrap().credential, Credential::None);
        scratch.put("oidctokens/r.json", r#"{"access_token":"hunter2","expiry":"0001-01-01T00:00:00Z"}"#);
        let remote = of(&scratch, OIDC).unwrap();
        assert_eq!(remote.credential, Credential::Bearer(Secret::new("hunter2")));
        assert!(remote.tls.identity.is_none() && matches!(remote.tls.trust, Trust::System));
        scratch.put("oidctokens/r.json", "{}");
        assert!(matches!(of(&scratch, OIDC), Err(ConfigError::Unusable { .. })));
    }
}
