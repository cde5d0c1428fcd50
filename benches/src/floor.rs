//! The call by hand: the request is a constant, the head goes through httparse, the body through the same
//! model. What a client costs beyond this is its own.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use lxio_core::model::{Answer, Instance};

use crate::Failure;

const REQUEST: &[u8] = b"GET /1.0/instances/c1 HTTP/1.1\r\nHost: lxio\r\n\r\n";

/// A connection.
#[derive(Debug)]
pub struct Floor<S> {
    socket: S,
    buffer: Vec<u8>,
}

impl Floor<UnixStream> {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn connect(path: &Path) -> Result<Self, Failure> {
        Ok(Self::on(UnixStream::connect(path)?))
    }
}

impl<S: Read + Write> Floor<S> {
    /// On a connection that stands.
    pub fn on(socket: S) -> Self {
        Self { socket, buffer: vec![0; 16 << 10] }
    }

    /// One GET.
    ///
    /// # Errors
    /// When the answer is not what it should be.
    pub fn get(&mut self) -> Result<Instance, Failure> {
        self.socket.write_all(REQUEST)?;
        let mut there = 0;
        loop {
            let count = self.socket.read(&mut self.buffer[there..])?;
            if count == 0 {
                return Err("the server went away".into());
            }
            there += count;
            let mut fields = [httparse::EMPTY_HEADER; 32];
            let mut head = httparse::Response::new(&mut fields);
            let httparse::Status::Complete(start) = head.parse(&self.buffer[..there])? else { continue };
            let length = head.headers.iter().find(|field| field.name.eq_ignore_ascii_case("content-length"));
            let length: usize = std::str::from_utf8(length.ok_or("no length")?.value)?.parse()?;
            if there < start + length {
                continue;
            }
            return match Answer::parse(&self.buffer[start..start + length])? {
                Answer::Sync(instance) => Ok(instance),
                _ => Err("not the instance".into()),
            };
        }
    }
}
