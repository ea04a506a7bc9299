//! A slice is two words: one thread re-slices it while another looks at its length.
use std::thread;

static WORDS: [&str; 4] = ["a", "b", "c", "d"];
static mut REST: &[&str] = &WORDS;

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
        s.spawn(|| {
            step::wait(1);
            let rest = unsafe { REST }; // race: read
            assert_eq!(rest.len(), 3);
        });
        unsafe { REST = &WORDS[1..] }; // race: write
        step::reach(1);
    });
}
