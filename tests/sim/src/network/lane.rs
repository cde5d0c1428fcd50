use std::collections::VecDeque;

use lxio_core::bytes::{Chance, Moment};

use super::Faults;
use super::faults::Fate;

/// What is on its way.
#[derive(Debug)]
pub(super) enum Freight {
    Bytes(Vec<u8>),
    /// Nothing more comes on this lane.
    End,
    /// Whoever sent on this lane is gone, and hears nothing more either.
    Gone,
    /// The connection is reset.
    Reset,
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Lane {
    way: VecDeque<(Moment, Freight)>,
    /// Bytes on their way.
    bytes: usize,
    /// Bytes that were ever put on it.
    total: u64,
    /// When the last of what is on it is due.
    last: Moment,
    closed: bool,
    /// The other end takes nothing at the moment.
    pub(super) blocked: bool,
    fate: Fate,
}

impl Lane {
    pub(super) fn new(fate: Fate) -> Self {
        Self { fate, ..Self::default() }
    }

    /// How many bytes are on their way.
    pub(super) const fn len(&self) -> usize {
        self.bytes
    }

    /// Whether anything that is put on it still arrives.
    pub(super) const fn is_open(&self) -> bool {
        !self.closed
    }

    /// Puts bytes on it, as its fate has them.
    pub(super) fn put(&mut self, mut bytes: &[u8], now: Moment, faults: &Faults, chance: &mut Chance) {
        while !bytes.is_empty() && !self.closed {
            let left = |at: u64| usize::try_from(at.saturating_sub(self.total)).unwrap_or(usize::MAX);
            let most = [self.fate.piece, self.fate.cut.map(left), self.fate.end.map(left)];
            let most = most.into_iter().flatten().min().unwrap_or(usize::MAX);
            let (piece, rest) = bytes.split_at(bytes.len().min(most));
            let mut piece = piece.to_vec();
            let mut travel = faults.travel(chance);
            let at = |byte: u64| byte.checked_sub(self.total).and_then(|it| usize::try_from(it).ok());
            if let Some((byte, bits)) = self.fate.corrupt
                && let Some(byte) = at(byte).and_then(|it| piece.get_mut(it))
            {
                *byte ^= bits;
            }
            if let Some((byte, time)) = self.fate.stall
                && at(byte).is_some_and(|it| it < piece.len())
            {
                travel += time;
            }
            self.total += piece.len() as u64;
            self.bytes += piece.len();
            self.send(Freight::Bytes(piece), now.plus(travel));
            if self.fate.cut.is_some_and(|at| at <= self.total) {
                self.finish(Freight::Reset, now);
            } else if self.fate.end.is_some_and(|at| at <= self.total) {
                self.finish(Freight::End, now);
            }
            bytes = rest;
        }
    }

    /// Puts the last thing on it.
    pub(super) fn finish(&mut self, freight: Freight, due: Moment) {
        if !self.closed {
            self.send(freight, due);
            self.closed = true;
        }
    }

    /// Closes it by a reset, which overtakes all that is on it.
    pub(super) fn reset(&mut self, due: Moment) {
        self.clear();
        self.closed = false;
        self.last = due;
        self.finish(Freight::Reset, due);
    }

    /// Closes it; what is on it is lost.
    pub(super) fn clear(&mut self) {
        self.way.clear();
        (self.bytes, self.closed, self.blocked) = (0, true, false);
    }

    fn send(&mut self, freight: Freight, due: Moment) {
        self.last = self.last.max(due);
        self.way.push_back((self.last, freight));
    }

    /// When the next thing on it is due.
    pub(super) fn next(&self) -> Option<Moment> {
        self.way.front().filter(|_| !self.blocked).map(|(due, _)| *due)
    }

    /// Takes what is due, of bytes at most `room`. It is blocked when there is no room.
    pub(super) fn take(&mut self, now: Moment, room: usize) -> Option<Freight> {
        let (due, freight) = self.way.front_mut()?;
        if *due > now {
            return None;
        }
        self.blocked = false;
        if let Freight::Bytes(bytes) = freight {
            if room == 0 {
                // Whoever has gone does not wait until it is listened to.
                let gone =
                    self.way.back().is_some_and(|(due, it)| *due <= now && matches!(it, Freight::Gone));
                if gone {
                    self.clear();
                    return Some(Freight::Gone);
                }
                self.blocked = true;
                return None;
            }
            if bytes.len() > room {
                let rest = bytes.split_off(room);
                let piece = std::mem::replace(bytes, rest);
                self.bytes -= piece.len();
                return Some(Freight::Bytes(piece));
            }
            self.bytes -= bytes.len();
        }
        self.way.pop_front().map(|(_, freight)| freight)
    }
}
