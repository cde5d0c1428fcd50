use std::time::Duration;

use super::Patience;
use crate::bytes::Moment;
use crate::flow::Limit;

/// Watches over one call: what it waits for, and since when.
///
/// It costs nothing while bytes move: the time is asked for only when the driver has to wait.
#[derive(Debug)]
pub(super) struct Watch {
    patience: Patience,
    /// How much longer the server may be silent, because it was asked to.
    long_poll: Option<Duration>,
    moved: bool,
    /// Since when the caller takes its time.
    paused: Option<Moment>,
    began: Option<Moment>,
    since: Moment,
    limit: Limit,
}

impl Watch {
    pub(super) const fn new(patience: Patience, long_poll: Option<Duration>) -> Self {
        let since = Moment::at(Duration::ZERO);
        Self { patience, long_poll, moved: true, paused: None, began: None, since, limit: Limit::Read }
    }

    /// Something moved.
    pub(super) const fn moved(&mut self) {
        self.moved = true;
    }

    /// The caller takes its time, and none of it counts.
    pub(super) fn pause(&mut self, now: Moment) {
        self.moved = true;
        self.paused.get_or_insert(now);
    }

    /// Until when there is patience, on a connection that `stands` or is still being made.
    pub(super) fn until(&mut self, stands: bool, now: Moment) -> Option<Moment> {
        let paused = self.paused.take().map_or(Duration::ZERO, |since| now.since(since));
        let began = self.began.map_or(now, |began| began.plus(paused));
        self.began = Some(began);
        if std::mem::take(&mut self.moved) {
            self.since = now;
        }
        let Patience { connect, read, total } = self.patience;
        let silence = self.long_poll.unwrap_or_default();
        let limits = [
            (Limit::Connect, began, connect.filter(|_| !stands)),
            (Limit::Read, self.since, read.filter(|_| stands).map(|read| read.saturating_add(silence))),
            (Limit::Total, began, total.filter(|_| self.long_poll.is_none())),
        ];
        let ends = limits.into_iter().filter_map(|(limit, from, length)| Some((from.plus(length?), limit)));
        let (end, limit) = ends.min_by_key(|(end, _)| *end)?;
        self.limit = limit;
        Some(end)
    }

    /// The limit that ended first.
    pub(super) const fn limit(&self) -> Limit {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Moment {
        Moment::at(Duration::from_secs(seconds))
    }

    const fn seconds(count: u64) -> Option<Duration> {
        Some(Duration::from_secs(count))
    }

    #[test]
    fn each_limit_counts_from_its_own_start() {
        let patience = Patience { connect: seconds(5), read: seconds(10), total: seconds(30) };
        let mut watch = Watch::new(patience, None);
        assert_eq!((watch.until(false, at(100)), watch.limit()), (Some(at(105)), Limit::Connect));
        assert_eq!(watch.until(false, at(103)), Some(at(105)));
        watch.moved();
        assert_eq!((watch.until(true, at(104)), watch.limit()), (Some(at(114)), Limit::Read));
        assert_eq!(watch.until(true, at(110)), Some(at(114)));
        watch.moved();
        assert_eq!((watch.until(true, at(125)), watch.limit()), (Some(at(130)), Limit::Total));
    }

    #[test]
    fn what_the_caller_takes_its_time_for_does_not_count() {
        let patience = Patience { connect: None, read: seconds(10), total: seconds(15) };
        let mut watch = Watch::new(patience, None);
        assert_eq!(watch.until(true, at(0)), Some(at(10)));
        watch.pause(at(8));
        watch.pause(at(9));
        assert_eq!((watch.until(true, at(100)), watch.limit()), (Some(at(107)), Limit::Total));
    }

    #[test]
    fn a_long_poll_may_be_silent_for_as_long_as_it_asked_for() {
        let mut watch = Watch::new(Patience::DEFAULT.total(Duration::from_secs(1)), seconds(30));
        assert_eq!(watch.until(false, at(0)), Some(at(10)));
        assert_eq!(watch.until(true, at(0)), Some(at(630)));
        let mut endless = Watch::new(Patience::DEFAULT, Some(Duration::MAX));
        assert_eq!(endless.until(true, at(0)), Some(Moment::at(Duration::MAX)));
        assert_eq!(Watch::new(Patience::ENDLESS, None).until(false, at(0)), None);
    }
}
