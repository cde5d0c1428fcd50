//! A simulated daemon on a Unix socket or loopback ports: `lxio-sim --help`.

use std::env;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use lxio_sim::{Server, Setup};

const USAGE: &str =
    "usage: lxio-sim [--flavour incus|lxd] [--seed NUMBER] (--socket PATH | --dir DIR | --port PORT)
                [--https PORT]

Listens as Incus 6.0.4 (the default) or LXD 5.0.2 until it is ended.
--socket: on a Unix socket at PATH. --dir: at DIR/unix.socket, where a stock client looks
when INCUS_DIR or LXD_DIR is DIR. --port: on 127.0.0.1, without TLS. --https: on 127.0.0.1
by HTTPS as well, with a new certificate; clients need one that was trusted in the other way.
Port 0 lets the system choose. Prints where it listens when it does; for HTTPS also the
fingerprint of the certificate.";

fn main() -> ExitCode {
    match run(env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("lxio-sim: {why}");
            ExitCode::from(2)
        }
    }
}

fn run(mut arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let mut setup = Setup::incus();
    let (mut seed, mut path, mut port, mut https) = (0, None::<PathBuf>, None::<u16>, None::<u16>);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} wants a value\n{USAGE}"));
        match argument.as_str() {
            "--flavour" => {
                setup = match value()?.as_str() {
                    "incus" => Setup::incus(),
                    "lxd" => Setup::lxd(),
                    other => return Err(format!("there is no flavour {other}\n{USAGE}")),
                }
            }
            "--seed" => seed = value()?.parse().map_err(|_| format!("--seed wants a number\n{USAGE}"))?,
            "--socket" => path = Some(value()?.into()),
            "--dir" => path = Some(PathBuf::from(value()?).join("unix.socket")),
            "--port" => port = Some(value()?.parse().map_err(|_| format!("--port wants a number\n{USAGE}"))?),
            "--https" => {
                https = Some(value()?.parse().map_err(|_| format!("--https wants a number\n{USAGE}"))?);
            }
            "--help" | "-h" => {
                println!("{USAGE}");
                return Ok(());
            }
            other => return Err(format!("what is {other}?\n{USAGE}")),
        }
    }
    let setup = setup.seed(seed);
    let started = match (path, port) {
        (Some(path), None) => Server::unix(setup, path),
        (None, Some(port)) => Server::loopback(setup, port),
        _ => return Err(format!("say where, once\n{USAGE}")),
    };
    let started = started.and_then(|server| match https {
        Some(port) => server.https(port),
        None => Ok(server),
    });
    let server = started.map_err(|error| error.to_string())?;
    match (server.path(), server.address()) {
        (Some(path), _) => println!("{}", path.display()),
        (None, Some(address)) => println!("http://{address}"),
        (None, None) => {}
    }
    if let Some(address) = server.https_address() {
        println!("https://{address} {}", server.with(|daemon| daemon.certificate().1));
    }
    io::stdout().flush().map_err(|error| error.to_string())?;
    server.join();
    Ok(())
}
