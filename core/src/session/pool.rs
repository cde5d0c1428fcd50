use std::time::Duration;

use crate::bytes::Moment;
use crate::wire::Line;

/// How long a connection may rest. Incus closes one after 30 seconds.
const LONGEST_REST: Duration = Duration::from_secs(25);
/// How many connections rest by default.
const IDLE: usize = 64;

/// Connections at rest, of whatever type `S` sockets are of. The one used last is taken first, so that the
/// others age and go.
#[derive(Debug)]
pub struct Pool<S> {
    idle: Vec<(S, Line, Moment)>,
    most: usize,
}

impl<S> Pool<S> {
    /// A rest so short that nothing need be looked at after it.
    pub const JUST_NOW: Duration = Duration::from_millis(1);

    /// An empty pool for at most `most` connections, 64 if that is `None`.
    #[must_use]
    pub fn new(most: Option<usize>) -> Self {
        Self { idle: Vec::new(), most: most.unwrap_or(IDLE) }
    }

    /// Takes a connection that is `usable`, as its driver sees it from how long it rested; drops those that
    /// are not. It can be dead all the same: the server may close it at any time.
    ///
    /// A driver looks whether anything has come that nobody asked for: that would be taken for the answer.
    /// One that rested for less than [`JUST_NOW`](Self::JUST_NOW) was looked at when its last answer was
    /// read, and to look again would only cost.
    pub fn take(
        &mut self,
        now: Moment,
        mut usable: impl FnMut(&mut S, Duration) -> bool,
    ) -> Option<(S, Line)> {
        while let Some((mut socket, line, since)) = self.idle.pop() {
            let rested = now.since(since);
            if rested >= LONGEST_REST {
                // What lies below rests even longer.
                self.idle.clear();
            } else if usable(&mut socket, rested) {
                return Some((socket, line));
            }
        }
        None
    }

    /// Lays a connection to rest; drops it if there are enough.
    pub fn put(&mut self, socket: S, line: Line, now: Moment) {
        if self.idle.len() < self.most {
            self.idle.push((socket, line, now));
        }
    }

    /// Drops all connections: one was found dead, and the others are of the same server.
    pub fn clear(&mut self) {
        self.idle.clear();
    }

    /// How many connections rest.
    #[must_use]
    pub fn len(&self) -> usize {
        self.idle.len()
    }

    /// Whether none rests.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.idle.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Moment {
        Moment::at(Duration::from_secs(seconds))
    }

    #[test]
    fn the_last_one_put_is_taken_and_old_ones_go() {
        let mut pool = Pool::new(None);
        pool.put("old", Line::new(), at(0));
        pool.put("new", Line::new(), at(20));
        assert_eq!(pool.take(at(30), |_, _| true).unwrap().0, "new");
        assert!(pool.take(at(30), |_, _| true).is_none());
        assert!(pool.is_empty());
    }

    #[test]
    fn what_is_of_no_use_is_dropped_on_the_way() {
        let mut pool = Pool::new(None);
        for (name, since) in [("good", 1), ("noisy", 2)] {
            pool.put(name, Line::new(), at(since));
        }
        let mut rests = Vec::new();
        let taken = pool.take(at(3), |name, rested| {
            rests.push(rested.as_secs());
            *name == "good"
        });
        assert_eq!((taken.unwrap().0, rests), ("good", vec![1, 2]));
        assert!(pool.is_empty());
    }

    #[test]
    fn it_is_bounded() {
        let mut pool = Pool::new(Some(1));
        pool.put("a", Line::new(), at(0));
        pool.put("b", Line::new(), at(0));
        assert_eq!(pool.len(), 1);
        let mut none = Pool::new(Some(0));
        none.put("a", Line::new(), at(0));
        assert!(none.take(at(0), |_, _| true).is_none());
    }
}
