use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use lxio_sim::Faults;

/// Which faults a network has; each is there in a fixed strength, or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weather(u8);

/// The name of a kind, and how it is made.
type Kind = (&'static str, fn(&mut Faults));

/// What there is.
const KINDS: [Kind; 7] = [
    ("jitter", |it| it.jitter = Duration::from_millis(2)),
    ("refuse", |it| it.refuse = 0.1),
    ("dribble", |it| it.dribble = 0.2),
    ("cut", |it| it.cut = 0.2),
    ("end", |it| it.end = 0.1),
    ("stall", |it| it.stall = 0.1),
    ("corrupt", |it| it.corrupt = 0.2),
];

impl Weather {
    /// Out of a number: each bit is a kind.
    #[must_use]
    pub const fn of(bits: u8) -> Self {
        Self(bits & 0x7f)
    }

    fn has(self, at: usize) -> bool {
        self.0 >> at & 1 == 1
    }

    /// Whether bits are turned over: then little can be known.
    #[must_use]
    pub fn corrupts(self) -> bool {
        self.has(6)
    }

    /// Whether connections break: then a command may find its input ended before all of it came.
    #[must_use]
    pub fn breaks(self) -> bool {
        self.has(3) || self.has(4)
    }

    /// The faults.
    #[must_use]
    pub fn faults(self) -> Faults {
        let mut faults = Faults::default();
        for (at, (_, make)) in KINDS.iter().enumerate() {
            if self.has(at) {
                make(&mut faults);
            }
        }
        faults
    }

    /// The same with one kind less, for each kind.
    pub fn calmer(self) -> impl Iterator<Item = Self> {
        (0..KINDS.len()).filter(move |at| self.has(*at)).map(move |at| Self(self.0 & !(1 << at)))
    }
}

impl fmt::Display for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> =
            KINDS.iter().enumerate().filter(|(at, _)| self.has(*at)).map(|(_, (name, _))| *name).collect();
        f.write_str(if names.is_empty() { "calm" } else { "" })?;
        f.write_str(&names.join("+"))
    }
}

impl FromStr for Weather {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut bits = 0;
        for name in text.split('+').filter(|it| *it != "calm") {
            let at =
                KINDS.iter().position(|(it, _)| *it == name).ok_or(format!("no such weather: {name}"))?;
            bits |= 1 << at;
        }
        Ok(Self(bits))
    }
}
