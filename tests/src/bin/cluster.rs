//! A cluster of two members, of real daemons, whose member that is spoken to is killed: what may be asked twice is
//! answered by the other. `tests/live/cluster` runs it.
//!
//! ```text
//! cluster DAEMONS FLAVOUR...      DAEMONS is the script tests/live/daemons
//! ```
//!
//! The members listen on 127.0.0.11 and 127.0.0.12, and on no other address.

use std::error::Error;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use data_encoding::BASE64;
use lxio_blocking::Client;
use lxio_core::api::{profile, raw};
use lxio_core::model::Answer;
use lxio_core::session::Remote;
use lxio_core::wire::Trust;
use lxio_tests::adapter::{Adapter, Blocking, Smol, Tokio};
use lxio_tests::tls;
use serde_json::{Value, json};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const FIRST: &str = "127.0.0.11:8443";
const SECOND: &str = "127.0.0.12:8443";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(script) = arguments.next() else {
        eprintln!("cluster DAEMONS FLAVOUR...");
        return ExitCode::from(2);
    };
    for flavour in arguments {
        if let Err(error) = Cluster::start(&script, &flavour).and_then(|cluster| cluster.check()) {
            eprintln!("{flavour}: {error}");
            return ExitCode::FAILURE;
        }
        println!("{flavour}: the other member answers");
    }
    ExitCode::SUCCESS
}

/// Two daemons, to be one cluster. Dropped, both are taken down.
struct Cluster {
    script: String,
    /// Their directories.
    members: Vec<String>,
    /// The certificate that all members show.
    certificate: String,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for member in &self.members {
            if let Err(error) = daemons(&self.script, &["down", member]) {
                eprintln!("{member} is still there: {error}");
            }
        }
    }
}

/// What the script prints.
fn daemons(script: &str, arguments: &[&str]) -> Outcome<String> {
    let done = Command::new(script).args(arguments).stderr(Stdio::inherit()).output()?;
    if !done.status.success() {
        return Err(format!("{script} {}: {}", arguments.join(" "), done.status).into());
    }
    Ok(String::from_utf8(done.stdout)?.trim().to_owned())
}

fn local(member: &str) -> Outcome<Client> {
    Ok(Client::connect(Path::new(member).join("d/unix.socket"))?)
}

impl Cluster {
    fn start(script: &str, flavour: &str) -> Outcome<Self> {
        let mut cluster = Self { script: script.into(), members: Vec::new(), certificate: String::new() };
        for _ in 0..2 {
            cluster.members.push(daemons(script, &["up", flavour])?);
        }
        let (first, second) = (local(&cluster.members[0])?, local(&cluster.members[1])?);
        first.run(raw::patch("/1.0").body(&json!({"config": {"core.https_address": FIRST}})).settle())?;
        first.run(raw::put("/1.0/cluster").body(&json!({"server_name": "one", "enabled": true})).settle())?;
        cluster.certificate = first.reconnect()?.server().environment().certificate().clone();

        // Who joins brings no storage pool.
        let empty = json!({"config": {}, "devices": {}, "description": ""});
        second.run(raw::put("/1.0/profiles/default").body(&empty).settle())?;
        second.run(raw::delete("/1.0/storage-pools/default").settle())?;
        let mut join = json!({
            "server_name": "two", "enabled": true, "cluster_address": FIRST, "server_address": SECOND,
            "cluster_certificate": cluster.certificate,
            "member_config": [{"entity": "storage-pool", "name": "default", "key": "source", "value": ""}],
        });
        join[if flavour == "lxd" { "cluster_password" } else { "cluster_token" }] = token(&first)?.into();
        second.run(raw::put("/1.0/cluster").body(&join).settle())?;
        // Now: a member does not look for what was made before it joined.
        let client = BASE64.encode(tls::identity("ec-p256")?.certificate());
        let client = json!({"type": "client", "name": "test", "certificate": client});
        first.run(raw::post("/1.0/certificates").body(&client).settle())?;
        Ok(cluster)
    }

    fn check(&self) -> Outcome {
        self.goes_on::<Blocking>()?;
        self.goes_on::<Smol>()?;
        self.goes_on::<Tokio>()
    }

    /// The member that is spoken to is killed. It is the second, since the database is with the first.
    fn goes_on<A: Adapter>(&self) -> Outcome {
        let remote = Remote::https(SECOND)?
            .or(FIRST)?
            .trust(Trust::pinned(self.certificate.as_bytes())?)
            .identity(tls::identity("ec-p256")?);
        A::block_on(async {
            let client = A::connect(remote).await?;
            expect(&A::session(&client).server.is_trusted(), &true)?;
            expect(&member::<A>(&client).await?.as_str(), &"two")?;
            daemons(&self.script, &["kill", &self.members[1]])?;
            for _ in 0..3 {
                expect(&member::<A>(&client).await?.as_str(), &"one")?;
            }
            // So does what changes something, which is sent to the member that works at once.
            let made = json!({"name": A::NAME, "config": {"user.made": "yes"}});
            A::run(&client, raw::post("/1.0/profiles").body(&made).settle()).await?;
            A::call(&client, profile(A::NAME).get()).await?;
            A::run(&client, profile(A::NAME).delete()).await?;
            // The member that works stays in use when the other is back.
            daemons(&self.script, &["start", &self.members[1]])?;
            expect(&member::<A>(&client).await?.as_str(), &"one")
        })
    }
}

/// Which member answers.
async fn member<A: Adapter>(client: &A::Client) -> Outcome<String> {
    let server: Value = A::call(client, raw::get("/1.0").value()).await?;
    Ok(server["environment"]["server_name"].as_str().unwrap_or_default().to_owned())
}

/// A token with which the second member may join.
fn token(first: &Client) -> Outcome<String> {
    let issued =
        first.call(raw::post("/1.0/cluster/members").body(&json!({"server_name": "two"})).answer())?;
    let Answer::Async(operation) = issued else { return Err("a token is an operation".into()) };
    let of = |field: &str| operation.metadata().get(field).cloned();
    let token = json!({
        "server_name": of("serverName"), "fingerprint": of("fingerprint"), "addresses": of("addresses"),
        "secret": of("secret"), "expires_at": of("expiresAt"),
    });
    Ok(BASE64.encode(token.to_string().as_bytes()))
}

fn expect<T: PartialEq + std::fmt::Debug>(got: &T, expected: &T) -> Outcome {
    if got == expected { Ok(()) } else { Err(format!("{got:?}, not {expected:?}").into()) }
}
