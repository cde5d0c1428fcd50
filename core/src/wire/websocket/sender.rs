use super::WebsocketError;
use crate::bytes::{Chance, Outbox};
use crate::wire::frame::{self, CONTROL, Kind};
use tungstenite::protocol::frame::coding::CloseCode;

/// The half of a websocket that sends.
pub(super) struct Sender {
    outbox: Outbox,
    chance: Chance,
    /// Length of the pong at the end of the outbox, while nothing of it left: a later one takes its place.
    pong: usize,
    /// Whether a close frame was sent: nothing comes after it.
    closed: bool,
}

impl Sender {
    pub(super) const fn new(chance: Chance) -> Self {
        Self { outbox: Outbox::new(), chance, pong: 0, closed: false }
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn data(&self) -> &[u8] {
        self.outbox.data()
    }

    pub(super) fn wrote(&mut self, count: usize) {
        self.outbox.wrote(count);
        if self.outbox.data().len() < self.pong {
            self.pong = 0;
        }
    }

    pub(super) fn send(&mut self, kind: Kind, payload: &[u8]) -> bool {
        if self.closed {
            return false;
        }
        self.make_room();
        self.pong = 0;
        frame::push(self.outbox.buffer(), kind, self.chance.mask(), payload);
        true
    }

    /// Answers a ping. Only the latest needs an answer (RFC 6455, 5.5.3), so an answer that still waits at
    /// the end of the outbox is replaced: pings cannot fill the memory of a client that does not write.
    pub(super) fn pong(&mut self, payload: &[u8]) {
        let out = self.outbox.buffer();
        out.truncate(out.len() - self.pong);
        let before = self.outbox.data().len();
        if self.send(Kind::Pong, payload) {
            self.pong = self.outbox.data().len() - before;
        }
    }

    /// Sends a close frame unless one was sent. `code` is left out if it may not stand in a frame; `reason`
    /// is cut to what fits.
    pub(super) fn close(&mut self, code: Option<u16>, reason: &str) {
        let mut payload = [0; CONTROL];
        let mut length = 0;
        if let Some(code) = code.filter(|&code| CloseCode::from(code).is_allowed()) {
            // `is_char_boundary` is false past the end, and true at 0.
            let end = (0..=CONTROL - 2).rev().find(|&end| reason.is_char_boundary(end));
            let reason = &reason[..end.unwrap_or_default()];
            length = 2 + reason.len();
            payload[..2].copy_from_slice(&code.to_be_bytes());
            payload[2..length].copy_from_slice(reason.as_bytes());
        }
        self.send(Kind::Close, &payload[..length]);
        self.closed = true;
    }

    /// Tells the peer why no more is read.
    pub(super) fn fail(&mut self, error: &WebsocketError) {
        if let Some(code) = error.code() {
            self.close(Some(code), "");
        }
        self.closed = true;
    }

    /// Drops what has left once it is the larger part, for callers that append before all has left.
    fn make_room(&mut self) {
        let waiting = self.outbox.data().len();
        let left = self.outbox.buffer().len() - waiting;
        if left > waiting && waiting > 0 {
            let mut bytes = std::mem::take(self.outbox.buffer());
            bytes.drain(..left);
            self.outbox.recycle();
            *self.outbox.buffer() = bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender() -> Sender {
        Sender::new(Chance::seeded(1))
    }

    #[test]
    fn a_pong_that_waits_is_replaced_and_one_that_left_in_part_is_not() {
        let mut sender = sender();
        sender.pong(b"one");
        sender.pong(b"second");
        assert_eq!(sender.data().len(), 6 + 6);
        sender.wrote(1);
        sender.pong(b"third");
        sender.pong(b"4");
        assert_eq!(sender.data().len(), 11 + 7);
        sender.send(Kind::Binary, b"x");
        sender.pong(b"5");
        assert_eq!(sender.data().len(), 11 + 7 + 7 + 7);
        sender.wrote(1000);
        assert!(sender.data().is_empty());
        sender.pong(b"6");
        assert_eq!(sender.data().len(), 7);
    }

    #[test]
    fn memory_stays_small_when_the_outbox_never_empties() {
        let mut sender = sender();
        sender.send(Kind::Binary, &[7; 1000]);
        for _ in 0..10_000 {
            sender.send(Kind::Binary, &[7; 1000]);
            sender.wrote(1008);
        }
        assert_eq!(sender.data().len(), 1008);
        assert!(sender.outbox.buffer().capacity() < 10_000);
    }

    #[test]
    fn a_close_frame_is_sent_once_and_fits() {
        let mut sender = sender();
        sender.close(Some(1000), &"é".repeat(100));
        assert_eq!(sender.data()[..2], [0x88, 0x80 | 124]);
        let length = sender.data().len();
        sender.close(Some(1001), "");
        sender.pong(b"");
        assert!(!sender.send(Kind::Text, b"late"));
        assert_eq!(sender.data().len(), length);
    }

    #[test]
    fn a_code_that_may_not_be_sent_is_left_out() {
        for code in [Some(0), Some(999), Some(1004), Some(1005), Some(1006), Some(1015), Some(5000), None] {
            let mut sender = sender();
            sender.close(code, "why");
            assert_eq!(sender.data()[..2], [0x88, 0x80], "{code:?}");
        }
    }
}
