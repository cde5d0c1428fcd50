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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const fn at(seconds: u64) -> Moment {
        Moment::at(Duration::from_secs(seconds))
    }

    /// Puts a text on a lane of this fate, piece by piece, and takes all that arrives, `room` bytes at a time.
    fn through(fate: Fate, room: usize) -> (String, Vec<Moment>, Option<&'static str>) {
        let (mut lane, mut chance) = (Lane::new(fate), Chance::seeded(1));
        let faults = Faults { jitter: Duration::from_secs(3), ..Faults::default() };
        for piece in ["hello", " ", "world"] {
            lane.put(piece.as_bytes(), at(0), &faults, &mut chance);
        }
        lane.finish(Freight::Gone, at(1));
        let (mut text, mut times) = (String::new(), Vec::new());
        while let Some(due) = lane.next() {
            times.push(due);
            match lane.take(due, room) {
                Some(Freight::Bytes(bytes)) => text.push_str(&String::from_utf8_lossy(&bytes)),
                Some(Freight::End) => return (text, times, Some("end")),
                Some(Freight::Gone) => return (text, times, Some("gone")),
                Some(Freight::Reset) => return (text, times, Some("reset")),
                None => break,
            }
        }
        (text, times, None)
    }

    #[test]
    fn all_arrives_in_order_whatever_its_pieces() {
        for piece in [None, Some(1), Some(4)] {
            for room in [1, 3, usize::MAX] {
                let (text, times, last) = through(Fate { piece, ..Fate::default() }, room);
                assert_eq!((text.as_str(), last), ("hello world", Some("gone")));
                assert!(times.is_sorted());
            }
        }
    }

    #[test]
    fn what_lies_behind_a_cut_never_arrives() {
        for at in 1..=11 {
            let (text, _, last) = through(Fate { cut: Some(at), ..Fate::default() }, usize::MAX);
            assert_eq!((text.len() as u64, last), (at, Some("reset")));
            let (text, _, last) = through(Fate { end: Some(at), ..Fate::default() }, usize::MAX);
            assert_eq!((text.len() as u64, last), (at, Some("end")));
            assert!("hello world".starts_with(&text));
        }
    }

    #[test]
    fn a_bit_is_turned_over_and_a_byte_is_late() {
        let fate = Fate { corrupt: Some((6, 0x20)), ..Fate::default() };
        assert_eq!(through(fate, usize::MAX).0, "hello World");
        let fate = Fate { stall: Some((5, Duration::from_secs(60))), ..Fate::default() };
        let (text, times, _) = through(fate, usize::MAX);
        assert_eq!(text, "hello world");
        assert!(times[0] < at(4) && times[1] >= at(60) && times[2] >= at(60));
    }

    #[test]
    fn who_has_gone_does_not_wait_for_room() {
        let (mut lane, mut chance) = (Lane::default(), Chance::seeded(1));
        lane.put(b"x", at(0), &Faults::default(), &mut chance);
        assert!(lane.take(at(1), 0).is_none() && lane.blocked && lane.next().is_none());
        lane.finish(Freight::Gone, at(2));
        assert!(matches!(lane.take(at(2), 0), Some(Freight::Gone)));
    }
}
