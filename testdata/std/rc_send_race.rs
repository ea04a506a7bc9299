//! An `Rc` forced over to another thread: its count is not atomic.
use std::rc::Rc;
use std::thread;

struct Sent<T>(T);

// SAFETY: sound only if no clone stays behind; that is what this program is about.
unsafe impl<T> Send for Sent<T> {}

impl<T> Sent<T> {
    fn get(&self) -> &T {
        &self.0
    }
}

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
    let mine = Rc::new(5u64);
    let theirs = Sent(Rc::clone(&mine));
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            let third = Rc::clone(theirs.get()); // race: read
            std::mem::forget((third, theirs));
        });
        let second = Rc::clone(&mine); // race: write
        step::reach(1);
        assert_eq!(*second, 5);
        std::mem::forget(second);
        std::mem::forget(mine);
    });
}
