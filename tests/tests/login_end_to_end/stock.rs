//! Logins that we and the stock client share.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use lxio_core::api::raw;
use lxio_core::flow::Tokens;
use lxio_host::config::{Auth, Client, Config, Environment, RemoteEntry};
use lxio_tests::adapter::{Adapter, Blocking};
use lxio_tests::script::room;

use super::cast::Cast;
use super::site::fixture;
use super::{GOOD, logged_in, trusting};

/// Runs `incus` on a configuration; what it printed, `None` if it is not installed.
fn incus(directory: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("incus");
    command.args(arguments).stdin(Stdio::null()).env("INCUS_CONF", directory).env("HOME", directory);
    // It would show the provider's page.
    command.env("BROWSER", "true");
    for proxy in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env_remove(proxy);
    }
    let Ok(output) = command.output() else {
        assert!(env::var_os("LXIO_STOCK_CLIENTS").is_none_or(|it| it != "all"), "incus is not installed");
        eprintln!("not run: incus is not installed");
        return None;
    };
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {out}{err}");
    Some(out.into_owned())
}

#[test]
fn a_login_is_shared() {
    trusting("stock::a_login_is_shared", || {
        let directory = room().unwrap();
        Blocking::block_on(shared(&directory));
        fs::remove_dir_all(directory).unwrap();
    });
}

async fn shared(directory: &Path) {
    let cast = Cast::of(GOOD);
    let client = Blocking::connect(cast.remote()).await.unwrap();
    let tokens = logged_in::<Blocking>(&cast, &client).await.unwrap();
    let mut config = Config::load(Environment::at(Client::Incus, directory)).unwrap();
    let mut entry = RemoteEntry::new(&cast.shop.url);
    entry.auth = Some(Auth::Oidc);
    config.add("shop", &entry).unwrap();
    config.pin("shop", &fs::read_to_string(fixture("self-signed.crt")).unwrap()).unwrap();
    config.save().unwrap();
    let kept = config.remote("shop").unwrap();
    // What came at that time is good for long.
    kept.save_tokens(&tokens.to_json("2089-11-22T11:00:00Z".parse().unwrap())).unwrap();
    let asked = cast.provider.lines();
    let Some(told) = incus(directory, &["query", "shop:/1.0/instances"]) else { return };
    assert!(told.contains("/1.0/instances/c1"), "{told}");
    assert_eq!(cast.provider.lines(), asked, "it has no need of a login of its own");

    cast.course().taken = None;
    fs::remove_file(directory.join("oidctokens/shop.json")).unwrap();
    incus(directory, &["query", "shop:/1.0/instances"]);
    let kept = kept.tokens().unwrap().unwrap();
    let theirs = Tokens::from_json(kept.reveal(), "2026-11-22T11:00:00Z".parse().unwrap()).unwrap();
    assert_ne!(theirs.access, tokens.access);
    let trusted = Blocking::connect(cast.remote().bearer(theirs.access)).await.unwrap();
    Blocking::call(&trusted, raw::get("/1.0/instances").json()).await.unwrap();
}
