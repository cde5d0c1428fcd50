//! An allocator that counts: the system's, and two numbers.
#![allow(unsafe_code, reason = "an allocator is unsafe by its nature; every call goes on unchanged")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// To be set as the `#[global_allocator]` of a program that asks [`count`].
#[derive(Debug)]
pub struct Counting;

static CALLS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

fn note(size: usize) {
    CALLS.fetch_add(1, Relaxed);
    BYTES.fetch_add(size as u64, Relaxed);
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        unsafe { System.realloc(at, layout, size) }
    }
}

/// Allocations and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// How many there were, reallocations included.
    pub calls: u64,
    /// How many bytes were asked for.
    pub bytes: u64,
}

/// What `work` comes to, and what it allocated. Other threads are counted too.
pub fn count<T>(work: impl FnOnce() -> T) -> (T, Count) {
    let (calls, bytes) = (CALLS.load(Relaxed), BYTES.load(Relaxed));
    let result = work();
    (result, Count { calls: CALLS.load(Relaxed) - calls, bytes: BYTES.load(Relaxed) - bytes })
}
