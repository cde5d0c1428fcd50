//! Writes the busybox image of the live suite: `image OUT [--busybox PATH] [--pad MIB]`.

use std::env;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use lxio_tests::tarball::{find_busybox, padded_image};

const USAGE: &str = "usage: image OUT [--busybox PATH] [--pad MIB]

Writes a container image for LXD and Incus to OUT: a static busybox and what it
needs to run. --busybox: the program; otherwise $LXIO_BUSYBOX, then the usual
places. --pad: a file /var/pad of that many MiB that no compressor makes smaller.";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("image: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let (mut out, mut busybox, mut pad) = (None, None, 0_u64);
    let mut args = env::args_os().skip(1);
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--help" | "-h") => {
                println!("{USAGE}");
                return Ok(());
            }
            Some("--busybox") => busybox = Some(PathBuf::from(args.next().ok_or(USAGE)?)),
            Some("--pad") => {
                let size = args.next().ok_or(USAGE)?;
                pad = size.to_str().and_then(|s| s.parse().ok()).ok_or("--pad wants a number of MiB")?;
            }
            _ if out.is_none() => out = Some(PathBuf::from(arg)),
            _ => return Err(USAGE.to_owned()),
        }
    }
    let out = out.ok_or(USAGE)?;
    let busybox = match busybox {
        Some(path) => path,
        None => find_busybox()?,
    };
    let failed = |e: std::io::Error| format!("{}: {e}", out.display());
    let mut file = BufWriter::with_capacity(1 << 20, File::create(&out).map_err(failed)?);
    let pad = pad.checked_mul(1 << 20).ok_or("--pad is too large")?;
    padded_image(&busybox, pad, &mut file)
        .map_err(|e| format!("{} from {}: {e}", out.display(), busybox.display()))?;
    file.flush().map_err(failed)
}
