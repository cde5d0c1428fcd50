use lxio_core::session::{Cause, ErrorKind};
use lxio_core::wire::{Identity, IdentityError, SettingsError, TlsError};
use lxio_tests::actor::Connect;
use lxio_tests::script::Server;
use lxio_tests::tls::{Front, Papers, file, identity};
use lxio_tests::{answers, on_all_adapters};
use serde_json::json;

use super::{at, refusal, served, tls_error};
use lxio_core::api::{instance, raw};

on_all_adapters!(
    a_client_that_the_server_lets_nobody_be,
    a_client_that_the_server_does_not_trust,
    a_key_of_another_certificate,
);

/// A server that looks at certificates in the handshake, as a proxy before a daemon may.
fn a_client_that_the_server_lets_nobody_be<A: Connect>() {
    let papers = Papers::OWN.only("client/ec-p384.crt");
    for (who, alert) in [(None, "certificate required"), (Some("rsa-2048"), "unknown ca")] {
        for old in [false, true] {
            let (server, front) = served(&if old { papers.clone().old() } else { papers.clone() });
            let mut remote = at(&front.url()).tls12();
            if let Some(who) = who {
                remote = remote.identity(identity(who).unwrap());
            }
            let error = refusal::<A>(remote);
            assert_eq!(error.kind(), ErrorKind::Untrusted, "{error:?}");
            assert!(error.is_untrusted());
            let TlsError::Unwelcome(told) = tls_error(&error) else { panic!("{error:?}") };
            // TLS 1.2 has no words for one that is missing.
            assert!(told == alert || old && told == "handshake failure", "{told}");
            let text = error.to_string();
            assert!(text.starts_with("GET /1.0: the server does not let this client in: "), "{text}");
            let seen = front.until_over();
            assert!(seen.len() == 1 && seen[0].heard == 0 && seen[0].failed.is_some(), "{seen:?}");
            assert_eq!(server.accepted(), 0);
        }
    }
    let (server, front) = served(&papers);
    let mut actor = A::connect(at(&front.url()).identity(identity("ec-p384").unwrap())).unwrap();
    actor.call(raw::get("/1.0/x").json()).unwrap();
    assert_eq!(server.lines(), ["GET /1.0/x"]);
}

/// What both daemons do: they let anybody in, and show little.
fn a_client_that_the_server_does_not_trust<A: Connect>() {
    let server = Server::start(|talk| {
        while let Some(request) = talk.request()? {
            match &*request.line() {
                "GET /1.0" => talk.send(&answers::sync(&json!({
                    "api_extensions": ["dev_incus_events", "projects"], "api_status": "stable", "api_version": "1.0",
                    "auth": "untrusted", "auth_methods": ["tls"], "public": false, "config": {},
                })))?,
                _ => talk.send(&answers::refused(403, "not authorized"))?,
            }
        }
        Ok(())
    })
    .unwrap();
    let front = Front::start(&Papers::OWN, server.path()).unwrap();
    for who in ["ec-p256", "rsa-2048", "ed25519"] {
        let mut actor = A::connect(at(&front.url()).identity(identity(who).unwrap())).unwrap();
        let greeting = actor.call(lxio_core::api::server().get()).unwrap();
        assert!(!greeting.value.is_trusted());
        let web = instance("web");
        let refused = [
            actor.call(web.get()).map(drop),
            actor.run(web.start()).map(drop),
            actor.run(web.exec(["true"])).map(drop),
        ];
        for error in refused.map(Result::unwrap_err) {
            assert!(error.is_untrusted() && !error.is_retryable(), "{error}");
            assert_eq!((error.kind(), error.code()), (ErrorKind::Untrusted, Some(403)));
            assert!(error.to_string().contains("not authorized"), "{error}");
        }
    }
}

fn a_key_of_another_certificate<A: Connect>() {
    let (_server, front) = served(&Papers::OWN);
    let mixed =
        Identity::from_pem(&file("client/ec-p256.crt").unwrap(), &file("client/ec-p384.sec1.key").unwrap());
    let error = refusal::<A>(at(&front.url()).identity(mixed.unwrap()));
    assert_eq!(error.kind(), ErrorKind::Misuse, "{error}");
    assert!(matches!(error.cause(), Cause::Tls(SettingsError::Identity(_))), "{error:?}");
    assert!(error.to_string().starts_with("the client's certificate and key are of no use: "), "{error}");
    assert_eq!(front.seen(), [], "nothing is connected to");
}

/// The passphrase of a key is never asked for.
#[test]
fn an_encrypted_key_says_what_to_do() {
    for locked in
        ["ec-p256.pkcs8-locked", "ec-p256.legacy-locked", "rsa-2048.legacy-locked", "ed25519.pkcs8-locked"]
    {
        let kind = locked.split('.').next().unwrap();
        let certificate = file(&format!("client/{kind}.crt")).unwrap();
        let error =
            Identity::from_pem(&certificate, &file(&format!("client/{locked}.key")).unwrap()).unwrap_err();
        assert_eq!(error, IdentityError::EncryptedKey);
        assert!(error.to_string().contains("openssl pkey -in"), "{error}");
    }
}
