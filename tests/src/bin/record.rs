//! Records what passes between clients and a daemon:
//! `record --listen A --connect B --out F --flow NAME --daemon NAME`.

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use lxio_tests::coverage::Coverage;
use lxio_tests::recorder::Recorder;
use lxio_tests::transcript::{Header, Writer};

const USAGE: &str = "usage: record --listen A --connect B --out F --flow NAME --daemon NAME [--note TEXT]
              [--replace OLD=NEW]... [--with-secrets] [--coverage F]

Listens on the unix socket A, passes everything on to the daemon's socket B and
writes a transcript to F. Ends with SIGINT or SIGTERM. Secrets are replaced, and
the file is written at the end; with --with-secrets they stay, and every line is
written at once. --replace: another text, such as the name of this machine, and
one of the same length for it. --coverage: a file for the number of good answers
of each endpoint, under the name of the daemon.";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("record: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let (mut listen, mut connect, mut out) = (None, None, None);
    let mut header = Header::default();
    let mut masked = true;
    let mut replace = Vec::new();
    let mut used = None;
    let mut args = env::args();
    args.next();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(USAGE);
        match &*arg {
            "--listen" => listen = Some(PathBuf::from(value()?)),
            "--connect" => connect = Some(PathBuf::from(value()?)),
            "--out" => out = Some(PathBuf::from(value()?)),
            "--flow" => header.flow = value()?,
            "--daemon" => header.daemon = value()?,
            "--note" => header.note = value()?,
            "--replace" => replace.push(value()?),
            "--coverage" => used = Some(PathBuf::from(value()?)),
            "--with-secrets" => masked = false,
            _ => return Err(USAGE.into()),
        }
    }
    let (Some(listen), Some(connect), Some(out)) = (listen, connect, out) else {
        return Err(USAGE.into());
    };
    let coverage = Coverage::new();
    let count = coverage.of(&header.daemon);
    let mut writer = if masked { Writer::masked(out, header)? } else { Writer::create(out, header)? };
    for pair in replace {
        let (old, new) = pair.split_once('=').ok_or(USAGE)?;
        writer = writer.replacing(old, new)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        use tokio::signal::unix::{SignalKind, signal};
        // Before the socket is there: whoever waits for it may signal at once.
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let recorder = Recorder::start(listen, connect, vec![writer.observer(), count])?;
        eprintln!("recording on {}", recorder.listens_on());
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        recorder.stop();
        writer.finish()?;
        if let Some(path) = used {
            coverage.write(path)?;
        }
        Ok(())
    })
}
