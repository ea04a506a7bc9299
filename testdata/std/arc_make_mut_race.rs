//! `make_mut` finds the `Arc` unshared and writes in place, while the former owner reads through a pointer.
use std::sync::Arc;
use std::thread;

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
    let mine = Arc::new([1u64; 4]);
    let mut theirs = Arc::clone(&mine);
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            Arc::make_mut(&mut theirs)[3] = 2; // race: write
            step::reach(2);
            step::wait(3);
        });
        let kept = Arc::as_ptr(&mine);
        drop(mine);
        let old = unsafe { (*kept)[3] }; // race: read
        assert_eq!(old, 1);
        step::reach(1);
        step::wait(2);
        step::reach(3);
    });
}
