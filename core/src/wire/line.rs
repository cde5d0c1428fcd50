use std::fmt;
use std::io;

use super::{Buffers, Exchange, Filter, FilterError, Need, Opened};

/// A connection as the machines on it see it, one after another: its memory, what stands between their plain
/// bytes and the socket, and who listens.
///
/// It goes with the socket: from machine to machine, and to rest between them.
#[derive(Debug, Default)]
pub struct Line {
    buffers: Buffers,
    guard: Guard,
}

/// Hears what passes on a connection, in plain: what a transcript is made of.
pub trait Listener: fmt::Debug + Send + Sync {
    /// From here on the connection serves this slot of a conversation, which has a number, or, with `None`,
    /// a call.
    fn serves(&mut self, part: Option<(u64, u8)>);

    /// These bytes were sent.
    fn sent(&mut self, bytes: &[u8]);

    /// These bytes came; none is the end of the stream.
    fn received(&mut self, bytes: &[u8]);

    /// Writing failed.
    fn write_failed(&mut self, error: &io::Error);

    /// Reading failed.
    fn read_failed(&mut self, error: &io::Error);
}

/// A line without its memory.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    filter: Option<Box<dyn Filter>>,
    listener: Option<Box<dyn Listener>>,
    /// Writing to the socket failed: nothing more is written.
    deaf: bool,
    failed: Option<FilterError>,
}

/// A machine whose plain bytes pass a [`Guard`].
pub(crate) trait Plain {
    /// What it has to write, never nothing.
    fn outgoing(&mut self) -> Option<&[u8]>;
    /// Says that the first `count` bytes of that left.
    fn wrote(&mut self, count: usize);
    /// Where it wants to read into, if it does: not before it has understood what came.
    fn incoming(&mut self) -> Option<&mut [u8]>;
    /// Says that `count` bytes were read into that; 0 is the end.
    fn read(&mut self, count: usize);
    /// Says that the stream ended although the other side had not said that it would.
    fn cut(&mut self);
}

impl Line {
    /// A new connection on which plain bytes pass as they are.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With something between plain bytes and the socket.
    #[must_use]
    pub fn through(mut self, filter: impl Filter + 'static) -> Self {
        self.guard.filter = Some(Box::new(filter));
        self
    }

    /// With somebody who hears what passes.
    #[must_use]
    pub fn heard_by(mut self, listener: impl Listener + 'static) -> Self {
        self.guard.listener = Some(Box::new(listener));
        self
    }

    /// What it is used for from here on: a slot of a conversation with a number, or, with `None`, a call.
    pub fn serves(&mut self, part: Option<(u64, u8)>) {
        if let Some(listener) = &mut self.guard.listener {
            listener.serves(part);
        }
    }

    pub(crate) fn into_parts(self) -> (Buffers, Guard) {
        (self.buffers, self.guard)
    }

    pub(crate) const fn of(buffers: Buffers, guard: Guard) -> Self {
        Self { buffers, guard }
    }
}

impl From<Buffers> for Line {
    fn from(buffers: Buffers) -> Self {
        Self { buffers, guard: Guard::default() }
    }
}

impl Plain for Exchange {
    fn outgoing(&mut self) -> Option<&[u8]> {
        match self.need() {
            Ok(Need::Write(bytes)) => Some(bytes),
            _ => None,
        }
    }

    fn wrote(&mut self, count: usize) {
        Self::wrote(self, count);
    }

    fn incoming(&mut self) -> Option<&mut [u8]> {
        Self::incoming(self)
    }

    fn read(&mut self, count: usize) {
        Self::read(self, count);
    }

    fn cut(&mut self) {
        Self::cut(self);
    }
}

impl Guard {
    /// Whether something stands between plain bytes and the socket.
    pub(crate) const fn is_filtered(&self) -> bool {
        self.filter.is_some()
    }

    /// Whether plain bytes can pass.
    pub(crate) fn stands(&self) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.stands())
    }

    /// Why nothing can pass any more, once nothing is left to be written that tells the other side.
    pub(crate) fn failed(&mut self) -> Option<&FilterError> {
        let drained = self.is_drained();
        self.failed.as_ref().filter(|_| drained)
    }

    /// Whether writing to the socket has failed.
    pub(crate) const fn is_deaf(&self) -> bool {
        self.deaf
    }

    /// Whether all that passed has been written to the socket.
    pub(crate) fn is_drained(&mut self) -> bool {
        self.deaf || self.filter.as_mut().is_none_or(|filter| filter.outgoing().is_empty())
    }

    /// What is to be written to the socket, never nothing.
    pub(crate) fn outgoing<'a>(&'a mut self, plain: &'a mut impl Plain) -> Option<&'a [u8]> {
        match &mut self.filter {
            _ if self.deaf => None,
            None => plain.outgoing(),
            Some(filter) => Some(filter.outgoing()).filter(|bytes| !bytes.is_empty()),
        }
    }

    /// What stands in between wants to read into this.
    pub(crate) fn space(&mut self) -> Option<&mut [u8]> {
        self.filter.as_mut().map(|filter| filter.space())
    }

    /// Says that the first `count` bytes of [`outgoing`](Self::outgoing) left.
    pub(crate) fn wrote(&mut self, plain: &mut impl Plain, count: usize) {
        if let Some(filter) = &mut self.filter {
            return filter.wrote(count);
        }
        if let (Some(listener), Some(bytes)) = (&mut self.listener, plain.outgoing()) {
            listener.sent(&bytes[..count.min(bytes.len())]);
        }
        plain.wrote(count);
    }

    /// Says that writing failed: nothing more is written.
    pub(crate) fn write_failed(&mut self, error: &io::Error) {
        self.deaf = true;
        if let Some(listener) = &mut self.listener {
            listener.write_failed(error);
        }
    }

    /// Where to read into from the socket.
    pub(crate) fn incoming<'a>(&'a mut self, plain: &'a mut impl Plain) -> Option<&'a mut [u8]> {
        match &mut self.filter {
            _ if self.failed.is_some() => None,
            None => plain.incoming(),
            // It takes more only when the machine does.
            Some(filter) => plain.incoming().is_some().then(|| filter.space()),
        }
    }

    /// Says that `count` bytes were read into [`incoming`](Self::incoming); 0 is the end of the stream.
    pub(crate) fn read(&mut self, plain: &mut impl Plain, count: usize) {
        if let Some(filter) = &mut self.filter {
            return filter.read(count);
        }
        if let Some(listener) = &mut self.listener {
            let space = plain.incoming().map(|space| &*space).unwrap_or_default();
            listener.received(&space[..count.min(space.len())]);
        }
        plain.read(count);
    }

    /// Says that reading failed.
    pub(crate) fn read_failed(&mut self, error: &io::Error) {
        if let Some(listener) = &mut self.listener {
            listener.read_failed(error);
        }
    }

    /// Moves plain bytes both ways as far as they go without the socket. It costs nothing where they pass as they
    /// are: every socket of a conversation is looked at whenever one of them moved.
    #[inline]
    pub(crate) fn pass(&mut self, plain: &mut impl Plain) {
        if self.is_filtered() && self.failed.is_none() {
            self.pass_filter(plain);
        }
    }

    fn pass_filter(&mut self, plain: &mut impl Plain) {
        if let Err(error) = self.seal(plain).and_then(|()| self.open(plain)) {
            self.failed = Some(error);
        }
    }

    fn seal(&mut self, plain: &mut impl Plain) -> Result<(), FilterError> {
        let (Some(filter), false) = (&mut self.filter, self.deaf) else { return Ok(()) };
        while let Some(bytes) = plain.outgoing() {
            let count = filter.seal(bytes)?;
            if count == 0 {
                break;
            }
            if let Some(listener) = &mut self.listener {
                listener.sent(&bytes[..count]);
            }
            plain.wrote(count);
        }
        Ok(())
    }

    fn open(&mut self, plain: &mut impl Plain) -> Result<(), FilterError> {
        let Some(filter) = &mut self.filter else { return Ok(()) };
        while let Some(space) = plain.incoming() {
            let opened = filter.open(space)?;
            let came = match opened {
                Opened::Bytes(count) => &space[..count],
                Opened::End | Opened::Cut => &[],
                Opened::Starved => break,
            };
            if let Some(listener) = &mut self.listener {
                listener.received(came);
            }
            match opened {
                Opened::Bytes(count) => plain.read(count),
                Opened::Cut => plain.cut(),
                Opened::End | Opened::Starved => plain.read(0),
            }
        }
        Ok(())
    }
}
