//! A named thread reads what its maker writes after it was made; the report gives its name.
use std::thread::{self, Builder};

static mut SETTING: u32 = 0;

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
    let worker = Builder::new().name("worker".into()).stack_size(256 * 1024);
    thread::scope(|s| {
        let work = || {
            step::wait(1);
            let setting = unsafe { SETTING }; // race: read
            assert_eq!(setting, 1);
        };
        worker.spawn_scoped(s, work).unwrap();
        unsafe { SETTING = 1 }; // race: write
        step::reach(1);
    });
}
