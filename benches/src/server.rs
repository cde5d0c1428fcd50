//! A server that has its answers ready: one read, one write, whatever is asked. It runs in a process of its
//! own, so that nothing of it is counted with a client.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use crate::{Failure, samples};

/// Serves on a socket, for ever.
///
/// # Errors
/// When it cannot listen.
pub fn serve(path: &Path) -> Result<(), Failure> {
    let listener = UnixListener::bind(path)?;
    loop {
        let (socket, _) = listener.accept()?;
        thread::spawn(move || answer(socket));
    }
}

/// Answers until the client goes.
fn answer(mut socket: UnixStream) {
    let server = samples::response(samples::SERVER);
    let instance = samples::response(samples::INSTANCE);
    let mut request = [0; 4096];
    loop {
        let answer = match socket.read(&mut request) {
            Ok(count @ 1..) if request[..count].starts_with(b"GET /1.0 ") => &server,
            Ok(1..) => &instance,
            _ => return,
        };
        if socket.write_all(answer).is_err() {
            return;
        }
    }
}
