use std::io::{self, Read, Write};

use lxio_core::flow::{Exec, Output, Piece};
use lxio_core::session::{Cause, Drive, Error};

use crate::Live;
use crate::live::Turn;

/// Most output that is kept aside while standard input is written.
const ASIDE: usize = 1 << 20;

impl Live<Exec> {
    /// Ends standard input.
    pub fn close_stdin(&mut self) {
        self.drive.flow_mut().close_stdin();
    }

    /// Sends a signal to the command, by its number. It leaves with the next call on this handle.
    pub fn signal(&mut self, number: i32) {
        self.drive.flow_mut().signal(number);
    }

    /// Gives the command all that `input` gives, then the end, and writes what it prints to `stdout` and
    /// `stderr` as it comes. `input` is read when the command can take more; while it blocks, output waits.
    ///
    /// # Errors
    /// [`Cause::Input`] and [`Cause::Output`] if the reader or a writer failed, which ends the command;
    /// otherwise as [`Live::finish`].
    pub fn pipe(
        mut self,
        input: &mut impl Read,
        stdout: &mut impl Write,
        stderr: &mut impl Write,
    ) -> Result<Output, Error> {
        let mut space = vec![0; 64 << 10];
        loop {
            let piece = match self.items.pop_front() {
                Some(piece) => piece,
                None => match self.turn(|drive| drive.flow().stdin_ready()) {
                    Turn::Item(piece) => piece,
                    Turn::Met => {
                        match input.read(&mut space) {
                            Ok(0) => self.close_stdin(),
                            Ok(count) => {
                                self.drive.flow_mut().push_stdin(&space[..count]);
                            }
                            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                            Err(error) => return Err(Error::new(Cause::Input(error))),
                        }
                        continue;
                    }
                    Turn::Over => {
                        stdout
                            .flush()
                            .and_then(|()| stderr.flush())
                            .map_err(|error| Error::new(Cause::Output(error)))?;
                        return self.result();
                    }
                },
            };
            match &piece {
                Piece::Stdout(bytes) => stdout.write_all(bytes),
                Piece::Stderr(bytes) => stderr.write_all(bytes),
            }
            .map_err(|error| Error::new(Cause::Output(error)))?;
        }
    }

    /// How many bytes of output are kept aside.
    fn aside(&self) -> usize {
        self.items.iter().map(|piece| piece.bytes().len()).sum()
    }
}

/// Writes to standard input. Output that comes meanwhile is kept for the iterator, up to 1 MiB: past that,
/// writing fails with [`io::ErrorKind::WouldBlock`] until some of it is taken, since the command would wait
/// for its reader and the writer for the command. [`Live::pipe`] has no such bound.
impl Write for Live<Exec> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        loop {
            let flow = self.drive.flow();
            if flow.stdin_closed() {
                return Err(self.error().map_or_else(|| io::ErrorKind::BrokenPipe.into(), io::Error::other));
            }
            if flow.stdin_ready() {
                return Ok(self.drive.flow_mut().push_stdin(bytes));
            }
            self.wait_for_stdin()?;
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.drive.flow().stdin_closed() && !self.drive.flow().stdin_ready() {
            self.wait_for_stdin()?;
        }
        Ok(())
    }
}

impl Live<Exec> {
    /// Goes on until standard input can take more, or an item was kept aside.
    fn wait_for_stdin(&mut self) -> io::Result<()> {
        if self.aside() > ASIDE {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "the command's output waits to be read"));
        }
        let free = |drive: &mut Drive<Exec>| drive.flow().stdin_ready() || drive.flow().stdin_closed();
        match self.turn(free) {
            Turn::Item(piece) => self.items.push_back(piece),
            Turn::Met => {}
            Turn::Over => {
                return Err(self.error().map_or_else(|| io::ErrorKind::BrokenPipe.into(), io::Error::other));
            }
        }
        Ok(())
    }
}
