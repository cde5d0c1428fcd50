//! What a transcript says, and whether this version of the library does the same again.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use lxio_tests::replay::{Playing, Tape, again, serve_at, show};
use lxio_tests::transcript::Transcript;

const USAGE: &str = "usage: replay [--show | --serve SOCKET] TRANSCRIPT...

Sends every request of each transcript again through the core, byte for byte,
and reads the recorded answers: in the recorded pieces, whole, and byte by byte.
Prints what came of each, with the error that the program saw, and the first
difference of each connection. Ends with 1 if there is one.

--show:   prints what passed, a line for each head, body and frame.
--serve:  plays the server's side on the unix socket, for the program that wrote
          the transcript, and tells where it does something else.";

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("replay: {why}");
            ExitCode::from(2)
        }
    }
}

/// Whether all is as it was.
fn run() -> Result<bool, Box<dyn Error>> {
    let (mut shown, mut socket, mut paths) = (false, None, Vec::new());
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match &*arg {
            "--show" => shown = true,
            "--serve" => socket = Some(PathBuf::from(args.next().ok_or(USAGE)?)),
            _ if arg.starts_with('-') => return Err(USAGE.into()),
            _ => paths.push(PathBuf::from(arg)),
        }
    }
    if paths.is_empty() || shown && socket.is_some() {
        return Err(USAGE.into());
    }
    let mut same = true;
    for path in paths {
        let transcript = Transcript::load(&path)?;
        println!("{}", path.display());
        if shown {
            show(&transcript).iter().for_each(|line| println!("{line}"));
        } else if let Some(socket) = &socket {
            match transcript.header.seed {
                Some(seed) => println!("on {}, for a Remote with .seed(0x{seed:016x})", socket.display()),
                None => println!("on {}", socket.display()),
            }
            let tape = Tape::new(&transcript);
            let server = serve_at(tape.clone(), socket.clone())?;
            server.until_over();
            same &= compare(&tape, &server);
        } else {
            let again = again(&transcript);
            again.lines.iter().for_each(|line| println!("  {line}"));
            again.differences.iter().for_each(|difference| println!("  {difference}"));
            same &= again.differences.is_empty();
        }
    }
    Ok(same)
}

/// Tells what a client of the tape's server did otherwise.
fn compare(tape: &Tape, server: &Playing) -> bool {
    let mut same = true;
    for stray in server.strays() {
        println!("  was not asked before: {}", stray.escape_ascii());
        same = false;
    }
    for (number, (conn, sent)) in tape.conns.iter().zip(server.sent()).enumerate() {
        let differs = conn.differs(0, &sent).or_else(|| (sent.len() < conn.sent.len()).then_some(sent.len()));
        match differs {
            Some(at) => {
                println!("  connection {number} differs at byte {at} of {}", conn.sent.len());
                same = false;
            }
            None => println!("  connection {number} is the same"),
        }
    }
    same
}
