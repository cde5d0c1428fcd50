use std::time::Duration;

use crate::bytes::Moment;
use crate::wire::Buffers;

/// How long a connection may rest. Incus closes one after 30 seconds.
const LONGEST_REST: Duration = Duration::from_secs(25);
/// How many connections rest by default.
const IDLE: usize = 64;

/// Connections at rest, of whatever type `S` sockets are of. The one used last is taken first, so that the
/// others age and go.
#[derive(Debug)]
pub struct Pool<S> {
    idle: Vec<(S, Buffers, Moment)>,
    most: usize,
}

impl<S> Pool<S> {
    /// An empty pool for at most `most` connections, 64 if that is `None`.
    #[must_use]
    pub fn new(most: Option<usize>) -> Self {
        Self { idle: Vec::new(), most: most.unwrap_or(IDLE) }
    }

    /// Takes a connection. It can be dead all the same: the server may close it at any time.
    pub fn take(&mut self, now: Moment) -> Option<(S, Buffers)> {
        let (socket, buffers, since) = self.idle.pop()?;
        if now.since(since) < LONGEST_REST {
            return Some((socket, buffers));
        }
        // What lies below rests even longer.
        self.idle.clear();
        None
    }

    /// Lays a connection to rest; drops it if there are enough.
    pub fn put(&mut self, socket: S, buffers: Buffers, now: Moment) {
        if self.idle.len() < self.most {
            self.idle.push((socket, buffers, now));
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
        pool.put("old", Buffers::new(), at(0));
        pool.put("new", Buffers::new(), at(20));
        assert_eq!(pool.take(at(30)).unwrap().0, "new");
        assert!(pool.take(at(30)).is_none());
        assert!(pool.is_empty());
    }

    #[test]
    fn it_is_bounded() {
        let mut pool = Pool::new(Some(1));
        pool.put("a", Buffers::new(), at(0));
        pool.put("b", Buffers::new(), at(0));
        assert_eq!(pool.len(), 1);
        let mut none = Pool::new(Some(0));
        none.put("a", Buffers::new(), at(0));
        assert!(none.take(at(0)).is_none());
    }
}
