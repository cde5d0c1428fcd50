//! Asks a daemon what it is: `probe SOCKET` or `probe https://HOST:PORT CERT KEY PIN` prints `lxd 5.0.2` or
//! `incus 6.0.4`.

use std::env;
use std::process::ExitCode;

use lxio_blocking::Client;
use lxio_tests::live::{Door, Failure};

fn main() -> ExitCode {
    let words: Vec<_> = env::args().skip(1).collect();
    if words.is_empty() {
        eprintln!("usage: probe SOCKET | probe https://HOST:PORT CERT KEY PIN");
        return ExitCode::from(2);
    }
    match probe(&words) {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("probe: {}: {why}", words[0]);
            ExitCode::FAILURE
        }
    }
}

fn probe(words: &[String]) -> Result<String, Failure> {
    let client = Client::connect(Door::of(words)?.remote())?;
    let environment = client.server().environment();
    match (environment.server().as_str(), environment.server_version().as_str()) {
        ("", _) | (_, "") => Err("it answers, but does not say what it is: no access?".into()),
        (server, version) => Ok(format!("{server} {version}")),
    }
}
