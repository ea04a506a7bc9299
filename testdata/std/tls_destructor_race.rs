//! A scope waits for its thread's closure, not for the destructors of its thread-locals: their writes are unordered.
use std::cell::Cell;
use std::thread;

static mut FLUSHED: u64 = 0;

struct Flush(Cell<u64>);

impl Drop for Flush {
    fn drop(&mut self) {
        unsafe { FLUSHED = self.0.get() }; // race: write
        step::reach(1);
        step::wait(2);
    }
}

thread_local!(static BUFFERED: Flush = const { Flush(Cell::new(0)) });

/// Fixes the order in real time. Relaxed, so that no happens-before edge comes with it.
mod step {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    static NOW: AtomicU32 = AtomicU32::new(0);

    pub fn reach(step: u32) {
        NOW.store(step, Relaxed);
    }

    pub fn wait(step: u32) {
        while NOW.load(Relaxed) < step {
            std::thread::yield_now();
        }
    }
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| BUFFERED.with(|b| b.0.set(7)));
    });
    step::wait(1);
    let flushed = unsafe { FLUSHED }; // race: read
    assert_eq!(flushed, 7);
    step::reach(2);
}
