use std::io;
use std::rc::Rc;

use crate::simulation::Core;

/// A client's end of a connection. Dropping it closes the connection.
pub(crate) struct Socket {
    pub(super) link: u64,
    core: Rc<Core>,
}

impl Socket {
    /// Connects.
    pub(crate) fn dial(core: &Rc<Core>) -> io::Result<Self> {
        let link = core.network().dial()?;
        Ok(Self { link, core: Rc::clone(core) })
    }

    /// Writes what can be written now.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.core.network().write(self.link, bytes)
    }

    /// Reads what can be read now.
    pub(crate) fn read(&self, space: &mut [u8]) -> io::Result<usize> {
        self.core.network().read(self.link, space)
    }

    /// Whether nothing has come that nobody asked for, be it the end.
    pub(crate) fn is_silent(&self) -> bool {
        self.core.network().is_silent(self.link)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.core.network().close(self.link);
    }
}
