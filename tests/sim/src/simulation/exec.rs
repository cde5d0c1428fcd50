use std::io::{self, Write};

use lxio_core::flow::Exec;

use super::Live;
use super::live::Told;

/// Most output that is kept aside while standard input is written.
const ASIDE: usize = 1 << 20;

impl Live<Exec> {
    /// Ends standard input.
    pub fn close_stdin(&mut self) {
        self.0.drive.flow_mut().close_stdin();
    }

    /// Sends a signal to the command, by its number. It leaves with the next call on this handle.
    pub fn signal(&mut self, number: i32) {
        self.0.drive.flow_mut().signal(number);
    }

    /// Goes on until standard input can take more, or an item was kept aside.
    fn wait_for_stdin(&mut self) -> io::Result<()> {
        let aside: usize = self.0.items.iter().map(|piece| piece.bytes().len()).sum();
        if aside > ASIDE {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "the command's output waits to be read"));
        }
        match self.until(|drive| drive.flow().stdin_ready() || drive.flow().stdin_closed()) {
            Told::Item(piece) => self.0.items.push_back(piece),
            Told::Met => {}
            Told::Over => return Err(self.broken()),
        }
        Ok(())
    }
}

/// Writes to standard input. Output that comes meanwhile is kept for the iterator, up to 1 MiB.
impl Write for Live<Exec> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        loop {
            if self.flow().stdin_closed() {
                return Err(self.broken());
            }
            if self.flow().stdin_ready() {
                return Ok(self.0.drive.flow_mut().push_stdin(bytes));
            }
            self.wait_for_stdin()?;
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.flow().stdin_closed() && !self.flow().stdin_ready() {
            self.wait_for_stdin()?;
        }
        Ok(())
    }
}
