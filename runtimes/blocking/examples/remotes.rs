//! The remotes of the stock clients: listed, added, removed, and the instances of one.
//!
//! ```sh
//! cargo run -p lxio-blocking --features generate --example remotes -- list
//! cargo run -p lxio-blocking --features generate --example remotes -- add office 203.0.113.7
//! cargo run -p lxio-blocking --features generate --example remotes -- add office TOKEN
//! cargo run -p lxio-blocking --features generate --example remotes -- instances office
//! cargo run -p lxio-blocking --features generate --example remotes -- remove office
//! ```
//!
//! `--lxc` before all of it works with the configuration of `lxc` instead of that of `incus`. A password is read
//! from the environment, `LXIO_PASSWORD`.

use std::error::Error;
use std::io::{self, BufRead, Write};

use lxio_blocking::bytes::Secret;
use lxio_blocking::call::Joining;
use lxio_blocking::config::{self, Config};
use lxio_blocking::model::TrustToken;
use lxio_blocking::{Client, Remote, ServerCertificate, instances};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let Err(error) = run(&arguments) {
        eprint!("{error}");
        let mut source = error.source();
        while let Some(because) = source {
            eprint!(": {because}");
            source = because.source();
        }
        eprintln!();
        std::process::exit(1);
    }
}

fn run(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let (client, arguments) = match arguments {
        ["--lxc", rest @ ..] => (config::Client::Lxc, rest),
        all => (config::Client::Incus, all),
    };
    let mut config = Config::of(client)?;
    match arguments {
        ["list"] => list(&config),
        ["add", name, place] => {
            let (remote, joining) = place_of(place)?;
            let client = Client::add_remote(&mut config, name, remote, joining, is_right)?;
            println!(
                "{name} is {} {}",
                client.session().dialect.flavour,
                client.server().environment().server_version()
            );
            Ok(())
        }
        ["remove", name] => {
            config.remove(name)?;
            Ok(config.save()?)
        }
        ["instances", name] => {
            let client = Client::connect(config.remote(name)?.to_remote()?)?;
            for instance in client.call(instances().all())? {
                println!("{} {}", instance.name(), instance.status_text());
            }
            Ok(())
        }
        _ => Err("list | add NAME ADDRESS | add NAME TOKEN | remove NAME | instances NAME".into()),
    }
}

fn list(config: &Config) -> Result<(), Box<dyn Error>> {
    for name in config.names() {
        let current = if name == config.default_remote() { " (current)" } else { "" };
        match config.remote(&name) {
            Ok(remote) => println!("{name}{current} {}", remote.entry.addresses.join(",")),
            Err(error) => println!("{name}{current}: {error}"),
        }
    }
    Ok(())
}

/// A token says where its server is, and is what the server is joined with; anything else is an address.
fn place_of(place: &str) -> Result<(Remote, Option<Joining>), Box<dyn Error>> {
    if let Ok(token) = TrustToken::decode(place) {
        return Ok((Remote::of_token(&token)?, Some(Joining::Token(token))));
    }
    let password = std::env::var("LXIO_PASSWORD").ok();
    Ok((Remote::https(place)?, password.map(|text| Joining::Password(Secret::new(text)))))
}

/// Asks whether that is the server, for no authority vouches for it.
fn is_right(certificate: &ServerCertificate) -> bool {
    print!("its certificate is {}: ok (y/n)? ", certificate.fingerprint());
    let mut answer = String::new();
    io::stdout().flush().is_ok()
        && io::stdin().lock().read_line(&mut answer).is_ok()
        && answer.trim().eq_ignore_ascii_case("y")
}
