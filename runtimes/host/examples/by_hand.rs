//! A driver for a runtime of your own, in about a hundred lines: here, plain std sockets and `poll(2)`.
//!
//! ```text
//! cargo run -p lxio-host --example by_hand -- SOCKET INSTANCE COMMAND...
//! ```
//!
//! Greets the server, runs the command and prints its output. Replace `Socket`, [`drive`]'s wait and the clock by
//! those of your event loop; the rest stays.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use lxio_core::api::instance;
use lxio_core::bytes::Chance;
use lxio_core::flow::{Flow, IntoFlow, Slot};
use lxio_core::session::{Drive, Remote, Session, Step};
use lxio_core::wire::Line;
use lxio_host::{Clock, seed};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(path), Some(name)) = (args.next(), args.next()) else {
        return Err("usage: by_hand SOCKET INSTANCE COMMAND...".into());
    };
    let remote = Remote::socket(&path);
    let stranger = Arc::new(Session::stranger(&remote));
    let server = drive(Session::greeting().into_flow(), &stranger, &path)?;
    let session = Arc::new(Session::greeted(&remote, server)?);
    println!("{} {}", session.dialect.flavour, session.server.environment().server_version());

    let output = drive(instance(name).exec(args), &session, &path)?;
    print!("{}", output.stdout_text());
    eprint!("{}", output.stderr_text());
    println!("{}", output.status);
    Ok(())
}

/// Runs a conversation to its end.
fn drive<F: Flow>(
    flow: F,
    session: &Arc<Session>,
    path: &str,
) -> Result<F::Output, lxio_core::session::Error> {
    let clock = Clock::start();
    let mut drive = Drive::new(flow, Arc::clone(session), Chance::seeded(seed()));
    let mut sockets = BTreeMap::<Slot, UnixStream>::new();
    loop {
        match drive.step(clock.now()) {
            // No pool here: every connection is a new one.
            Step::Connect { slot, .. } => match dial(path) {
                Ok(socket) => {
                    sockets.insert(slot, socket);
                    drive.connected(slot, Line::new(), false, clock.now());
                }
                Err(error) => drive.dial_failed(slot, error, clock.now()),
            },
            Step::Release { slot, .. } => drop(sockets.remove(&slot)),
            Step::Item(_) => {}
            Step::Done(result) => return result,
            Step::Blocked(until) => {
                let mut moved = false;
                for (slot, socket) in &mut sockets {
                    moved |= write(&mut drive, *slot, socket) | read(&mut drive, *slot, socket, &clock);
                }
                if !moved {
                    let fds = sockets.iter().map(|(slot, socket)| {
                        let out = drive.outgoing(*slot).is_some();
                        PollFd::new(socket, if out { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN })
                    });
                    let left = until.map(|until| until.since(clock.now()));
                    let left = left.and_then(|left| Timespec::try_from(left).ok());
                    // Interrupted or not, the sockets are tried next.
                    let _ = poll(&mut fds.collect::<Vec<_>>(), left.as_ref());
                }
            }
        }
    }
}

fn dial(path: &str) -> io::Result<UnixStream> {
    let socket = UnixStream::connect(path)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn write<F: Flow>(drive: &mut Drive<F>, slot: Slot, socket: &mut UnixStream) -> bool {
    let Some(bytes) = drive.outgoing(slot) else { return false };
    match socket.write(bytes) {
        Ok(count) => drive.wrote(slot, count),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
        Err(error) => drive.write_failed(slot, error),
    }
    true
}

fn read<F: Flow>(drive: &mut Drive<F>, slot: Slot, socket: &mut UnixStream, clock: &Clock) -> bool {
    let Some(space) = drive.incoming(slot) else { return false };
    match socket.read(space) {
        Ok(count) => drive.read(slot, count),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
        Err(error) => drive.read_failed(slot, error, clock.now()),
    }
    true
}
