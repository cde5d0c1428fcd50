//! What no error, transcript or `Debug` tells: a whole session by TLS through a proxy, with secrets in every place
//! that has one.

use std::error::Error as _;
use std::fmt::{Debug, Display};
use std::fs;

use data_encoding::{BASE64, HEXLOWER};
use lxio_core::api::{certificates, events, instance, raw};
use lxio_core::bytes::Secret;
use lxio_core::call::Joining;
use lxio_core::model::TrustToken;
use lxio_core::session::{Error, Patience, Remote, TranscriptFile, Via};
use lxio_core::wire::{Identity, Proxy, ProxyKind};
use lxio_tests::actor::Connect;
use lxio_tests::proxy::{self, Manners};
use lxio_tests::replay::again;
use lxio_tests::tls::{End, Front, Papers, Peer, file, pin};
use lxio_tests::transcript::Transcript;
use lxio_tests::{daemon, on_all_adapters};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;

use super::{at, served};

on_all_adapters!(nothing_tells_a_secret);

const BEARER: &str = "bearer-of-the-user-8f14e45f";
const PROXY: &str = "proxy-password-c9f0f895";
const JOIN: &str = "join-secret-45c48cce2e2d7fbdea1afc51c7c6ad26";
const PASSWORD: &str = "trust-password-6512bd43";

/// What is looked for: in no form may any of these be seen.
fn secrets() -> Vec<String> {
    let pem = String::from_utf8(file("client/ec-p256.pkcs8.key").unwrap()).unwrap();
    let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let der = der.secret_der();
    // The number itself within what says what kind of number it is.
    let key = &der[36..68];
    let mut all: Vec<String> = pem.lines().filter(|line| !line.starts_with('-')).map(str::to_owned).collect();
    let decimal = |bytes: &[u8]| format!("{bytes:?}").trim_matches(['[', ']']).to_owned();
    all.extend([HEXLOWER.encode(key), BASE64.encode(key), decimal(&key[..8]), decimal(&key[16..24])]);
    for text in [BEARER, PROXY, JOIN, PASSWORD] {
        all.extend([text.to_owned(), BASE64.encode(text.as_bytes()), HEXLOWER.encode(text.as_bytes())]);
        all.push(decimal(text.as_bytes()));
    }
    all.push(BASE64.encode(format!("me:{PROXY}").as_bytes()));
    all.push(token().encode().reveal().to_owned());
    all
}

fn token() -> TrustToken {
    let token = json!({
        "client_name": "laptop", "fingerprint": "ab".repeat(32), "addresses": ["127.0.0.1:8443"], "secret": JOIN,
        "expires_at": "0001-01-01T00:00:00Z",
    });
    TrustToken::decode(&BASE64.encode(token.to_string().as_bytes())).unwrap()
}

/// All that was shown.
#[derive(Default)]
struct Shown(Vec<String>);

impl Shown {
    fn debug(&mut self, what: &impl Debug) {
        self.0.push(format!("{what:?} {what:#?}"));
    }

    fn display(&mut self, what: &(impl Debug + Display)) {
        self.debug(what);
        self.0.push(what.to_string());
    }

    /// With all that led to it.
    fn error(&mut self, error: &Error) {
        self.display(error);
        let mut source = error.source();
        while let Some(error) = source {
            self.0.push(format!("{error:?} {error}"));
            source = error.source();
        }
    }

    fn is_clean(&self, name: &str) {
        for secret in secrets() {
            let found = self.0.iter().find(|text| text.contains(&secret));
            assert!(found.is_none(), "{name} shows {secret:?}: {found:?}");
        }
    }
}

fn identity() -> Identity {
    lxio_tests::tls::identity("ec-p256").unwrap()
}

fn remote(url: &str, proxy: &proxy::Proxy) -> Remote {
    let via = Via::Proxy(Proxy::parse(&proxy.url()).unwrap());
    at(url).identity(identity()).bearer(Secret::new(BEARER)).via(via)
}

/// Errors of every kind that a connection can come to.
fn failures<A: Connect>(good: &str, proxy: &proxy::Proxy, shown: &mut Shown) {
    let cut = |end| Front::cutting(&Papers::OWN, "/nowhere", Some((200, end))).unwrap();
    let (closing, resetting, silent) = (cut(End::Close), cut(End::Reset), cut(End::Silence));
    let plain = Peer::saying("HTTP/1.1 400 Bad Request\r\n\r\n", true).unwrap();
    let garbage = Peer::saying("220 mail\r\n", true).unwrap();
    let (_closed, private) = served(&Papers::OWN.only("client/ec-p384.crt"));
    let patience = Patience::DEFAULT.connect(std::time::Duration::from_millis(300));
    let urls = [closing.url(), resetting.url(), silent.url(), private.url()];
    let peers = [plain.address().to_string(), garbage.address().to_string()];
    let mut remotes: Vec<_> =
        urls.iter().chain(&peers).map(|url| remote(url, proxy).patience(patience)).collect();
    remotes.push(remote(good, proxy).trust(pin("server/good.crt").unwrap()));
    let wrong = proxy.url().replace(PROXY, &PROXY.replace('c', "d"));
    remotes.push(remote(good, proxy).via(Via::Proxy(Proxy::parse(&wrong).unwrap())));
    let mixed =
        Identity::from_pem(&file("client/ec-p384.crt").unwrap(), &file("client/ec-p256.pkcs8.key").unwrap());
    remotes.push(remote(good, proxy).identity(mixed.unwrap()));
    remotes.push(remote(&closing.url(), proxy).or(&resetting.url()).unwrap());
    for remote in remotes {
        shown.debug(&remote);
        shown.error(&super::refusal::<A>(remote));
    }
    // A key that is cut within is told by what is missing, not by what is there.
    let key = file("client/ec-p256.pkcs8.key").unwrap();
    for end in (30..key.len() - 5).step_by(9) {
        let cut = Identity::from_pem(&file("client/ec-p256.crt").unwrap(), &key[..end]);
        shown.display(&cut.unwrap_err());
        let mut spoilt = key.clone();
        spoilt[end] = b'!';
        if let Err(error) = Identity::from_pem(&file("client/ec-p256.crt").unwrap(), &spoilt) {
            shown.display(&error);
        }
    }
}

fn nothing_tells_a_secret<A: Connect>() {
    let (server, front) = served(&Papers::OWN);
    let user = Some(("me".to_owned(), PROXY.to_owned()));
    let proxy = proxy::Proxy::start(Manners { user, ..Manners::of(ProxyKind::Http) }).unwrap();
    let mut shown = Shown::default();
    let path = server.path().with_file_name("bug.jsonl");
    let remote = remote(&front.url(), &proxy).transcript(TranscriptFile::new(&path).with_content());
    shown.debug(&remote);
    shown.debug(&identity());
    shown.display(&Proxy::parse(&proxy.url()).unwrap());
    shown.debug(&token());
    let mut actor = A::connect(remote).unwrap();
    let output = actor.run(instance("web").exec(["true"]).stdin("in")).unwrap();
    assert_eq!(output.stdout, daemon::STDOUT);
    actor.pull(instance("web").file("/x").pull(), std::io::sink()).unwrap();
    let (_, seen, _) = actor.watch(events(), |_| (), 1);
    assert_eq!(seen.len(), 1);
    // To join once more is refused by nobody here; what matters is what is told of it.
    for joining in [Joining::Token(token()), Joining::Password(Secret::new(PASSWORD))] {
        let join = certificates().join(joining, "laptop");
        shown.debug(&join);
        if let Err(error) = actor.run(join) {
            shown.error(&error);
        }
    }
    let body = json!({"password": PASSWORD, "trust_token": token().encode().reveal(), "token": JOIN});
    actor.call(raw::post("/1.0/certificates").body(&body).reply()).unwrap();
    drop(actor);
    failures::<A>(&front.url(), &proxy, &mut shown);

    // The server had them, so that there was something to tell.
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.field("authorization").unwrap().ends_with(BEARER)));
    assert!(requests.iter().any(|request| String::from_utf8_lossy(&request.body).contains(PASSWORD)));
    let text = fs::read_to_string(&path).unwrap();
    let transcript = Transcript::load(&path).unwrap();
    shown.0.push(text);
    for conn in transcript.connections() {
        for direction in
            [lxio_tests::recorder::Direction::ToServer, lxio_tests::recorder::Direction::ToClient]
        {
            shown.0.push(String::from_utf8_lossy(&transcript.bytes(conn, direction)).into_owned());
        }
    }
    shown.is_clean(A::NAME);

    // What was plain is in it, and the core says the same again, without TLS and proxy.
    let said = &shown.0.last().unwrap();
    assert!(said.contains("HTTP/1.1"), "{said}");
    let again = again(&transcript);
    assert_eq!(again.differences, []);
    assert!(again.lines.iter().any(|line| line.contains("FileContent")), "{:#?}", again.lines);
}
