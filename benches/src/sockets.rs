//! Websocket frames in and out, and a command's output, all in memory: what moves the bytes is not counted
//! but for one copy.

use std::hint::black_box;
use std::sync::Arc;

use lxio_core::api::instance;
use lxio_core::bytes::{Chance, Inbox, Limits, Moment};
use lxio_core::model::{Answer, Server};
use lxio_core::session::{Drive, Remote, Session, Step};
use lxio_core::wire::{Buffers, Incoming, Websocket};

use crate::{Failure, samples};

/// The frames of a daemon are of this size.
pub const FRAME: usize = 4 << 10;
/// How a daemon marks the end of an output.
const END: &[u8] = &[0x81, 0];

/// Receives so many frames.
///
/// # Errors
/// When the websocket fails.
pub fn receive(frames: usize) -> Result<(), Failure> {
    let frame = frame(&[b'x'; FRAME]);
    let mut socket = Websocket::client(Inbox::new(), &Limits::DEFAULT, Chance::seeded(1));
    for _ in 0..frames {
        let mut rest = frame.as_slice();
        while !rest.is_empty() {
            let space = socket.space();
            let count = space.len().min(rest.len());
            space[..count].copy_from_slice(&rest[..count]);
            rest = &rest[count..];
            socket.read(count);
            while let Some(incoming) = socket.next()? {
                if let Incoming::Binary { piece, .. } = incoming {
                    black_box(piece);
                }
            }
        }
    }
    Ok(())
}

/// Sends so many frames.
///
/// # Errors
/// When the websocket is closed.
pub fn send(frames: usize) -> Result<(), Failure> {
    let mut socket = Websocket::client(Inbox::new(), &Limits::DEFAULT, Chance::seeded(1));
    let payload = [b'x'; FRAME];
    for _ in 0..frames {
        if !socket.send_binary(black_box(&payload)) {
            return Err("the websocket is closed".into());
        }
        let count = black_box(socket.outgoing()).len();
        socket.wrote(count);
    }
    Ok(())
}

/// What one slot of a command still has to hear.
#[derive(Default)]
struct Voice {
    /// First this, such as the answer to an upgrade.
    head: Vec<u8>,
    /// Then this frame, so many times.
    frame: Vec<u8>,
    frames: usize,
    at: usize,
    /// Then this.
    tail: &'static [u8],
}

impl Voice {
    /// What comes next, none if all was said.
    fn next(&self) -> &[u8] {
        match self.frames {
            _ if !self.head.is_empty() => &self.head,
            0 => self.tail,
            _ => &self.frame[self.at..],
        }
    }

    /// Says that `count` bytes of it were heard.
    fn heard(&mut self, count: usize) {
        if !self.head.is_empty() {
            self.head.drain(..count);
        } else if self.frames > 0 {
            self.at += count;
            if self.at == self.frame.len() {
                (self.at, self.frames) = (0, self.frames - 1);
            }
        } else {
            self.tail = &self.tail[count..];
        }
    }
}

/// Collects the output of a command that prints so many frames.
///
/// # Errors
/// When it does not end well.
pub fn exec(frames: usize) -> Result<(), Failure> {
    let Answer::Sync(server) = Answer::<Server>::parse(samples::SERVER.as_bytes())? else {
        return Err("not the server".into());
    };
    let session = Arc::new(Session::greeted(&Remote::local(), server)?);
    let mut drive = Drive::new(instance("c1").exec(["cat"]), session, Chance::seeded(1));
    let now = Moment::default();
    // The call, then by their file descriptors: input, output, error; then control.
    let mut voices: [Voice; 5] = Default::default();
    voices[0].head = operation(103).into_bytes();
    voices[2] = Voice { frame: frame(&[b'x'; FRAME]), frames, ..Voice::default() };
    (voices[2].tail, voices[3].tail) = (END, END);
    let mut waits = false;
    loop {
        match drive.step(now) {
            Step::Connect { slot, .. } => drive.connected(slot, Buffers::new(), false, now),
            // The wait for the operation is answered when all has been said.
            Step::Release { slot: 0, .. } => voices[0] = Voice::default(),
            Step::Release { .. } | Step::Item(_) => {}
            Step::Blocked(_) => {
                let silent = voices[1..].iter().all(|voice| voice.next().is_empty());
                for (slot, voice) in (0..).zip(&mut voices) {
                    while let Some(bytes) = drive.outgoing(slot) {
                        if let Some(answer) = upgrade(bytes) {
                            voice.head = answer.into_bytes();
                        }
                        waits |= slot == 0 && bytes.starts_with(b"GET ");
                        let count = bytes.len();
                        drive.wrote(slot, count);
                    }
                    if slot == 0 && waits && silent {
                        waits = false;
                        voice.head = operation(200).into_bytes();
                    }
                    if let Some(space) = drive.incoming(slot) {
                        let said = voice.next();
                        let count = space.len().min(said.len());
                        if count > 0 {
                            space[..count].copy_from_slice(&said[..count]);
                            drive.read(slot, count);
                            voice.heard(count);
                        }
                    }
                }
            }
            Step::Done(result) => {
                let output = result?;
                let whole = output.stdout.len() == frames * FRAME && output.status.success();
                return if whole { Ok(()) } else { Err("the output is not whole".into()) };
            }
        }
    }
}

/// A frame as a server sends it: a whole binary message, not masked.
fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&[0x82, 126, length[0], length[1]], payload].concat()
}

/// The answer of a call that begins a command, or of the wait for it.
fn operation(code: u16) -> String {
    let body = format!(
        r#"{{"type":"{}","status_code":100,"operation":"/1.0/operations/fa6fdad0-a663-429c-a5a3-46c3b08cf6fb","metadata":{{"id":"fa6fdad0-a663-429c-a5a3-46c3b08cf6fb","class":"websocket","status_code":{code},"metadata":{{"fds":{{"0":"a0","1":"a1","2":"a2","control":"a3"}},"return":0}},"err":""}}}}"#,
        if code == 103 { "async" } else { "sync" },
    );
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The answer to the request for an upgrade, if that is what was sent.
fn upgrade(sent: &[u8]) -> Option<String> {
    let (_, key) = std::str::from_utf8(sent).ok()?.split_once("Sec-WebSocket-Key: ")?;
    let accept = tungstenite::handshake::derive_accept_key(key.get(..24)?.as_bytes());
    Some(format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    ))
}

#[cfg(test)]
mod tests {
    #[test]
    fn all_of_it_works() {
        super::receive(3).unwrap();
        super::send(3).unwrap();
        super::exec(3).unwrap();
    }
}
