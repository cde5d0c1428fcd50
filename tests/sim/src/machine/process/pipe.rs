use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// As many bytes are in a pipe at most.
pub(crate) const SIZE: usize = 64 << 10;

#[derive(Default)]
struct State {
    pieces: VecDeque<Bytes>,
    length: usize,
    readers: usize,
    writers: usize,
}

/// What came of a try to read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Some(Bytes),
    /// Nothing yet.
    Empty,
    /// Nothing any more: every writer is gone.
    Ended,
}

/// What came of a try to write.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    All,
    /// What was not taken is left.
    Full,
    /// Every reader is gone.
    Broken,
}

/// The end that is read. The last one takes the pipe with it.
pub(crate) struct Reader(Arc<Mutex<State>>);

/// The end that is written. With the last one the stream ends.
pub(crate) struct Writer(Arc<Mutex<State>>);

pub(crate) fn pipe() -> (Reader, Writer) {
    let state = Arc::new(Mutex::new(State { readers: 1, writers: 1, ..State::default() }));
    (Reader(state.clone()), Writer(state))
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reader {
    /// At most `max` bytes. A large piece comes as it was written, small ones are joined.
    pub(crate) fn take(&self, max: usize) -> Taken {
        let mut state = lock(&self.0);
        let Some(mut piece) = state.pieces.pop_front() else {
            return if state.writers == 0 { Taken::Ended } else { Taken::Empty };
        };
        if piece.len() > max {
            let rest = piece.split_off(max);
            state.pieces.push_front(rest);
        } else if state.pieces.front().is_some_and(|next| piece.len() + next.len() <= max) {
            let mut joined = Vec::from(piece);
            while state.pieces.front().is_some_and(|next| joined.len() + next.len() <= max) {
                joined.extend_from_slice(&state.pieces.pop_front().unwrap_or_default());
            }
            piece = joined.into();
        }
        state.length -= piece.len();
        Taken::Some(piece)
    }

    /// What comes next, down to the end of a line.
    pub(crate) fn take_line(&self) -> Taken {
        let length = lock(&self.0)
            .pieces
            .front()
            .map_or(SIZE, |it| it.iter().position(|byte| *byte == b'\n').map_or(it.len(), |at| at + 1));
        self.take(length)
    }

    /// Nothing is in it, and nothing will be.
    pub(crate) fn is_ended(&self) -> bool {
        let state = lock(&self.0);
        state.pieces.is_empty() && state.writers == 0
    }
}

impl Writer {
    /// Takes from the front of `bytes` what there is room for.
    pub(crate) fn push(&self, bytes: &mut Bytes) -> Pushed {
        let mut state = lock(&self.0);
        if state.readers == 0 {
            return Pushed::Broken;
        }
        let room = SIZE - state.length.min(SIZE);
        let piece = bytes.split_to(bytes.len().min(room));
        if !piece.is_empty() {
            state.length += piece.len();
            state.pieces.push_back(piece);
        }
        if bytes.is_empty() { Pushed::All } else { Pushed::Full }
    }

    #[cfg(test)]
    pub(crate) fn is_broken(&self) -> bool {
        lock(&self.0).readers == 0
    }
}

impl Clone for Reader {
    fn clone(&self) -> Self {
        lock(&self.0).readers += 1;
        Self(self.0.clone())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        state.readers -= 1;
        if state.readers == 0 {
            state.pieces = VecDeque::new();
            state.length = 0;
        }
    }
}

impl Clone for Writer {
    fn clone(&self) -> Self {
        lock(&self.0).writers += 1;
        Self(self.0.clone())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        lock(&self.0).writers -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounded_and_ended() {
        let (reader, writer) = pipe();
        assert_eq!(reader.take(9), Taken::Empty);
        let mut much = Bytes::from(vec![1; SIZE + 10]);
        assert_eq!(writer.push(&mut much), Pushed::Full);
        assert_eq!(much.len(), 10);
        assert!(matches!(reader.take(SIZE), Taken::Some(it) if it.len() == SIZE));
        assert_eq!(writer.push(&mut much), Pushed::All);
        for _ in 0..3 {
            writer.push(&mut Bytes::from_static(b"ab"));
        }
        drop(writer.clone());
        drop(writer);
        assert!(matches!(reader.take(13), Taken::Some(it) if it.len() == 12));
        assert!(matches!(reader.take(1), Taken::Some(it) if it == "a"));
        assert!(matches!(reader.take(9), Taken::Some(it) if it == "bab"));
        assert!(reader.is_ended());
        assert_eq!(reader.take(9), Taken::Ended);
    }

    #[test]
    fn broken() {
        let (reader, writer) = pipe();
        writer.push(&mut Bytes::from_static(b"ab"));
        drop(reader);
        assert_eq!(writer.push(&mut Bytes::from_static(b"ab")), Pushed::Broken);
        assert!(writer.is_broken());
    }
}
