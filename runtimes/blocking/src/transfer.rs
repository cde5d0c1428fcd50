use std::io::{self, Read, Write};

use lxio_core::flow::{Download, Flow, Slot, Upload};
use lxio_core::session::{Cause, Error};

use crate::Live;
use crate::live::Turn;

/// The slot whose request or answer has the streamed body.
pub(crate) const BODY: Slot = 0;

impl<T> Live<Download<T>> {
    /// What the answer's head says, before its body: `None` only after [`copy_to`](Self::copy_to) or the end.
    #[must_use]
    pub const fn head(&self) -> Option<&T> {
        self.flow().head()
    }

    /// Writes the whole body to `writer` and returns what the head said.
    ///
    /// # Errors
    /// [`Cause::Output`] if the writer failed; otherwise as [`Live::finish`]. A body that broke off is an
    /// error, though what came of it was written.
    pub fn copy_to(mut self, writer: &mut impl Write) -> Result<T, Error> {
        loop {
            if let Some(bytes) = self.drive.take(BODY) {
                let count = bytes.len();
                writer.write_all(bytes).map_err(|error| Error::new(Cause::Output(error)))?;
                self.drive.took(BODY, count);
                continue;
            }
            if let Turn::Over = self.turn(|drive| drive.take(BODY).is_some()) {
                writer.flush().map_err(|error| Error::new(Cause::Output(error)))?;
                return self.result();
            }
        }
    }
}

/// Reads the body. A body that broke off is an error, never an end.
impl<T> Read for Live<Download<T>> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if space.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(bytes) = self.drive.take(BODY) {
                let count = bytes.len().min(space.len());
                space[..count].copy_from_slice(&bytes[..count]);
                self.drive.took(BODY, count);
                return Ok(count);
            }
            if let Turn::Over = self.turn(|drive| drive.take(BODY).is_some()) {
                return self.error().map_or(Ok(0), |error| Err(io::Error::other(error)));
            }
        }
    }
}

impl<T> Live<Upload<T>> {
    /// Sends all that `reader` gives, or as much of it as was announced, and sees the change through.
    ///
    /// # Errors
    /// [`Cause::Input`] if the reader failed: the connection is closed in mid-body then; otherwise as
    /// [`Live::finish`].
    pub fn copy_from(mut self, reader: &mut impl Read) -> Result<T, Error> {
        while self.fillable() {
            let Some(space) = self.drive.fill(BODY) else { break };
            match reader.read(space) {
                Ok(count) => self.drive.filled(BODY, count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::new(Cause::Input(error))),
            }
        }
        self.finish()
    }

    /// Ends the body and sees the change through.
    ///
    /// # Errors
    /// As [`Live::finish`]; also if less was written than was announced.
    pub fn complete(mut self) -> Result<T, Error> {
        if self.fillable() {
            self.drive.filled(BODY, 0);
        }
        self.finish()
    }

    /// Goes on until more of the body can be taken; `false` if it never will be.
    fn fillable(&mut self) -> bool {
        loop {
            if self.drive.fill(BODY).is_some() {
                return true;
            }
            // After the whole body was taken, or an early answer, there is only the end to come.
            match self.turn(|drive| drive.fill(BODY).is_some() || drive.flow().ready()) {
                Turn::Met if self.drive.flow().ready() => return false,
                Turn::Over => return false,
                Turn::Met | Turn::Item(_) => {}
            }
        }
    }
}

/// Writes the body. [`Live::complete`] ends it; a handle that is dropped before breaks the upload off.
impl<T> Write for Live<Upload<T>> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if !self.fillable() {
            let error = self.error().map_or_else(|| io::ErrorKind::BrokenPipe.into(), io::Error::other);
            return Err(error);
        }
        let Some(space) = self.drive.fill(BODY) else { return Ok(0) };
        let count = bytes.len().min(space.len());
        space[..count].copy_from_slice(&bytes[..count]);
        self.drive.filled(BODY, count);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.fillable();
        Ok(())
    }
}
