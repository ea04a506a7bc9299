//! What the detector has taken of the system's memory, counted where it takes it.
//!
//! Shadow pages and the chunks of the runtime's own allocator are counted when they are used for the first time and when
//! they are given back: seldom enough that one counter for all threads will do. It counts a little too much, since
//! what was taken is not resident before it is touched.

use core::sync::atomic::{AtomicU64, Ordering};

/// A counter with a mark.
#[derive(Debug)]
pub struct Gauge {
    bytes: AtomicU64,
    /// From so many bytes on somebody should look.
    mark: AtomicU64,
}

/// The detector's own.
pub static GAUGE: Gauge = Gauge::new();

impl Gauge {
    const fn new() -> Self {
        Gauge { bytes: AtomicU64::new(0), mark: AtomicU64::new(u64::MAX) }
    }

    /// So many bytes more were taken. True if the mark is reached.
    pub fn grow(&self, bytes: usize) -> bool {
        let before = self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        before + bytes as u64 >= self.mark.load(Ordering::Relaxed)
    }

    /// So many bytes were given back.
    pub fn shrink(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes as u64, Ordering::Relaxed);
    }

    /// What is taken now.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// True if the mark is reached.
    pub fn is_due(&self) -> bool {
        self.bytes() >= self.mark.load(Ordering::Relaxed)
    }

    /// Sets the mark.
    pub fn set_mark(&self, bytes: u64) {
        self.mark.store(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_seen_when_it_is_reached() {
        let gauge = Gauge::new();
        assert!(!gauge.grow(1 << 40));
        gauge.shrink(1 << 40);
        gauge.set_mark(10);
        assert!(!gauge.grow(9) && !gauge.is_due());
        assert!(gauge.grow(1) && gauge.is_due());
        gauge.shrink(1);
        assert_eq!((gauge.bytes(), gauge.is_due()), (9, false));
    }
}
