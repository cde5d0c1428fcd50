//! Logins through every adapter: a server and an identity provider on loopback, over HTTPS and plain HTTP.
//!
//! The provider is trusted as any server of the web, by the authorities of the machine. So that those of the tests
//! are among them, every test runs in a process of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cast;
mod site;
mod stock;

use std::env;
use std::process::Command;
use std::sync::Arc;

use lxio_core::api::{login, raw, refresh, server};
use lxio_core::bytes::Secret;
use lxio_core::flow::{FlowError, LoginError, Tokens};
use lxio_core::session::{Cause, Error, ErrorKind};
use lxio_core::wire::{Identity, Origin};
use lxio_host::config::{Client, Config, Environment, RemoteEntry};
use lxio_tests::adapter::{Adapter, Live, LiveDownload};
use lxio_tests::answers::http;
use lxio_tests::script::{Request, room};

use cast::{Cast, remote, shop};
use site::{Proof, Site, fixture};

macro_rules! on_all_adapters {
    ($($test:ident),+ $(,)?) => { on_all_adapters!(@ blocking Blocking $($test)+); on_all_adapters!(@ smol Smol $($test)+); on_all_adapters!(@ tokio Tokio $($test)+); };
    (@ $name:ident $adapter:ident $($test:ident)+) => {
        mod $name {
            $(#[test]
            fn $test() {
                use lxio_tests::adapter::{$adapter, Adapter};
                super::trusting(concat!(stringify!($name), "::", stringify!($test)), || {
                    $adapter::block_on(super::$test::<$adapter>());
                });
            })+
        }
    };
}

on_all_adapters!(
    a_login_and_its_renewal,
    a_login_within_the_machine,
    a_user_who_declines,
    a_provider_that_is_not_there,
    a_provider_that_is_another,
    a_server_of_images,
);

/// A server of the web that is what it says.
const GOOD: Proof = Proof::Web("good.crt");

/// Runs the test of that name where the authority of the fixtures is the machine's only one.
fn trusting(test: &str, body: impl FnOnce()) {
    const AUTHORITIES: &str = "SSL_CERT_FILE";
    let authority = fixture("ca.crt");
    if env::var_os(AUTHORITIES).is_some_and(|set| set == authority) {
        return body();
    }
    let mut again = Command::new(env::current_exe().unwrap());
    let again = again.args([test, "--exact", "--nocapture"]).env(AUTHORITIES, authority);
    let output = again.env_remove("SSL_CERT_DIR").output().unwrap();
    let (told, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.contains("1 passed"), "{told}{wrong}");
}

/// Logs in at the shop as its user would.
async fn logged_in<A: Adapter>(cast: &Cast, client: &A::Client) -> Result<Tokens, Error> {
    let mut live = A::start(client, login()).await?;
    let prompt = live.next().await.expect("a prompt")?;
    assert_eq!((&*prompt.code, prompt.url), ("WDJB-MJHT", format!("{}/activate", cast.provider.url)));
    live.finish().await
}

fn login_error(error: &Error) -> &LoginError {
    match error.cause() {
        Cause::Flow(FlowError::Login(error)) => error,
        other => panic!("{other:?}"),
    }
}

async fn a_login_and_its_renewal<A: Adapter>() {
    let cast = Cast::of(GOOD);
    let pem = std::fs::read(fixture("../client/both.pem")).unwrap();
    let remote = cast.remote().identity(Identity::from_pem(&pem, &pem).unwrap());
    let with = |tokens: &Tokens| A::connect(remote.clone().bearer(tokens.access.clone()));
    let instances = || raw::get("/1.0/instances").json();

    let stranger = A::connect(remote.clone()).await.unwrap();
    assert!(!A::session(&stranger).server.is_trusted());
    assert_eq!(A::call(&stranger, instances()).await.unwrap_err().kind(), ErrorKind::Untrusted);
    let tokens = logged_in::<A>(&cast, &stranger).await.unwrap();
    let trusted = with(&tokens).await.unwrap();
    assert!(A::session(&trusted).server.is_trusted());
    A::call(&trusted, instances()).await.unwrap();

    cast.course().taken = None;
    let error = A::call(&trusted, instances()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Untrusted, Some(401)));
    // With an old token or none, on connections that stand.
    let new = A::run(&trusted, refresh(tokens.clone())).await.unwrap();
    A::call(&with(&new).await.unwrap(), instances()).await.unwrap();
    let error = A::run(&stranger, refresh(tokens)).await.unwrap_err();
    assert_eq!(login_error(&error), &LoginError::InvalidGrant);

    let (discovery, token) = ("GET /.well-known/openid-configuration", "POST /token");
    assert_eq!(
        cast.provider.lines(),
        [discovery, "POST /device", token, token, discovery, token, discovery, token]
    );
    for request in cast.provider.heard() {
        assert_eq!(request.field("authorization"), None);
        assert!(cast.provider.url.ends_with(&request.field("host").unwrap()));
    }
}

async fn a_login_within_the_machine<A: Adapter>() {
    let cast = Cast::of(Proof::None);
    let client = A::connect(cast.remote()).await.unwrap();
    let tokens = logged_in::<A>(&cast, &client).await.unwrap();

    // As the stock client keeps them, from one process to the next.
    let directory = room().unwrap();
    let environment = Environment::at(Client::Incus, &directory);
    let mut config = Config::load(environment.clone()).unwrap();
    config.add("shop", &RemoteEntry::new(&cast.shop.url)).unwrap();
    config.save().unwrap();
    let kept = config.remote("shop").unwrap();
    assert_eq!(kept.tokens().unwrap(), None);
    let now = "2026-11-22T11:00:00Z".parse().unwrap();
    kept.save_tokens(&tokens.to_json(now)).unwrap();
    let kept = Config::load(environment).unwrap().remote("shop").unwrap().tokens().unwrap().unwrap();
    let kept = Tokens::from_json(kept.reveal(), now).unwrap();
    assert_eq!(kept, tokens);
    std::fs::remove_dir_all(directory).unwrap();
    let new = A::run(&client, refresh(kept)).await.unwrap();
    let trusted = A::connect(cast.remote().bearer(new.access)).await.unwrap();
    assert!(A::session(&trusted).server.is_trusted());
}

async fn a_user_who_declines<A: Adapter>() {
    let cast = Cast::of(GOOD);
    cast.course().denies = true;
    let client = A::connect(cast.remote()).await.unwrap();
    let error = logged_in::<A>(&cast, &client).await.unwrap_err();
    assert_eq!(login_error(&error), &LoginError::Denied);
    // The server itself is still there.
    assert!(!A::call(&client, server().get()).await.unwrap().value.is_trusted());
}

async fn a_provider_that_is_not_there<A: Adapter>() {
    let shop = shop(Site::nowhere(), Arc::default());
    let client = A::connect(remote(&shop)).await.unwrap();
    let error = A::start(&client, login()).await.err().expect("an error");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.to_string().contains("/.well-known/openid-configuration"), "{error}");
}

/// It is believed no more than another server of the web, and the pin of the session does not count for it.
async fn a_provider_that_is_another<A: Adapter>() {
    for proof in [Proof::Own, Proof::Web("elsewhere.crt"), Proof::Web("expired.crt"), Proof::Web("early.crt")]
    {
        let cast = Cast::of(proof);
        let client = A::connect(cast.remote()).await.unwrap();
        let error = A::start(&client, login()).await.err().expect("an error");
        assert_eq!(error.kind(), ErrorKind::UnverifiedServer, "{error}");
        assert!(error.server_certificate().is_some());
        assert!(cast.provider.heard().is_empty(), "{:?}", cast.provider.heard());
    }
}

async fn a_server_of_images<A: Adapter>() {
    let site = Site::start(GOOD, |_| {
        |request: &Request| match &*request.line() {
            "GET /streams/v1/index.json" => http("200 OK", &[], b"{}"),
            "GET /image" => http("200 OK", &[], &[7; 300_000]),
            _ => http("404 Not Found", &[], b"none"),
        }
    });
    let cast = Cast::of(GOOD);
    cast.course().taken = Some("access".into());
    let client = A::connect(cast.remote().bearer(Secret::new("access")).project("p")).await.unwrap();
    let get = |path| raw::get(path).to(Origin::parse(&site.url, 443).unwrap());
    let index = A::call(&client, get("/streams/v1/index.json").reply()).await.unwrap();
    assert_eq!((index.status.as_u16(), &*index.body), (200, &b"{}"[..]));
    assert_eq!(A::call(&client, get("/else").reply()).await.unwrap().body, b"none");
    let error = A::call(&client, get("/image").at_most(100_000).reply()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLong);
    let mut image = Vec::new();
    A::download(A::start(&client, get("/image").download()).await.unwrap())
        .copy_to(&mut image)
        .await
        .unwrap();
    assert_eq!(image, [7; 300_000]);
    A::call(&client, raw::get("/1.0/instances").json()).await.unwrap();
    for request in site.heard() {
        assert_eq!(request.field("authorization"), None);
        assert!(!request.line().contains('?'), "{}", request.line());
    }
}
