use std::io::{self, Read, Write};

use lxio_core::flow::{Download, Flow, Upload};
use lxio_core::session::{Cause, Error};

use super::Live;
use super::live::{BODY, Told};

impl<F: Flow> Live<F> {
    /// Why it takes and gives no more.
    pub(super) fn broken(&mut self) -> io::Error {
        self.0.error().map_or_else(|| io::ErrorKind::BrokenPipe.into(), io::Error::other)
    }
}

impl<T> Live<Download<T>> {
    /// What the answer's head says, before its body.
    #[must_use]
    pub const fn head(&self) -> Option<&T> {
        self.flow().head()
    }

    /// Writes the whole body to `writer` and returns what the head said.
    ///
    /// # Errors
    /// [`Cause::Output`] if the writer failed; otherwise as [`Live::finish`].
    pub fn copy_to(mut self, writer: &mut impl Write) -> Result<T, Error> {
        loop {
            if let Some(bytes) = self.0.drive.take(BODY) {
                let count = bytes.len();
                writer.write_all(bytes).map_err(|error| Error::new(Cause::Output(error)))?;
                self.0.drive.took(BODY, count);
            } else if let Told::Over = self.until(|drive| drive.take(BODY).is_some()) {
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
            if let Some(bytes) = self.0.drive.take(BODY) {
                let count = bytes.len().min(space.len());
                space[..count].copy_from_slice(&bytes[..count]);
                self.0.drive.took(BODY, count);
                return Ok(count);
            }
            if let Told::Over = self.until(|drive| drive.take(BODY).is_some()) {
                return self.0.error().map_or(Ok(0), |error| Err(io::Error::other(error)));
            }
        }
    }
}

impl<T> Live<Upload<T>> {
    /// Sends all that `reader` gives, or as much of it as was announced, and sees the change through.
    ///
    /// # Errors
    /// [`Cause::Input`] if the reader failed; otherwise as [`Live::finish`].
    pub fn copy_from(mut self, reader: &mut impl Read) -> Result<T, Error> {
        while self.fillable() {
            let Some(space) = self.0.drive.fill(BODY) else { break };
            let count = reader.read(space).map_err(|error| Error::new(Cause::Input(error)))?;
            self.0.drive.filled(BODY, count);
        }
        self.finish()
    }

    /// Ends the body and sees the change through.
    ///
    /// # Errors
    /// As [`Live::finish`]; also if less was written than was announced.
    pub fn complete(mut self) -> Result<T, Error> {
        if self.fillable() {
            self.0.drive.filled(BODY, 0);
        }
        self.finish()
    }

    /// Goes on until more of the body can be taken; `false` if it never will be.
    fn fillable(&mut self) -> bool {
        loop {
            if self.0.drive.fill(BODY).is_some() {
                return true;
            }
            // After the whole body was taken, or an early answer, there is only the end to come.
            match self.until(|drive| drive.fill(BODY).is_some() || drive.flow().ready()) {
                Told::Met if self.flow().ready() => return false,
                Told::Over => return false,
                Told::Met | Told::Item(_) => {}
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
            return Err(self.broken());
        }
        let Some(space) = self.0.drive.fill(BODY) else { return Ok(0) };
        let count = bytes.len().min(space.len());
        space[..count].copy_from_slice(&bytes[..count]);
        self.0.drive.filled(BODY, count);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.fillable();
        Ok(())
    }
}
