//! The writer prints first and writes then; the reader's turn at stdout's lock carries only what came before the print.
use std::io::{self, Write};
use std::thread;

static mut LINES: u64 = 0;

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
            println!("reader");
            step::reach(1);
            step::wait(2);
            let lines = unsafe { LINES }; // race: read
            assert_eq!(lines, 1);
        });
        step::wait(1);
        println!("writer");
        unsafe { LINES = 1 }; // race: write
        step::reach(2);
    });
    io::stdout().flush().unwrap();
}
