use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::Signal;
use super::kernel::Pid;
use super::pipe::{Pushed, Reader, SIZE, Writer, pipe};

/// A line that is being typed is not longer.
const LINE: usize = 4096;

/// A terminal: what is typed becomes lines, what is printed becomes `\r\n`.
pub(crate) struct Tty {
    state: Mutex<State>,
    /// What the terminal shows.
    screen: Writer,
    /// Whose terminal this is: the first process of the session.
    session: AtomicU32,
}

struct State {
    /// What is typed and not yet a line.
    line: Vec<u8>,
    /// What can be read; an empty piece is an end of input.
    lines: VecDeque<Bytes>,
    hung_up: bool,
    size: (u16, u16),
    echo: bool,
    canonical: bool,
    /// A part of what a process prints, as the terminal shows it, that did not fit.
    shown: Bytes,
}

impl Tty {
    /// The terminal, and what it shows.
    pub(crate) fn open(session: Pid, columns: u16, rows: u16) -> (Arc<Self>, Reader) {
        let (reader, screen) = pipe();
        let state = State {
            line: Vec::new(),
            lines: VecDeque::new(),
            hung_up: false,
            size: (columns, rows),
            echo: true,
            canonical: true,
            shown: Bytes::new(),
        };
        (Arc::new(Self { state: Mutex::new(state), screen, session: AtomicU32::new(session) }), reader)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What somebody types: how much of it was taken, and the signal that it asks for.
    pub(super) fn type_in(&self, bytes: &[u8]) -> (usize, Option<Signal>) {
        let mut state = self.lock();
        for (at, &byte) in bytes.iter().enumerate() {
            if state.lines.iter().map(Bytes::len).sum::<usize>() >= SIZE || state.lines.len() >= LINE {
                return (at, None);
            }
            if !state.canonical {
                // All at once, as a program that wants keys wants them.
                state.lines.push_back(Bytes::copy_from_slice(&bytes[at..]));
                self.echo(&state, &bytes[at..]);
                return (bytes.len(), None);
            }
            match byte {
                0x03 | 0x1c => {
                    // What was typed before and not read is lost.
                    state.line.clear();
                    state.lines.clear();
                    self.echo(&state, if byte == 3 { b"^C\n" } else { b"^\\\n" });
                    return (at + 1, Some(if byte == 3 { Signal::INT } else { Signal::QUIT }));
                }
                0x04 => {
                    let line = std::mem::take(&mut state.line);
                    state.lines.push_back(line.into());
                }
                0x7f | 0x08 => {
                    if state.line.pop().is_some() {
                        self.echo(&state, b"\x08 \x08");
                    }
                }
                b'\r' | b'\n' => {
                    let mut line = std::mem::take(&mut state.line);
                    line.push(b'\n');
                    state.lines.push_back(line.into());
                    self.echo(&state, b"\n");
                }
                _ if state.line.len() >= LINE => {}
                _ => {
                    state.line.push(byte);
                    self.echo(&state, &[byte]);
                }
            }
        }
        (bytes.len(), None)
    }

    /// Shows what is typed, if there is room: a terminal drops what it cannot show.
    fn echo(&self, state: &State, bytes: &[u8]) {
        if state.echo {
            self.screen.push(&mut shown(bytes));
        }
    }

    /// A line or a part of it; `None` while there is none. Nothing is the end.
    pub(super) fn read(&self, max: usize) -> Option<Bytes> {
        let mut state = self.lock();
        match state.lines.front_mut() {
            Some(line) if line.len() > max => Some(line.split_to(max)),
            Some(_) => state.lines.pop_front(),
            None => state.hung_up.then(Bytes::new),
        }
    }

    /// Shows bytes, as far as there is room; nobody there to see them is no reason to stop.
    pub(super) fn print(&self, bytes: &mut Bytes) -> Pushed {
        let mut state = self.lock();
        loop {
            if !state.shown.is_empty() {
                match self.screen.push(&mut state.shown) {
                    Pushed::All => {}
                    Pushed::Full => return Pushed::Full,
                    Pushed::Broken => state.shown.clear(),
                }
            }
            if bytes.is_empty() {
                return Pushed::All;
            }
            state.shown = shown(&bytes.split_to(bytes.len().min(SIZE)));
        }
    }

    /// The terminal is gone: there is no more input.
    pub(super) fn hang_up(&self) {
        self.lock().hung_up = true;
    }

    /// The session that signals from the keyboard reach.
    pub(crate) fn session(&self) -> Pid {
        self.session.load(Ordering::Relaxed)
    }

    pub(crate) fn set_session(&self, session: Pid) {
        self.session.store(session, Ordering::Relaxed);
    }

    /// Columns and rows.
    pub(crate) fn size(&self) -> (u16, u16) {
        self.lock().size
    }

    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.lock().size = (columns, rows);
    }

    /// Whether what is typed is shown, and whether it is read in lines.
    pub(crate) fn set_mode(&self, echo: Option<bool>, canonical: Option<bool>) {
        let mut state = self.lock();
        state.echo = echo.unwrap_or(state.echo);
        state.canonical = canonical.unwrap_or(state.canonical);
    }
}

/// As the terminal shows it.
fn shown(bytes: &[u8]) -> Bytes {
    let mut shown = Vec::with_capacity(bytes.len() + 8);
    for piece in bytes.split_inclusive(|it| *it == b'\n') {
        match piece.split_last() {
            Some((b'\n', before)) => {
                shown.extend_from_slice(before);
                shown.extend_from_slice(b"\r\n");
            }
            _ => shown.extend_from_slice(piece),
        }
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::super::pipe::Taken;
    use super::*;

    #[test]
    fn lines_and_echo() {
        let (tty, screen) = Tty::open(1, 80, 25);
        assert_eq!(tty.type_in(b"ab"), (2, None));
        assert_eq!(tty.read(99), None);
        tty.type_in(b"\x7fc\rrest");
        assert_eq!(tty.read(99).unwrap(), "ac\n");
        assert_eq!(tty.read(99), None);
        tty.type_in(b"\x04\x04");
        assert_eq!(tty.read(2).unwrap(), "re");
        assert_eq!(tty.read(9).unwrap(), "st");
        assert_eq!(tty.read(9).unwrap(), "");
        assert_eq!(tty.type_in(b"x\x03y"), (2, Some(Signal::INT)));
        tty.print(&mut Bytes::from_static(b"one\ntwo"));
        let Taken::Some(bytes) = screen.take(999) else { panic!("nothing is shown") };
        assert_eq!(bytes, "ab\x08 \x08c\r\nrestx^C\r\none\r\ntwo");
    }

    #[test]
    fn a_full_screen_waits() {
        let (tty, screen) = Tty::open(1, 80, 25);
        let mut much = Bytes::from(vec![b'\n'; SIZE]);
        assert_eq!(tty.print(&mut much), Pushed::Full);
        assert!(matches!(screen.take(SIZE), Taken::Some(it) if it.len() == SIZE));
        assert_eq!(tty.print(&mut much), Pushed::All);
        assert!(matches!(screen.take(SIZE), Taken::Some(it) if it.len() == SIZE));
        drop(screen);
        assert_eq!(tty.print(&mut Bytes::from_static(b"nobody looks")), Pushed::All);
    }
}
