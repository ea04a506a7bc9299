//! Two threads write the same byte of a word in which each byte has its own thread.
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

static mut WORD: [u8; 8] = [0; 8];

fn main() {
    thread::scope(|s| {
        for i in 0..4 {
            s.spawn(move || unsafe { WORD[i] = 1 });
        }
        s.spawn(|| {
            step::wait(1);
            unsafe { WORD[5] = 2 }; // race: write
        });
        unsafe { WORD[4] = 1 };
        unsafe { WORD[5] = 1 }; // race: write
        unsafe { WORD[6] = 1 };
        step::reach(1);
    });
    let word = unsafe { WORD };
    assert_eq!(word, [1, 1, 1, 1, 1, 2, 1, 0]);
}
