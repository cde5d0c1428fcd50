/// A signal by its number on Linux.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Signal(pub(crate) u8);

impl Signal {
    pub(crate) const HUP: Self = Self(1);
    pub(crate) const INT: Self = Self(2);
    pub(crate) const QUIT: Self = Self(3);
    pub(crate) const KILL: Self = Self(9);
    pub(crate) const PIPE: Self = Self(13);
    pub(crate) const TERM: Self = Self(15);
    pub(crate) const PWR: Self = Self(30);

    /// By `TERM`, `SIGTERM` or `15`; 0 is a question, not a signal.
    pub(crate) fn parse(name: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(name).ok()?;
        if let Ok(number) = text.parse::<u8>() {
            return (number <= 64).then_some(Self(number));
        }
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        if name == "EXIT" {
            return Some(Self(0));
        }
        NAMES.iter().position(|it| *it == name).map(|at| Self(at as u8 + 1))
    }

    pub(crate) fn name(self) -> Option<&'static str> {
        NAMES.get(usize::from(self.0).checked_sub(1)?).copied()
    }

    /// What a shell says of a command that died by it.
    pub(crate) fn obituary(self) -> &'static str {
        match self.0 {
            1 => "Hangup",
            2 | 13 => "",
            3 => "Quit",
            4 => "Illegal instruction",
            5 => "Trace/breakpoint trap",
            6 => "Aborted",
            7 => "Bus error",
            8 => "Floating point exception",
            9 => "Killed",
            10 => "User defined signal 1",
            11 => "Segmentation fault",
            12 => "User defined signal 2",
            14 => "Alarm clock",
            15 => "Terminated",
            30 => "Power failure",
            _ => "Killed by a signal",
        }
    }

    /// A process that did not say what it wants lives on: CHLD, CONT, URG, WINCH; and the stops, as nothing
    /// here stops a single process.
    pub(super) fn is_harmless(self) -> bool {
        matches!(self.0, 0 | 17..=23 | 28)
    }
}

/// By number, from 1 on.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
    "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
    "VTALRM", "PROF", "WINCH", "POLL", "PWR", "SYS",
];

/// What a process does with a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposition {
    Ignore,
    /// It is told.
    Catch,
}
