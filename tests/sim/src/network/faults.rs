use std::time::Duration;

use lxio_core::bytes::Chance;

/// What may go wrong between a client and the daemon. Nothing does by default.
///
/// Shares are between 0 and 1: of connections that this happens to, once each, after some byte.
///
/// ```
/// use lxio_sim::Faults;
///
/// let mut faults = Faults::default();
/// (faults.cut, faults.dribble) = (0.1, 0.5);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Faults {
    /// How long a piece is on its way, and a dial. Default 20 microseconds.
    pub latency: Duration,
    /// Up to so much more, for each piece its own.
    pub jitter: Duration,
    /// Dials that are refused.
    pub refuse: f64,
    /// Connections whose bytes come in small pieces, down to single bytes.
    pub dribble: f64,
    /// Connections that are reset.
    pub cut: f64,
    /// Connections of which one direction ends.
    pub end: f64,
    /// Connections that stand still for a while, up to a minute.
    pub stall: f64,
    /// Connections on which a bit is turned over.
    pub corrupt: f64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            latency: Duration::from_micros(20),
            jitter: Duration::ZERO,
            refuse: 0.0,
            dribble: 0.0,
            cut: 0.0,
            end: 0.0,
            stall: 0.0,
            corrupt: 0.0,
        }
    }
}

/// What will happen to one lane.
#[derive(Debug, Clone, Default)]
pub(super) struct Fate {
    /// No piece is longer.
    pub(super) piece: Option<usize>,
    /// After so many bytes the connection is reset.
    pub(super) cut: Option<u64>,
    /// After so many bytes the lane ends.
    pub(super) end: Option<u64>,
    /// This byte comes so much later.
    pub(super) stall: Option<(u64, Duration)>,
    /// In this byte these bits are turned over.
    pub(super) corrupt: Option<(u64, u8)>,
}

impl Faults {
    /// How long something is on its way.
    pub(super) fn travel(&self, chance: &mut Chance) -> Duration {
        let jitter = u64::try_from(self.jitter.as_nanos()).unwrap_or(u64::MAX);
        if jitter == 0 { self.latency } else { self.latency + Duration::from_nanos(chance.draw() % jitter) }
    }

    /// Whether a dial is refused.
    pub(super) fn refuses(&self, chance: &mut Chance) -> bool {
        happens(self.refuse, chance)
    }

    /// What will happen to the two lanes of a new connection: up and down.
    pub(super) fn fates(&self, chance: &mut Chance) -> [Fate; 2] {
        let mut fates = [Fate::default(), Fate::default()];
        if happens(self.dribble, chance) {
            for fate in &mut fates {
                fate.piece = Some(usize::try_from(somewhere(chance, 7)).unwrap_or(1));
            }
        }
        if happens(self.cut, chance) {
            one(&mut fates, chance).cut = Some(somewhere(chance, 12));
        }
        if happens(self.end, chance) {
            one(&mut fates, chance).end = Some(somewhere(chance, 12));
        }
        if happens(self.stall, chance) {
            let time = Duration::from_millis(somewhere(chance, 16));
            one(&mut fates, chance).stall = Some((somewhere(chance, 12) - 1, time));
        }
        if happens(self.corrupt, chance) {
            let bit = 1 << (chance.draw() % 8);
            one(&mut fates, chance).corrupt = Some((somewhere(chance, 12) - 1, bit));
        }
        fates
    }
}

fn one<'a>(fates: &'a mut [Fate; 2], chance: &mut Chance) -> &'a mut Fate {
    &mut fates[usize::from(chance.draw().is_multiple_of(2))]
}

fn happens(share: f64, chance: &mut Chance) -> bool {
    // What cannot happen draws nothing: so turning it off changes little else.
    share > 0.0 && (chance.draw() >> 11) as f64 / (1_u64 << 53) as f64 <= share
}

/// From 1 to less than 2^`bits`, every order of magnitude as likely as any other.
fn somewhere(chance: &mut Chance, bits: u64) -> u64 {
    let order = chance.draw() % bits;
    (1 << order) + chance.draw() % (1 << order)
}
