//! Polls futures by hand.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use lxio_tests::script::{PATIENCE, Server};

/// A server, and what futures are polled with. Both reactors run on threads of their own, so that between
/// two polls there is nothing to do but to wait for the waker.
pub(crate) struct Bench {
    pub(crate) server: Server,
    runtime: tokio::runtime::Runtime,
    bell: Arc<Bell>,
}

/// Counts how often it was woken.
#[derive(Default)]
struct Bell {
    rings: Mutex<usize>,
    rang: Condvar,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        *self.rings.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.rang.notify_all();
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self { server: super::server(), runtime: runtime.unwrap(), bell: Arc::default() }
    }

    fn rings(&self) -> usize {
        *self.bell.rings.lock().unwrap()
    }

    /// Waits until the waker was called since it had been called so often.
    fn wait(&self, rings: usize) {
        let end = Instant::now() + PATIENCE;
        let mut now = self.bell.rings.lock().unwrap();
        while *now == rings {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the future waits and nothing will wake it");
            now = self.bell.rang.wait_timeout(now, left).unwrap().0;
        }
    }

    /// Polls at most so often; the output if it came, and how often it was polled.
    /// `patient`: if it did not come, the waker is waited for once more, so that what the future waited for
    /// has happened when it is dropped.
    fn poll<F: Future>(&self, future: F, times: usize, patient: bool) -> (Option<F::Output>, usize) {
        let _inside = self.runtime.enter();
        let waker = Waker::from(Arc::clone(&self.bell));
        let mut cx = Context::from_waker(&waker);
        let mut future = pin!(future);
        for polled in 0..times {
            let rings = self.rings();
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return (Some(output), polled + 1);
            }
            if patient || polled + 1 < times {
                self.wait(rings);
            }
        }
        (None, times)
    }

    /// Polls once, and waits for the waker if there is nothing yet.
    pub(crate) fn once<F: Future>(&self, future: F) -> Option<F::Output> {
        self.poll(future, 1, true).0
    }

    /// Polls to the end.
    pub(crate) fn complete<F: Future>(&self, future: F) -> F::Output {
        self.poll(future, usize::MAX, true).0.unwrap()
    }

    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir("/proc/self/fd").unwrap().count()
    }

    /// Waits until so many file descriptors are open: the server's threads close theirs when they come to it.
    pub(crate) fn expect_descriptors(&self, expected: usize, times: usize) {
        let end = Instant::now() + PATIENCE;
        while self.descriptors() != expected {
            let now = self.descriptors();
            assert!(Instant::now() < end, "{now} descriptors, not {expected}, after {times} polls");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Makes a future and drops it after no poll, after one, after two ... until it is ready before; each both
/// while it waits and when what it waited for has come.
pub(crate) fn at_every_point<F: Future>(
    bench: &Bench,
    make: impl Fn() -> F,
    mut dropped: impl FnMut(usize),
    done: impl Fn(F::Output),
) {
    for patient in [true, false] {
        for times in 0.. {
            let (output, polled) = bench.poll(make(), times, patient);
            let over = output.is_some();
            if let Some(output) = output {
                done(output);
            }
            dropped(times);
            if over {
                assert!(polled >= 2, "it never waited: that proves nothing");
                break;
            }
        }
    }
}

/// One at a time: all of them count the descriptors of the one process.
pub(crate) fn quietly(test: impl FnOnce()) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    test();
}
