//! Asks a daemon what it is: `probe SOCKET` prints `lxd 5.0.2` or `incus 6.0.4`.

use std::env;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;

fn main() -> ExitCode {
    let Some(socket) = env::args_os().nth(1) else {
        eprintln!("usage: probe SOCKET");
        return ExitCode::from(2);
    };
    match probe(Path::new(&socket)) {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("probe: {}: {why}", socket.display());
            ExitCode::FAILURE
        }
    }
}

fn probe(socket: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    // HTTP/1.0: the body comes without chunks and ends with the connection.
    stream.write_all(b"GET /1.0 HTTP/1.0\r\nHost: unix.socket\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(1 << 24).read_to_end(&mut answer)?;
    let body = answer.windows(4).position(|w| w == b"\r\n\r\n").ok_or("no HTTP answer")?;
    let body: Value = serde_json::from_slice(&answer[body + 4..])?;
    let environment = &body["metadata"]["environment"];
    match (environment["server"].as_str(), environment["server_version"].as_str()) {
        (Some(server), Some(version)) => Ok(format!("{server} {version}")),
        _ => Err("it answers, but does not say what it is: no access?".into()),
    }
}
